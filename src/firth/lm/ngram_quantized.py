"""N-grams in less room: log probabilities and weights as codes of a few values, places in as few bits as hold them.

The values of an order are sorted and parted into bins of equal size, each of which is then told by its mean (Federico
and Bertoldi 2006, section 3; KenLM does the same). Weights of zero keep a code of their own, so that what backs off
for free goes on doing so. Single words keep their values.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError
from firth.lm.ngram_table import Level, NGramTable
from firth.protocols import Float32

__all__ = ["VALUES", "Coded", "Packed", "QuantizedLevel", "QuantizedTable", "bits_for"]

VALUES = 256
_BLOCK = 1 << 16  # numbers packed together; a multiple of 8
_SPARE = 8  # bytes after the last, so that any number can be read as eight


@dataclasses.dataclass(frozen=True)
class Packed:
    """Whole numbers of ``bits`` bits, end to end, the lowest bit first.

    Attributes
    ----------
    data : ndarray of uint8, shape (at least n * bits / 8 + 7,)
    bits : int
    n : int

    Examples
    --------
    >>> packed = Packed.of(np.arange(100), 7)
    >>> int(packed[99]), packed[3:6].tolist(), len(packed), packed.data.nbytes
    (99, [3, 4, 5], 100, 96)
    """

    data: NDArray[np.uint8]
    bits: int
    n: int

    @classmethod
    def of(cls, numbers: NDArray[np.integer], bits: int) -> Packed:
        """Pack numbers that are all below ``2 ** bits``."""
        data = np.zeros(-(-len(numbers) * bits // 8) + _SPARE, np.uint8)
        places = np.arange(bits, dtype=np.uint64)
        for begin in range(0, len(numbers), _BLOCK):
            block = numbers[begin : begin + _BLOCK].astype(np.uint64)
            each = (block[:, None] >> places & np.uint64(1)).astype(np.uint8)  # block x bits
            packed = np.packbits(each.reshape(-1), bitorder="little")
            data[begin * bits // 8 :][: len(packed)] = packed
        return cls(data, bits, len(numbers))

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, at: int | slice) -> NDArray[np.int64]:
        """Return some of the numbers, or one as an array of no axes."""
        numbers = np.arange(*at.indices(self.n)) if isinstance(at, slice) else np.asarray(range(self.n)[at])
        bit = numbers.astype(np.int64) * self.bits
        eight = sum((self.data[(bit >> 3) + i].astype(np.uint64) << np.uint64(8 * i) for i in range(8)), np.uint64(0))
        mask = np.uint64((1 << self.bits) - 1)
        return np.asarray(eight >> (bit & 7).astype(np.uint64) & mask).astype(np.int64)


@dataclasses.dataclass(frozen=True)
class Coded:
    """Values told by codes.

    Attributes
    ----------
    codes : ndarray of uint8, shape (n,)
    values : ndarray of float32, shape (256,)
        Ascending.
    """

    codes: NDArray[np.uint8]
    values: Float32

    @classmethod
    def of(cls, numbers: Float32, bits: int) -> Coded:
        """Choose ``2 ** bits`` values for these numbers; a zero stays one."""
        distinct = np.unique(numbers) if len(numbers) else np.zeros(1, np.float32)
        if len(distinct) <= 1 << bits:
            chosen = distinct
        else:
            ordered = np.sort(numbers[numbers != 0])
            bins = np.array_split(ordered, (1 << bits) - 1)
            zero = [np.float32(0)] if len(ordered) < len(numbers) else []
            chosen = np.unique(np.array([*(part.mean(dtype=np.float64) for part in bins), *zero], np.float32))
        between = (chosen[1:].astype(np.float64) + chosen[:-1]) / 2
        codes = np.empty(len(numbers), np.uint8)
        for begin in range(0, len(numbers), 1 << 20):
            block = numbers[begin : begin + (1 << 20)]
            codes[begin : begin + len(block)] = np.searchsorted(between, block)
        codes[numbers == 0] = np.searchsorted(chosen, 0)
        return cls(codes, np.pad(chosen.astype(np.float32), (0, VALUES - len(chosen)), mode="edge"))

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, at: int | slice) -> Float32:
        return np.asarray(self.values[self.codes[at]])


@dataclasses.dataclass(frozen=True)
class QuantizedLevel:
    """The n-grams of one order, as :class:`firth.lm.ngram_table.Level` has them."""

    word: Packed
    suffix: Packed
    first: Packed
    log_prob: Coded
    backoff: Coded

    def __len__(self) -> int:
        return len(self.word)

    def plain(self) -> Level:
        """Return plain arrays."""
        return Level(
            self.word[:].astype(np.int32), self.suffix[:].astype(np.int32), self.log_prob[:], self.backoff[:],
            self.first[:],
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class QuantizedTable:
    """All orders: single words plain, longer n-grams packed.

    Attributes
    ----------
    levels : tuple
        A :class:`Level`, then a :class:`QuantizedLevel` for each longer n-gram.
    """

    levels: tuple[Level | QuantizedLevel, ...]

    @classmethod
    def of(cls, table: NGramTable, bits: int = 8) -> QuantizedTable:
        """Pack a table, with up to ``2 ** bits`` values for each order's log probabilities, and for its weights.

        Raises
        ------
        ConfigError
            When ``bits`` is not in 2 to 8.
        """
        if not 2 <= bits <= 8:
            raise ConfigError("no such number of bits", got=bits, expected="2 to 8")
        return cls((table.levels[0], *_packed(table, bits)))

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return len(self.levels)

    def counts(self) -> list[int]:
        """Return the number of n-grams of each order."""
        return [len(level) for level in self.levels]

    def plain(self) -> NGramTable:
        """Return plain arrays."""
        return NGramTable(tuple(level if isinstance(level, Level) else level.plain() for level in self.levels))


def bits_for(n: int) -> int:
    """Return how many bits hold numbers from 0 to below ``n``."""
    return max(1, (max(n, 1) - 1).bit_length())


def _packed(table: NGramTable, bits: int) -> Iterator[QuantizedLevel]:
    words = len(table.levels[0])
    for below, level in zip(table.levels, table.levels[1:], strict=False):
        above = int(level.first[-1]) if len(level.first) else 0
        yield QuantizedLevel(
            Packed.of(level.word, bits_for(words)),
            Packed.of(level.suffix, bits_for(len(below))),
            Packed.of(level.first, bits_for(above + 1)),
            Coded.of(level.log_prob, bits),
            Coded.of(level.backoff, bits),
        )
