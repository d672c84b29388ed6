"""Words and character n-grams in one small table, each in one to four rows of it, as floret has them.

Boyd and Warmerdam 2022, "floret: lightweight, robust word vectors" (Explosion); a Bloom embedding (Serra and
Karatzoglou 2017) of fastText's n-grams. spaCy reads such tables.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import ConfigError, DataError
from firth.protocols import Float32
from firth.vectors.checks import refuse_duplicates
from firth.vectors.compose import composed
from firth.vectors.storage import Rows
from firth.vectors.subword import Composed, SubwordVectors, encoded
from firth.vectors.words import Words

__all__ = ["SEED", "FloretRows"]

SEED = 2_166_136_261  # what floret's program starts its hash with


@dataclasses.dataclass(frozen=True)
class FloretRows:
    """Rows that a word and its character n-grams are hashed into.

    A word's vector is the mean of the rows of ``<word>`` and of its n-grams, whether training saw it or not;
    ``</s>`` has none.

    Attributes
    ----------
    rows : float32 rows, shape (n_buckets, dim)
    minn, maxn : int
        Shortest and longest n-gram of ``<word>``, in characters of UTF-8; a ``maxn`` of 0 leaves the word alone.
    hashes : int
        Rows of each n-gram, 1 to 4: so many of the four words of MurmurHash3 (64-bit form, 128 bits), modulo the number
        of rows.
    seed : int
        Of the hash.
    begin, end : str
        What frames a word.

    Examples
    --------
    >>> table = FloretRows(np.eye(8, dtype=np.float32), minn=3, maxn=3, hashes=2)
    >>> len(table.indices("cat")), table.vector("cat").sum().round(5).item()  # <cat>, <ca, cat, at>
    (8, 1.0)
    """

    rows: Rows
    minn: int = 3
    maxn: int = 6
    hashes: int = 1
    seed: int = SEED
    begin: str = "<"
    end: str = ">"

    def __post_init__(self) -> None:
        if not (0 <= self.minn <= 1000 and 0 <= self.maxn <= 1000):
            raise ConfigError("n-gram lengths out of range", got=(self.minn, self.maxn), expected="0 to 1000")
        if not (1 <= self.hashes <= 4 and 0 <= self.seed < 1 << 32):
            raise ConfigError("hashes or seed out of range", got=(self.hashes, self.seed), expected="1 to 4, 32 bits")
        if not 0 < len(self.rows) < 1 << 31:
            raise DataError("a table of n-grams needs rows", got=len(self.rows), expected="1 to 2**31 - 1")

    @property
    def buckets(self) -> int:
        """What hashes are taken modulo: the number of rows."""
        return len(self.rows)

    def indices(self, word: str) -> NDArray[np.int64]:
        """Return the rows of ``word`` and its n-grams."""
        return _core.floret_word_rows(encoded(word), *self._hashing).astype(np.int64)

    def all_indices(self, words: Words) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the rows of all words, one after another, and where each word's end."""
        ends, found = _core.floret_rows(words.blob, words.offsets, words.gap, *self._hashing)
        return found, ends

    def vector(self, word: str) -> Float32 | None:
        """Return the mean of the rows of ``word``."""
        found = self.indices(word).astype(np.int32)
        return composed(None, self.rows, np.array([0, len(found)]), found)[0] if len(found) else None

    def vectors(self, words: Iterable[str] = (), *, oov: str = "error") -> SubwordVectors:
        """Return vectors that answer for any word, and list ``words`` as known ones, among which neighbours are sought.

        Examples
        --------
        >>> found = FloretRows(np.eye(8, dtype=np.float32)).vectors(["cat", "cats"])
        >>> len(found), found.knows("bird"), "bird" in found
        (2, True, False)
        """
        listed = Words.of(words)
        if not isinstance(words, Words):
            refuse_duplicates(listed)
        return SubwordVectors(
            listed, Composed(None, self, listed), subwords=self, oov=oov, metadata={"model": "floret"}
        )

    @property
    def _hashing(self) -> tuple[int, int, int, int, int, bytes, bytes]:
        return (
            self.minn,
            self.maxn,
            self.buckets,
            self.hashes,
            self.seed,
            encoded(self.begin),
            encoded(self.end),
        )
