"""N-grams with their probabilities and back-off weights, as a forward trie in flat arrays.

Level k holds the n-grams of k + 1 words, sorted by their ids, the first word's first; so the continuations of an
n-gram stand together, sorted by their last word. Level 0 is the lexicon: node i is word i, ``<bos>`` the last.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from firth.protocols import Float32

__all__ = ["Level", "NGramTable"]


@dataclasses.dataclass(frozen=True)
class Level:
    """The n-grams of one order, n of them.

    Attributes
    ----------
    word : ndarray of int32, shape (n,)
        The last word of each.
    suffix : ndarray of int32, shape (n,)
        The node of the level below that is this n-gram without its first word; none (length 0) at level 0.
    log_prob : ndarray of float32, shape (n,)
        Base 10, of the last word after the others; that of ``<bos>`` is -99 and never read.
    backoff : ndarray of float32, shape (n,)
        Base 10, the weight of the shorter context where a word does not follow this n-gram; 0 where nothing
        follows. None (length 0) at the highest level.
    first : ndarray of int64 (int32 from a file), shape (n + 1,)
        Continuations of node i are nodes ``first[i]`` to ``first[i + 1]`` of the level above; none (length 0) at the
        highest level.
    """

    word: NDArray[np.int32]
    suffix: NDArray[np.int32]
    log_prob: Float32
    backoff: Float32
    first: NDArray[np.int64] | NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.word)


@dataclasses.dataclass(frozen=True)
class NGramTable:
    """All orders. Closed: an n-gram's first words, and its last words, are n-grams of the table too.

    Attributes
    ----------
    levels : tuple of Level
        ``levels[k]`` for n-grams of k + 1 words.
    """

    levels: tuple[Level, ...]

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return len(self.levels)

    def counts(self) -> list[int]:
        """Return the number of n-grams of each order, ``<bos>`` and ``<unk>`` among the single words."""
        return [len(level) for level in self.levels]
