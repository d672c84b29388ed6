"""Which of millions of hash buckets have a row: a mapping held in two arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import DataError

__all__ = ["KeptBuckets"]


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
