"""Scores of n-gram models against the definition, spelt out over dictionaries."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import DataError
from firth.lm.lexicon import Lexicon
from firth.lm.ngram_model import NGramModel, NGramState
from firth.lm.ngram_query_reference import as_dicts, reference_scores
from firth.lm.ngram_table import Level, NGramTable
from firth.text.vocab import Vocab


def table_of(grams: list[tuple[int, ...]], n_words: int, order: int, seed: int = 0) -> NGramTable:
    """Return a table of these n-grams, all that they begin and end with, and made-up weights."""
    random = np.random.default_rng(seed)
    kept = {g[i:j] for g in grams for i in range(len(g)) for j in range(i + 1, len(g) + 1)}
    kept |= {(word,) for word in range(n_words)}
    levels: list[Level] = []
    places: dict[tuple[int, ...], int] = {}
    for size in range(1, order + 1):
        here = sorted(g for g in kept if len(g) == size)
        above = sorted(g for g in kept if len(g) == size + 1)
        word = np.array([g[-1] for g in here], np.int32)
        suffix = np.array([places[g[1:]] for g in here] if size > 1 else [], np.int32)
        places = {g: i for i, g in enumerate(here)}
        highest = size == order
        children = np.bincount([places[g[:-1]] for g in above], minlength=len(here)) if above else np.zeros(len(here))
        first = np.concatenate([[0], np.cumsum(children)]).astype(np.int64)
        log_prob = -random.uniform(0, 5, len(here)).astype(np.float32)
        backoff = -random.uniform(0, 2, len(here)).astype(np.float32) * (children > 0)
        none = np.zeros(0)
        levels.append(
            Level(
                word, suffix, log_prob,
                none.astype(np.float32) if highest else backoff.astype(np.float32),
                none.astype(np.int64) if highest else first,
            )
        )  # fmt: skip
    return NGramTable(tuple(levels))


def model_of(n_words: int, order: int, n_grams: int, seed: int) -> NGramModel:
    """Return a model of random n-grams over letters; few words make most contexts known."""
    random = np.random.default_rng(seed)
    lexicon = Lexicon.of(Vocab([f"w{i}" for i in range(n_words)], np.arange(n_words, 0, -1)))
    words = random.zipf(1.3, (n_grams, order)) % (n_words + 2)
    words[: n_grams // 4, 0] = lexicon.bos
    return NGramModel(lexicon, table_of([tuple(w) for w in words.tolist()], len(lexicon), order, seed))


@pytest.mark.parametrize("order", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("n_words", [3, 300])
def test_scores_are_those_of_the_definition(order: int, n_words: int) -> None:
    model = model_of(n_words, order, 2000, order)
    random = np.random.default_rng(1)
    ids = (random.zipf(1.3, 5000) % model.lexicon.n_outputs).astype(np.int32)
    scores, state = model.score(ids, model.start())
    expected, sizes = reference_scores(model.table, ids.tolist(), bos=model.lexicon.bos, eos=model.lexicon.eos)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    again, lengths = model.matched(ids)
    np.testing.assert_array_equal(again, scores)
    np.testing.assert_array_equal(lengths, sizes)
    assert max(sizes) >= min(order, 5)
    assert isinstance(state, NGramState)


def test_contexts_of_many_continuations() -> None:
    random = np.random.default_rng(3)
    lexicon = Lexicon.of(Vocab([f"w{i}" for i in range(9000)], np.arange(9000, 0, -1)))
    sizes = {lexicon.bos: 7000, 0: 1, 1: 15, 2: 16, 3: 17, 4: 255, 5: 257, 6: 300, 7: 4097, 8999: 600}
    grams = [(a, int(b)) for a, n in sizes.items() for b in random.choice(lexicon.n_outputs, n, replace=False)]
    model = NGramModel(lexicon, table_of(grams, len(lexicon), 2))
    log_probs, backoffs = as_dicts(model.table)
    every = np.arange(lexicon.n_outputs, dtype=np.int32)
    for context in sizes:
        found = [model.score(every[i : i + 1], NGramState(0, context))[0][0] for i in every]
        expected = [log_probs.get((context, i), backoffs[context,] + log_probs[i,]) for i in every.tolist()]
        np.testing.assert_allclose(np.array(found) / np.log(10), expected, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=60), st.integers(0, 60), st.integers(1, 4), st.integers(0, 9))
def test_a_text_may_be_scored_in_parts(ids: list[int], cut: int, order: int, seed: int) -> None:
    model = model_of(3, order, 40, seed)
    whole, last = model.score(np.array(ids, np.int32), model.start())
    first, state = model.score(np.array(ids[:cut], np.int32), model.start())
    second, after = model.score(np.array(ids[cut:], np.int32), state)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    assert after == last


def test_sentences_apart_are_each_scored_from_the_start() -> None:
    model = model_of(20, 4, 500, 3)
    random = np.random.default_rng(5)
    sentences = [(random.zipf(1.3, n) % 21).astype(np.int32) for n in [0, 1, 3000, 0, 7, 2, 0]]
    found = model.score_apart(sentences)
    for ids, scores in zip(sentences, found, strict=True):
        np.testing.assert_array_equal(scores, model.score(ids, model.start())[0])
    assert model.score_apart([]) == []


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_law_of_the_next_word_is_what_scores_say(order: int) -> None:
    model = model_of(6, order, 60, 2)
    for context in ([], [1], [0, 1, 1], [2, 0, 0, 1], [4]):
        ids = np.array(context, np.int32)
        _, state = model.score(ids, model.start())
        law = model.next_log_probs(state)
        one = [model.score(np.array([word], np.int32), state)[0][0] for word in range(model.lexicon.n_outputs)]
        np.testing.assert_allclose(law, one, rtol=1e-6)


def test_the_reference_knows_every_ngram() -> None:
    grams = [(0, 1, 2), (1, 1, 0)]
    log_probs, backoffs = as_dicts(table_of(grams, 5, 3))
    assert {g for g in log_probs if len(g) == 3} == set(grams)
    assert {g for g in log_probs if len(g) == 2} == {(0, 1), (1, 2), (1, 1), (1, 0)}
    assert math.isfinite(backoffs[0, 1])


def _broken(model: NGramModel, level: int, **parts: np.ndarray) -> NGramTable:
    levels = list(model.table.levels)
    levels[level] = dataclasses.replace(levels[level], **parts)
    return NGramTable(tuple(levels))


@pytest.mark.parametrize(
    ("level", "part", "value", "message"),
    [
        (1, "suffix", -1, "suffix is out of range"),
        (1, "suffix", 1 << 30, "suffix is out of range"),
        (2, "word", 99, "word"),
        (0, "first", -5, "out of order"),
        (0, "first", 1 << 40, "out of order"),
        (1, "log_prob", math.nan, "log probability"),
        (1, "log_prob", 0.5, "log probability"),
        (0, "backoff", math.inf, "back-off"),
    ],
)
def test_a_table_with_a_bad_number_is_refused(level: int, part: str, value: float, message: str) -> None:
    model = model_of(6, 3, 60, 2)
    array = getattr(model.table.levels[level], part).copy()
    array[5] = value
    with pytest.raises(DataError, match=message):
        NGramModel(model.lexicon, _broken(model, level, **{part: array}))


def test_continuations_out_of_order_are_refused() -> None:
    model = model_of(6, 3, 60, 2)
    word = model.table.levels[1].word.copy()
    begin = int(model.table.levels[0].first[model.lexicon.bos])
    word[begin : begin + 2] = word[begin : begin + 2][::-1]
    with pytest.raises(DataError, match="words are out of order"):
        NGramModel(model.lexicon, _broken(model, 1, word=word))


def test_arrays_that_differ_in_length_are_refused() -> None:
    model = model_of(6, 3, 60, 2)
    for part in ("suffix", "log_prob", "backoff", "first"):
        array = getattr(model.table.levels[1], part)[:-1]
        with pytest.raises(DataError, match="n-grams of 2"):
            NGramModel(model.lexicon, _broken(model, 1, **{part: array}))


def test_ids_and_states_of_another_model_are_refused() -> None:
    model = model_of(6, 3, 60, 2)
    for bad in ([-1], [99]):
        with pytest.raises(DataError, match="an id is out of range"):
            model.score(np.array(bad, np.int32), model.start())
    for state in (NGramState(2, 0), NGramState(1, 10**6), NGramState(-2, 0), NGramState(0, -1)):
        with pytest.raises(DataError, match="state is of another model"):
            model.score(np.array([0], np.int32), state)
