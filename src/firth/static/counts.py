"""Words by words as a sparse matrix: co-occurrence counts, and what is made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.vectors.words import Words

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["CooccurrenceMatrix", "PPMIMatrix", "WordByWord"]

_BLOCK = 1 << 22  # pairs looked at together


@dataclasses.dataclass(frozen=True, eq=False)
class WordByWord:
    """A sparse matrix by rows, with a word for each row and each column.

    Attributes
    ----------
    words : Words
        The word of each row and of each column.
    counts : ndarray of int64, shape (n_words,)
        Occurrences of each word in the text.
    indptr : ndarray of int64, shape (n_words + 1,)
        Row i lies at ``indptr[i]:indptr[i + 1]``.
    indices : ndarray of int32, shape (n_pairs,)
        Columns (the context), ascending within a row.
    values : ndarray of float32 or float64, shape (n_pairs,)
        All positive.
    metadata : mapping
        Plain values: options and origin.

    Raises
    ------
    DataError
        When the lengths don't fit each other.
    """

    words: Words
    counts: NDArray[np.int64]
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: NDArray[np.floating]
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.words)
        if self.counts.shape != (n,) or self.indptr.shape != (n + 1,) or self.indices.shape != self.values.shape:
            got = f"{n} words, counts {self.counts.shape}, indptr {self.indptr.shape}, indices {self.indices.shape}"
            raise DataError("the parts of the sparse matrix don't fit", got=f"{got}, values {self.values.shape}")
        if self.indptr[0] != 0 or self.indptr[-1] != len(self.indices):
            raise DataError("the rows of the sparse matrix don't fit", got=f"{self.indptr[[0, -1]].tolist()}")

    def fault(self) -> str | None:
        """Return what is wrong with the content, None where nothing is; for files from strangers.

        Looks at all pairs, in blocks, so that little memory is used.
        """
        if (self.counts < 0).any():
            return "a word's count is negative"
        if (np.diff(self.indptr) < 0).any():
            return "the rows overlap"
        for begin in range(0, len(self.indices), _BLOCK):
            columns, values = self.indices[begin : begin + _BLOCK + 1], self.values[begin : begin + _BLOCK]
            if columns.min() < 0 or columns.max() >= len(self):
                return "a column lies outside the vocabulary"
            falls = np.flatnonzero(columns[1:] <= columns[:-1]) + begin + 1  # only a new row may begin lower
            if (self.indptr[np.searchsorted(self.indptr, falls)] != falls).any():
                return "the columns of a row do not ascend"
            if not (np.isfinite(values) & (values > 0)).all():
                return "a value is not a positive number"
        return None

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self):,} words, {len(self.indices):,} pairs>"

    @cached_property
    def matrix(self) -> csr_array:
        """The matrix of SciPy, shape (n_words, n_words), sharing these arrays where its index types allow."""
        from scipy.sparse import csr_array

        return csr_array((self.values, self.indices, self.indptr), shape=(len(self), len(self)))

    def row(self, word: str) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
        """Return the contexts of ``word``, ascending, and their values.

        Raises
        ------
        UnknownWordError
            When the word is not in the vocabulary.
        """
        at = self.words.row(word)
        here = slice(int(self.indptr[at]), int(self.indptr[at + 1]))
        return self.indices[here], self.values[here]

    def __getitem__(self, pair: tuple[str, str]) -> float:
        word, context = pair
        column = self.words.row(context)
        columns, values = self.row(word)
        at = int(np.searchsorted(columns, column))
        return float(values[at]) if at < len(columns) and columns[at] == column else 0.0

    def contexts(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """Return the ``n`` contexts of ``word`` with the largest values, of equals the more frequent first."""
        columns, values = self.row(word)
        best = np.argsort(-values, kind="stable")[: max(n, 0)]
        return [(self.words[int(columns[at])], float(values[at])) for at in best]


class CooccurrenceMatrix(WordByWord):
    """How often words stand near words. ``values`` are sums of weights.

    ``metadata["unit"]`` is the number of parts that a weight of 1 was counted in, where the counts are Firth's.

    Examples
    --------
    >>> from firth.static.cooccurrence import Cooc, train
    >>> text = ["I have a cat", "cat eat fish", "I have a apple"]
    >>> counts = train(text, Cooc(window=0, weights="flat", min_count=1)).model
    >>> counts["I", "have"], counts["I", "cat"], counts["I", "fish"]
    (2.0, 1.0, 0.0)
    >>> round(counts.ratio("cat", "I", probe="have"), 3)
    0.6
    """

    @cached_property
    def total(self) -> float:
        """Sum of all values."""
        return float(self.values.sum(dtype=np.float64))

    def probability(self, context: str, word: str) -> float:
        """Return P(context | word), the share of ``context`` in the row of ``word``; NaN where the row is empty."""
        total = float(self.row(word)[1].sum(dtype=np.float64))
        return self[word, context] / total if total else float("nan")

    def ratio(self, a: str, b: str, probe: str) -> float:
        """Return P(probe | a) / P(probe | b), which tells what sets ``a`` apart from ``b``.

        Pennington, Socher and Manning 2014, section 3, table 1 (ice and steam). Infinite where only ``a`` is seen
        with the probe, NaN where neither is.

        Raises
        ------
        UnknownWordError
            When a word is not in the vocabulary.
        """
        of_a, of_b = self.probability(probe, a), self.probability(probe, b)
        if of_b:
            return of_a / of_b
        return float("inf") if of_a else float("nan")


class PPMIMatrix(WordByWord):
    """Positive pointwise mutual information of words and contexts: each row is a (sparse) vector of its word."""

    def similarity(self, a: str, b: str) -> float:
        """Return the cosine of two rows; 0 where one is empty."""
        (at_a, of_a), (at_b, of_b) = self.row(a), self.row(b)
        _, in_a, in_b = np.intersect1d(at_a, at_b, assume_unique=True, return_indices=True)
        lengths = float(np.linalg.norm(of_a.astype(np.float64)) * np.linalg.norm(of_b.astype(np.float64)))
        return float(of_a[in_a].astype(np.float64) @ of_b[in_b].astype(np.float64)) / lengths if lengths else 0.0
