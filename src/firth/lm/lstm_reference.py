"""The NumPy twin of an LSTM language model: forward, and backpropagation through time written out.

Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000. ``docs/rnn.md`` derives the gradients in the
letters used here. Rows are examples, so that the page's W x is ``x @ W.T`` here.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from firth.lm.rnn_reference import Array, Ids, softmax_loss

__all__ = ["LSTM", "gradient_flow", "loss_and_gradients"]


@dataclasses.dataclass
class LSTM:
    """The weights, or their gradients.

    Attributes
    ----------
    E : ndarray, shape (n_words, dim)
        Word vectors.
    W, U, b : ndarray, shapes (4 hidden, dim), (4 hidden, hidden), (4 hidden,)
        Rows of the input gate i, the forget gate f, the new cell g and the output gate o, in this order.
    V, c : ndarray, shapes (n_words, hidden), (n_words,)
        z_t = V h_t + c.
    """

    E: Array
    W: Array
    U: Array
    b: Array
    V: Array
    c: Array


@dataclasses.dataclass
class Step:
    """What a step leaves for the way back; shape (batch, hidden) each."""

    i: Array
    f: Array
    g: Array
    o: Array
    cell_before: Array
    h_before: Array
    squashed: Array
    h: Array
    cell: Array


def logistic(a: Array) -> Array:
    """Return 1 / (1 + e^-a)."""
    return np.asarray(1 / (1 + np.exp(-a)))


def forward(net: LSTM, words: Ids, h: Array, cell: Array) -> Step:
    """Read one word of each text: i, f, o = s(a), g = tanh(a); c' = f c + i g; h' = o tanh(c')."""
    a_i, a_f, a_g, a_o = np.split(net.E[words] @ net.W.T + h @ net.U.T + net.b, 4, axis=1)
    i, f, g, o = logistic(a_i), logistic(a_f), np.tanh(a_g), logistic(a_o)
    after = f * cell + i * g
    squashed = np.tanh(after)
    return Step(i, f, g, o, cell, h, squashed, o * squashed, after)


def backward(step: Step, dh: Array, dcell: Array) -> tuple[Array, Array]:
    """Return the gradient by the gates' sums a, shape (batch, 4 hidden), and by the cell before.

    Parameters
    ----------
    step : Step
    dh, dcell : ndarray, shape (batch, hidden)
        By h' and, past h', by c'.
    """
    i, f, g, o = step.i, step.f, step.g, step.o
    do = dh * step.squashed
    dcell = dcell + dh * o * (1 - step.squashed**2)
    di, df, dg = dcell * g, dcell * step.cell_before, dcell * i
    da = np.concatenate([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)], axis=1)
    return da, dcell * f


def run(net: LSTM, read: Ids, h: Array, cell: Array) -> list[Step]:
    """Return every step."""
    steps = []
    for words in read:
        steps.append(forward(net, words, h, cell))
        h, cell = steps[-1].h, steps[-1].cell
    return steps


def loss_and_gradients(
    net: LSTM, read: Ids, predicted: Ids, h0: Array, cell0: Array
) -> tuple[float, LSTM, tuple[Array, Array]]:
    """Return the summed loss of a stretch, its gradients, and the state after it.

    Parameters
    ----------
    net : LSTM
    read, predicted : ndarray of int64, shape (n_steps, batch)
    h0, cell0 : ndarray, shape (batch, hidden)
        The state before: constants, which is where truncated backpropagation ends.
    """
    steps = run(net, read, h0, cell0)
    h = np.stack([step.h for step in steps])
    loss, dz = softmax_loss(h @ net.V.T + net.c, predicted)
    d = LSTM(*(np.zeros_like(getattr(net, field.name)) for field in dataclasses.fields(net)))
    d.V = np.einsum("tbv,tbh->vh", dz, h)
    d.c = dz.sum(axis=(0, 1))
    dh, dcell = np.zeros_like(h0), np.zeros_like(cell0)
    for t in reversed(range(len(read))):
        da, dcell = backward(steps[t], dh + dz[t] @ net.V, dcell)
        d.W += da.T @ net.E[read[t]]
        d.U += da.T @ steps[t].h_before
        d.b += da.sum(axis=0)
        np.add.at(d.E, read[t], da @ net.W)
        dh = da @ net.U
    return loss, d, (steps[-1].h, steps[-1].cell)


def gradient_flow(net: LSTM, read: Ids, predicted: Ids) -> tuple[Array, Array]:
    """Return mean norms of the last step's loss's gradient, by h and by the cell, k steps before; k from 0.

    By the cell there is a way back with no matrix in it: the product of the forget gates (Hochreiter and Schmidhuber's
    constant error carousel, section 3.2).
    """
    zeros = np.zeros((read.shape[1], len(net.b) // 4))
    steps = run(net, read, zeros, zeros)
    dh = softmax_loss(steps[-1].h @ net.V.T + net.c, predicted[-1])[1] @ net.V
    dcell, by_h, by_cell = zeros, [], []
    for step in reversed(steps):
        by_h.append(float(np.linalg.norm(dh, axis=1).mean()))
        by_cell.append(float(np.linalg.norm(dcell + dh * step.o * (1 - step.squashed**2), axis=1).mean()))
        da, dcell = backward(step, dh, dcell)
        dh = da @ net.U
    return np.array(by_h), np.array(by_cell)
