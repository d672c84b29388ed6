"""Words as rows of character ids: by their bytes, as the published models have it, or by code points."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from firth.protocols import Int32
from firth.text.tokenize import encode_text

__all__ = ["Marks", "Spelling"]


@dataclasses.dataclass(frozen=True)
class Marks:
    """Ids of what is no character: sentence's begin and end, word's begin and end, filler, unknown character."""

    bos: int
    eos: int
    bow: int
    eow: int
    pad: int
    unknown: int = 0


@dataclasses.dataclass(frozen=True)
class Spelling:
    """How words are spelled.

    A word is its begin mark, its characters, its end mark, and filler up to ``longest``. Of a longer word the first
    ``longest - 2`` characters are kept. Row 0 of the embedding is a mask's and zero.

    Attributes
    ----------
    scheme : {"bytes", "codepoints"}
        A word's units: the bytes of its UTF-8 (ids 1 to 256), or its code points.
    longest : int
        Length of a row.
    marks : Marks
    ids_of : mapping from str to int
        The id of each code point; empty for bytes.

    Examples
    --------
    >>> spelling = Spelling.bytes(6)
    >>> spelling.rows(["ab"]).tolist()
    [[259, 98, 99, 260, 261, 261]]
    >>> spelling.boundaries().tolist()
    [[259, 257, 260, 261, 261, 261], [259, 258, 260, 261, 261, 261]]
    """

    scheme: str
    longest: int
    marks: Marks
    ids_of: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def bytes(cls, longest: int = 50) -> Spelling:
        """Return the published models' spelling: byte b has the id b + 1, the marks follow."""
        return cls("bytes", longest, Marks(bos=257, eos=258, bow=259, eow=260, pad=261))

    @classmethod
    def codepoints(cls, alphabet: Sequence[str], longest: int = 50) -> Spelling:
        """Return a spelling by code points: those of ``alphabet`` from 1 on, then unknown ones, then the marks."""
        n = len(alphabet)
        marks = Marks(unknown=n + 1, bos=n + 2, eos=n + 3, bow=n + 4, eow=n + 5, pad=n + 6)
        return cls("codepoints", longest, marks, {character: i for i, character in enumerate(alphabet, 1)})

    @property
    def n_ids(self) -> int:
        """Rows of the character embedding: one more than the highest id."""
        marks: int = max(dataclasses.astuple(self.marks))
        return 1 + max([marks, 256 if self.scheme == "bytes" else 0, *self.ids_of.values()])

    def rows(self, words: Sequence[str]) -> Int32:
        """Return the rows of words, shape ``(n, longest)``."""
        marks, n = self.marks, len(words)
        units, lengths = self._units(words)
        kept = np.minimum(lengths, self.longest - 2)
        found = np.full((n, self.longest), marks.pad, np.int32)
        found[:, 0] = marks.bow
        starts = np.cumsum(lengths) - lengths
        columns = np.arange(int(kept.sum())) - np.repeat(np.cumsum(kept) - kept, kept)
        row = np.repeat(np.arange(n), kept)
        found[row, columns + 1] = units[np.repeat(starts, kept) + columns]
        found[np.arange(n), kept + 1] = marks.eow
        return found

    def boundaries(self) -> Int32:
        """Return the rows of a sentence's begin and end, shape ``(2, longest)``."""
        marks = self.marks
        found = np.full((2, self.longest), marks.pad, np.int32)
        found[:, 0], found[:, 1], found[:, 2] = marks.bow, [marks.bos, marks.eos], marks.eow
        return found

    def cut(self, words: Sequence[str]) -> int:
        """Return how many of the words are longer than what is kept of them."""
        lengths = self._units(words)[1]
        return int(np.count_nonzero(lengths > self.longest - 2))

    def _units(self, words: Sequence[str]) -> tuple[Int32, Int32]:
        """Return the ids of all words' units, one after another, and the length of each word."""
        if self.scheme == "bytes":
            spelled = [encode_text(word) for word in words]
            return (
                np.frombuffer(b"".join(spelled), np.uint8).astype(np.int32) + 1,
                np.array([len(word) for word in spelled], np.int32),
            )
        unknown = self.marks.unknown
        units = [self.ids_of.get(character, unknown) for word in words for character in word]
        return np.array(units, np.int32), np.array([len(word) for word in words], np.int32)
