"""Weights of words in a mean of vectors: rare words say more.

``idf``: inverse document frequency, log((1 + n) / (1 + df)) + 1. ``sif``: smooth inverse frequency, a / (a + p) with p
the word's share of all words and a = 0.001 (Arora, Liang and Ma 2017, equation 3); their common component is left in,
since a classifier's weights see to it.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence

import numpy as np

from firth.protocols import Float64
from firth.tasks.word_features import Steps

__all__ = ["WordWeights"]

_A = 1e-3


class WordWeights:
    """A weight for each word of a training text, and one for all others.

    Examples
    --------
    >>> weights = WordWeights.fitted([["a", "pear"], ["a", "plum"]], "idf")
    >>> weights.of(["a", "pear", "durian"]).round(3).tolist()
    [1.0, 1.405, 2.099]
    """

    def __init__(self, words: Mapping[str, float], other: float) -> None:
        self.words, self.other = dict(words), other

    @classmethod
    def fitted(cls, texts: Sequence[Steps], kind: str) -> WordWeights | None:
        """Return the weights that texts give; None for the kind ``none``."""
        if kind == "none":
            return None
        if kind == "idf":
            found = collections.Counter(word for text in texts for word in set(text))
            n = len(texts)
            weights = {word: float(np.log((1 + n) / (1 + df)) + 1) for word, df in sorted(found.items())}
            return cls(weights, float(np.log(1 + n) + 1))
        counts = collections.Counter(word for text in texts for word in text)
        total = max(counts.total(), 1)
        return cls({word: _A / (_A + count / total) for word, count in sorted(counts.items())}, 1.0)

    def of(self, text: Sequence[str]) -> Float64:
        """Return the weights of a text's words, shape (n,)."""
        return np.array([self.words.get(word, self.other) for word in text])
