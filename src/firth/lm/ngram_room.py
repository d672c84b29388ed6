"""Arrays within a budget: in memory while it lasts, then in files without names."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Room"]


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
        OSError
            When the disk is full.
        """
        size = n * np.dtype(dtype).itemsize
        if size <= self.left or n == 0:
            self.left -= size
            return np.empty(n, dtype)
        with tempfile.TemporaryFile(prefix="firth-ngrams-") as file:
            os.posix_fallocate(file.fileno(), 0, size)
            self.filed += size
            return np.memmap(file, dtype, "r+", 0, (n,)).view(np.ndarray)

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
