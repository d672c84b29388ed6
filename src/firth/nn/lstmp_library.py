"""torch's own projected LSTM, which is cuDNN's on a GPU, for as long as no limit cuts anything: and the test of that.

The library knows no limits. Where none of them would cut, its outcome is that of a layer with limits; where one does,
it is wrong from there on, and the steps of :mod:`firth.nn.lstmp_steps` are taken instead. The library shows outputs
and not cells, but outputs make gates, and with gates c_t = f_t c_(t-1) + i_t g_t is a linear recurrence, which needs
no step that waits for the one before: pairs of steps are steps twice as long (Hillis and Steele 1986).
"""

from __future__ import annotations

import torch
from torch import Tensor

from firth.nn.lstmp_rows import packed_rows, shifted_rows, unpacked_rows
from firth.nn.lstmp_steps import Direction, Limits

__all__ = ["cells_of", "library_lstm", "uses_library"]


def uses_library(value: Tensor) -> bool:
    """Return whether the library is tried: on a GPU, where it is many times as fast."""
    return value.is_cuda


def library_lstm(direction: Direction, limits: Limits, active: list[int]) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return outputs ``(n_steps, batch, projection)`` and the state behind each sentence; None where a limit cuts.

    None too where outputs are no shorter than cells, which the library has no layer for.

    Parameters are those of :func:`firth.nn.lstmp_sequence.projected_lstms`, of one direction.
    """
    if len(direction.w_hr) >= direction.w_hr.shape[1]:
        return None
    x = packed_rows(direction.x, active)
    weights = [direction.w_ih, direction.w_hh, direction.bias, torch.zeros_like(direction.bias), direction.w_hr]
    state = [direction.h[None].contiguous(), direction.c[None].contiguous()]
    out, h, c = torch.lstm(
        x, torch.tensor(active), state, weights, True, 1, 0.0, torch.is_grad_enabled(), False
    )  # fmt: skip
    with torch.no_grad():
        if limits[1] and not bool(out.abs().max() <= limits[1]):
            return None
        if limits[0] and not bool(cells_of(direction, active, x, out).abs().max() <= limits[0]):
            return None
    return unpacked_rows(out, active, direction.x.shape[1]), h[0], c[0]


def cells_of(direction: Direction, active: list[int], x: Tensor, out: Tensor) -> Tensor:
    """Return the cells of a layer without limits, (n_steps, batch, cells), from its outputs; zeros behind a sentence.

    Parameters
    ----------
    direction : Direction
    active : list of int
    x, out : Tensor, shapes (n_rows, n_in) and (n_rows, projection)
        Inputs and outputs, as :func:`firth.nn.lstmp_rows.packed_rows` has them.
    """
    sums = torch.addmm(direction.bias, x, direction.w_ih.t())
    sums.addmm_(shifted_rows(out, direction.h, active), direction.w_hh.t())
    i, f, g, _ = sums.chunk(4, 1)
    batch = direction.x.shape[1]
    kept = unpacked_rows(f.sigmoid(), active, batch).clone()
    cells = unpacked_rows(i.sigmoid() * g.tanh(), active, batch).clone()
    cells[0] += kept[0] * direction.c
    stride = 1
    while stride < len(cells):  # now cells[t] has what steps t - stride + 1 to t put in, and kept[t] what they leave
        cells[stride:] += kept[stride:] * cells[:-stride].clone()
        kept[stride:] *= kept[:-stride].clone()
        stride *= 2
    return cells
