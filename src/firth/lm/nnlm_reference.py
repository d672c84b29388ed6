"""The NNLM in NumPy with its gradients written out by hand: to be read, and to test the torch net against.

``docs/nnlm.md`` derives every line; the names are those of Bengio et al. 2003, section 2.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from firth.protocols import Float64

__all__ = ["gradients", "log_probs", "loss"]

Parameters = Mapping[str, Float64]


def log_probs(parameters: Parameters, contexts: NDArray[np.int64]) -> Float64:
    """Return log softmax(b + W x + U tanh(d + H x)).

    Parameters
    ----------
    parameters : mapping from str to ndarray of float64
        ``C`` (n_words, dim), ``H`` (hidden, context * dim), ``d`` (hidden,), ``U`` (n_outputs, hidden), ``b``
        (n_outputs,) and, where there are direct connections, ``W`` (n_outputs, context * dim).
    contexts : ndarray of int64, shape (B, context)
        Ids of the previous words, the oldest first.

    Returns
    -------
    ndarray of float64, shape (B, n_outputs)

    Examples
    --------
    >>> sides = {"C": (3, 2), "H": (4, 2), "d": (4,), "U": (2, 4), "b": (2,)}
    >>> zeros = {name: np.zeros(shape) for name, shape in sides.items()}
    >>> np.exp(log_probs(zeros, np.array([[2]]))).tolist()
    [[0.5, 0.5]]
    """
    _, _, y = _forward(parameters, contexts)
    y = y - y.max(axis=1, keepdims=True)
    return np.asarray(y - np.log(np.exp(y).sum(axis=1, keepdims=True)))


def loss(parameters: Parameters, contexts: NDArray[np.int64], targets: NDArray[np.int64]) -> float:
    """Return the sum of -log p(target | context), targets of shape (B,)."""
    return -float(log_probs(parameters, contexts)[np.arange(len(targets)), targets].sum())


def gradients(
    parameters: Parameters, contexts: NDArray[np.int64], targets: NDArray[np.int64]
) -> tuple[float, dict[str, Float64]]:
    """Return the loss and its derivative by every parameter, each of the parameter's shape.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> sides = {"C": (3, 2), "H": (4, 2), "d": (4,), "U": (2, 4), "b": (2,)}
    >>> theta = {name: rng.normal(size=shape) for name, shape in sides.items()}
    >>> at, gradient = gradients(theta, np.array([[2], [0]]), np.array([0, 1]))
    >>> theta["d"][3] += 1e-6
    >>> slope = (loss(theta, np.array([[2], [0]]), np.array([0, 1])) - at) / 1e-6
    >>> bool(abs(slope - gradient["d"][3]) < 1e-5)
    True
    """
    x, a, _ = _forward(parameters, contexts)
    scores = log_probs(parameters, contexts)
    rows = np.arange(len(targets))
    at = -float(scores[rows, targets].sum())

    dy = np.exp(scores)  # (B, n_outputs): dL/dy = p - 1[target]
    dy[rows, targets] -= 1.0
    found: dict[str, Float64] = {"b": dy.sum(axis=0)}
    found["U"] = dy.T @ a  # y = ... + U a
    do = (dy @ parameters["U"]) * (1.0 - a**2)  # a = tanh(o), tanh' = 1 - tanh^2; o = d + H x
    found["d"] = do.sum(axis=0)
    found["H"] = do.T @ x
    dx = do @ parameters["H"]
    if "W" in parameters:
        found["W"] = dy.T @ x
        dx = dx + dy @ parameters["W"]
    # x holds rows of C, and a word that stands in many contexts gets the sum of what each wants.
    found["C"] = np.zeros_like(parameters["C"])
    np.add.at(found["C"], contexts, dx.reshape(*contexts.shape, -1))
    return at, found


def _forward(parameters: Parameters, contexts: NDArray[np.int64]) -> tuple[Float64, Float64, Float64]:
    """Return x (B, context * dim), the hidden layer (B, hidden) and y (B, n_outputs)."""
    x = parameters["C"][contexts].reshape(len(contexts), -1)
    a = np.tanh(parameters["d"] + x @ parameters["H"].T)
    y = parameters["b"] + a @ parameters["U"].T
    if "W" in parameters:
        y = y + x @ parameters["W"].T
    return x, a, y
