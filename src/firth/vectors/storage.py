"""Rows of float32 that need not lie in memory as such: decoded, composed or mapped when they are asked for."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.protocols import Float32

__all__ = [
    "BLOCK_VALUES",
    "ByteRows",
    "RowStore",
    "Rows",
    "Window",
    "dense",
    "first_rows",
    "is_packed",
    "part_of",
    "products",
    "row_bytes",
]

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


class ByteRows:
    """Rows of float32 in a mapped file at a place that is no multiple of four, copied out when they are asked for.

    NumPy reads such arrays, but native code that is handed one may fault. A :class:`RowStore`.

    Parameters
    ----------
    raw : ndarray of uint8, shape (n, 4 * dim)
        The bytes.

    Examples
    --------
    >>> store = ByteRows(np.ones((2, 3), np.float32).view(np.uint8))
    >>> store.shape, store[1].tolist()
    ((2, 3), [1.0, 1.0, 1.0])
    """

    def __init__(self, raw: NDArray[np.uint8]) -> None:
        self.raw = raw
        self._rows = raw.view("<f4")

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self._rows.shape

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any, /) -> Float32:
        return np.array(self._rows[key], dtype=np.float32)


class Window:
    """Rows ``first`` to ``last - 1`` of a store, decoded only where they are asked for: a :class:`RowStore`.

    Examples
    --------
    >>> Window(np.eye(4, dtype=np.float32), 1, 3)[-1].tolist()
    [0.0, 0.0, 1.0, 0.0]
    """

    def __init__(self, rows: Rows, first: int, last: int) -> None:
        self._rows, self._first, self._last = rows, first, last

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return (len(self), int(self._rows.shape[1]))

    def __len__(self) -> int:
        return self._last - self._first

    def __getitem__(self, key: Any, /) -> Float32:
        if isinstance(key, int | np.integer):
            return np.asarray(self._rows[range(self._first, self._last)[int(key)]])
        return np.asarray(self._rows[np.arange(self._first, self._last)[key]])


def part_of(rows: Rows, first: int, last: int) -> Rows:
    """Return rows ``first`` to ``last - 1`` without a copy."""
    if isinstance(rows, ByteRows):
        return ByteRows(rows.raw[first:last])
    return rows[first:last] if isinstance(rows, np.ndarray) else Window(rows, first, last)


def row_bytes(rows: Rows) -> NDArray[np.uint8] | None:
    """Return the bytes of rows that lie one after another in memory, shape (n, 4 * dim), or None."""
    if isinstance(rows, ByteRows):
        return rows.raw
    if isinstance(rows, np.ndarray) and rows.dtype == np.float32 and rows.ndim == 2 and rows.flags.c_contiguous:
        return rows.view(np.uint8)
    return None


def dense(rows: Rows) -> Float32:
    """Return ``rows`` as one float32 matrix, itself where it is one, else decoded block by block.

    Examples
    --------
    >>> dense(np.eye(2, dtype=np.float32)).shape
    (2, 2)
    """
    if isinstance(rows, np.ndarray):
        return rows
    if (made := getattr(rows, "made", None)) is not None:
        return dense(made)
    n, dim = rows.shape
    try:
        matrix = np.empty((n, dim), dtype=np.float32)
    except MemoryError as error:
        raise DataError("the matrix does not fit into memory", got=f"{n:,} rows of {dim:,} values") from error
    step = max(1, BLOCK_VALUES // max(1, dim))
    for start in range(0, n, step):
        matrix[start : start + step] = rows[start : start + step]
    matrix.flags.writeable = False
    return matrix


def is_packed(rows: Rows) -> bool:
    """Return whether rows are cheap to decode, so that a search had better do it block by block than keep them all."""
    return bool(getattr(rows, "packed", False))


def first_rows(rows: Rows, n: int | None) -> Rows:
    """Return the first ``n`` rows (None: all) as they are held, without decoding any."""
    if n is None or n >= rows.shape[0]:
        return rows
    limit = getattr(rows, "limit", None)
    return rows[:n] if limit is None else limit(n)


def products(rows: Rows, queries: Float32, start: int = 0, stop: int | None = None) -> Float32:
    """Return the inner product of each row in ``[start, stop)`` with each query, shape (stop - start, n_queries).

    Rows that are not a matrix are decoded a few at a time, or multiplied as they are where they can be (sparse ones).
    """
    stop = rows.shape[0] if stop is None else min(stop, rows.shape[0])
    if isinstance(rows, np.ndarray):
        return np.asarray(rows[start:stop] @ queries.T)
    multiply = getattr(rows, "dot", None)
    if multiply is not None:
        return np.asarray(multiply(queries, start, stop))
    found = np.empty((max(0, stop - start), len(queries)), dtype=np.float32)
    step = max(1, BLOCK_VALUES // max(1, rows.shape[1]))
    for at in range(start, stop, step):
        end = min(at + step, stop)
        np.matmul(np.asarray(rows[at:end]), queries.T, out=found[at - start : end - start])
    return found
