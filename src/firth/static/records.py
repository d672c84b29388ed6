"""The parameters of GloVe as the native kernel wants them: a record for each word on each side.

A record is two lines of ``width`` numbers. The first holds the vector, the word's bias, and a 1: the other side has
them the other way round, so that one product of two lines is w·w~ + b + b~. The second holds AdaGrad's sums of squares;
the 1 has one so large that it never moves.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from firth import _core
from firth.protocols import Float32
from firth.static.task import aligned_rows
from firth.static.tiles import Plan

__all__ = ["Records", "width_of"]

_LANES = 8  # kRecord of native/kernels.h
_FIXED = 1e30


def width_of(dim: int) -> int:
    """Return the numbers of a line: a vector, a bias and a 1, rounded up to whole registers."""
    return -(-(dim + 2) // _LANES) * _LANES


@dataclasses.dataclass(frozen=True)
class Records:
    """All parameters, those of the words in the order of the plan's places.

    Attributes
    ----------
    rows, columns : ndarray of float32, shape (n_words, 2, width)
        Of the words themselves and of the words as context.
    plan : Plan
    dim : int
    """

    rows: Float32
    columns: Float32
    plan: Plan
    dim: int

    @classmethod
    def start(cls, plan: Plan, dim: int, seed: int) -> Records:
        """Return vectors and biases uniform in [-1/2, 1/2) / dim, sums of squares 1, as the authors' program has them.

        The numbers belong to words, wherever these stand.
        """
        n, width = len(plan.row_places), width_of(dim)
        drawn = np.zeros((2 * n, dim + 1), np.float32)
        _core.init_rows(drawn, 0, dim + 1, seed)
        drawn *= (dim + 1) / dim
        sides = []
        for side, places in enumerate((plan.row_places, plan.column_places)):
            records = aligned_rows(n, 2 * width).reshape(n, 2, width)
            bias, one = (dim, dim + 1) if side == 0 else (dim + 1, dim)
            own = drawn[side * n : (side + 1) * n]
            records[places, 0, :dim] = own[:, :dim]
            records[places, 0, bias] = own[:, dim]
            records[:, 0, one] = 1
            records[:, 1, : dim + 2] = 1
            records[:, 1, one] = _FIXED
            records[:, 1, dim + 2 :] = 1
            sides.append(records)
        return cls(sides[0], sides[1], plan, dim)

    def vectors(self, which: str) -> Float32:
        """Return ``input`` vectors, ``output`` vectors (of the context) or their ``sum``, shape (n_words, dim)."""
        if which == "sum":
            total = self.vectors("input")
            total += self.vectors("output")
            return total
        side, places = (
            (self.rows, self.plan.row_places) if which == "input" else (self.columns, self.plan.column_places)
        )
        return side[places, 0, : self.dim]

    def biases(self) -> tuple[Float32, Float32]:
        """Return the biases of the words and of the words as context, shape (n_words,) each."""
        return self.rows[self.plan.row_places, 0, self.dim], self.columns[self.plan.column_places, 0, self.dim + 1]
