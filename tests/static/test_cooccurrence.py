"""Counting: native against the twin, GloVe's rules, the same bytes on any threads, memory and shards."""

from __future__ import annotations

import tracemalloc
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth import _core
from firth.errors import ConfigError, DataError
from firth.events import Notice, Progress
from firth.static import cooccurrence
from firth.static.cooccurrence import Cooc, train
from firth.static.counts import CooccurrenceMatrix
from firth.static.shards import merge
from firth.static.weighting import Weighting
from firth.text.corpus import as_corpus
from firth.vectors.words import Words

CATS = ["I have a cat", "cat eat fish", "I have a apple"]


def same(a: CooccurrenceMatrix, b: CooccurrenceMatrix) -> bool:
    return a.words == b.words and all(
        getattr(a, name).dtype == getattr(b, name).dtype and getattr(a, name).tobytes() == getattr(b, name).tobytes()
        for name in ("counts", "indptr", "indices", "values")
    )


sentences = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30), min_size=1, max_size=8)
configs = st.builds(
    Cooc,
    window=st.integers(1, 20),
    sides=st.sampled_from(["both", "left", "right"]),
    weights=st.sampled_from(["harmonic", "flat", "linear"]),
    min_count=st.integers(1, 3),
    max_vocab=st.none() | st.integers(1, 6),
    sample=st.sampled_from([0.0, 0.1]),
    memory=st.sampled_from([16, 100, 1000, 5000, 1 << 20]),
) | st.builds(Cooc, window=st.just(0), weights=st.sampled_from(["harmonic", "flat"]), min_count=st.just(1))


@settings(max_examples=150, deadline=None)
@given(text=sentences, config=configs, threads=st.integers(1, 3))
def test_native_equals_the_twin_whatever_the_memory_and_the_threads(
    text: list[list[str]], config: Cooc, threads: int
) -> None:
    corpus = as_corpus(text)
    if not (corpus.vocab.counts >= config.min_count).any():
        return
    with mock.patch.object(cooccurrence, "_MB", 1):  # then the memory is in bytes: pieces of a token and more, spilled
        native = train(corpus, config, threads=threads)
    twin = train(corpus, config, backend="reference")
    assert same(native.model, twin.model)
    assert native.tokens == twin.tokens
    assert native.model.fault() is None


def test_a_long_text_in_many_pieces_is_as_in_one() -> None:
    random = np.random.default_rng(1)
    words = np.minimum(random.zipf(1.3, 200_000), 3000)
    ends = np.cumsum(random.integers(1, 40, 12_000))
    text = [[f"w{i}" for i in line] for line in np.split(words, ends[ends < len(words)]) if len(line)]
    corpus = as_corpus(text)
    whole = train(corpus, Cooc(window=7, min_count=2), threads=3)
    with mock.patch.object(cooccurrence, "_MB", 1):
        pieces = train(corpus, Cooc(window=7, min_count=2, memory=600_000), threads=2)
    assert whole.spilled == 0
    assert pieces.spilled > 1_000_000
    assert same(whole.model, pieces.model)
    assert not pieces.model.values.flags.owndata, "what has no room is mapped from a file"


def test_the_cats_of_the_issue() -> None:
    counts = train(CATS, Cooc(window=0, weights="flat", min_count=1)).model
    assert counts["I", "have"] == 2
    assert counts["I", "cat"] == 1
    assert counts["cat", "fish"] == 1
    assert counts["I", "fish"] == 0
    dense = counts.matrix.toarray()
    np.testing.assert_array_equal(dense, dense.T)
    assert dense.sum() == counts.total == 4 * 3 * 2 + 3 * 2


def test_weights_and_sides_by_hand() -> None:
    text = ["a b c a"]
    harmonic = train(text, Cooc(window=3, min_count=1)).model
    assert harmonic["a", "a"] == pytest.approx(2 / 3)
    assert harmonic["a", "b"] == pytest.approx(1 + 1 / 2)
    left = train(text, Cooc(window=2, sides="left", weights="linear", min_count=1)).model
    assert (left["a", "c"], left["a", "b"], left["c", "a"], left["a", "a"]) == (1, 0.5, 0.5, 0)
    right = train(text, Cooc(window=2, sides="right", weights="linear", min_count=1)).model
    np.testing.assert_array_equal(right.matrix.toarray(), left.matrix.toarray().T)


def test_words_left_out_leave_no_gap_as_in_glove() -> None:
    """In cooccur.c an unknown word is passed over before the place in the line moves on."""
    counts = train(["a x b", "a b"], Cooc(window=1, min_count=2)).model
    assert list(counts.words) == ["a", "b"]
    assert counts["a", "b"] == 2


def test_no_pair_reaches_over_the_end_of_a_sentence() -> None:
    counts = train(["a b", "c d"], Cooc(window=5, min_count=1)).model
    assert counts["b", "c"] == 0
    assert counts["a", "b"] == 1


def test_subsampling_drops_frequent_words_and_depends_on_the_seed() -> None:
    text = ["the cat the dog the bird"] * 300
    whole = train(text, Cooc(min_count=1)).model
    fewer = [train(text, Cooc(min_count=1, sample=1e-2, seed=seed)).model for seed in (1, 1, 2)]
    assert fewer[0]["the", "the"] < 0.5 * whole["the", "the"]
    assert same(fewer[0], fewer[1])
    assert not same(fewer[0], fewer[2])
    np.testing.assert_array_equal(fewer[0].counts, whole.counts)


@settings(max_examples=40, deadline=None)
@given(text=sentences, cut=st.integers(0, 8), config=configs)
def test_shards_merge_to_the_bytes_of_the_whole(text: list[list[str]], cut: int, config: Cooc) -> None:
    if config.sample:
        return
    words = ["c", "a", "nowhere", "b", "g"]
    parts = [train(part, config, words=words).model for part in (text[:cut], text[cut:]) if part]
    assert same(merge(parts), train(text, config, words=words).model)


def test_merging_refuses_what_does_not_match() -> None:
    counts = train(CATS, Cooc(min_count=1)).model
    with pytest.raises(DataError, match="different words"):
        merge([counts, train(["a b"], Cooc(min_count=1)).model])
    with pytest.raises(DataError, match="other options"):
        merge([counts, train(CATS, Cooc(min_count=1, window=3)).model])
    unknown = CooccurrenceMatrix(counts.words, counts.counts, counts.indptr, counts.indices, counts.values)
    with pytest.raises(DataError, match="unknown unit"):
        merge([unknown, unknown])
    large = CooccurrenceMatrix(
        counts.words, counts.counts, counts.indptr, counts.indices, counts.values * 1e13, counts.metadata
    )
    with pytest.raises(DataError, match="too large"):
        merge([large, large])
    with pytest.raises(DataError, match="no counts"):
        merge([])


def test_ratios_of_probabilities() -> None:
    text = ["ice solid", "ice water", "ice solid", "steam gas", "steam water", "steam solid", "steam gas"]
    counts = train(text, Cooc(min_count=1)).model
    assert counts.ratio("ice", "steam", "solid") == pytest.approx((2 / 3) / (1 / 4))
    assert counts.ratio("ice", "steam", "water") == pytest.approx((1 / 3) / (1 / 4))
    assert counts.ratio("ice", "steam", "gas") == 0
    assert counts.ratio("steam", "ice", "gas") == float("inf")
    assert np.isnan(counts.ratio("ice", "steam", "ice"))
    with pytest.raises(KeyError):
        counts.ratio("ice", "steam", "zebra")
    assert [word for word, _ in counts.contexts("steam", 2)] == ["gas", "solid"]


@pytest.mark.parametrize("window", [1, 10, 16])
def test_harmonic_weights_are_whole(window: int) -> None:
    weighting = Weighting.of("harmonic", window)
    for distance, part in enumerate(weighting.parts.tolist(), start=1):
        assert part * distance == weighting.unit


def test_wide_harmonic_weights_are_close() -> None:
    weighting = Weighting.of("harmonic", 100)
    np.testing.assert_allclose(weighting.parts / weighting.unit, 1 / np.arange(1, 101), rtol=3e-6)


def test_sums_that_could_overflow_are_refused() -> None:
    with pytest.raises(DataError, match="too large"):
        Weighting.of("harmonic", 100).check_room(np.array([1 << 40]), "both")
    Weighting.of("harmonic", 15).check_room(np.array([1 << 40]), "both")


def test_bad_options_and_texts() -> None:
    with pytest.raises(ConfigError, match="linear"):
        Cooc(window=0, weights="linear")
    with pytest.raises(ConfigError, match="memory"):
        Cooc(memory=1)
    with pytest.raises(DataError, match="frequent enough"):
        train(["a b c"], Cooc(min_count=2))
    with pytest.raises(DataError, match="twice"):
        train(["a b c"], Cooc(), words=["a", "a"])
    with pytest.raises(DataError, match="empty"):
        train(["a b c"], Cooc(), words=[])
    with pytest.raises(ConfigError, match="backend"):
        train(["a b c"], Cooc(min_count=1), backend="gpu")


def test_it_tells_what_is_left_out_and_how_far_it_is() -> None:
    heard: list[object] = []
    train([*CATS, "rare"], Cooc(min_count=2), listen=heard.append)
    notices = [event.message for event in heard if isinstance(event, Notice)]
    assert any("rare words left out (4 of 12 tokens)" in message for message in notices)
    progress = [event for event in heard if isinstance(event, Progress)]
    assert all(0 <= event.done <= event.total == 12 for event in progress)


def test_the_counter_refuses_a_wrong_order_and_wrong_lengths() -> None:
    def counter() -> _core.CoocCounter:
        return _core.CoocCounter(np.array([2, 1]), np.ones(2, np.uint64), True, True, 1 << 20, 1, -1)

    ids, ends, word_of = np.array([0, 1, 0], np.int32), np.array([3]), np.array([0, 1], np.int32)
    all_stay = np.zeros(0, np.uint32)
    made = counter()
    for bad in ((0, 4), (2, 1)):
        with pytest.raises(ValueError, match="piece"):
            made.place(ids, ends, word_of, all_stay, 0, *bad)
    with pytest.raises(ValueError, match="not there"):
        made.place(ids, ends, np.array([0, 2], np.int32), all_stay, 0, 0, 3)
    with pytest.raises(ValueError, match="outside the vocabulary"):
        made.place(np.array([0, 7, 0], np.int32), ends, word_of, all_stay, 0, 0, 3)
    made = counter()
    made.place(ids, ends, word_of, all_stay, 0, 0, 3)
    with pytest.raises(ValueError, match="piece to work on"):
        made.close()
    while made.work(10):
        pass
    made.close()
    with pytest.raises(ValueError, match="no room"):
        made.fill(1.0, np.zeros(1, np.int32), np.zeros(1))
    made.fill(1.0, np.zeros(made.pairs, np.int32), np.zeros(made.pairs))
    with pytest.raises(ValueError, match="close the counter"):
        made.fill(1.0, np.zeros(made.pairs, np.int32), np.zeros(made.pairs))


def test_broken_matrices_are_told() -> None:
    counts = train(CATS, Cooc(min_count=1)).model

    def changed(**parts: np.ndarray) -> str | None:
        fields = {name: getattr(counts, name).copy() for name in ("counts", "indptr", "indices", "values")} | parts
        return CooccurrenceMatrix(Words.of(counts.words), **fields).fault()

    swapped = counts.indices.copy()
    swapped[:2] = swapped[1::-1]
    starts = counts.indptr.copy()
    starts[1] = 50
    assert changed() is None
    assert "ascend" in str(changed(indices=swapped))
    assert "outside" in str(changed(indices=counts.indices + 3))
    assert "positive" in str(changed(values=-counts.values))
    assert "overlap" in str(changed(indptr=starts))
    assert "negative" in str(changed(counts=-counts.counts))
    with pytest.raises(DataError, match="don't fit"):
        changed(values=counts.values[1:])


def test_counting_takes_no_more_python_memory_than_its_result() -> None:
    corpus = as_corpus([" ".join(f"w{i}" for i in np.random.default_rng(1).integers(0, 500, 50_000))])
    tracemalloc.start()
    model = train(corpus, Cooc(min_count=1), threads=1).model
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * (model.indices.nbytes + model.values.nbytes) + (1 << 20)
