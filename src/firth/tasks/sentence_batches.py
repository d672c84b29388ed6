"""Which sentences go together, and how they stand side by side, with filler behind the shorter ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firth.nn.device import Place
from firth.protocols import Float32

__all__ = ["PLACES", "beside", "epoch_of", "groups", "padded"]

PLACES = 8192  # steps side by side, filler with them, unless one sentence is longer


def padded(rows: Sequence[Sequence[int]], filler: int) -> Tensor:
    """Return rows of ids as columns, shape (longest, n_rows).

    Examples
    --------
    >>> padded([[1, 2], [3]], 0).tolist()
    [[1, 3], [2, 0]]
    """
    table: NDArray[np.int64] = np.full((max(map(len, rows)), len(rows)), filler, np.int64)
    for column, row in enumerate(rows):
        table[: len(row), column] = row
    return torch.from_numpy(table)


def beside(arrays: Sequence[Float32] | None) -> Tensor:
    """Return arrays (..., n, dim) side by side, (..., longest, n_arrays, dim)."""
    if arrays is None:
        return torch.empty(0)
    longest = max(array.shape[-2] for array in arrays)
    first = arrays[0]
    table = np.zeros((*first.shape[:-2], longest, len(arrays), first.shape[-1]), np.float32)
    for place, array in enumerate(arrays):
        table[..., : array.shape[-2], place, :] = array
    return torch.from_numpy(table)


def groups(lengths: Sequence[int], batch: int, order: Sequence[int] | None = None) -> list[list[int]]:
    """Return which sentences are read together: those of like length, with little filler and bounded memory.

    Parameters
    ----------
    lengths : sequence of int
        Sentences of no length are left out.
    batch : int
        Sentences together, at most.
    order : sequence of int, optional
        Breaks ties between sentences of one length: a new order gives new company.

    Examples
    --------
    >>> groups([3, 1, 0, 3, 2], 2)
    [[1, 4], [0, 3]]
    """
    order = range(len(lengths)) if order is None else order
    made: list[list[int]] = [[]]
    for number in sorted((n for n in order if lengths[n]), key=lambda n: lengths[n]):
        if len(made[-1]) == batch or (made[-1] and lengths[number] * (len(made[-1]) + 1) > PLACES):
            made.append([])
        made[-1].append(number)
    return [group for group in made if group]


def epoch_of(lengths: Sequence[int], batch: int, seed: int, epoch: int, place: Place) -> list[list[int]]:
    """Return the groups of one epoch in a random order that its number settles; of each process its own share."""
    random = np.random.default_rng([seed, epoch])
    made = groups(lengths, batch, random.permutation(len(lengths)).tolist())
    order = np.resize(random.permutation(len(made)), max(len(made), place.world))
    share = len(order) // place.world
    return [made[i] for i in order[place.rank * share : (place.rank + 1) * share]]
