"""The NumPy twin of Elman's net as a language model: forward, and backpropagation through time written out.

Elman 1990; Werbos 1990, "Backpropagation Through Time: What It Does and How to Do It". ``docs/rnn.md`` derives the
gradients in the letters used here. Rows are examples, so that the page's W x is ``x @ W.T`` here.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

__all__ = ["Elman", "gradient_flow", "loss_and_gradients", "softmax_loss"]

Array = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclasses.dataclass
class Elman:
    """The weights, or their gradients.

    Attributes
    ----------
    E : ndarray, shape (n_words, dim)
        Word vectors.
    W, U, b : ndarray, shapes (hidden, dim), (hidden, hidden), (hidden,)
        h_t = f(W x_t + U h_(t-1) + b).
    V, c : ndarray, shapes (n_words, hidden), (n_words,)
        z_t = V h_t + c.
    """

    E: Array
    W: Array
    U: Array
    b: Array
    V: Array
    c: Array


def softmax_loss(z: Array, targets: Ids) -> tuple[float, Array]:
    """Return the sum of -log softmax(z) at the targets, and its gradient by z: softmax(z) less 1 at the target.

    Parameters
    ----------
    z : ndarray, shape (..., n_words)
    targets : ndarray of int64, shape (...,)

    Examples
    --------
    >>> loss, dz = softmax_loss(np.zeros((1, 2)), np.array([0]))
    >>> round(loss, 4), dz.tolist()
    (0.6931, [[-0.5, 0.5]])
    """
    z = z - z.max(axis=-1, keepdims=True)
    log_sums = np.log(np.exp(z).sum(axis=-1, keepdims=True))
    told = np.take_along_axis(z - log_sums, targets[..., None], axis=-1)
    dz = np.exp(z - log_sums)
    np.put_along_axis(dz, targets[..., None], np.take_along_axis(dz, targets[..., None], -1) - 1, axis=-1)
    return float(-told.sum()), dz


def squash(a: Array, activation: str) -> Array:
    """Return tanh or the logistic function of ``a``."""
    return np.tanh(a) if activation == "tanh" else np.asarray(1 / (1 + np.exp(-a)))


def slope(h: Array, activation: str) -> Array:
    """Return the derivative of :func:`squash`, from its value: 1 - h^2 or h (1 - h)."""
    return 1 - h * h if activation == "tanh" else h * (1 - h)


def run(net: Elman, read: Ids, h0: Array, activation: str = "tanh") -> Array:
    """Return h_0 to h_T, shape (n_steps + 1, batch, hidden)."""
    h = [h0]
    for words in read:
        h.append(squash(net.E[words] @ net.W.T + h[-1] @ net.U.T + net.b, activation))
    return np.stack(h)


def loss_and_gradients(
    net: Elman, read: Ids, predicted: Ids, h0: Array, activation: str = "tanh"
) -> tuple[float, Elman, Array]:
    """Return the summed loss of a stretch, its gradients, and the state after it.

    Parameters
    ----------
    net : Elman
    read, predicted : ndarray of int64, shape (n_steps, batch)
    h0 : ndarray, shape (batch, hidden)
        The state before: a constant, which is where truncated backpropagation ends.
    activation : {"tanh", "sigmoid"}
    """
    h = run(net, read, h0, activation)
    loss, dz = softmax_loss(h[1:] @ net.V.T + net.c, predicted)
    d = Elman(*(np.zeros_like(getattr(net, field.name)) for field in dataclasses.fields(net)))
    d.V = np.einsum("tbv,tbh->vh", dz, h[1:])
    d.c = dz.sum(axis=(0, 1))
    dh = np.zeros_like(h0)  # of all losses after step t, by h_t
    for t in reversed(range(len(read))):
        dh = dh + dz[t] @ net.V  # the loss of step t itself
        da = dh * slope(h[t + 1], activation)
        d.W += da.T @ net.E[read[t]]
        d.U += da.T @ h[t]
        d.b += da.sum(axis=0)
        np.add.at(d.E, read[t], da @ net.W)
        dh = da @ net.U
    return loss, d, h[-1]


def gradient_flow(net: Elman, read: Ids, predicted: Ids, activation: str = "tanh") -> Array:
    """Return the mean norm of the last step's loss's gradient by h, k steps before; shape (n_steps,), k from 0.

    Each step back multiplies by U^T and by the slopes of f: Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and
    Bengio 2013, equation 5.
    """
    h = run(net, read, np.zeros((read.shape[1], len(net.b))), activation)
    dh = softmax_loss(h[-1] @ net.V.T + net.c, predicted[-1])[1] @ net.V
    norms = []
    for t in reversed(range(len(read))):
        norms.append(float(np.linalg.norm(dh, axis=1).mean()))
        dh = (dh * slope(h[t + 1], activation)) @ net.U
    return np.array(norms)
