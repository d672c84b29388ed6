"""Several language models as one: their probabilities in fixed shares, the shares fitted on held-out text by EM.

Jelinek and Mercer 1980, "Interpolated estimation of Markov source parameters from sparse data".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from firth.errors import ConfigError, DataError
from firth.lm.base import BaseLanguageModel
from firth.lm.lexicon import Lexicon
from firth.protocols import Float64, Int32

__all__ = ["Fitted", "Mixture", "fit_shares", "mixed"]

_ITERATIONS = 200


class Mixture(BaseLanguageModel):
    """p(w | h) = sum over models m of share_m p_m(w | h).

    Parameters
    ----------
    models : sequence of BaseLanguageModel
        All must predict the same words; ids are those of the first.
    shares : array-like, shape (n_models,)
        Positive or zero, summing to one.

    Raises
    ------
    DataError
        When the models predict different words.
    ConfigError
        When the shares are no shares.
    """

    def __init__(self, models: Sequence[BaseLanguageModel], shares: ArrayLike) -> None:
        if not models:
            raise ConfigError("nothing to mix", remedy="give at least one model")
        first = models[0]
        super().__init__(first.lexicon, {**first.metadata, "model": "mixture"})
        self.models = tuple(models)
        self.shares: Float64 = np.asarray(shares, np.float64)
        proper = self.shares.shape == (len(models),) and bool((self.shares >= 0).all())
        if not proper or abs(self.shares.sum() - 1) > 1e-6:
            raise ConfigError("improper shares", got=shares, expected=f"{len(models)} numbers that sum to one")
        self._maps = [_ids_in(model.lexicon, first.lexicon) for model in models]
        self.carries = any(model.carries for model in models)

    def start(self) -> Any:
        """Return the models' starts."""
        return tuple(model.start() for model in self.models)

    def score(self, ids: Int32, state: Any) -> tuple[Float64, Any]:
        """See :meth:`firth.lm.base.BaseLanguageModel.score`."""
        each, states = self.score_each(ids, state)
        return self._mix(each), states

    def score_each(self, ids: Int32, state: Any) -> tuple[Float64, Any]:
        """Return the log probabilities of every model, shape (n_models, n), and the states after."""
        each, states = [], []
        for model, here, to in zip(self.models, state, self._maps, strict=True):
            scores, after = model.score(ids if to is None else to[ids], here)
            each.append(scores)
            states.append(after)
        return np.stack(each), tuple(states)

    def score_apart(self, sentences: Sequence[Int32]) -> list[Float64]:
        """See :meth:`firth.lm.base.BaseLanguageModel.score_apart`."""
        return [self._mix(each) for each in self.each_apart(sentences)]

    def each_apart(self, sentences: Sequence[Int32]) -> list[Float64]:
        """Return the log probabilities of every model for each sentence, shape (n_models, n)."""
        by_model = [
            model.score_apart([ids if to is None else to[ids] for ids in sentences])
            for model, to in zip(self.models, self._maps, strict=True)
        ]
        return [np.stack(each) for each in zip(*by_model, strict=True)]

    def next_log_probs(self, state: Any) -> Float64:
        """See :meth:`firth.lm.base.BaseLanguageModel.next_log_probs`."""
        each = []
        for model, here, to in zip(self.models, state, self._maps, strict=True):
            found = model.next_log_probs(here)
            each.append(found if to is None else found[to[: self.lexicon.n_outputs]])
        return self._mix(np.stack(each))

    def _mix(self, each: Float64) -> Float64:
        """Return log of the sum of shares times probabilities; ``each`` has shape (n_models, n)."""
        used = self.shares > 0
        return np.asarray(logsumexp(each[used], axis=0, b=self.shares[used, None]))


@dataclasses.dataclass(frozen=True)
class Fitted:
    """Shares of a mixture and how well they do on the text that they were fitted on.

    Attributes
    ----------
    shares : tuple of float
    perplexity : float
    alone : tuple of float
        Perplexity of each model on the same text.
    iterations : int
    """

    shares: tuple[float, ...]
    perplexity: float
    alone: tuple[float, ...]
    iterations: int


def fit_shares(each: Float64, tolerance: float = 1e-7) -> Fitted:
    """Fit the shares of a mixture by expectation maximisation.

    Parameters
    ----------
    each : ndarray of float64, shape (n_models, n)
        Natural log probabilities that each model gives to each prediction.
    tolerance : float
        Stop when an iteration gains less than this in mean log probability.

    Notes
    -----
    E: r_mi = s_m p_mi / sum_k s_k p_ki.  M: s_m = mean over i of r_mi. The likelihood is concave in the shares, so the
    maximum that EM climbs to is the only one.

    Examples
    --------
    >>> fit_shares(np.log([[0.5, 0.1, 0.5], [0.1, 0.2, 0.1]])).shares[0] > 0.7
    True
    """
    n_models, n = each.shape
    if not n:
        raise DataError("the held-out text holds no prediction", remedy="give a longer one")
    top = each.max(axis=0)
    if not np.isfinite(top).all():
        raise DataError("no model gives the held-out text any probability", remedy="smooth one of them")
    relative = np.exp(each - top)
    shares = np.full(n_models, 1 / n_models)
    mean_top, before, gained, iterations = float(top.mean()), -np.inf, -np.inf, 0
    while iterations < _ITERATIONS:
        iterations += 1
        weighted = shares[:, None] * relative
        total = weighted.sum(axis=0)
        gained = float(np.log(total).mean()) + mean_top
        if gained - before < tolerance:
            break
        before = gained
        shares = (weighted / total).mean(axis=1)
        shares /= shares.sum()
    alone = tuple(float(np.exp(-row.mean())) for row in each)
    return Fitted(tuple(shares.tolist()), float(np.exp(-gained)), alone, iterations)


def mixed(models: Sequence[BaseLanguageModel], heldout: Any, *, carry: bool | None = None) -> tuple[Mixture, Fitted]:
    """Return a mixture of the models with shares fitted on held-out text, and the fit.

    Parameters
    ----------
    models : sequence of BaseLanguageModel
    heldout : Corpus, path, or iterable of str or token lists
    carry : bool, optional
        As for :meth:`firth.lm.base.BaseLanguageModel.logprobs`.
    """
    even = Mixture(models, np.full(len(models), 1 / max(len(models), 1)))
    state, carry = even.start(), even.carries if carry is None else carry
    pieces: list[Float64] = []
    for stream in even.lexicon.streams(even.corpus_of(heldout)):
        if carry:
            each, state = even.score_each(stream.ids, state)
            pieces.append(each)
        else:
            pieces += even.each_apart(stream.sentences(even.lexicon.eos))
    fitted = fit_shares(np.concatenate(pieces, axis=1) if pieces else np.zeros((len(models), 0)))
    return Mixture(models, fitted.shares), fitted


def _ids_in(other: Lexicon, first: Lexicon) -> NDArray[np.int32] | None:
    """Return from ids of ``first`` to ids of ``other``, or None where they are the same."""
    if other == first:
        return None
    if not other.same_words(first):
        ours, theirs = set(first.vocab), set(other.vocab)
        odd = sorted(ours ^ theirs)[:3]
        raise DataError(
            f"the models predict different words: {len(ours - theirs):,} only the first knows, "
            f"{len(theirs - ours):,} only another",
            got=", ".join(odd),
            remedy="train them on the same text with the same --min-count and --max-vocab",
        )
    return np.array([other.vocab[word] for word in first.vocab], np.int32)
