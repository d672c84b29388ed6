"""fastText: native against the twin, the same bytes on any threads, unknown words, what it goes on from."""

from __future__ import annotations

import dataclasses
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import firth
from firth import _core
from firth.errors import ConfigError
from firth.static import reference
from firth.static import task as tasks
from firth.static.build import build_task
from firth.static.fasttext import FastText, train
from firth.text.corpus import as_corpus
from firth.vectors.static import Vectors
from firth.vectors.subword import Composed, SubwordVectors

VARIANTS = [
    FastText(architecture=architecture, loss=loss, cbow=cbow)
    for architecture, loss, cbow in product(
        ("skipgram", "cbow"), ("negative", "hierarchical", "softmax"), ("mean", "sum", "historic")
    )
    if architecture == "cbow" or cbow == "mean"
]
SYLLABLES = ("ba", "ke", "li", "mo", "nu", "水", "火", "ß")


def _name(config: FastText) -> str:
    return f"{config.architecture}-{config.loss}-{config.cbow}"


def syllable_text(n_sentences: int = 70, seed: int = 1) -> list[str]:
    """Sentences of words that share syllables, and so n-grams."""
    random = np.random.default_rng(seed)
    words = [a + b + c for a, b, c in product(SYLLABLES, SYLLABLES, SYLLABLES[:2])][:60]
    weights = 1 / np.arange(1, len(words) + 1)
    lengths = random.integers(1, 25, n_sentences)
    return [" ".join(random.choice(words, size, p=weights / weights.sum())) for size in lengths.tolist()]


@pytest.fixture
def small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut even a tiny text into rounds of several blocks, so that their merging is part of the test."""
    small = tasks.Schedule(block_words=50, blocks_per_round=9, group=3, pool=4, pull=8.0)
    monkeypatch.setattr(tasks.Schedule, "fit", staticmethod(lambda *_, **__: small))


@pytest.mark.parametrize("config", VARIANTS, ids=_name)
@pytest.mark.usefixtures("small_rounds")
def test_native_equals_the_twin(config: FastText) -> None:
    config = dataclasses.replace(config, dim=10, min_count=2, epochs=2, sample=1e-2, rate=0.2, buckets=50)
    text = syllable_text()
    native = train(text, config, threads=2, keep_output=True).vectors
    twin = train(text, config, backend="reference", keep_output=True).vectors
    assert isinstance(native, SubwordVectors)
    assert isinstance(twin, SubwordVectors)
    start = tasks.aligned_rows(len(native) + 50, 10)
    _core.init_rows(start, 0, 10, config.seed)
    assert np.abs(native.subwords.rows[:] - start[len(native) :, :10]).max() > 0.001, "something was learnt"
    np.testing.assert_allclose(native.subwords.rows[:], twin.subwords.rows[:], atol=5e-5)
    np.testing.assert_allclose(native.matrix, twin.matrix, atol=5e-5)
    if config.loss != "hierarchical":
        np.testing.assert_allclose(native.output, twin.output, atol=5e-5)


@pytest.mark.parametrize("config", VARIANTS, ids=_name)
@pytest.mark.usefixtures("small_rounds")
def test_same_bytes_on_any_number_of_threads(config: FastText) -> None:
    config = dataclasses.replace(config, dim=20, min_count=1, epochs=2, buckets=300)
    text = syllable_text(200)
    runs = [train(text, config, threads=threads) for threads in (1, 2, 3, 8)]
    assert len({run.vectors.matrix.tobytes() for run in runs}) == 1
    assert len({run.losses for run in runs}) == 1


def test_racing_learns_too() -> None:
    config = FastText(dim=16, min_count=1, epochs=5, sample=0, deterministic=False, buckets=300)
    losses = train(syllable_text(300), config, threads=2).losses
    assert losses[-1] < 0.98 * losses[0]


def test_a_word_is_the_mean_of_its_rows_and_an_unknown_one_of_its_ngrams() -> None:
    config = FastText(dim=6, min_count=1, epochs=1, minn=2, maxn=3, buckets=97)
    vectors = train(syllable_text(), config).vectors
    assert isinstance(vectors, SubwordVectors)
    assert isinstance(vectors.store, Composed)
    rows = np.asarray(vectors.subwords.rows)

    def grams(word: str) -> np.ndarray:
        framed = f"<{word}>"
        found = [framed[i : i + n] for i in range(len(framed)) for n in (2, 3) if i + n <= len(framed)]
        return np.array([rows[_core.fnv_hash(gram.encode()) % 97] for gram in found])

    row = vectors.index("bake水") if "bake水" in vectors else 0
    word = vectors.words[row]
    own = np.asarray(vectors.store.own)[row]
    expected = (own + grams(word).sum(0)) / (1 + len(grams(word)))
    np.testing.assert_allclose(vectors[word], expected, atol=1e-6)
    np.testing.assert_allclose(vectors["nubanu火"], grams("nubanu火").mean(0), atol=1e-6)


def test_unknown_words_come_near_words_that_look_like_them() -> None:
    text = [f"{a} {stem}{ending} {b}" for stem in ("walk", "talk", "jump") for ending in ("ed", "ing", "s", "er")
            for a, b in (("they", "there"), ("we", "here"))]  # fmt: skip
    text += [f"{a} {stem}{ending} {b}" for stem in ("silver", "copper", "iron") for ending in ("", "ware", "smith")
             for a, b in (("some", "coin"), ("old", "mine"))]  # fmt: skip
    vectors = train(text * 30, FastText(dim=16, window=2, min_count=1, epochs=20, sample=0, buckets=5000)).vectors
    assert vectors.similarity("walkings", "jumping") > vectors.similarity("walkings", "silverware") + 0.2
    assert vectors.nearest("coppersmiths", n=1)[0][0] in ("coppersmith", "silversmith", "ironsmith", "copperware")


def test_it_goes_on_from_its_own_vectors_with_new_words(tmp_path: Path) -> None:
    config = FastText(dim=8, min_count=1, epochs=1, buckets=200)
    first = train(syllable_text(), config, keep_output=True).vectors
    firth.save(first, tmp_path / "m")
    loaded = firth.load(tmp_path / "m")
    again = train([["nukeli", "bakeba"] * 5] * 9, dataclasses.replace(config, rate=0.0), init=loaded)
    np.testing.assert_allclose(again.vectors["bakeba"], first["bakeba"], atol=1e-6)
    np.testing.assert_allclose(again.vectors["nothing"], first["nothing"], atol=1e-6)
    assert "nukeli" in again.vectors
    with pytest.raises(ConfigError, match="other n-grams"):
        train(syllable_text(), dataclasses.replace(config, maxn=5), init=loaded)


def test_plain_vectors_become_the_words_own_rows() -> None:
    init = Vectors(["bakeba", "zz"], np.ones((2, 8), np.float32))
    config = FastText(dim=8, min_count=1, epochs=1, rate=0.0, buckets=200)
    trained = train(syllable_text(), config, init=init).vectors
    assert isinstance(trained.store, Composed)
    assert trained.words[:2] == ["bakeba", "zz"]
    np.testing.assert_array_equal(np.asarray(trained.store.own)[:2], np.ones((2, 8)))


def test_no_ngrams_is_word2vec() -> None:
    text = syllable_text()
    plain = train(text, FastText(dim=8, min_count=1, epochs=1, maxn=0, rate=0.025)).vectors
    from firth.static.word2vec import Word2Vec
    from firth.static.word2vec import train as train_words

    words = train_words(text, Word2Vec(dim=8, min_count=1, epochs=1, sample=1e-4)).vectors
    assert not isinstance(plain, SubwordVectors)
    np.testing.assert_allclose(plain.matrix, words.matrix, atol=1e-6)


def test_resume_ends_with_the_same_bytes(tmp_path: Path) -> None:
    config = FastText(dim=8, min_count=1, epochs=3, buckets=200)
    whole = train(syllable_text(), config).vectors.matrix

    def stop(event: object) -> None:
        if type(event).__name__ == "EpochEnd" and getattr(event, "epoch", 0) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(syllable_text(), config, checkpoint=tmp_path / "c", listen=stop)
    resumed = train(syllable_text(), config, checkpoint=tmp_path / "c", resume=True).vectors.matrix
    assert resumed.tobytes() == whole.tobytes()


def test_an_empty_range_of_ngrams_is_an_error() -> None:
    with pytest.raises(ConfigError, match="maxn is below minn"):
        FastText(minn=5, maxn=3)


POSITIONED = [config for config in VARIANTS if config.architecture == "cbow"]


@pytest.mark.parametrize("config", POSITIONED, ids=_name)
@pytest.mark.usefixtures("small_rounds")
def test_weights_of_positions_equal_the_twin_on_any_threads(config: FastText) -> None:
    config = dataclasses.replace(
        config, dim=10, min_count=2, epochs=2, sample=1e-2, rate=0.2, buckets=50, window=3, position_weights=True
    )
    text = syllable_text()
    native, again = (train(text, config, threads=threads) for threads in (1, 3))
    twin = train(text, config, backend="reference")
    assert native.positions is not None
    assert native.positions.shape == (7, 10)
    assert np.abs(native.positions[[0, 1, 2, 4, 5, 6]] - 1).max() > 1e-5, "the weights were trained"
    np.testing.assert_allclose(native.positions[3], np.ones(10), atol=1e-5)
    np.testing.assert_allclose(native.positions, twin.positions, atol=5e-5)
    np.testing.assert_allclose(native.vectors.matrix, twin.vectors.matrix, atol=5e-5)
    np.testing.assert_array_equal(native.positions, again.positions)


def test_the_step_of_positions_and_rows_is_the_gradient() -> None:
    """Finite differences of the twin's loss, in double."""
    config = FastText(
        architecture="cbow", cbow="sum", dim=4, window=2, min_count=1, epochs=1, sample=0, maxn=0, rate=1e-3
    )
    built = build_task(as_corpus([["a", "b", "c", "d", "e"]]), config, init=None, freeze=False, noise=None)
    task = dataclasses.replace(built.task, schedule=dataclasses.replace(built.task.schedule, group=8))
    random = np.random.default_rng(1)
    x, y, p = random.normal(size=(5, 4)), random.normal(size=(5, 4)), random.normal(size=(5, 4))
    block = reference.read_block(task, 0, 0)

    def run(*arrays: np.ndarray, update: bool) -> tuple[reference.Examples, float]:
        examples = reference.Examples(dataclasses.replace(task, update=update), block, *(a.copy() for a in arrays))
        examples.run()
        return examples, examples.loss

    stepped, _ = run(x, y, p, update=True)
    for which, moved in ((0, stepped.x), (1, stepped.y), (2, stepped.p)):
        arrays = [x, y, p]
        slope = np.zeros_like(arrays[which])
        for at in np.ndindex(slope.shape):
            sides = []
            for sign in (1, -1):
                nudged = [array.copy() for array in arrays]
                nudged[which][at] += sign * 1e-5
                sides.append(run(*nudged, update=False)[1])
            slope[at] = (sides[0] - sides[1]) / 2e-5
        np.testing.assert_allclose(moved - arrays[which], -block.rate * slope, atol=1e-8)


def test_only_cbow_has_weights_of_positions() -> None:
    with pytest.raises(ConfigError, match="CBOW"):
        FastText(position_weights=True)
