"""Which of millions of hash buckets have a row: a mapping held in two arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import DataError
from firth.protocols import Float32
from firth.vectors.storage import Rows

__all__ = ["KeptBuckets", "SpreadRows"]


class KeptBuckets(Mapping[int, int]):
    """From buckets to rows; bucket ``buckets[i]`` has row ``rows[i]``, or row ``i`` where no rows are given.

    Parameters
    ----------
    buckets : array-like of int, shape (n,)
        Different natural numbers below 2^31.
    rows : array-like of int, shape (n,), optional

    Raises
    ------
    DataError
        When a bucket stands twice or the shapes differ.

    Examples
    --------
    >>> kept = KeptBuckets([7, 3])
    >>> kept[3], len(kept), kept.get(4), dict(kept)
    (1, 2, None, {7: 0, 3: 1})
    """

    def __init__(self, buckets: ArrayLike, rows: ArrayLike | None = None) -> None:
        self.buckets: NDArray[np.int32] = np.ascontiguousarray(buckets, dtype=np.int32)
        self.rows: NDArray[np.int32] = (
            np.arange(len(self.buckets), dtype=np.int32) if rows is None else np.ascontiguousarray(rows, dtype=np.int32)
        )
        if self.buckets.ndim != 1 or self.rows.shape != self.buckets.shape:
            raise DataError("buckets and rows differ in number", got=f"{self.buckets.shape} and {self.rows.shape}")

    @classmethod
    def of(cls, kept: Mapping[int, int]) -> KeptBuckets:
        """Return any mapping as such a one (itself where it is one)."""
        if isinstance(kept, KeptBuckets):
            return kept
        return cls(np.fromiter(kept.keys(), np.int32, len(kept)), np.fromiter(kept.values(), np.int32, len(kept)))

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        order = np.argsort(self.buckets, kind="stable")
        if (np.diff(self.buckets[order]) == 0).any():
            raise DataError("a bucket stands twice")
        return order

    def __getitem__(self, bucket: int) -> int:
        at = int(np.searchsorted(self.buckets, bucket, sorter=self._order)) if len(self.buckets) else 0
        if at == len(self.buckets) or self.buckets[self._order[at]] != bucket:
            raise KeyError(bucket)
        return int(self.rows[self._order[at]])

    def __iter__(self) -> Iterator[int]:
        return iter(self.buckets.tolist())

    def __len__(self) -> int:
        return len(self.buckets)


class SpreadRows:
    """A row for every bucket where only some have one: the others are zero. A :class:`firth.vectors.storage.RowStore`.

    Parameters
    ----------
    rows : float32 rows, shape (n_first + len(kept), dim)
        Rows of no bucket, then those of the kept ones.
    kept : mapping from int to int
        From buckets to rows, counted after the first ones.
    buckets : int
        Their number.

    Examples
    --------
    >>> SpreadRows(np.array([[1.0], [2.0]], np.float32), KeptBuckets([2]), 4)[:].ravel().tolist()
    [1.0, 0.0, 0.0, 2.0, 0.0]
    """

    def __init__(self, rows: Rows, kept: Mapping[int, int], buckets: int) -> None:
        found = KeptBuckets.of(kept)
        self._rows, self._first = rows, len(rows) - len(found)
        self._place = np.full(buckets, -1, np.int32)
        self._place[found.buckets] = found.rows

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return (self._first + len(self._place), int(self._rows.shape[1]))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any, /) -> Float32:
        if isinstance(key, int | np.integer):
            return np.asarray(self[np.array([range(len(self))[int(key)]])][0])
        wanted = np.arange(len(self))[key]
        places = wanted.copy()
        hashed = wanted >= self._first
        found = self._place[wanted[hashed] - self._first]
        places[hashed] = np.where(found < 0, -1, found + self._first)
        out = np.zeros((len(wanted), self.shape[1]), np.float32)
        out[places >= 0] = self._rows[places[places >= 0]]
        return out
