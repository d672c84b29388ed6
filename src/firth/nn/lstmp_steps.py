"""The steps of a projected LSTM in torch: the twin of the native kernel, and what runs on a GPU or in double precision.

All inputs are multiplied at once; each step then takes one product with the outputs before it, its gates, and the
projection. Only rows of sentences that go on are kept: those of all steps lie one after the other, ``n_rows`` in all.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Direction", "Kept", "Limits", "bounds", "steps", "steps_back"]

Limits = tuple[float, float]  # of cells and of outputs; 0 is none


class Direction(NamedTuple):
    """One layer's input, state and weights, as :class:`firth.nn.lstmp.ProjectedLSTM` has them."""

    x: Tensor  # (n_steps, batch, n_in), or (n_rows, n_in) where it says so
    h: Tensor  # (batch, projection)
    c: Tensor  # (batch, cells)
    w_ih: Tensor
    w_hh: Tensor
    bias: Tensor
    w_hr: Tensor


class Kept(NamedTuple):
    """What the way back needs of every row."""

    opened: Tensor  # (n_rows, 4 * cells): the gates
    cells: Tensor  # (n_rows, cells)
    hidden: Tensor  # (n_rows, cells): what is projected
    uncut: Tensor  # (n_rows, projection): what the projection gives

    @staticmethod
    def room(like: Tensor, n_rows: int, cells: int, projection: int) -> Kept:
        """Return room for all of it."""
        return Kept(*(like.new_empty(n_rows, width) for width in (4 * cells, cells, cells, projection)))


def bounds(active: list[int]) -> list[int]:
    """Return where the rows of each step begin, and the end.

    Examples
    --------
    >>> bounds([3, 2])
    [0, 3, 5]
    """
    return list(itertools.accumulate(active, initial=0))


def steps(layer: Direction, limits: Limits, active: list[int], kept: Kept, out: Tensor) -> None:
    """Fill ``kept`` and the outputs ``(n_rows, projection)``; ``layer.x`` is ``(n_rows, n_in)``."""
    torch.addmm(layer.bias, layer.x, layer.w_ih.t(), out=kept.opened)
    h, c = layer.h, layer.c
    for at, end in itertools.pairwise(bounds(active)):
        n = end - at
        kept.opened[at:end].addmm_(h[:n], layer.w_hh.t())
        gates(kept.opened[at:end], c[:n], kept.cells[at:end], kept.hidden[at:end], limits[0])
        torch.mm(kept.hidden[at:end], layer.w_hr.t(), out=kept.uncut[at:end])
        h, c = out[at:end], kept.cells[at:end]
        h.copy_(kept.uncut[at:end].clamp(-limits[1], limits[1]) if limits[1] else kept.uncut[at:end])


def steps_back(  # noqa: PLR0917
    layer: Direction,
    limits: Limits,
    active: list[int],
    kept: Kept,
    d_out: Tensor,
    d_state: tuple[Tensor, Tensor],
    d_sums: Tensor,
    d_uncut: Tensor,
) -> None:
    """Go back through all steps.

    Parameters
    ----------
    layer, limits, active, kept
        As :func:`steps` had them.
    d_out : Tensor, shape (n_rows, projection)
    d_state : tuple of Tensor
        Gradients of the state behind each sentence; in their place go those of the state before it.
    d_sums, d_uncut : Tensor
        Room for the gradients of the gates' sums, ``(n_rows, 4 * cells)``, and of what the projection gave. A limit
        that cut a value passes no gradient on, as with :func:`torch.clamp`.
    """
    dh, dc = d_state
    passes = kept.uncut.abs() <= limits[1] if limits[1] else torch.ones_like(kept.uncut, dtype=torch.bool)
    begin = bounds(active)
    for t in range(len(active) - 1, -1, -1):
        n, at, end = active[t], begin[t], begin[t + 1]
        c = kept.cells[begin[t - 1] :][:n] if t else layer.c[:n]
        torch.mul(dh[:n].add_(d_out[at:end]), passes[at:end], out=d_uncut[at:end])
        d_hidden = d_uncut[at:end] @ layer.w_hr
        gates_back(d_hidden, dc[:n], kept.opened[at:end], c, kept.cells[at:end], limits[0], d_sums[at:end])
        torch.mm(d_sums[at:end], layer.w_hh, out=dh[:n])


def gates(sums: Tensor, before: Tensor, after: Tensor, hidden: Tensor, clip: float) -> None:
    """Take one step: c' = f c + i g, cut to the clip; m = o tanh c'.

    Parameters
    ----------
    sums : Tensor, shape (n, 4 * cells)
        Of the gates: input, forget, cell, output. In their place go the gates.
    before, after, hidden : Tensor, shape (n, cells)
        Cells before the step, and room for those after it and for m.
    clip : float
        Largest absolute value of a cell; 0 is no limit.
    """
    i, f, g, o = sums.chunk(4, 1)
    sums[:, : 2 * before.shape[1]].sigmoid_()
    g.tanh_()
    o.sigmoid_()
    torch.mul(f, before, out=after).addcmul_(i, g)
    if clip:
        after.clamp_(-clip, clip)
    torch.tanh(after, out=hidden).mul_(o)


def gates_back(  # noqa: PLR0917
    d_hidden: Tensor, d_cells: Tensor, opened: Tensor, before: Tensor, after: Tensor, clip: float, d_sums: Tensor
) -> None:
    """Go back through one step.

    Parameters
    ----------
    d_hidden, d_cells : Tensor, shape (n, cells)
        Gradients of m and of the cells after the step; in the place of the second goes that of the cells before it.
    opened : Tensor, shape (n, 4 * cells)
        The gates.
    before, after : Tensor, shape (n, cells)
        Cells.
    clip : float
    d_sums : Tensor, shape (n, 4 * cells)
        Room for the gradients of the gates' sums.
    """
    i, f, g, o = opened.chunk(4, 1)
    di, df, dg, do = d_sums.chunk(4, 1)
    tanh = after.tanh()
    d_cells.addcmul_(d_hidden * o, 1 - tanh * tanh)
    if clip:
        d_cells.masked_fill_(torch.addcmul(f * before, i, g).abs() > clip, 0)
    torch.mul(d_cells * g, i - i * i, out=di)
    torch.mul(d_cells * before, f - f * f, out=df)
    torch.mul(d_cells * i, 1 - g * g, out=dg)
    torch.mul(d_hidden * tanh, o - o * o, out=do)
    d_cells.mul_(f)
