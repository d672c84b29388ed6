"""Words as rows of a table and as spellings, for a token layer that reads both."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from firth.contextual.spelling import Spelling
from firth.contextual.word_table import WordTable
from firth.protocols import Int32

__all__ = ["WordSpelling"]


@dataclasses.dataclass(frozen=True)
class WordSpelling:
    """A row of the table, then the characters' ids.

    Of a word longer than the spelling keeps, the table is asked for the kept part too: so ELMoForManyLangs does, whose
    words are cut before they are looked up.

    Examples
    --------
    >>> reader = WordSpelling(WordTable(["abc", "xy"]), Spelling.codepoints("abc", 5))
    >>> reader.rows(["abcd", "ax"]).tolist()
    [[3, 7, 1, 2, 3, 8], [0, 7, 1, 4, 8, 9]]
    """

    table: WordTable
    spelling: Spelling

    def rows(self, words: Sequence[str]) -> Int32:
        """Return the rows of words, shape ``(n, 1 + longest)``."""
        kept = self.spelling.longest - 2
        whole = self.spelling.scheme == "bytes"  # a cut between bytes may leave no text to look up
        looked_up = list(words) if whole else [word[:kept] for word in words]
        return np.concatenate([self.table.rows(looked_up), self.spelling.rows(words)], 1)

    def boundaries(self) -> Int32:
        """Return the rows of a sentence's begin and end, shape ``(2, 1 + longest)``."""
        return np.concatenate([self.table.boundaries(), self.spelling.boundaries()], 1)

    def cut(self, words: Sequence[str]) -> int:
        """Return how many of the words are longer than what is kept of their spelling."""
        return self.spelling.cut(words)
