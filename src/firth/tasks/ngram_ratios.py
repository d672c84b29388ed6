"""N-grams of words as features, scaled by their log-count ratios (Wang and Manning 2012, section 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from firth.protocols import Float64, Int32
from firth.tasks.word_features import Steps

__all__ = ["NgramRatios"]

_SMOOTHING = 1.0  # alpha


class NgramRatios:
    """Which of the n-grams of a training text stand in a text.

    Parameters
    ----------
    names : sequence of str
        The n-grams, words parted by blanks.
    longest : int
        Words of the longest.

    Examples
    --------
    >>> ngrams, ratios = NgramRatios.fitted([["good"], ["not", "good"]], np.array([0, 1], np.int32), 2, 2)
    >>> ngrams.names
    ['good', 'not', 'not good']
    >>> ngrams.rows([["so", "good", "good"]]).toarray().tolist()
    [[1.0, 0.0, 0.0]]
    """

    def __init__(self, names: Sequence[str], longest: int) -> None:
        self.names, self.longest = list(names), longest
        self._columns = {name: column for column, name in enumerate(self.names)}

    @classmethod
    def fitted(cls, texts: Sequence[Steps], gold: Int32, n_labels: int, longest: int) -> tuple[NgramRatios, Float64]:
        """Return the n-grams of texts, and their ratio for each label against the rest, shape (n_ngrams, n_labels).

        r = log((p / |p|) / (q / |q|)), with p = 1 + the texts of the label that have the n-gram, q those of the others.
        """
        made = cls(sorted({name for text in texts for name in _ngrams(text, longest)}), longest)
        rows = made.rows(texts)
        member = np.zeros((len(texts), n_labels))
        member[np.arange(len(texts)), gold] = 1.0
        own = np.asarray(rows.T @ member)  # (n_ngrams, n_labels)
        rest = own.sum(1, keepdims=True) - own
        p, q = own + _SMOOTHING, rest + _SMOOTHING
        return made, np.log(p / p.sum(0)) - np.log(q / q.sum(0))

    def rows(self, texts: Sequence[Steps]) -> Any:
        """Return which n-grams stand in texts, a csr_array of float64 (n, n_ngrams) of zeros and ones."""
        from scipy.sparse import csr_array

        indices: list[int] = []
        ends = [0]
        for text in texts:
            held = {self._columns[name] for name in _ngrams(text, self.longest) if name in self._columns}
            indices += sorted(held)
            ends.append(len(indices))
        places = np.array(indices, np.int64), np.array(ends, np.int64)
        return csr_array((np.ones(len(indices)), *places), shape=(len(texts), len(self.names)))


def _ngrams(text: Sequence[str], longest: int) -> Iterator[str]:
    for n in range(1, longest + 1):
        yield from (" ".join(text[i : i + n]) for i in range(len(text) - n + 1))
