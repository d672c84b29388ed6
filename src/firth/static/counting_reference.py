"""The NumPy twin of ``native/cooc.cpp``: counts co-occurrences the plain way, and is written to be read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from firth.static.reference import random_at

__all__ = ["count", "kept_sentences"]

Int64 = NDArray[np.int64]


def kept_sentences(
    ids: NDArray[np.int32], ends: Int64, word_of: NDArray[np.int32], keep: NDArray[np.uint32], key: int
) -> Iterator[list[int]]:
    """Yield each sentence as the words that stay; what is left out leaves no gap.

    Parameters
    ----------
    ids, ends : ndarray
        Types of the text, (n_tokens,), and the ends of its sentences.
    word_of : ndarray of int32, shape (n_types,)
        The word (row) of each type, or -1.
    keep : ndarray of uint32, shape (n_words,) or (0,)
        The largest random number at which an occurrence stays; empty: all stay.
    key : int
        Key of the random numbers, one for each place in the text.
    """
    begin = 0
    for end in ends.tolist():
        words = [(place, int(word_of[ids[place]])) for place in range(begin, end)]
        yield [
            word
            for place, word in words
            if word >= 0 and (len(keep) == 0 or random_at(key, place) >> 32 <= int(keep[word]))
        ]
        begin = end


def count(
    sentences: Iterator[list[int]], n_words: int, parts: NDArray[np.uint64], *, left: bool, right: bool
) -> NDArray[np.uint64]:
    """Return the sums of weights, (n_words, n_words): row, the word; column, its context.

    Parameters
    ----------
    sentences : iterator of lists of int
    n_words : int
    parts : ndarray of uint64, shape (reach,)
        ``parts[d - 1]`` is added for a context word d places away.
    left, right : bool
        Which sides count.

    Examples
    --------
    >>> count(iter([[0, 1, 0]]), 2, np.array([2, 1], np.uint64), left=True, right=False).tolist()
    [[1, 2], [2, 0]]
    """
    sums = np.zeros((n_words, n_words), np.uint64)
    for sentence in sentences:
        for here, word in enumerate(sentence):
            for distance, part in enumerate(parts, start=1):
                if left and here - distance >= 0:
                    sums[word, sentence[here - distance]] += part
                if right and here + distance < len(sentence):
                    sums[word, sentence[here + distance]] += part
    return sums
