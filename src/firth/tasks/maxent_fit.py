"""Fitting a multinomial log-linear classifier to sparse examples: by L-BFGS on all, or by AdaGrad on a few at a time.

With x an example's features and W a row of weights for each, P(. | x) = softmax(x W), and the loss is

    mean of -log P(y | x)  +  (l1 sum |W| + l2 sum W^2 / 2) / number of examples
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.lm.owlqn import Step, minimise
from firth.protocols import Float64, Int32

__all__ = ["Examples", "Loss", "fit_adagrad", "fit_lbfgs", "softmax"]

_LEAST = 1e-3  # for features whose values are near 0
_BLOCK = 1 << 24  # probabilities held together: each block costs an array as large as the weights


@dataclasses.dataclass(frozen=True)
class Examples:
    """Sparse examples and their labels.

    Attributes
    ----------
    features : scipy.sparse.csr_array of float64, shape (n, n_features)
    labels : ndarray of int32, shape (n,)
    n_labels : int
    """

    features: Any
    labels: Int32
    n_labels: int


def softmax(scores: Float64) -> Float64:
    """Return each row's exponentials, summing to one."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


@dataclasses.dataclass(frozen=True)
class Loss:
    """The loss without L1, and its gradient X'(P - Y) + l2 W, both over n; weights as one flat array."""

    examples: Examples
    l2: float

    def __call__(self, weights: Float64) -> tuple[float, Float64]:
        x, labels = self.examples.features, self.examples.labels
        n, table = x.shape[0], weights.reshape(x.shape[1], self.examples.n_labels)
        gradient, value = self.l2 * table, 0.5 * self.l2 * float(np.sum(weights * weights))
        size = max(_BLOCK // self.examples.n_labels, 1)
        for begin in range(0, n, size):
            block, wanted = x[begin : begin + size], labels[begin : begin + size]
            law = softmax(block @ table)
            rows = np.arange(len(wanted))
            value -= float(np.log(np.maximum(law[rows, wanted], 1e-300)).sum())
            law[rows, wanted] -= 1.0
            gradient += block.T @ law
        return value / n, gradient.ravel() / n


def fit_lbfgs(
    examples: Examples,
    l1: float,
    l2: float,
    *,
    iterations: int,
    tolerance: float,
    threads: int = 1,
    watch: Callable[[Step], bool] | None = None,
) -> Float64:
    """Return the weights, (n_features, n_labels), by L-BFGS, orthant-wise where there is L1."""
    n, n_features = examples.features.shape
    shape = n_features, examples.n_labels
    loss = Loss(examples, l2)
    # The curvature in a weight is about the squares of its feature's values: the search goes in weights by its root.
    squares = np.bincount(examples.features.indices, weights=examples.features.data**2, minlength=n_features)
    scale = np.repeat(1 / np.sqrt((squares + l2 + _LEAST) / n), examples.n_labels)

    def scaled(x: Float64) -> tuple[float, Float64]:
        value, gradient = loss(x * scale)
        return value, gradient * scale

    found = minimise(
        scaled, np.zeros(len(scale)), l1 / n * scale, iterations=iterations, tolerance=tolerance,
        history=np.float32, threads=threads, watch=watch,
    )  # fmt: skip
    return np.asarray((found.weights * scale).reshape(shape))


def fit_adagrad(
    examples: Examples,
    l1: float,
    l2: float,
    *,
    epochs: int,
    rate: float,
    batch: int = 32,
    seed: int = 1,
    watch: Callable[[int, float], None] | None = None,
) -> Float64:
    """Return the weights, (n_features, n_labels), by AdaGrad with dual averaging.

    Duchi, Hazan and Singer 2011, "Adaptive subgradient methods", section 5.

    With G the sum and S the sum of squares of a weight's gradients over t batches, the weight is

        -sign(G) rate max(|G| - l1 t, 0) / (sqrt(S) + rate l2 t + 1e-8),    penalties per example

    so L1 gives exact zeros, and a weight is made only when an example has its feature. ``watch`` gets the epoch and the
    mean loss of its examples as they were met, without penalties.
    """
    x, n_labels = examples.features, examples.n_labels
    n = x.shape[0]
    sums, squares = np.zeros((x.shape[1], n_labels)), np.zeros((x.shape[1], n_labels))
    l1, l2, t = l1 / n, l2 / n, 0

    def made(rows: Any) -> Float64:
        size = np.maximum(np.abs(sums[rows]) - l1 * t, 0.0)
        return np.asarray(-np.sign(sums[rows]) * rate * size / (np.sqrt(squares[rows]) + rate * l2 * t + 1e-8))

    for epoch in range(epochs):
        loss = 0.0
        for chosen in _batches(n, batch, seed, epoch):
            part, columns = _compact(x[chosen])
            law, rows = softmax(part @ made(columns)), np.arange(len(chosen))
            wanted = examples.labels[chosen]
            loss -= float(np.log(np.maximum(law[rows, wanted], 1e-300)).sum())
            law[rows, wanted] -= 1.0
            slope = np.asarray(part.T @ law) / len(chosen)
            sums[columns] += slope
            squares[columns] += slope * slope
            t += 1
        if watch is not None:
            watch(epoch + 1, loss / n)
    return made(slice(None))


def _batches(n: int, batch: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    order = np.random.default_rng((seed, epoch)).permutation(n)
    for begin in range(0, n, batch):
        yield order[begin : begin + batch]


def _compact(part: Any) -> tuple[Any, NDArray[np.int64]]:
    """Return some examples with the columns that they have alone, and which those are."""
    from scipy.sparse import csr_array

    columns, inverse = np.unique(part.indices, return_inverse=True)
    return csr_array((part.data, inverse, part.indptr), shape=(part.shape[0], len(columns))), columns
