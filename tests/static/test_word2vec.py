"""word2vec: native against the twin, the same bytes on any threads, what it learns, what it refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from firth import _core
from firth.errors import ConfigError, DataError
from firth.events import EpochEnd, Event, Notice, Probe, Progress
from firth.static import task as tasks
from firth.static.reference import agreement
from firth.static.sampling import huffman_tree
from firth.static.word2vec import Word2Vec, train
from firth.vectors.static import Vectors

VARIANTS = [
    Word2Vec(architecture=architecture, loss=loss, cbow=cbow, tree=tree)
    for architecture, loss, cbow, tree in product(
        ("skipgram", "cbow"),
        ("negative", "hierarchical", "softmax"),
        ("mean", "sum", "historic"),
        ("huffman", "balanced"),
    )
    if (architecture == "cbow" or cbow == "mean") and (loss == "hierarchical" or tree == "huffman")
]


def _name(config: Word2Vec) -> str:
    return f"{config.architecture}-{config.loss}-{config.cbow}-{config.tree}"


def zipf_text(n_sentences: int = 200, n_words: int = 40, seed: int = 1, longest: int = 30) -> list[str]:
    """Sentences of words w0, w1, ... drawn with weights 1, 1/2, 1/3 ..."""
    random = np.random.default_rng(seed)
    weights = 1 / np.arange(1, n_words + 1)
    lengths = random.integers(1, longest + 1, n_sentences)
    return [
        " ".join(f"w{i}" for i in random.choice(n_words, size, p=weights / weights.sum())) for size in lengths.tolist()
    ]


@pytest.fixture
def small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut even a tiny text into rounds of several blocks, so that their merging is part of the test."""
    small = tasks.Schedule(block_words=50, blocks_per_round=9, group=3, pool=4, pull=8.0)
    monkeypatch.setattr(tasks.Schedule, "fit", staticmethod(lambda *_, **__: small))


@pytest.mark.parametrize("config", VARIANTS, ids=_name)
@pytest.mark.usefixtures("small_rounds")
def test_native_equals_the_twin(config: Word2Vec) -> None:
    config = dataclasses.replace(config, dim=10, min_count=2, epochs=2, sample=1e-2, rate=0.1)
    text = zipf_text(70)
    native = train(text, config, threads=2, keep_output=True)
    twin = train(text, config, backend="reference", keep_output=True)
    start = tasks.aligned_rows(len(native.vectors), 10)
    _core.init_rows(start, 0, 10, config.seed)
    assert np.abs(native.vectors.matrix - start[:, :10]).max() > 0.002, "something was learnt"
    np.testing.assert_allclose(native.vectors.matrix, twin.vectors.matrix, atol=2e-5)
    np.testing.assert_allclose(native.losses, twin.losses, rtol=1e-5)
    kept = (native.nodes, twin.nodes) if config.loss == "hierarchical" else (native.output, twin.output)
    np.testing.assert_allclose(*kept, atol=2e-5)


@pytest.mark.parametrize("dynamic_window", [True, False])
@pytest.mark.usefixtures("small_rounds")
def test_native_equals_the_twin_on_wide_windows_and_one_long_line(dynamic_window: bool) -> None:
    config = Word2Vec(dim=5, window=9, dynamic_window=dynamic_window, negative=11, min_count=3, epochs=1, sample=0)
    text = [" ".join(zipf_text(40))]
    native, twin = train(text, config), train(text, config, backend="reference")
    np.testing.assert_allclose(native.vectors.matrix, twin.vectors.matrix, atol=1e-5)


@pytest.mark.parametrize("config", VARIANTS[:6], ids=_name)
@pytest.mark.usefixtures("small_rounds")
def test_same_bytes_on_any_number_of_threads(config: Word2Vec) -> None:
    config = dataclasses.replace(config, dim=20, min_count=1, epochs=2)
    text = zipf_text(300)
    runs = [train(text, config, threads=threads, keep_output=True) for threads in (1, 2, 3, 8)]
    assert len({run.vectors.matrix.tobytes() for run in runs}) == 1
    assert len({run.losses for run in runs}) == 1
    assert train(text, dataclasses.replace(config, seed=2)).vectors.matrix.tobytes() != runs[0].vectors.matrix.tobytes()


def test_every_cpu_level_trains_nearly_the_same() -> None:
    text, config, before = zipf_text(100), Word2Vec(dim=12, min_count=1, epochs=2), _core.cpu_level()
    matrices = []
    try:
        for level in _core.cpu_levels():
            _core.use_cpu_level(level)
            trained = train(text, config)
            assert trained.vectors.metadata["cpu_level"] == level
            matrices.append(trained.vectors.matrix)
    finally:
        _core.use_cpu_level(before)
    for other in matrices[1:]:
        np.testing.assert_allclose(other, matrices[0], atol=1e-5)


def test_racing_learns_too() -> None:
    text = zipf_text(300)
    config = Word2Vec(dim=16, min_count=1, epochs=5, deterministic=False)
    losses = train(text, config, threads=2).losses
    assert losses[-1] < 0.95 * losses[0]


def test_threads_that_race_agree_on_the_top_of_the_tree() -> None:
    text = zipf_text(30)
    config = Word2Vec(dim=6, loss="hierarchical", min_count=1, sample=0, epochs=1, rate=0.05, deterministic=False)
    alone, raced = (train(text, config, threads=threads, keep_output=True) for threads in (1, 2))
    words = raced.vectors.words
    tree = huffman_tree(raced.vectors.counts)
    paths = [tree.node[tree.first[row] : tree.first[row + 1]] for row in range(len(words))]
    at = {word: row for row, word in enumerate(words)}
    tokens = " ".join(text).split()
    assert len(tokens) < 1024, "one block: the other thread has nothing to do, and the outcome is certain"
    uses = np.bincount(np.concatenate([paths[at[token]] for token in tokens]), minlength=len(words) - 1)
    share = agreement(np.full(len(uses), 2), 2 * uses, pull=2 * config.window * 0.05)
    assert share.min() < 0.6
    assert alone.nodes is not None
    np.testing.assert_array_equal(raced.vectors.matrix, alone.vectors.matrix)
    np.testing.assert_allclose(raced.nodes, share[:, None] * alone.nodes, atol=1e-6)


@pytest.mark.parametrize("config", VARIANTS, ids=_name)
def test_chinese_fruit_come_near_each_other(config: Word2Vec) -> None:
    people, fruit, places = ["我", "你", "他", "她", "我们"], ["苹果", "梨子", "香蕉"], ["北京", "上海", "广州"]
    text = [f"{who} 喜欢 吃 {what}" for who in people for what in fruit]
    text += [f"{who} 住 在 {where}" for who in people for where in places]
    rate = {"mean": 0.5, "sum": 0.1, "historic": 0.05}[config.cbow] if config.architecture == "cbow" else 0.1
    config = dataclasses.replace(config, dim=16, window=3, min_count=1, epochs=60, sample=0, rate=rate)
    vectors = train([line.split() for line in text * 10], config).vectors
    assert vectors.similarity("苹果", "梨子") > 0.8
    assert vectors.similarity("苹果", "梨子") > vectors.similarity("苹果", "北京")
    assert {word for word, _ in vectors.nearest("苹果", n=2)} == {"梨子", "香蕉"}


def test_full_softmax_reaches_the_conditional_entropy() -> None:
    """A 2-word text whose next word is certain: the loss of predicting it goes to 0, closed form."""
    config = Word2Vec(
        loss="softmax", dim=4, window=1, dynamic_window=False, min_count=1, epochs=300, sample=0, rate=0.5
    )
    assert train(["a b"] * 20, config).losses[-1] < 0.01


def test_wiki8_man_is_to_woman_as_king_to_queen(data: Callable[[str], Path], tmp_path: Path) -> None:
    import zstandard

    source = data("wiki8/text8-like-wiki8.txt.zst")
    with source.open("rb") as file, zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(file) as reader:
        piece = reader.read(100_000_000)
    (tmp_path / "wiki8.txt").write_bytes(piece)
    from firth.text.corpus import as_corpus

    corpus = as_corpus(tmp_path / "wiki8.txt", tokenizer="whitespace", cache=tmp_path / "cache")
    vectors = train(corpus, Word2Vec(epochs=2)).vectors
    assert "queen" in [word for word, _ in vectors.analogy("man", "woman", "king", n=5)]


# ---------------------------------------------------------------- going on from vectors
def test_going_on_adds_words_and_freezes_old_ones() -> None:
    config = Word2Vec(dim=8, min_count=1, epochs=2, sample=0)
    old = train(zipf_text(50, n_words=10), config, keep_output=True).vectors
    new_text = [*zipf_text(50, n_words=8, seed=2), *["w1 fresh w2 novel"] * 10]
    free = train(new_text, config, init=old).vectors
    frozen = train(new_text, config, init=old, freeze=True).vectors
    assert list(frozen.words)[: len(old)] == list(old.words)
    assert set(frozen.words) == {*old.words, "fresh", "novel"}
    np.testing.assert_array_equal(frozen.matrix[: len(old)], old.matrix)
    assert not np.allclose(free.matrix[free.index("w1")], old["w1"])
    absent = [word for word in old.words if not any(word in line.split() for line in new_text)]
    for word in absent:
        np.testing.assert_array_equal(free[word], old[word])
    assert np.abs(frozen["fresh"]).max() > 0
    assert frozen.counts is not None
    assert frozen.counts[frozen.index("fresh")] == 10


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
@pytest.mark.usefixtures("small_rounds")
def test_frozen_rows_keep_every_bit_where_blocks_share_them(architecture: str) -> None:
    config = Word2Vec(architecture=architecture, dim=8, min_count=1, epochs=3, sample=0)
    old = train(zipf_text(100, n_words=10), config).vectors
    text = zipf_text(200, n_words=30, seed=4)
    frozen = train(text, config, init=old, freeze=True, threads=3)
    np.testing.assert_array_equal(frozen.vectors.matrix[: len(old)], old.matrix)
    twin = train(text, config, init=old, freeze=True, backend="reference")
    np.testing.assert_allclose(frozen.vectors.matrix, twin.vectors.matrix, atol=2e-5)


def test_going_on_keeps_known_words_below_min_count() -> None:
    old = Vectors(["rare", "common"], np.eye(2, 4, dtype=np.float32))
    trained = train(["common rare"] + ["common word"] * 9, Word2Vec(dim=4, min_count=5, epochs=1), init=old)
    assert list(trained.vectors.words) == ["rare", "common", "word"]


def test_going_on_with_a_text_that_lacks_most_words() -> None:
    old = Vectors([f"w{i}" for i in range(3000)], np.ones((3000, 4), np.float32))
    config = Word2Vec(dim=4, min_count=100, epochs=1, loss="hierarchical", sample=0)
    trained = train(["w1 w2 new"] * 5, config, init=old)
    assert len(trained.vectors) == 3000
    assert trained.losses[0] < 20, "paths of some log2(3000) choices"
    with pytest.raises(DataError, match="no word of the start vectors"):
        train(["strange text"], config, init=old)


def test_start_vectors_must_have_the_dim() -> None:
    with pytest.raises(ConfigError, match="another dim"):
        train(["a b"], Word2Vec(dim=5, min_count=1), init=Vectors(["a"], np.ones((1, 4), np.float32)))
    with pytest.raises(ConfigError, match="freeze"):
        train(["a b"], Word2Vec(dim=5, min_count=1), freeze=True)


def test_noise_weights_of_ones_own_are_used() -> None:
    text, config = ["a b c d"] * 30, Word2Vec(dim=6, min_count=1, epochs=3, sample=0)
    never_d = train(text, config, noise=[1, 1, 1, 0], keep_output=True)
    plain = train(text, config, keep_output=True)
    assert never_d.losses != plain.losses
    with pytest.raises(ConfigError, match="wrong shape"):
        train(text, config, noise=[1, 1])


# ---------------------------------------------------------------- events
def test_events_tell_the_story() -> None:
    events: list[Event] = []
    config = Word2Vec(dim=6, min_count=2, epochs=3)
    trained = train(
        [*zipf_text(60), "once"], config, listen=events.append, heldout=zipf_text(20, seed=3), probes=["w1", "nowhere"]
    )
    ends = [event for event in events if isinstance(event, EpochEnd)]
    assert [end.epoch for end in ends] == [1, 2, 3]
    assert tuple(end.loss for end in ends) == trained.losses
    assert tuple(end.heldout for end in ends) == trained.heldout
    assert all(end.heldout is not None and end.heldout > 0 for end in ends)
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress[-1].done == progress[-1].total
    assert progress[-1].eta == 0
    probes = [event for event in events if isinstance(event, Probe)]
    assert len(probes) == 3
    word, cosine = probes[-1].neighbours[0]
    assert (word, pytest.approx(cosine, abs=1e-5)) == trained.vectors.nearest("w1", n=1)[0]
    notices = " ".join(event.message for event in events if isinstance(event, Notice))
    assert "'nowhere'" in notices
    assert "left out" in notices


def test_heldout_loss_falls_and_is_no_training() -> None:
    text, config = zipf_text(200), Word2Vec(dim=8, min_count=1, epochs=4, sample=0)
    with_heldout = train(text, config, heldout=text)
    assert with_heldout.heldout[-1] < with_heldout.heldout[0]
    assert with_heldout.vectors.matrix.tobytes() == train(text, config).vectors.matrix.tobytes()


# ---------------------------------------------------------------- stability
@pytest.mark.parametrize(
    "config", [Word2Vec(), Word2Vec(window=10, negative=10), Word2Vec(loss="hierarchical")], ids=_name
)
def test_frequent_words_and_high_rates_do_not_diverge(config: Word2Vec) -> None:
    text = zipf_text(3000, n_words=2000, longest=60)
    config = dataclasses.replace(config, dim=20, sample=0, rate=0.1, epochs=2, min_count=1)
    losses = train(text, config).losses
    assert losses[1] < losses[0] < 60


def test_divergence_is_an_error_that_names_the_remedy() -> None:
    with pytest.raises(DataError, match=r"diverged.*lower --rate"):
        train(zipf_text(200), Word2Vec(dim=8, min_count=1, sample=0, rate=100.0, epochs=20))


# ---------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("dim", 0),
        ("epochs", -1),
        ("window", 0),
        ("rate", float("nan")),
        ("loss", "hinge"),
        ("seed", -1),
        ("dim", 10**12),
    ],
)
def test_absurd_options_are_refused(option: str, value: object) -> None:
    with pytest.raises(ConfigError, match=option):
        Word2Vec(**{option: value})  # type: ignore[arg-type]


def test_texts_without_words_are_refused() -> None:
    with pytest.raises(DataError, match="holds no words"):
        train([""], Word2Vec())
    with pytest.raises(DataError, match=r"frequent enough.*at most 2"):
        train(["a a b"], Word2Vec(min_count=5))
    with pytest.raises(DataError, match="held-out"):
        train(["a a b"], Word2Vec(min_count=1, dim=4), heldout=["x y"])


@pytest.mark.parametrize("config", VARIANTS, ids=_name)
@pytest.mark.parametrize("text", [["a"], ["a a a"], ["a", "b", "c"]])
def test_texts_without_contexts_train_to_finite_vectors(config: Word2Vec, text: list[str]) -> None:
    trained = train(text, dataclasses.replace(config, dim=3, min_count=1, epochs=2))
    assert np.isfinite(trained.vectors.matrix).all()
    assert np.isfinite(trained.losses).all()


@pytest.mark.parametrize("threads", [0, -1, 2000, 1.5])
def test_absurd_threads_are_refused(threads: object) -> None:
    with pytest.raises(ConfigError, match="threads"):
        train(["a b"], Word2Vec(min_count=1), threads=threads)  # type: ignore[arg-type]
