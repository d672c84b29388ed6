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
class WordSpelling(Spelling):
    """A spelling with the word's row of a table before it.

    Attributes
    ----------
    table : WordTable

    Examples
    --------
    >>> reader = WordSpelling.of(WordTable(["abc", "xy"]), Spelling.codepoints("abc", 5))
    >>> reader.rows(["abc", "ax"]).tolist()
    [[3, 7, 1, 2, 3, 8], [0, 7, 1, 4, 8, 9]]
    """

    table: WordTable = dataclasses.field(default_factory=lambda: WordTable([]))

    @classmethod
    def of(cls, table: WordTable, spelling: Spelling) -> WordSpelling:
        """Put the two together."""
        return cls(spelling.scheme, spelling.longest, spelling.marks, spelling.ids_of, table)

    def rows(self, words: Sequence[str]) -> Int32:
        """Return the rows of words, shape ``(n, 1 + longest)``."""
        return np.concatenate([self.table.rows(words), super().rows(words)], 1)

    def boundaries(self) -> Int32:
        """Return the rows of a sentence's begin and end, shape ``(2, 1 + longest)``."""
        return np.concatenate([self.table.boundaries(), super().boundaries()], 1)
