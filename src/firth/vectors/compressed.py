"""Rows that take less room than float32 and are decoded when they are asked for; each is a ``RowStore``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.protocols import Float32
from firth.vectors.storage import Rows, first_rows

__all__ = ["Bytes", "Gathered", "Halves", "Rotated", "Scaled"]


class _Decoded:
    """What the stores share: a selection is taken of the packed rows first and decoded then."""

    shape: tuple[int, ...]
    packed = True

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any, /) -> Any:
        if isinstance(key, int | np.integer):
            row = range(len(self))[int(key)]
            return self._rows(slice(row, row + 1))[0]
        if isinstance(key, slice) and key.step in (None, 1):
            start, stop, _ = key.indices(len(self))
            return self._rows(slice(start, max(start, stop)))
        return self._rows(np.arange(len(self))[key])

    def _rows(self, key: Any) -> Float32:
        raise NotImplementedError


class Halves(_Decoded):
    """Rows as float16: half the room, about three decimal digits.

    Parameters
    ----------
    halves : ndarray of float16, shape (n, dim)
        The rows.

    Examples
    --------
    >>> Halves.of(np.array([[1.0, 1 / 3]], dtype=np.float32))[0].tolist()
    [1.0, 0.333251953125]
    """

    def __init__(self, halves: NDArray[np.float16]) -> None:
        self.halves = halves
        self.shape = (len(halves), int(halves.shape[1]))

    @classmethod
    def of(cls, rows: Rows) -> Halves:
        """Pack ``rows``.

        Raises
        ------
        DataError
            When a value is beyond the range of float16.
        """
        halves = np.empty(rows.shape, dtype=np.float16)
        for part in _parts(rows):
            with np.errstate(over="ignore"):
                halves[part] = rows[part]
            if np.isinf(halves[part]).any() and not np.isinf(rows[part]).any():
                raise DataError("a value is too large for float16", expected="at most 65504", remedy="int8 can hold it")
        return cls(halves)

    def limit(self, n: int) -> Halves:
        """Return the first ``n`` rows, as views."""
        return Halves(self.halves[:n])

    def _rows(self, key: Any) -> Float32:
        return np.asarray(self.halves[key], dtype=np.float32)


class Bytes(_Decoded):
    """Rows as int8, each with a factor of its own: a quarter of the room.

    Parameters
    ----------
    codes : ndarray of int8, shape (n, dim)
        -127 to 127.
    scales : ndarray of float32, shape (n,)
        What 1 stands for in each row.

    Examples
    --------
    >>> Bytes.of(np.array([[127.0, -63.6]], dtype=np.float32))[0].tolist()
    [127.0, -64.0]
    """

    def __init__(self, codes: NDArray[np.int8], scales: Float32) -> None:
        self.codes, self.scales = codes, scales
        self.shape = (len(codes), int(codes.shape[1]))

    @classmethod
    def of(cls, rows: Rows) -> Bytes:
        """Pack ``rows``: the largest value of each becomes 127.

        Raises
        ------
        DataError
            When a value is not finite.
        """
        codes, scales = np.empty(rows.shape, dtype=np.int8), np.empty(rows.shape[0], dtype=np.float32)
        for part in _parts(rows):
            block = rows[part]
            if not np.isfinite(block).all():
                raise DataError("int8 cannot hold values that are not finite")
            largest = np.abs(block).max(axis=1)
            scales[part] = largest / np.float32(127)
            unit = np.where(largest > 0, np.float32(127) / np.where(largest > 0, largest, 1), 0)
            codes[part] = np.clip(np.rint(block * unit[:, None]), -127, 127)
        return cls(codes, scales)

    def limit(self, n: int) -> Bytes:
        """Return the first ``n`` rows, as views."""
        return Bytes(self.codes[:n], self.scales[:n])

    def _rows(self, key: Any) -> Float32:
        decoded: Float32 = self.codes[key].astype(np.float32)
        decoded *= self.scales[key][:, None]
        return decoded


class Scaled(_Decoded):
    """Rows of another store, each times a number of its own: unit vectors with their lengths.

    Parameters
    ----------
    rows : float32, shape (n, dim), or a store
        The rows.
    scales : ndarray of float32, shape (n,)
        Their factors.
    """

    def __init__(self, rows: Rows, scales: Float32) -> None:
        if len(rows) != len(scales):
            raise DataError("rows and lengths don't match", got=len(scales), expected=str(len(rows)))
        self.rows, self.scales = rows, scales
        self.shape = (len(rows), int(rows.shape[1]))

    def limit(self, n: int) -> Scaled:
        """Return the first ``n`` rows, as views."""
        return Scaled(first_rows(self.rows, n), self.scales[:n])

    def _rows(self, key: Any) -> Float32:
        return np.asarray(np.asarray(self.rows[key]) * self.scales[key][:, None])


class Rotated(_Decoded):
    """Rows of another store, turned back by an orthogonal matrix, as optimised product quantisation has them.

    Parameters
    ----------
    rows : float32, shape (n, dim), or a store
        The rows.
    rotation : ndarray of float32, shape (dim, dim)
        A row is ``row @ rotation.T``.
    """

    def __init__(self, rows: Rows, rotation: Float32) -> None:
        if rotation.shape != (rows.shape[1], rows.shape[1]):
            raise DataError("the rotation does not fit", got=rotation.shape, expected=f"({rows.shape[1]}, same)")
        self.rows, self.rotation = rows, rotation
        self.shape = (len(rows), int(rows.shape[1]))

    def limit(self, n: int) -> Rotated:
        """Return the first ``n`` rows, as views."""
        return Rotated(first_rows(self.rows, n), self.rotation)

    def _rows(self, key: Any) -> Float32:
        return np.asarray(np.asarray(self.rows[key]) @ self.rotation.T)


class Gathered(_Decoded):
    """Rows of another store in another order, where several words may share one.

    Parameters
    ----------
    rows : float32, shape (m, dim), or a store
        The rows.
    places : ndarray of int, shape (n,)
        Which of them each row is.

    Examples
    --------
    >>> Gathered(np.eye(2, dtype=np.float32), np.array([1, 1, 0]))[:2].tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """

    def __init__(self, rows: Rows, places: NDArray[np.integer[Any]]) -> None:
        if len(places) and not 0 <= places.min() <= places.max() < len(rows):
            raise DataError("a word's row is not there", got=int(places.max()), expected=f"under {len(rows)}")
        self.rows, self.places = rows, places
        self.shape = (len(places), int(rows.shape[1]))

    def limit(self, n: int) -> Gathered:
        """Return the first ``n`` rows, as views."""
        return Gathered(self.rows, self.places[:n])

    def _rows(self, key: Any) -> Float32:
        return np.asarray(self.rows[self.places[key]])


def _parts(rows: Rows) -> list[slice]:
    step = max(1, (1 << 22) // max(1, rows.shape[1]))
    return [slice(start, start + step) for start in range(0, rows.shape[0], step)]
