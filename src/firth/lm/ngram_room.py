"""Arrays within a budget: in memory while it lasts, then in files without names."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError

__all__ = ["Room", "disk_error"]


def disk_error(error: OSError) -> DataError:
    """Return what a failed write of a temporary file tells the user."""
    remedy = "free some space, raise --memory, or set TMPDIR"
    return DataError(f"cannot write n-grams: {error.strerror}", got=tempfile.gettempdir(), remedy=remedy)


def _set_aside(descriptor: int, size: int) -> None:
    # A hole that cannot be filled later would end the process, not the call.
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)


class Room:
    """Makes arrays.

    Parameters
    ----------
    budget : int
        Bytes of all arrays in memory together.

    Attributes
    ----------
    filed : int
        Bytes of the arrays that lie in files.
    """

    def __init__(self, budget: int) -> None:
        self.left, self.filed = budget, 0

    def empty(self, n: int, dtype: Any) -> NDArray[Any]:
        """Return an array of ``n`` numbers, whatever they are; in a file its space is set aside at once.

        Raises
        ------
        DataError
            When the disk is full.
        """
        size = n * np.dtype(dtype).itemsize
        if size <= self.left or n == 0:
            self.left -= size
            return np.empty(n, dtype)
        try:
            with tempfile.TemporaryFile(prefix="firth-ngrams-") as file:
                _set_aside(file.fileno(), size)
                self.filed += size
                return np.memmap(file, dtype, "r+", 0, (n,)).view(np.ndarray)
        except OSError as error:
            raise disk_error(error) from error

    def zeros(self, n: int, dtype: Any) -> NDArray[Any]:
        """Return an array of ``n`` zeros."""
        if n * np.dtype(dtype).itemsize > self.left:
            return self.empty(n, dtype)  # a new file reads as zeros
        self.left -= n * np.dtype(dtype).itemsize
        return np.zeros(n, dtype)

    def give_back(self, array: NDArray[Any]) -> None:
        """Say that an array of :meth:`empty` or :meth:`zeros` that was in memory is no longer needed."""
        if not isinstance(array.base, np.memmap):
            self.left += array.nbytes
