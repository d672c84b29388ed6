"""A projected LSTM over a whole sequence, with its backward pass by hand.

All inputs are multiplied at once; each step then takes one product with the outputs before it, its gates, and the
projection. Backward the steps are taken the other way, and the gradients of the weights are one product each at the
end. A limit that cut a value passes no gradient on, as with :func:`torch.clamp`.

Only rows of sentences that go on are kept: those of all steps lie one after the other, ``n_rows`` in all.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from firth import _core

__all__ = ["Limits", "gates", "gates_back", "projected_lstm"]

Limits = tuple[float, float]  # of cells and of outputs; 0 is none


def gates(sums: Tensor, before: Tensor, after: Tensor, hidden: Tensor, clip: float) -> None:
    """Take one step: c' = f c + i g, cut to the clip; m = o tanh c'. The twin of the native kernel.

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


def _native(*tensors: Tensor) -> bool:
    return all(each.device.type == "cpu" and each.dtype == torch.float32 for each in tensors)


def _packed(x: Tensor, active: list[int]) -> Tensor:
    """Return the rows of sentences that go on, (n_rows, n), of (n_steps, batch, n)."""
    if active[-1] == x.shape[1]:
        return x.reshape(-1, x.shape[2])
    return torch.cat([x[t, :n] for t, n in enumerate(active)])


def _unpacked(rows: Tensor, active: list[int], batch: int) -> Tensor:
    """Return (n_steps, batch, n) of (n_rows, n), zeros where a sentence is over."""
    if active[-1] == batch:
        return rows.view(len(active), batch, -1)
    x = rows.new_zeros(len(active), batch, rows.shape[1])
    for step, part in zip(x, torch.split(rows, active), strict=True):
        step[: len(part)] = part
    return x


def _shifted(rows: Tensor, first: Tensor, active: list[int]) -> Tensor:
    """Return what stood before each step: ``first``, then the rows of the step before."""
    parts = [first, *torch.split(rows, active)]
    return torch.cat([part[:n] for part, n in zip(parts, active, strict=False)])


def _last(rows: Tensor, first: Tensor, active: list[int]) -> Tensor:
    """Return the row of each sentence's last step."""
    last = first.clone()
    for part, after in zip(torch.split(rows, active), [*active[1:], 0], strict=True):
        last[after : len(part)] = part[after:]
    return last


class _ProjectedLSTM(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any,
        x: Tensor,
        h0: Tensor,
        c0: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        bias: Tensor,
        w_hr: Tensor,
        limits: Limits,
        active: list[int],
    ) -> tuple[Tensor, Tensor, Tensor]:
        inputs = _packed(x, active)  # (n_rows, n_in)
        opened = torch.addmm(bias, inputs, w_ih.t())  # (n_rows, 4 * cells)
        cells, hidden = opened.new_empty(2, len(inputs), w_hr.shape[1])
        uncut = opened.new_empty(len(inputs), w_hr.shape[0])  # what the projection gives
        out = torch.empty_like(uncut) if limits[1] else uncut
        step: Any = _core.lstm_gates if _native(opened, c0) else gates
        h, c = h0.contiguous(), c0.contiguous()
        for (at, end), n in zip(itertools.pairwise(_bounds(active)), active, strict=True):
            opened[at:end].addmm_(h[:n], w_hh.t())
            step(opened[at:end], c[:n], cells[at:end], hidden[at:end], limits[0])
            torch.mm(hidden[at:end], w_hr.t(), out=uncut[at:end])
            if limits[1]:
                torch.clamp(uncut[at:end], -limits[1], limits[1], out=out[at:end])
            h, c = out[at:end], cells[at:end]
        ctx.save_for_backward(x, h0, c0, w_ih, w_hh, w_hr, opened, cells, hidden, uncut, out)
        ctx.limits, ctx.active = limits, active
        return _unpacked(out, active, x.shape[1]), _last(out, h0, active), _last(cells, c0, active)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        with torch.autocast(grads[0].device.type, enabled=False):
            return _back(ctx, *grads)


def _back(ctx: Any, dy: Tensor, dh: Tensor, dc: Tensor) -> tuple[Tensor | None, ...]:
    x, h0, c0, w_ih, w_hh, w_hr, opened, cells, hidden, uncut, out = ctx.saved_tensors
    limit, active = ctx.limits[1], ctx.active
    dh, dc = dh.clone(memory_format=torch.contiguous_format), dc.clone(memory_format=torch.contiguous_format)
    d_uncut, d_sums, d_hidden = torch.empty_like(uncut), torch.empty_like(opened), torch.empty_like(c0)
    passes = (uncut.abs() <= limit).to(uncut.dtype) if limit else None
    step: Any = _core.lstm_gates_back if _native(opened, c0, dh) else gates_back
    c0, bounds = c0.contiguous(), _bounds(active)
    for t in range(len(active) - 1, -1, -1):
        n, at, end = active[t], bounds[t], bounds[t + 1]
        c = cells[bounds[t - 1] :][:n] if t else c0[:n]
        dh[:n] += dy[t, :n]
        d_uncut[at:end] = dh[:n] if passes is None else dh[:n] * passes[at:end]
        torch.mm(d_uncut[at:end], w_hr, out=d_hidden[:n])
        step(d_hidden[:n], dc[:n], opened[at:end], c, cells[at:end], ctx.limits[0], d_sums[at:end])
        torch.mm(d_sums[at:end], w_hh, out=dh[:n])
    needed = ctx.needs_input_grad
    return (
        _unpacked(d_sums @ w_ih, active, x.shape[1]) if needed[0] else None,
        dh if needed[1] else None,
        dc if needed[2] else None,
        d_sums.t() @ _packed(x, active) if needed[3] else None,
        d_sums.t() @ _shifted(out, h0, active) if needed[4] else None,
        d_sums.sum(0) if needed[5] else None,
        d_uncut.t() @ hidden if needed[6] else None,
        None,
        None,
    )


def _bounds(active: list[int]) -> list[int]:
    """Return where the rows of each step begin, and the end."""
    return list(itertools.accumulate(active, initial=0))


def projected_lstm(  # noqa: PLR0917
    x: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    bias: Tensor,
    w_hr: Tensor,
    limits: Limits,
    active: list[int],
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the outputs of one layer and the state behind each sentence.

    Parameters and results are those of :meth:`firth.nn.lstmp.ProjectedLSTM.forward`; ``x`` has one step or more.
    """
    with torch.autocast(x.device.type, enabled=False):
        found: tuple[Tensor, Tensor, Tensor] = _ProjectedLSTM.apply(  # type: ignore[no-untyped-call]
            x.to(w_ih.dtype), h0.to(w_ih.dtype), c0.to(w_ih.dtype), w_ih, w_hh, bias, w_hr, limits, active
        )
    return found
