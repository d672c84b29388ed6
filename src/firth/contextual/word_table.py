"""Words as rows of a table of vectors, for a biLM that reads words rather than characters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firth.protocols import Int32

__all__ = ["WordTable"]


class WordTable:
    """Row 0 stands for words that are not there, 1 and 2 for a sentence's begin and end, the rest for ``words``.

    Parameters
    ----------
    words : sequence of str
    kept : int
        Of a longer word the first so many characters are looked up, as ELMoForManyLangs does; 0 is no limit.

    Examples
    --------
    >>> WordTable(["the", "cat"]).rows(["cat", "dog"]).tolist()
    [[4], [0]]
    """

    def __init__(self, words: Sequence[str], kept: int = 0) -> None:
        self.words, self.kept = list(words), kept
        self._row_of = {word: row for row, word in enumerate(self.words, 3)}

    def __len__(self) -> int:
        return len(self.words) + 3

    def rows(self, words: Sequence[str]) -> Int32:
        """Return the rows of words, shape ``(n, 1)``."""
        kept = self.kept or None
        return np.array([[self._row_of.get(word[:kept], 0)] for word in words], np.int32).reshape(-1, 1)

    def boundaries(self) -> Int32:
        """Return the rows of a sentence's begin and end, shape ``(2, 1)``."""
        return np.array([[1], [2]], np.int32)
