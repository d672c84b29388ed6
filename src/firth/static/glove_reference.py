"""The NumPy twin of GloVe's native side: the same tiles, the same steps in the same order, written to be read.

It has float64 where the kernel has float32; the tests hold the two against each other.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.static.records import Records
from firth.static.reference import Random, stream_key
from firth.static.tiles import ENTRY, Plan, Tiles

__all__ = ["Trainer", "cut_tiles", "glove_loss", "glove_step", "weigh"]

Array = NDArray[np.float64]
TILES = 6  # stream of random numbers


def weigh(x: Array, x_max: float, alpha: float) -> Array:
    """Return f(x), equation 9 of Pennington, Socher and Manning 2014: (x / x_max)^alpha, at most 1.

    Examples
    --------
    >>> weigh(np.array([5.0, 10.0, 1000.0]), x_max=10, alpha=0.75).round(3).tolist()
    [0.595, 1.0, 1.0]
    """
    return np.asarray(np.minimum(x / x_max, 1.0) ** alpha)


# ---------------------------------------------------------------- tiles
def cut_tiles(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], values: Array, plan: Plan, *, x_max: float, alpha: float
) -> Tiles:
    """Return what ``native/tiles.cpp`` makes of a matrix in CSR form.

    An entry's place in the order is told by, first to last: block of rows, block of columns, stripe, layer, row; within
    a row the columns keep their order. Layer k of a stripe holds a row's entries from ``k * run`` on.
    """
    words = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    rows, columns = plan.row_places[words], plan.column_places[indices]
    row_block, column_block = (np.searchsorted(plan.first, side, side="right") - 1 for side in (rows, columns))
    row, column = rows - plan.first[row_block], columns - plan.first[column_block]
    stripe = (row_block * plan.blocks + column_block) * plan.stripes + column // plan.stripe
    seen: dict[tuple[int, int], int] = {}
    layer = np.zeros(len(indices), np.int64)
    for i, key in enumerate(zip(rows.tolist(), stripe.tolist(), strict=True)):
        layer[i] = seen.get(key, 0) // plan.run
        seen[key] = seen.get(key, 0) + 1
    order = np.lexsort((np.arange(len(indices)), row, layer, stripe))
    entries = np.zeros(len(indices), ENTRY)
    entries["row"], entries["column"] = row[order], column[order]
    entries["log_x"], entries["weight"] = np.log(values)[order], weigh(values, x_max, alpha)[order]
    begin = np.searchsorted(stripe[order], np.arange(plan.blocks**2 * plan.stripes + 1))
    return Tiles(plan, begin.astype(np.int64), entries)


# ---------------------------------------------------------------- training
def glove_loss(row: Array, column: Array, log_x: float, weight: float) -> float:
    """Return f(x) (w·w~ + b + b~ - log x)^2 / 2 of the lines of two records: a term of equation 8, halved."""
    return float(0.5 * weight * (row @ column - log_x) ** 2)


def glove_step(row: Array, column: Array, log_x: float, weight: float, rate: float) -> float:
    """Take a step on one entry, in place, and return its loss before.

    The gradient to a number of one side is ``weight * diff`` times the number that it meets. AdaGrad (Duchi, Hazan and
    Singer 2011) divides the rate by the root of the sum of the squares so far, that of this step not yet among them.

    Parameters
    ----------
    row, column : (2, width)
        Records: the numbers, and their sums of squares.
    """
    diff = float(row[0] @ column[0]) - log_x
    d_row, d_column = rate * weight * diff * column[0], rate * weight * diff * row[0]
    row[0] -= d_row / np.sqrt(row[1])
    column[0] -= d_column / np.sqrt(column[1])
    row[1] += d_row**2
    column[1] += d_column**2
    return 0.5 * weight * diff**2


def _shuffled(n: int, random: Random) -> list[int]:
    order = list(range(n))
    for i in range(n, 1, -1):
        j = random.below(i)
        order[i - 1], order[j] = order[j], order[i - 1]
    return order


class Trainer:
    """Stands in for ``_core.GloveTrainer``."""

    def __init__(self, tiles: Tiles, model: Records, rate: float, seed: int) -> None:
        self._tiles, self._model, self._rate, self._seed = tiles, model, rate, seed
        self.round, self.loss, self.pairs = 0, 0.0, 0

    @property
    def rounds_per_epoch(self) -> int:
        """One round for each block: together they pair every block of rows with every block of columns."""
        return self._tiles.plan.blocks

    def seek(self, round: int, loss: float, pairs: int) -> None:
        """Go on from another place."""
        self.round, self.loss, self.pairs = round, loss, pairs

    def run(self, count: int, threads: int) -> None:
        """Train the next ``count`` rounds."""
        blocks = self._tiles.plan.blocks
        epoch, first = divmod(self.round, blocks)
        if first == 0:
            self.loss, self.pairs = 0.0, 0
        random = Random(stream_key(self._seed, TILES, epoch))
        rows, columns = _shuffled(blocks, random), _shuffled(blocks, random)
        stripes = _shuffled(self._tiles.plan.stripes, random)
        sides = [side.astype(np.float64) for side in (self._model.rows, self._model.columns)]
        for k in range(first, first + count):
            for i in range(blocks):
                self._tile(rows[i], columns[(i + k) % blocks], stripes, *sides)
        self._model.rows[:], self._model.columns[:] = sides
        self.round += count

    def _tile(self, row_block: int, column_block: int, stripes: list[int], rows: Any, columns: Any) -> None:
        plan, begin = self._tiles.plan, self._tiles.begin
        first = (row_block * plan.blocks + column_block) * plan.stripes
        for stripe in stripes:
            for entry in self._tiles.entries[begin[first + stripe] : begin[first + stripe + 1]]:
                row = rows[plan.first[row_block] + int(entry["row"])]
                column = columns[plan.first[column_block] + int(entry["column"])]
                loss = glove_step(row, column, float(entry["log_x"]), float(entry["weight"]), self._rate)
                self.loss += loss if math.isfinite(loss) else math.nan
                self.pairs += 1
