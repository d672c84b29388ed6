"""Words as one run of bytes: a million of them load without making a million Python objects."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import DataError
from firth.text.vocab import WordList

__all__ = ["UnknownWordError", "Words"]

_BLOCK = 65_536
_SPELLINGS_SEARCHED = 10_000


class UnknownWordError(DataError, KeyError):
    """A word has no vector; also a ``KeyError``, as a mapping's users expect."""


class Words(Sequence[str]):
    """An immutable sequence of distinct words over bytes that may lie in a mapped file.

    Bytes that are not UTF-8 become lone surrogates (``surrogateescape``), so that every word has its way back.
    The table from words to rows is built natively at the first look-up (a million words: about 0.1 s, 16 MB).

    Parameters
    ----------
    blob : ndarray of uint8
        The bytes of all words, in order.
    offsets : ndarray of int64, shape (n + 1,)
        Word ``i`` is ``blob[offsets[i] : offsets[i + 1] - gap]``.
    gap : int
        Bytes between neighbours (1 in a file of lines, else 0).

    Examples
    --------
    >>> words = Words.of(["the", "水"])
    >>> words[1], words.find("the"), words.find("a")
    ('水', 0, -1)
    """

    __slots__ = ("_index", "blob", "gap", "offsets")

    def __init__(self, blob: NDArray[np.uint8], offsets: NDArray[np.int64], gap: int = 0) -> None:
        self.blob, self.offsets, self.gap = blob, offsets, gap
        self._index: _core.WordIndex | None = None

    @classmethod
    def of(cls, words: Iterable[str]) -> Words:
        """Return ``words`` as such a sequence (itself where it is one).

        Raises
        ------
        DataError
            When a word is no ``str`` or has no bytes (a surrogate that stands for no byte).
        """
        if isinstance(words, Words):
            return words
        if isinstance(words, WordList):
            return cls(words.data, np.concatenate([np.zeros(1, np.int64), words.ends]))
        encoded = [_encoded(word) for word in words]
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded)), out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def raw(self, row: int) -> bytes:
        """Return the bytes of word ``row``, which must be in ``[0, n)``."""
        return self.blob[self.offsets[row] : self.offsets[row + 1] - self.gap].tobytes()

    def spread(self, gap: int, fill: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return the bytes of all words with ``gap`` (0 or 1) bytes ``fill`` after each, and where each word begins.

        The second has one more entry for the end, as :attr:`offsets` has.

        Examples
        --------
        >>> blob, offsets = Words.of(["the", "水"]).spread(1, ord(","))
        >>> blob.tobytes().decode(), offsets.tolist()
        ('the,水,', [0, 4, 8])
        """
        bounds = self.offsets - self.offsets[0]
        blob = self.blob[self.offsets[0] : self.offsets[-1]]
        if gap == self.gap and not gap:
            return blob, bounds
        numbers = np.arange(len(self) + 1)
        moved = bounds + (gap - self.gap) * numbers
        out = np.full(int(moved[-1]), fill, dtype=np.uint8)
        into, source = np.ones(len(out), dtype=bool), np.ones(len(blob), dtype=bool)
        if gap:
            into[moved[1:] - 1] = False
        for back in range(1, self.gap + 1):
            source[bounds[1:] - back] = False
        out[into] = blob[source]
        return out, moved

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            start, stop, step = row.indices(len(self))
            if step == 1 and start == 0:
                return Words(self.blob, self.offsets[: max(stop, 0) + 1], self.gap)
            return [self[at] for at in range(start, stop, step)]
        n = len(self)
        if not -n <= row < n:
            raise IndexError(f"word {row} of {n}")
        return self.raw(row % n).decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _BLOCK):
            bounds = self.offsets[start : start + _BLOCK + 1]
            piece = self.blob[bounds[0] : bounds[-1]].tobytes()
            for begin, end in itertools.pairwise((bounds - bounds[0]).tolist()):
                yield piece[begin : end - self.gap].decode("utf-8", "surrogateescape")

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.find(word) >= 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Words | list | tuple):
            return len(self) == len(other) and all(map(str.__eq__, self, other))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(repr(word) for word in self[:4])
        return f"<{len(self)} words: {shown}{', …' if len(self) > 4 else ''}>"

    @property
    def index(self) -> _core.WordIndex:  # type: ignore[override]
        """The native table from bytes to rows, built at the first use."""
        if self._index is None:
            try:
                self._index = _core.WordIndex(self.blob, self.offsets, self.gap)
            except ValueError as error:
                raise DataError(str(error)) from error
        return self._index

    def find(self, word: str) -> int:
        """Return the row of ``word``, or -1."""
        try:
            return self.index.find(word.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            return -1

    def row(self, word: str) -> int:
        """Return the row of ``word``.

        Raises
        ------
        UnknownWordError
            When it has none; close spellings are named.
        """
        row = self.find(word)
        if row < 0:
            near = self.spellings(word)
            remedy = f"near it are {', '.join(near)}" if near else None
            raise UnknownWordError("no vector for this word", got=repr(word), remedy=remedy)
        return row

    def spellings(self, word: str, n: int = 3) -> list[str]:
        """Return up to ``n`` known words spelt like ``word``: other cases first, then the likes of difflib.

        Only the first 10,000 words are compared letter by letter, so that an error costs no seconds.
        """
        cases = dict.fromkeys((word.lower(), word.capitalize(), word.upper(), word.strip()))
        found = [case for case in cases if case != word and case in self]
        near = [known for known in self[:_SPELLINGS_SEARCHED] if abs(len(known) - len(word)) <= 2]
        for close in difflib.get_close_matches(word[:64], near, n):
            if close not in found:
                found.append(close)
        return found[:n]


def _encoded(word: object) -> bytes:
    if not isinstance(word, str):
        raise DataError("a word is not text", got=word, expected="str")
    try:
        return word.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise DataError("a word holds a surrogate that stands for no byte", got=ascii(word)) from error
