"""Mixtures, their shares, and the unigram cache."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from firth.errors import ConfigError, DataError
from firth.lm.lexicon import Lexicon
from firth.lm.mixture import Mixture, fit_shares, mixed
from firth.lm.unigram_cache import UnigramCache
from firth.text.corpus import as_corpus
from firth.text.vocab import Vocab

UNIFORM = np.full((4, 4), 0.25)
TEXT = [["a", "b", "a"], [], ["b", "zebra"]]


def test_probabilities_are_the_shares_of_each(known: Any) -> None:
    mixture = Mixture([known(), known(UNIFORM)], [0.75, 0.25])
    for sentence in TEXT:
        (found,) = mixture.logprobs([sentence])
        (first,) = known().logprobs([sentence])
        np.testing.assert_allclose(np.exp(found), 0.75 * np.exp(first) + 0.25 * 0.25)
    np.testing.assert_allclose(np.exp(mixture.next_log_probs(mixture.start())).sum(), 1)


def test_a_share_of_zero_may_hide_an_impossible_word(known: Any) -> None:
    impossible = known(np.array([[0, 1, 0, 0]] * 4, float))
    with np.errstate(divide="ignore"):
        (found,) = Mixture([known(), impossible], [1, 0]).logprobs([["a"]])
    np.testing.assert_allclose(found, known().logprobs([["a"]])[0])


def test_ids_may_differ_between_the_models(known: Any) -> None:
    swap = [1, 0, 2, 3]
    other = known(known.LAW[np.ix_(swap, swap)], words=("b", "a"))
    mixture = Mixture([known(), other], [0.5, 0.5])
    for sentence in TEXT:
        np.testing.assert_allclose(mixture.logprobs([sentence])[0], known().logprobs([sentence])[0])
    np.testing.assert_allclose(mixture.next_log_probs((0, 1)), known().next_log_probs(0))


def test_models_of_other_words_are_refused(known: Any) -> None:
    with pytest.raises(DataError, match=r"predict different words.*1 only the first.*1 only another"):
        Mixture([known(), known(words=("a", "c"))], [0.5, 0.5])


@pytest.mark.parametrize("shares", [[0.5], [0.5, 0.6], [-0.5, 1.5], [np.nan, 1.0]])
def test_improper_shares_are_refused(known: Any, shares: list[float]) -> None:
    with pytest.raises(ConfigError, match="shares"):
        Mixture([known(), known()], shares)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 60))
def test_em_finds_the_maximum(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    each = np.log(rng.dirichlet([1, 1, 1], size=(2, n))[..., 0] + 1e-3)
    fitted = fit_shares(each, tolerance=1e-12)

    def cost(share: float) -> float:
        return -np.log(share * np.exp(each[0]) + (1 - share) * np.exp(each[1])).mean()

    best = minimize_scalar(cost, bounds=(0, 1), method="bounded", options={"xatol": 1e-9})
    lowest = min(best.fun, cost(0.0), cost(1.0))
    assert lowest - 1e-9 <= np.log(fitted.perplexity) <= lowest + 2e-3
    assert abs(cost(fitted.shares[0]) - np.log(fitted.perplexity)) < 1e-3


def test_shares_are_fitted_on_a_text(known: Any) -> None:
    model = known()
    from firth.lm.sample import Sampling

    sentences = model.sample(400, Sampling(seed=5, unknown=True))
    corpus = as_corpus(sentences, blank_lines=True, cache=False)
    mixture, fitted = mixed([known(UNIFORM), model], corpus)
    assert fitted.shares[1] > 0.95
    assert fitted.perplexity == pytest.approx(mixture.perplexity(corpus).with_unknown)
    assert fitted.alone[1] == pytest.approx(model.perplexity(corpus).with_unknown)


def test_the_cache_counts_what_it_holds() -> None:
    cache = UnigramCache(Lexicon.of(Vocab(["a", "b"], [1, 1])), size=3, prior=1.0)
    text = np.array([0, 1, 0, 0, 3, 2, 0], np.int32)
    found, state = cache.score(text, cache.start())
    for i in range(len(text)):
        held = text[max(i - 3, 0) : i].tolist()
        assert np.exp(found[i]) == pytest.approx((held.count(text[i]) + 0.25) / (len(held) + 1))
    first, middle = cache.score(text[:4], cache.start())
    second, end = cache.score(text[4:], middle)
    np.testing.assert_array_equal(np.concatenate([first, second]), found)
    np.testing.assert_array_equal(end.ids, state.ids)
    assert np.exp(cache.next_log_probs(end)).sum() == pytest.approx(1)


def test_an_improper_cache_is_refused() -> None:
    with pytest.raises(ConfigError, match="cache"):
        UnigramCache(Lexicon.of(Vocab(["a"], [1])), size=0)
