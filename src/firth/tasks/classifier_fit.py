"""Multinomial logistic regression on blocks of features side by side, by L-BFGS.

With x_b an example's features in block b, s_b their scales and W_b weights, P = softmax(sum_b x_b (s_b W_b) + c), and

    loss = sum of -log P_y  +  l2 / 2 sum_b |W_b|^2

The constant c is not drawn to zero. Scales weigh features against each other: what is scaled up is penalised less. They
may differ by label, as log-count ratios do (Wang and Manning 2012, section 2.3, with logistic loss).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from firth.errors import DataError
from firth.protocols import Float64, Int32
from firth.tasks.classifier_scores import softmax

__all__ = ["Block", "Fit", "fit"]


@dataclasses.dataclass(frozen=True)
class Block:
    """Some features of all examples.

    Attributes
    ----------
    features : ndarray or scipy.sparse.csr_array of float64, shape (n, n_features)
    scale : ndarray of float64, shape (n_features, 1) or (n_features, n_labels)
    """

    features: Any
    scale: Float64


@dataclasses.dataclass(frozen=True)
class Fit:
    """What was found: weights with their scales, (n_features, n_labels) of each block; the constant; the search's x.

    ``loss`` is the mean of -log P, without the penalty.
    """

    weights: list[Float64]
    constant: Float64
    loss: float
    x: Float64


def fit(
    blocks: Sequence[Block],
    labels: Int32,
    n_labels: int,
    l2: float,
    *,
    start: Float64 | None = None,
    tolerance: float = 1e-13,
    steps: int = 1000,
) -> Fit:
    """Return the weights of the lowest loss.

    Parameters
    ----------
    blocks : sequence of Block
    labels : ndarray of int32, shape (n,)
    n_labels : int
    l2 : float
        Above 0, or the search may have no end on separable examples.
    start : ndarray, optional
        ``x`` of a fit with another penalty.
    tolerance : float
        Part of the loss that a step of L-BFGS must take off.
    steps : int
        Of L-BFGS, at most.

    Raises
    ------
    DataError
        When the loss is no number.
    """
    from scipy.optimize import minimize

    loss = _Loss(blocks, labels, n_labels, l2)
    x = np.zeros(loss.n_weights + n_labels) if start is None else start
    options = {"maxiter": steps, "maxfun": 2 * steps, "gtol": 1e-7, "ftol": tolerance}
    found = minimize(loss, x, jac=True, method="L-BFGS-B", options=options)
    if not np.isfinite(found.fun):
        raise DataError("the loss of logistic regression is no number", got=found.fun, remedy="a higher --l2")
    tables, constant = loss.apart(found.x)
    weights = [block.scale * table for block, table in zip(blocks, tables, strict=True)]
    # As much on all constants changes nothing: they are given with a mean of zero.
    return Fit(weights, constant - constant.mean(), float(found.fun) - loss.penalty(found.x) / len(labels), found.x)


@dataclasses.dataclass(frozen=True)
class _Loss:
    """The loss and its gradient, both over n, of weights and constants as one flat array."""

    blocks: Sequence[Block]
    labels: Int32
    n_labels: int
    l2: float

    @property
    def n_weights(self) -> int:
        return int(sum(block.features.shape[1] for block in self.blocks)) * self.n_labels

    def apart(self, x: Float64) -> tuple[list[Float64], Float64]:
        """Return the weights of each block, (n_features, n_labels), and the constants."""
        ends = np.cumsum([0, *(block.features.shape[1] * self.n_labels for block in self.blocks)])
        tables = [x[a:b].reshape(-1, self.n_labels) for a, b in itertools.pairwise(ends)]
        return tables, x[self.n_weights :]

    def penalty(self, x: Float64) -> float:
        weights = x[: self.n_weights]
        return 0.5 * self.l2 * float(weights @ weights)

    def __call__(self, x: Float64) -> tuple[float, Float64]:
        tables, constant = self.apart(x)
        n, rows = len(self.labels), np.arange(len(self.labels))
        scores = np.tile(constant, (n, 1))
        for block, table in zip(self.blocks, tables, strict=True):
            scores += block.features @ (block.scale * table)
        law = softmax(scores)
        value = self.penalty(x) - float(np.log(np.maximum(law[rows, self.labels], 1e-300)).sum())
        law[rows, self.labels] -= 1.0
        slopes = [
            (block.scale * (block.features.T @ law) + self.l2 * table).ravel()
            for block, table in zip(self.blocks, tables, strict=True)
        ]
        return value / n, np.concatenate([*slopes, law.sum(0)]) / n
