"""Sources and targets side by side as the net reads them, and which pairs go together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firth.seq2seq.shape import EOS, PAD

__all__ = ["Batch", "batches", "beside", "ids_beside", "rows_beside"]

_POOL = 64  # batches whose pairs are sorted together


@dataclasses.dataclass(frozen=True)
class Batch:
    """Pairs that are trained together, as ids or rows, and how much of training is done by then, in epochs."""

    sources: list[Any]
    targets: list[list[int]]
    epochs: float


def ids_beside(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return ids with the mark of the end as columns, (longest + 1, n), and their lengths, the end with them.

    Examples
    --------
    >>> ids_beside([[7, 8], [9]])[0].tolist()
    [[7, 9], [8, 3], [3, 0]]
    """
    lengths = [len(row) + 1 for row in rows]
    table: NDArray[np.int64] = np.full((max(lengths), len(rows)), PAD, np.int64)
    for column, row in enumerate(rows):
        table[: len(row), column] = row
        table[len(row), column] = EOS
    return torch.from_numpy(table), torch.tensor(lengths)


def rows_beside(rows: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Return matrices side by side, (longest, n, dim), with zeros behind their ends, and their lengths."""
    lengths = [len(row) for row in rows]
    table = np.zeros((max(lengths), len(rows), rows[0].shape[1]), np.float32)
    for column, row in enumerate(rows):
        table[: len(row), column] = row
    return torch.from_numpy(table), torch.tensor(lengths)


def beside(sources: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """Return sources side by side: ids, or matrices."""
    return rows_beside(sources) if isinstance(sources[0], np.ndarray) else ids_beside(sources)


def batches(
    sources: Sequence[Any], targets: Sequence[Sequence[int]], size: int, random: np.random.Generator | None = None
) -> list[list[int]]:
    """Return which pairs go together: those of like length, filler counted.

    Parameters
    ----------
    sources, targets : sequence
        Whose lengths count.
    size : int
        Steps of the longer side in a batch, filler with them; a longer pair is alone.
    random : Generator, optional
        A new order gives new company: pairs are shuffled, then sorted within pools. Without it all are sorted.

    Examples
    --------
    >>> batches([[1], [1, 1, 1], [1, 1]], [[1], [1], [1, 1]], 8)
    [[0, 1], [2]]
    """
    lengths = np.array([(len(b) + 1, len(a) + 1) for a, b in zip(sources, targets, strict=True)], np.int64)
    longer = lengths.max(1)
    order = np.arange(len(lengths)) if random is None else random.permutation(len(lengths))
    n_pool = len(order) if random is None else max(1, int(_POOL * size / max(float(longer.mean()), 1.0)))
    made: list[list[int]] = []
    for first in range(0, len(order), n_pool):
        pool = order[first : first + n_pool]
        pool = pool[np.lexsort((lengths[pool, 1], lengths[pool, 0]))]
        together: list[int] = []
        most = 0
        for number in pool.tolist():
            most = max(most, int(longer[number]))
            if together and most * (len(together) + 1) > size:
                made.append(together)
                together, most = [], int(longer[number])
            together.append(number)
        made.append(together)
    return made if random is None else [made[i] for i in random.permutation(len(made))]
