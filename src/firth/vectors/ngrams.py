"""Character n-grams that other programs than fastText find otherwise: by their own hash, or by name.

Of finalfusion (https://finalfusion.github.io/spec) come a 64-bit hash and tables of named n-grams, and that an unknown
word is the sum of its n-grams' rows, scaled to length 1; of gensim before 3.7 a hash over characters in the place of
bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, DataError
from firth.protocols import Float32
from firth.vectors.storage import Rows

__all__ = ["HASHES", "BucketNgrams", "NamedNgrams", "ngrams_of"]

_FNV64_START, _FNV64_PRIME = 14695981039346656037, 1099511628211
_FNV32_START, _FNV32_PRIME = 2166136261, 16777619
_MASK32, _MASK64 = (1 << 32) - 1, (1 << 64) - 1


def ngrams_of(word: str, minn: int, maxn: int) -> Iterator[str]:
    """Yield the n-grams of ``<word>``, of ``minn`` to ``maxn`` characters.

    Examples
    --------
    >>> list(ngrams_of("水", 2, 3))
    ['<水', '<水>', '水>']
    """
    marked = f"<{word}>"
    for start in range(len(marked)):
        for end in range(start + minn, min(start + maxn, len(marked)) + 1):
            yield marked[start:end]


def _finalfusion_hash(gram: str) -> int:
    """Return FNV-1a of 64 bits over the number of characters (8 bytes) and each character (4 bytes)."""
    value = _FNV64_START
    for byte in len(gram).to_bytes(8, "little") + gram.encode("utf-32-le", "surrogatepass"):
        value = ((value ^ byte) * _FNV64_PRIME) & _MASK64
    return value


def _character_hash(gram: str) -> int:
    """Return FNV-1a of 32 bits over characters, as gensim had it before 3.7."""
    value = _FNV32_START
    for character in gram:
        value = ((value ^ ord(character)) * _FNV32_PRIME) & _MASK32
    return value


HASHES: dict[str, Callable[[str], int]] = {"finalfusion": _finalfusion_hash, "characters": _character_hash}


def _combined(rows: Rows, found: NDArray[np.int64], unit: bool) -> Float32 | None:
    """Return the mean of rows, or their sum at length 1; None where there is none."""
    if not len(found):
        return None
    total = np.asarray(rows[found], dtype=np.float32).sum(axis=0, dtype=np.float32)
    scale = np.float32(np.linalg.norm(total) if unit else len(found))
    return np.asarray(total / scale if scale else total)


@dataclasses.dataclass(frozen=True)
class BucketNgrams:
    """Character n-grams found by another hash than fastText's; a :class:`firth.vectors.subword.Subwords`.

    Attributes
    ----------
    rows : float32, shape (n_rows, dim)
        One per bucket; fewer where ``kept`` says which.
    minn, maxn : int
        Shortest and longest n-gram of ``<word>``.
    buckets : int
        What hashes are taken modulo.
    hash : {"finalfusion", "characters"}
        The hash.
    kept : mapping from int to int, or None
        From buckets to rows.
    unit : bool
        Whether the vector of an unknown word is the sum at length 1 rather than the mean.

    Examples
    --------
    >>> BucketNgrams(np.eye(4, dtype=np.float32), 2, 2, buckets=4).indices("a").tolist()
    [2, 0]
    """

    rows: Rows
    minn: int = 3
    maxn: int = 6
    buckets: int = 1 << 21
    hash: str = "finalfusion"
    kept: Mapping[int, int] | None = None
    unit: bool = True

    def __post_init__(self) -> None:
        _check_lengths(self.minn, self.maxn)
        if self.hash not in HASHES:
            raise ConfigError("no such hash of n-grams", got=self.hash, expected="one of " + ", ".join(HASHES))
        if self.kept is None and len(self.rows) != self.buckets:
            raise DataError("the n-gram rows don't fit", got=len(self.rows), expected=f"{self.buckets}, one per bucket")

    def indices(self, word: str) -> NDArray[np.int64]:
        """Return the rows of the n-grams of ``word``."""
        hashed = HASHES[self.hash]
        found = [hashed(gram) % self.buckets for gram in ngrams_of(word, self.minn, self.maxn)]
        if self.kept is not None:
            found = [self.kept[bucket] for bucket in found if bucket in self.kept]
        return np.array(found, dtype=np.int64)

    def vector(self, word: str) -> Float32 | None:
        """Return the vector of an unknown word, shape (dim,), or None."""
        return _combined(self.rows, self.indices(word), self.unit)


@dataclasses.dataclass(frozen=True)
class NamedNgrams:
    """Character n-grams that are listed by name; a :class:`firth.vectors.subword.Subwords`.

    Attributes
    ----------
    rows : float32, shape (n_rows, dim)
        Their vectors.
    minn, maxn : int
        Shortest and longest n-gram of ``<word>``.
    table : mapping from str to int
        From n-grams to rows; several may share one.
    unit : bool
        Whether the vector of an unknown word is the sum at length 1 rather than the mean.

    Examples
    --------
    >>> grams = NamedNgrams(np.eye(2, dtype=np.float32), 2, 3, {"<a": 0, "a>": 1}, unit=False)
    >>> grams.vector("a").tolist(), grams.vector("b")
    ([0.5, 0.5], None)
    """

    rows: Rows
    minn: int
    maxn: int
    table: Mapping[str, int]
    unit: bool = True

    def __post_init__(self) -> None:
        _check_lengths(self.minn, self.maxn)
        if self.table and not 0 <= min(self.table.values()) <= max(self.table.values()) < len(self.rows):
            raise DataError("an n-gram has no row", got=max(self.table.values()), expected=f"under {len(self.rows)}")

    def indices(self, word: str) -> NDArray[np.int64]:
        """Return the rows of the n-grams of ``word`` that are listed."""
        found = [self.table[gram] for gram in ngrams_of(word, self.minn, self.maxn) if gram in self.table]
        return np.array(found, dtype=np.int64)

    def vector(self, word: str) -> Float32 | None:
        """Return the vector of an unknown word, shape (dim,), or None."""
        return _combined(self.rows, self.indices(word), self.unit)


def _check_lengths(minn: int, maxn: int) -> None:
    if not (1 <= minn <= maxn <= 1000):
        raise ConfigError("n-gram lengths out of range", got=(minn, maxn), expected="1 to 1000, shortest first")
