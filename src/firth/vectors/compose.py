"""Means of rows: a word's own and those of its character n-grams, added in the order of Facebook's program."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import DataError
from firth.protocols import Float32
from firth.vectors.storage import Rows, row_bytes

__all__ = ["composed", "composed_in_numpy"]


def composed(own: Rows | None, grams: Rows, starts: NDArray[np.int64], items: NDArray[np.int32]) -> Float32:
    """Return the mean of each word's rows, shape (n_words, dim); zeros where a word has none.

    Parameters
    ----------
    own : float32 rows, shape (n_words, dim), or None
        The words' own rows, where they have some.
    grams : float32 rows, shape (n_rows, dim)
        The rows of n-grams.
    starts : ndarray of int64, shape (n_words + 1,)
        Word ``i`` has the rows ``items[starts[i] : starts[i + 1]]`` of ``grams``.
    items : ndarray of int32
        Row numbers.

    Raises
    ------
    DataError
        When a row number is out of range.

    Examples
    --------
    >>> grams = np.array([[1, 1], [3, 5]], np.float32)
    >>> composed(None, grams, np.array([0, 2, 2]), np.array([0, 1], np.int32)).tolist()
    [[2.0, 3.0], [0.0, 0.0]]
    """
    own_bytes = np.zeros((0, 4 * grams.shape[1]), np.uint8) if own is None else row_bytes(own)
    gram_bytes = row_bytes(grams)
    n = len(starts) - 1
    if own_bytes is None or gram_bytes is None:
        return composed_in_numpy(own, grams, starts, items)
    out = np.empty((n, grams.shape[1]), dtype=np.float32)
    try:
        _core.compose_rows(own_bytes, gram_bytes, starts, items, out, _threads())
    except ValueError as error:
        raise DataError(str(error)) from error
    return out


def composed_in_numpy(own: Rows | None, grams: Rows, starts: NDArray[np.int64], items: NDArray[np.int32]) -> Float32:
    """Return what :func:`composed` does: the twin of the native loop, and the way for rows that must be decoded."""
    counts = np.diff(starts)
    sums = np.zeros((len(counts), grams.shape[1]), np.float32) if own is None else np.array(own[:], np.float32)
    for place in range(int(counts.max(initial=0))):
        some = np.flatnonzero(counts > place)
        sums[some] += np.asarray(grams[items[starts[some] + place]])
    terms = counts + (own is not None)
    # One division, then multiplications: the rounding of Facebook's program.
    return np.asarray(sums * (1 / np.maximum(terms, 1)).astype(np.float32)[:, None])


def _threads() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
