"""A cache of recent words as a language model, to be mixed with another (Kuhn and De Mori 1990, section III)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError
from firth.lm.base import BaseLanguageModel
from firth.lm.lexicon import Lexicon
from firth.protocols import Float64, Int32

__all__ = ["Recent", "UnigramCache"]


class Recent(NamedTuple):
    """The words in the cache, the oldest first; shape (at most ``size``,)."""

    ids: NDArray[np.int32]


class UnigramCache(BaseLanguageModel):
    """p(w | h) = (c(w) + a / n_outputs) / (|cache| + a): how often w is among the last ``size`` predictions.

    Sentence ends are in the cache too, and the cache goes on over them.

    Parameters
    ----------
    lexicon : Lexicon
    size : int
        Predictions that are remembered.
    prior : float
        a: the weight, in words, of the uniform law, so that no word has probability zero.

    Examples
    --------
    >>> from firth.text.vocab import Vocab
    >>> cache = UnigramCache(Lexicon.of(Vocab(["a", "b"], [1, 1])), prior=4.0)
    >>> np.exp(cache.score(np.array([0, 0, 1], np.int32), cache.start())[0]).round(3).tolist()
    [0.25, 0.4, 0.167]
    """

    carries = True

    def __init__(
        self, lexicon: Lexicon, size: int = 500, prior: float = 1.0, metadata: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(lexicon, metadata)
        if size < 1 or not prior > 0:
            raise ConfigError("improper cache", got=f"size {size}, prior {prior}", expected="at least 1, above 0")
        self.size, self.prior = size, prior

    def start(self) -> Recent:
        """Return the empty cache."""
        return Recent(np.zeros(0, np.int32))

    def score(self, ids: Int32, state: Recent) -> tuple[Float64, Recent]:
        """See :meth:`firth.lm.base.BaseLanguageModel.score`."""
        text = np.concatenate([state.ids, ids])
        held = np.bincount(state.ids, minlength=self.lexicon.n_outputs)
        found, first, floor = np.empty(len(ids)), len(state.ids), self.prior / self.lexicon.n_outputs
        for i, word in enumerate(ids.tolist(), first):
            found[i - first] = (held[word] + floor) / (min(i, self.size) + self.prior)
            held[word] += 1
            if i >= self.size:
                held[text[i - self.size]] -= 1
        return np.log(found), Recent(text[max(len(text) - self.size, 0) :])

    def next_log_probs(self, state: Recent) -> Float64:
        """See :meth:`firth.lm.base.BaseLanguageModel.next_log_probs`."""
        held = np.bincount(state.ids, minlength=self.lexicon.n_outputs)
        return np.asarray(np.log((held + self.prior / self.lexicon.n_outputs) / (len(state.ids) + self.prior)))
