"""Rows of float32 that need not lie in memory as such: decoded, composed or mapped when they are asked for."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from firth.protocols import Float32

__all__ = ["BLOCK_VALUES", "RowStore", "Rows", "dense"]

BLOCK_VALUES = 1 << 22  # values decoded at a time, 16 MiB


@runtime_checkable
class RowStore(Protocol):
    """What :class:`firth.vectors.static.Vectors` needs of its rows; an ndarray of float32 has all of it.

    Indexing takes what selects rows of a matrix (a number, a slice, an array of numbers or a mask) and returns float32
    rows, shape (dim,) or (n, dim).
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> Any: ...


Rows: TypeAlias = "Float32 | RowStore"


def dense(rows: Rows) -> Float32:
    """Return ``rows`` as one float32 matrix, itself where it is one, else decoded block by block.

    Examples
    --------
    >>> dense(np.eye(2, dtype=np.float32)).shape
    (2, 2)
    """
    if isinstance(rows, np.ndarray):
        return rows
    n, dim = rows.shape
    matrix = np.empty((n, dim), dtype=np.float32)
    step = max(1, BLOCK_VALUES // max(1, dim))
    for start in range(0, n, step):
        matrix[start : start + step] = rows[start : start + step]
    matrix.flags.writeable = False
    return matrix
