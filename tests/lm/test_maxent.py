"""Maximum entropy models: their kernels against NumPy twins and finite differences, and what a trained one is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError
from firth.events import EpochEnd, Progress
from firth.lm import maxent_reference as reference
from firth.lm.context_tree import Grown, grow
from firth.lm.loglinear import Objective, Penalty, finished, fit
from firth.lm.maxent import MaxEnt, train
from firth.lm.maxent_model import histories
from firth.text.corpus import as_corpus

TEXT = ["the cat sees the dog", "the dog sees a cat", "a dog runs", "the cat runs", "", "a cat sees the cat"] * 2


def _examples(seed: int, n: int = 60, cutoffs: tuple[int, ...] = ()) -> tuple[Grown, list[np.ndarray], np.ndarray]:
    """Two roots that allow targets 0 to 4 and 5 to 7, and contexts of up to three more symbols."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 8, n).astype(np.int32)
    contexts = [(targets >= 5).astype(np.int32)]
    for _ in range(3):
        ends = random.random(n) < 0.2
        contexts.append(np.where(ends | (contexts[-1] < 0), -1, random.integers(0, 3, n)).astype(np.int32))
    allowed = np.array([0] * 5 + [1] * 3, np.int32), np.arange(8, dtype=np.int32)
    return grow(contexts, targets, allowed, cutoffs), contexts, targets


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(), (2,), (1, 2)]))
def test_value_and_gradient_are_the_twins(seed: int, cutoffs: tuple[int, ...]) -> None:
    grown, contexts, targets = _examples(seed, cutoffs=cutoffs)
    weights = np.random.default_rng(seed).normal(0, 2, grown.tree.n_features)
    value, gradient = Objective(grown, Penalty(0, 0.3))(weights)
    expected, slope = reference.objective(grown, contexts, targets, weights, 0.3)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, slope, atol=1e-12)


def test_gradient_by_finite_differences() -> None:
    grown, _, _ = _examples(3)
    function, weights = Objective(grown, Penalty(0, 0.3)), np.random.default_rng(0).normal(0, 1, 1000)
    weights = weights[: grown.tree.n_features]
    gradient = function(weights)[1]
    for place in range(len(weights)):
        step = np.zeros(len(weights))
        step[place] = 1e-6
        slope = (function(weights + step)[0] - function(weights - step)[0]) / 2e-6
        assert gradient[place] == pytest.approx(slope, abs=1e-8)


def test_the_tree_counts_what_was_seen() -> None:
    grown, contexts, targets = _examples(5)
    assert int(grown.ended.sum()) == len(targets)
    for example in range(len(targets)):
        context = [int(symbols[example]) for symbols in contexts]
        path = grown.tree.find(context)
        assert len(path) == (context.index(-1) if -1 in context else 4)
    roots = slice(0, int(grown.level_of[1]))
    np.testing.assert_array_equal(grown.seen[roots], np.bincount(targets, minlength=8))
    least = _examples(5, cutoffs=(2,))[0]
    assert least.tree.n_features < grown.tree.n_features
    assert least.seen[int(least.level_of[1]) :].min() == 2


def test_any_number_of_threads_gives_the_same_bytes() -> None:
    grown, _, _ = _examples(1, n=20000)
    random = np.random.default_rng(1)
    contexts = [random.integers(0, 40, 20000).astype(np.int32) for _ in range(3)]
    contexts[0][:] = 0
    targets = random.integers(0, 30, 20000).astype(np.int32)
    grown = grow(contexts, targets, (np.zeros(30, np.int32), np.arange(30, dtype=np.int32)))
    weights = random.normal(0, 1, grown.tree.n_features)
    one, many = (Objective(grown, Penalty(), threads)(weights) for threads in (1, 5))
    assert one[0] == many[0]
    assert one[1].tobytes() == many[1].tobytes()


def test_a_finished_model_has_the_probabilities_of_its_weights_without_the_zeros() -> None:
    grown, contexts, targets = _examples(7, n=300)
    weights = fit(grown, Penalty(1.0, 0.1), iterations=200, tolerance=0).weights
    model = finished(grown, weights)
    assert model.tree.n_features < grown.tree.n_features
    assert model.tree.n_features == 8 + int(np.count_nonzero(weights[8:]))
    value, _ = reference.objective(grown, contexts, targets, weights, 0.0)
    out = np.zeros(len(targets))
    model.add_log_probs(np.stack(contexts, axis=1), targets, out)
    assert -out.mean() == pytest.approx(value, rel=1e-6)
    for example in range(40):
        law = model.law([int(symbols[example]) for symbols in contexts], 8)
        assert np.exp(law).sum() == pytest.approx(1, abs=1e-12)
        assert law[targets[example]] == pytest.approx(out[example], abs=1e-12)


def test_at_the_optimum_the_model_expects_what_was_seen() -> None:
    """The constraints of maximum entropy (Berger et al. 1996, equation 3), which no penalty blurs here."""
    corpus = as_corpus(TEXT, cache=False)
    model = train(corpus, MaxEnt(order=2, classes=0, l1=0, l2=1e-9, iterations=400, tolerance=0)).model
    seen = [sentence.split() for sentence in TEXT]
    after_the = [after for words in seen for word, after in itertools.pairwise(words) if word == "the"]
    law = dict(model.next_words(["the"], 100))
    assert law["cat"] == pytest.approx(after_the.count("cat") / len(after_the), abs=1e-4)
    assert law["dog"] == pytest.approx(after_the.count("dog") / len(after_the), abs=1e-4)


@pytest.mark.parametrize("classes", [0, 3])
def test_scores_and_laws_agree_and_sum_to_one(classes: int) -> None:
    model = train(TEXT, MaxEnt(order=3, classes=classes)).model
    stream = model.lexicon.stream([["the", "cat", "sees", "zebra"], [], ["dog"]]).ids
    state, total = model.start(), []
    for word in stream:
        law = model.next_log_probs(state)
        assert np.exp(law).sum() == pytest.approx(1, abs=1e-6)
        scores, state = model.score(np.array([word], np.int32), state)
        assert scores[0] == pytest.approx(law[word], abs=1e-9)
        total.append(scores[0])
    whole, last = model.score(stream, model.start())
    np.testing.assert_allclose(whole, total, atol=1e-12)
    assert last == state
    np.testing.assert_allclose(np.concatenate(model.logprobs([["the", "cat", "sees", "zebra"], [], ["dog"]])), whole)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 12), st.integers(1, 4))
def test_histories_are_the_words_before_within_the_sentence(words: list[int], cut: int, order: int) -> None:
    lexicon = train([["a", "b", "c"]], MaxEnt(order=1, classes=0)).model.lexicon
    ids = np.array([lexicon.eos if word == 3 else word for word in words], np.int32)
    expected, past = [], [lexicon.bos]
    for word in ids.tolist():
        row = past[::-1][: order - 1]
        expected.append(row + [-1] * (order - 1 - len(row)))
        past = [lexicon.bos] if word == lexicon.eos else [*past, word]
    found, _ = histories(ids, (lexicon.bos,), order, lexicon)
    np.testing.assert_array_equal(found, np.array(expected).reshape(len(ids), order - 1))
    first, state = histories(ids[:cut], (lexicon.bos,), order, lexicon)
    np.testing.assert_array_equal(np.concatenate([first, histories(ids[cut:], state, order, lexicon)[0]]), found)


def test_held_out_text_stops_the_search_at_the_best_weights() -> None:
    held = as_corpus(["the cat barks", "a dog meows"], cache=False)
    seen: list[float] = []

    def listen(event: object) -> None:
        if isinstance(event, EpochEnd):
            seen.append(event.heldout or 0.0)

    config = MaxEnt(order=3, classes=0, l1=0, l2=1e-6, iterations=200, tolerance=0)
    found = train(TEXT, config, heldout=held, listen=listen)
    assert found.heldout is not None
    assert found.heldout.with_unknown == pytest.approx(np.exp(min(seen)), rel=1e-6)
    assert 3 <= len(seen) < 40
    assert seen[-1] > min(seen)


def test_progress_is_told_and_the_result_is_the_same_each_time() -> None:
    events: list[object] = []
    first = train(TEXT, MaxEnt(order=3, classes=3), threads=1, listen=events.append)
    assert [event.epoch for event in events if isinstance(event, Progress)][:3] == [1, 2, 3]
    second = train(TEXT, MaxEnt(order=3, classes=3), threads=3)
    assert first.model.words.log_scores.tobytes() == second.model.words.log_scores.tobytes()
    assert first.losses == second.losses


def test_bad_options_and_texts_are_told() -> None:
    with pytest.raises(ConfigError, match="cutoffs"):
        MaxEnt(cutoffs=(3, 2))
    with pytest.raises(ConfigError, match="order"):
        MaxEnt(order=0)
    with pytest.raises(DataError, match="no word is frequent enough"):
        train(TEXT, MaxEnt(min_count=1000))
    with pytest.raises(ConfigError, match="threads"):
        train(TEXT, MaxEnt(), threads=0)


@pytest.mark.parametrize("text", [["word"], ["word word word"], [""], ["a b c d e f g"]])
def test_tiny_texts_train(text: list[str]) -> None:
    if not text[0]:
        with pytest.raises(DataError):
            train(as_corpus([[]], cache=False), MaxEnt())
        return
    model = train(text, MaxEnt()).model
    assert np.exp(model.next_log_probs(model.start())).sum() == pytest.approx(1, abs=1e-6)


def test_classes_help_on_penn_treebank(data: Callable[[str], Path]) -> None:
    corpus = as_corpus(data("ptb/ptb.valid.txt.gz"), tokenizer="whitespace", cache=False)
    test = as_corpus(data("ptb/ptb.test.txt.gz"), tokenizer="whitespace", cache=False)
    plain, classed = (train(corpus, MaxEnt(order=3, classes=n, iterations=12)).model.perplexity(test) for n in (0, 50))
    assert plain.n_predictions == 82430
    assert classed.without_unknown < 0.99 * plain.without_unknown < 250
