"""What is done to each row by itself, done to many in blocks whose sizes change no row's bits (see the grain)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from firth.contextual.grain import Grain, padded

__all__ = ["Rowwise"]

_MOST = 4096  # rows at a time, a multiple of every grain: bounds what lies between


class Rowwise:
    """Applies functions of rows.

    Parameters
    ----------
    grain : Grain, optional
        How rows are given to functions; without one all at once, as training does.
    """

    def __init__(self, grain: Grain | None = None) -> None:
        self._grain = grain

    def __call__(self, function: Callable[..., Tensor], *parts: Tensor) -> Tensor:
        """Return what a function gives for rows.

        Parameters
        ----------
        function : callable
            From tensors with as many rows each to one with as many, each row of it made of the same row of theirs.
        *parts : Tensor, shape (n, ...)
        """
        n = len(parts[0])
        if self._grain is None or not n:
            return function(*parts)
        size = self._grain.most or _MOST
        found = []
        for begin in range(0, n, size):
            stop = min(begin + size, n)
            filler = (0, 0, 0, padded(stop - begin, self._grain.rows) - (stop - begin))
            found.append(function(*(functional.pad(part[begin:stop], filler) for part in parts))[: stop - begin])
        return torch.cat(found)
