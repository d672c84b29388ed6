"""N-gram estimation: against the twin spelt out with dicts, against KenLM's files, and as distributions."""

from __future__ import annotations

import dataclasses
import errno
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError
from firth.events import Notice, Progress
from firth.lm.lexicon import Lexicon
from firth.lm.ngram import NGram, train
from firth.lm.ngram_counts import Counting, count
from firth.lm.ngram_model import NGramModel
from firth.lm.ngram_reference import BackoffModel, Gram, count_ngrams, estimate
from firth.lm.ngram_room import Room
from firth.lm.ngram_smoothing import SMOOTHINGS
from firth.text.corpus import as_corpus

GOLDEN = Path(__file__).parents[1] / "golden"
FALLBACK = (0.5, 1.0, 1.5)
DISCOUNTED = ("absolute", "kneser-ney", "modified-kneser-ney")

sentences = st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=7), min_size=1, max_size=12)
cases = st.tuples(sentences, st.integers(1, 8), st.sampled_from(SMOOTHINGS))


def natural(n: int = 400, words: int = 40, seed: int = 3) -> list[list[str]]:
    """Return sentences in which words are as unequal as in a text."""
    draw = np.random.default_rng(seed)
    share = 1 / np.arange(1, words + 1)
    lengths = draw.integers(1, 12, n)
    return [[f"w{i}" for i in draw.choice(words, length, p=share / share.sum())] for length in lengths]


def grams_of(model: NGramModel) -> dict[Gram, tuple[float, float]]:
    """Return the probability and the back-off weight of every n-gram."""
    words = list(model.vocab.words)
    found: dict[Gram, tuple[float, float]] = {}
    grams: list[Gram] = [()]
    for k, level in enumerate(model.table.levels):
        below = model.table.levels[k - 1]
        parents = np.repeat(np.arange(len(below)), np.diff(below.first)) if k else np.zeros(len(level), np.int64)
        grams = [(*grams[p], words[w]) for p, w in zip(parents.tolist(), level.word.tolist(), strict=True)]
        backoff = np.power(10.0, level.backoff.astype(float)) if len(level.backoff) else np.ones(len(level))
        prob = np.power(10.0, level.log_prob.astype(float))
        found.update(zip(grams, zip(prob.tolist(), backoff.tolist(), strict=True), strict=True))
        if k:  # closed, and the links lead to the last words
            suffixes = list(itertools.islice(found, len(found) - len(grams) - len(below), len(found) - len(grams)))
            assert [suffixes[s] for s in level.suffix.tolist()] == [gram[1:] for gram in grams]
    return found


def same_as(model: NGramModel, twin: BackoffModel) -> None:
    found = grams_of(model)
    assert found.keys() - {("<bos>",)} == twin.prob.keys()
    for gram, (prob, backoff) in found.items():
        if gram != ("<bos>",):
            assert prob == pytest.approx(twin.prob[gram], rel=2e-6, abs=1e-12), gram
        assert backoff == pytest.approx(twin.backoff.get(gram, 1.0), rel=2e-5, abs=1e-12), gram


def outputs_of(model: NGramModel) -> list[str]:
    return list(model.vocab.words)[: model.lexicon.n_outputs]


# ---------------------------------------------------------------- against the twin
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_as_the_twin(smoothing: str, order: int) -> None:
    text = natural()
    config = NGram(order=order, smoothing=smoothing, k=0.3, fallback_discounts=FALLBACK)
    model = train(text, config, threads=2).model
    same_as(model, estimate(text, outputs_of(model), order, smoothing, k=0.3, fallback=FALLBACK))


@given(cases)
def test_small_texts_as_the_twin(case: Any) -> None:
    text, order, smoothing = case
    config = NGram(order=order, smoothing=smoothing, fallback_discounts=FALLBACK)
    model = train(text, config, threads=1).model
    same_as(model, estimate(text, outputs_of(model), model.order, smoothing, fallback=FALLBACK))


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("prune", [(0, 1), (0, 0, 2), (0, 1, 1, 3)])
def test_pruned_by_count_as_the_twin(smoothing: str, prune: tuple[int, ...]) -> None:
    text = natural()
    model = train(text, NGram(order=4, smoothing=smoothing, prune=prune, fallback_discounts=FALLBACK), threads=2).model
    thresholds = prune + prune[-1:] * (4 - len(prune))
    twin = estimate(text, outputs_of(model), 4, smoothing, fallback=FALLBACK, thresholds=thresholds)
    found = grams_of(model)
    assert found.keys() - {("<bos>",)} == twin.prob.keys()
    assert len(found) < sum(train(text, NGram(order=4, smoothing="mle"), threads=1).model.table.counts())
    for gram, (prob, backoff) in found.items():
        assert gram == ("<bos>",) or prob == pytest.approx(twin.prob[gram], rel=2e-6, abs=1e-12)
        assert backoff == pytest.approx(twin.backoff.get(gram, 1.0), rel=2e-5, abs=1e-12)


# ---------------------------------------------------------------- against KenLM
def arpa(path: Path) -> dict[Gram, tuple[float, float]]:
    found: dict[Gram, tuple[float, float]] = {}
    marks = {"<s>": "<bos>", "</s>": "<eos>"}
    for line in path.read_text().splitlines():
        if "\t" in line:
            prob, gram, *backoff = line.split("\t")
            found[tuple(marks.get(word, word) for word in gram.split(" "))] = float(prob), float(*backoff or ["0"])
    return found


@pytest.mark.parametrize(("name", "options"), [("whole", {"order": 4}), ("pruned", {"order": 3, "prune": (0, 1, 2)})])
def test_modified_kneser_ney_is_that_of_lmplz(name: str, options: dict[str, Any]) -> None:
    """To the digits that lmplz prints; how the files were made: ``tests/golden/make_lmplz.py``."""
    text = [line.split() for line in (GOLDEN / "lmplz" / "text.txt").read_text().splitlines()]
    found = {gram: np.log10(value) for gram, value in grams_of(train(text, NGram(**options), threads=2).model).items()}
    wanted = arpa(GOLDEN / "lmplz" / f"{name}.arpa")
    assert found.keys() == wanted.keys()
    for gram, (prob, backoff) in wanted.items():
        assert gram == ("<bos>",) or found[gram][0] == pytest.approx(prob, abs=1e-6)
        assert found[gram][1] == pytest.approx(backoff, abs=1e-6)


# ---------------------------------------------------------------- as distributions
def sums_of(model: NGramModel, texts: list[list[str]]) -> list[float]:
    """Return the sum over the whole lexicon after every beginning of some sentences."""
    contexts = {tuple(text[:end]) for text in texts for end in range(len(text) + 1)}
    return [float(np.exp(model.next_log_probs(model.read(list(context)))).sum()) for context in sorted(contexts)]


@given(cases, sentences)
def test_every_distribution_sums_to_one(case: Any, others: list[list[str]]) -> None:
    text, order, smoothing = case
    config = NGram(order=order, smoothing=smoothing, fallback_discounts=FALLBACK)
    model = train(text, config, threads=1).model
    assert sums_of(model, text + others) == pytest.approx([1.0] * len(sums_of(model, text + others)), abs=2e-5)


@given(cases, sentences, st.sampled_from([(0, 1), (0, 0, 1), (0, 1, 2)]), st.sampled_from([0.0, 1e-3, 0.05]))
def test_pruned_distributions_sum_to_one(case: Any, others: Any, prune: tuple[int, ...], entropy: float) -> None:
    text, order, smoothing = case
    prune = prune[:order]
    config = NGram(order=order, smoothing=smoothing, prune=prune, prune_entropy=entropy, fallback_discounts=FALLBACK)
    model = train(text, config, threads=1).model
    grams_of(model)
    assert sums_of(model, text + others) == pytest.approx([1.0] * len(sums_of(model, text + others)), abs=5e-5)


# ---------------------------------------------------------------- pruning by entropy
def test_entropy_is_that_of_stolcke_by_brute_force() -> None:
    """The relative entropy of two whole models, one without an n-gram, weighed by the context's probability."""
    text, threshold = natural(60, 8), 2e-3
    full = train(text, NGram(order=2, smoothing="witten-bell"), threads=1).model
    pruned = train(text, NGram(order=2, smoothing="witten-bell", prune_entropy=threshold), threads=1).model
    words, n = list(full.vocab.words), full.lexicon.n_outputs
    grams, kept = grams_of(full), grams_of(pruned)
    single = np.array([grams[(word,)][0] for word in words[:n]])
    seen = [gram for gram in grams if len(gram) == 2]
    for h, w in seen:
        after = np.array([grams[h, v][0] if (h, v) in grams else 0 for v in words[:n]])
        law = np.where(after > 0, after, grams[(h,)][1] * single)
        without = after.copy()
        without[words.index(w)] = 0
        weight = (1 - without.sum()) / single[without == 0].sum()
        other = np.where(without > 0, without, weight * single)
        of_h = grams[("<eos>",) if h == "<bos>" else (h,)][0]
        change = np.expm1(of_h * (law * np.log(law / other)).sum())
        if abs(change - threshold) > 1e-6:
            assert ((h, w) in kept) == (change >= threshold), (h, w, change)
    assert 0 < len(seen) - sum(len(gram) == 2 for gram in kept) < len(seen)


def test_more_entropy_pruned_is_a_smaller_model_and_a_worse_one() -> None:
    text, other = natural(), natural(seed=4)
    sizes, perplexities = [], []
    for entropy in (0.0, 5e-5, 1e-4, 1e-3):
        model = train(text, NGram(order=3, smoothing="witten-bell", prune_entropy=entropy), threads=1).model
        sizes.append(sum(model.table.counts()))
        perplexities.append(model.perplexity(text).with_unknown)
        assert np.isfinite(model.perplexity(other).with_unknown)
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4
    assert perplexities == sorted(perplexities)


# ---------------------------------------------------------------- the same bytes
def arrays_of(model: NGramModel) -> list[bytes]:
    levels = model.table.levels
    return [
        array.tobytes()
        for level in levels
        for array in (level.word, level.suffix, level.log_prob, level.backoff, level.first)
    ]


@pytest.mark.parametrize("order", [1, 3, 7])
@pytest.mark.parametrize("prune", [(), (0, 0, 1)])
def test_threads_and_memory_leave_no_trace(order: int, prune: tuple[int, ...]) -> None:
    text = natural(12_000, 3_000)
    config = NGram(order=order, prune=prune[:order], fallback_discounts=FALLBACK)
    first = train(text, config, threads=1)
    assert first.spilled == 0
    assert arrays_of(train(text, config, threads=5).model) == arrays_of(first.model)
    small = train(text, dataclasses.replace(config, memory=1), threads=3)
    assert small.spilled > 0 or order == 1
    assert arrays_of(small.model) == arrays_of(first.model)


def test_many_small_pieces_merge_to_the_same_counts() -> None:
    corpus = as_corpus(natural(3_000, 500))
    lexicon = Lexicon.of(corpus.vocab)
    whole = count(corpus, lexicon, Counting(4, 2, 1 << 30, lambda event: None), Room(1 << 30))
    parts = count(corpus, lexicon, Counting(4, 2, 1 << 10, lambda event: None), Room(0))
    assert whole.spilled == 0 < parts.spilled
    for name in ("words", "suffixes", "firsts", "counts"):
        for one, other in zip(getattr(whole, name), getattr(parts, name), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_full_disk_tells_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(DataError, match=r"No space left on device.*raise --memory, or set TMPDIR"):
        train(natural(12_000, 3_000), NGram(order=4, memory=1), threads=1)


# ---------------------------------------------------------------- the text
def test_rare_words_are_unk() -> None:
    text = [["a", "b"], ["a", "c"], ["a", "b"]]
    model = train(text, NGram(order=2, smoothing="mle", min_count=2), threads=1).model
    grams = grams_of(model)
    assert grams["a", "<unk>"][0] == pytest.approx(1 / 3)
    assert ("a", "c") not in grams
    marked = train([["a", "b"], ["a", "<unk>"], ["a", "b"]], NGram(order=2, smoothing="mle"), threads=1).model
    assert {gram: value[0] for gram, value in grams_of(marked).items()} == pytest.approx(
        {gram: value[0] for gram, value in grams.items()}
    )


def test_an_eos_in_the_text_ends_a_sentence_there() -> None:
    model = train([["a", "b", "<eos>", "c"], ["d", "<eos>"]], NGram(order=3, smoothing="witten-bell"), threads=1).model
    found = grams_of(model)
    wanted = count_ngrams([["a", "b"], ["c"], ["d"], []], 3)
    assert found.keys() - {("<bos>",)} - {("<unk>",)} == {gram for counts in wanted.values() for gram in counts}
    assert found["<bos>", "a"][0] == found["<bos>", "c"][0] == found["<bos>", "d"][0]


def test_nothing_crosses_a_sentence() -> None:
    model = train([["a", "b"], ["c", "d"]], NGram(order=3, smoothing="witten-bell"), threads=1).model
    assert {gram for gram in grams_of(model) if len(gram) == 3} == {
        ("<bos>", "a", "b"), ("a", "b", "<eos>"), ("<bos>", "c", "d"), ("c", "d", "<eos>"),
    }  # fmt: skip


def test_an_order_above_the_sentences() -> None:
    said: list[Any] = []
    model = train([["a"], ["a"], ["b"]], NGram(order=8, smoothing="witten-bell"), threads=1, listen=said.append).model
    assert model.order == 3
    assert any(isinstance(event, Notice) and "more than 3 words" in event.message for event in said)
    assert any(isinstance(event, Progress) and event.done == event.total for event in said)


@pytest.mark.parametrize("smoothing", DISCOUNTED)
def test_a_text_of_one_word_tells_the_remedy(smoothing: str) -> None:
    with pytest.raises(DataError, match=r"--fallback-discounts 0.5 1 1.5, or another --smoothing"):
        train([["a"]], NGram(smoothing=smoothing), threads=1)
    model = train([["a"]], NGram(smoothing=smoothing, fallback_discounts=(0.5,)), threads=1).model
    assert sums_of(model, [["a", "b"]]) == pytest.approx([1.0] * 3)


def test_a_discount_out_of_range_tells_the_remedy() -> None:
    text = [["a", "b", "b", *"ccc", *"ddd", *"eee"]]  # 2 words once (<eos> too), 1 twice, 3 three times
    with pytest.raises(DataError, match=r"1-grams with a count of 2 is out of range: -.*--fallback-discounts"):
        train(text, NGram(order=1), threads=1)


def test_the_cut_leaves_no_word() -> None:
    with pytest.raises(DataError, match=r"no word is frequent enough.*lower --min-count"):
        train([["a", "b"]], NGram(min_count=5), threads=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 9}, "order is too large"),
        ({"smoothing": "good-turing"}, "one of mle, add-k"),
        ({"smoothing": "add-k", "k": 0}, "k is too small"),
        ({"prune": (0, 2, 1)}, "prune is unfit"),
        ({"prune": (1,)}, "raise --min-count"),
        ({"order": 2, "prune": (0, 1, 1)}, "prune is unfit: .*at most 2"),
        ({"prune": (0, "x")}, "prune is unfit"),
        ({"fallback_discounts": (0.5, 1)}, "fallback_discounts is unfit"),
        ({"fallback_discounts": (0.5, 1, 4)}, "fallback_discounts is unfit"),
        ({"prune_entropy": -1}, "prune_entropy is too small"),
    ],
)
def test_unfit_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NGram(**options)
