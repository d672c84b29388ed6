"""Minimising a smooth convex function plus L1: orthant-wise limited-memory quasi-Newton (Andrew and Gao 2007).

With no L1 it is plain L-BFGS (Nocedal and Wright 2006, algorithm 7.5). SciPy's L-BFGS-B has no L1 and keeps its history
in double; here a penalty may differ from weight to weight, and the history can be float32, half the memory.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from firth import _core
from firth.errors import DataError
from firth.protocols import Float64

__all__ = ["Minimum", "Step", "minimise"]

_ARMIJO = 1e-4
_HALVINGS = 30


@dataclasses.dataclass(frozen=True)
class Step:
    """Where the search stands after a step.

    Attributes
    ----------
    iteration : int
        From 1.
    weights : ndarray of float64, shape (n,)
    value : float
        The whole objective, L1 included.
    slope : float
        Norm of the pseudo-gradient over that at the beginning.
    """

    iteration: int
    weights: Float64
    value: float
    slope: float


@dataclasses.dataclass(frozen=True)
class Minimum:
    """What was found: the last ``step``'s values, how many function calls it took, and why the search ended."""

    weights: Float64
    value: float
    iterations: int
    calls: int
    reason: str


def minimise(
    function: Callable[[Float64], tuple[float, Float64]],
    start: Float64,
    l1: Float64 | float = 0.0,
    *,
    iterations: int = 100,
    tolerance: float = 1e-5,
    memory: int = 8,
    history: Any = np.float64,
    threads: int = 1,
    watch: Callable[[Step], bool] | None = None,
) -> Minimum:
    """Minimise ``function(w) + sum(l1 * |w|)``.

    Parameters
    ----------
    function : callable
        From weights (n,) to value and gradient (n,).
    start : ndarray of float64, shape (n,)
    l1 : float or ndarray of shape (n,)
        Not negative.
    iterations : int
        At most so many steps.
    tolerance : float
        Stop when a step lowers the value by less than this part of it.
    memory : int
        Steps that the estimate of the curvature is made of.
    history : dtype
        In which they are kept.
    threads : int
        The result is the same for any number.
    watch : callable, optional
        Called after each step; True stops.

    Raises
    ------
    DataError
        When the value is not finite at the start.

    Examples
    --------
    >>> found = minimise(lambda w: (float(((w - 3) ** 2).sum()), 2 * (w - 3)), np.zeros(2), np.array([0.0, 2.0]))
    >>> found.weights.round(6).tolist()
    [3.0, 2.0]
    """
    here = _point(function, start.copy(), l1)
    if not np.isfinite(here.value):
        raise DataError("the objective is not finite at the start", got=here.value)
    calls, past = 1, _Past(memory, len(start), history, threads)
    pseudo = _pseudo(here, l1)
    steepest = math.sqrt(past.dot(pseudo, pseudo)) or 1.0
    for iteration in range(1, iterations + 1):
        direction = past.direction(pseudo)
        if np.any(l1):
            direction[direction * pseudo >= 0] = 0.0  # it must go down in every weight (equation 5)
        there, tried = _search(function, here, pseudo, direction, l1=l1, rate=1.0 if past.order else 1.0 / steepest)
        calls += tried
        if there is None:
            return Minimum(here.weights, here.value, iteration - 1, calls, "no step goes down")
        past.add(there.weights - here.weights, there.gradient - here.gradient)
        fall, here = here.value - there.value, there
        pseudo = _pseudo(here, l1)
        slope = math.sqrt(past.dot(pseudo, pseudo)) / steepest
        if watch is not None and watch(Step(iteration, here.weights, here.value, slope)):
            return Minimum(here.weights, here.value, iteration, calls, "stopped")
        if fall <= tolerance * abs(here.value):
            return Minimum(here.weights, here.value, iteration, calls, "converged")
    return Minimum(here.weights, here.value, iterations, calls, "out of iterations")


_Function: TypeAlias = Callable[[Float64], tuple[float, Float64]]


@dataclasses.dataclass(frozen=True)
class _Point:
    weights: Float64
    value: float  # L1 included
    gradient: Float64  # of the smooth part


def _point(function: _Function, weights: Float64, l1: Float64 | float) -> _Point:
    smooth, gradient = function(weights)
    return _Point(weights, smooth + float(np.sum(l1 * np.abs(weights))), gradient)


def _pseudo(here: _Point, l1: Float64 | float) -> Float64:
    """Return the direction that the objective rises fastest in; 0 where it falls neither way (equation 4)."""
    if not np.any(l1):
        return here.gradient
    at_zero = np.sign(here.gradient) * np.maximum(np.abs(here.gradient) - l1, 0.0)
    return np.where(here.weights == 0, at_zero, here.gradient + l1 * np.sign(here.weights))


class _Past:
    """The last steps, and how the gradient changed over each: what is known of the curvature."""

    def __init__(self, memory: int, n: int, dtype: Any, threads: int) -> None:
        self._steps, self._changes = np.zeros((memory, n), dtype), np.zeros((memory, n), dtype)
        self._products = np.ones(memory)
        self._threads, self._next = threads, 0
        self.order: list[int] = []  # rows in use, the oldest first

    def dot(self, a: Float64, b: Float64) -> float:
        """Return a product that no number of threads changes, as BLAS's may be."""
        return _core.dot_in_blocks(a, b, self._threads)

    def add(self, step: Float64, change: Float64) -> None:
        """Keep a step in the place of the oldest, unless the function curves no way there."""
        product = self.dot(step, change)
        if product <= 1e-12 * self.dot(change, change):
            return
        row = self._next % len(self._steps)
        self._steps[row], self._changes[row], self._products[row] = step, change, product
        self.order = [*(kept for kept in self.order if kept != row), row]
        self._next += 1

    def direction(self, pseudo: Float64) -> Float64:
        """Return minus the inverse curvature times the pseudo-gradient."""
        found = -pseudo
        order = np.array(self.order, np.int32)
        _core.lbfgs_direction(self._steps, self._changes, self._products, order, found, self._threads)
        return found


def _search(
    function: _Function, here: _Point, pseudo: Float64, direction: Float64, *, l1: Float64 | float, rate: float
) -> tuple[_Point | None, int]:
    """Halve the step until it goes down enough; with L1 no weight crosses zero within a step (section 3.2)."""
    orthant = np.where(here.weights != 0, np.sign(here.weights), -np.sign(pseudo)) if np.any(l1) else None
    for tried in range(1, _HALVINGS + 1):
        moved = here.weights + rate * direction
        if orthant is not None:
            moved[moved * orthant <= 0] = 0.0
        there = _point(function, moved, l1)
        enough = here.value + _ARMIJO * float(np.sum(pseudo * (moved - here.weights)))
        if np.isfinite(there.value) and there.value <= enough:
            return there, tried
        rate /= 2
    return None, _HALVINGS
