"""Projected LSTMs over whole sequences, several directions at once, with their backward pass by hand.

The gradients of the weights are one product each at the end, where autograd would add up one small product a step. On a
CPU the steps of all directions are one call of the native kernel, each direction on a thread of its own, and more
threads share the sentences; a sentence's outputs are the same bytes whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from firth import _core
from firth.nn.lstmp_library import library_lstm, uses_library
from firth.nn.lstmp_rows import last_rows, packed_rows, shifted_rows, unpacked_rows
from firth.nn.lstmp_steps import Direction, Kept, Limits, bounds, steps, steps_back

__all__ = ["projected_lstms"]

Found = tuple[Tensor, Tensor, Tensor]  # outputs (n_steps, batch, projection) and the state behind each sentence


def projected_lstms(
    directions: Sequence[Direction], limits: Limits, active: list[int], packed: Sequence[Any] | None = None
) -> list[Found]:
    """Return the outputs of layers of one shape and the states behind each sentence.

    Parameters
    ----------
    directions : sequence of Direction
    limits : (float, float)
        Largest absolute value of a cell and of an output; 0 is no limit.
    active : list of int
        How many sentences are not over at each step, falling; one step or more.
    packed : sequence of LstmWeights, optional
        Weights of each direction as the native kernel reads them, for use without gradients.

    Returns
    -------
    list of (Tensor, Tensor, Tensor)
        Of each direction what :meth:`firth.nn.lstmp.ProjectedLSTM.forward` returns.
    """
    kind = directions[0].w_ih.dtype
    flat = [value.to(kind) for direction in directions for value in direction]
    with torch.autocast(flat[0].device.type, enabled=False):
        if uses_library(flat[0]):
            taken = [library_lstm(Direction(*flat[i : i + 7]), limits, active) for i in range(0, len(flat), 7)]
            if None not in taken:
                return taken  # type: ignore[return-value]
        if torch.is_grad_enabled() and any(value.requires_grad for value in flat):
            values: tuple[Tensor, ...] = _ProjectedLSTMs.apply(limits, active, *flat)  # type: ignore[no-untyped-call]
        else:
            values = _forward([value.detach() for value in flat], limits, active, packed, keep=False)[0]
    return [(values[i], values[i + 1], values[i + 2]) for i in range(0, len(values), 3)]


def _native(values: Sequence[Tensor]) -> bool:
    return all(each.device.type == "cpu" and each.dtype == torch.float32 for each in values)


def _arrays(values: Sequence[Tensor]) -> list[Any]:
    return [value.detach().contiguous().numpy() for value in values]


def _begin(active: list[int]) -> Any:
    return np.array(bounds(active), np.int64)


def _forward(
    flat: Sequence[Tensor], limits: Limits, active: list[int], packed: Sequence[Any] | None = None, *, keep: bool
) -> tuple[tuple[Tensor, ...], list[Tensor]]:
    """Return outputs and states of all directions, and what is kept: the outputs and `Kept` of each."""
    layers = [Direction(*flat[i : i + 7]) for i in range(0, len(flat), 7)]
    native, found, kept, calls = _native(flat), [], [], []
    for place, layer in enumerate(layers):
        x = packed_rows(layer.x, active)
        out = x.new_empty(len(x), len(layer.w_hr))
        room: tuple[Tensor, ...] = (layer.c.clone(memory_format=torch.contiguous_format),)
        if keep or not native:
            room = Kept.room(x, len(x), layer.w_hr.shape[1], len(layer.w_hr))
        if native:
            calls.append((*_arrays([x, *layer[1:]]), out.numpy(), packed[place] if packed else None, _arrays(room)))
        else:
            steps(layer._replace(x=x), limits, active, Kept(*room), out)
        kept.append((out, *room))
    if native:
        _core.lstm_forward(calls, _begin(active), *limits, torch.get_num_threads())
    for layer, (out, *held) in zip(layers, kept, strict=True):
        cells = last_rows(held[1], layer.c, active) if len(held) > 1 else held[0]
        found += [unpacked_rows(out, active, layer.x.shape[1]), last_rows(out, layer.h, active), cells]
    return tuple(found), [value for each in kept for value in each]


def _back(
    layers: list[Direction], limits: Limits, active: list[int], kept: list[tuple[Tensor, ...]], d: Sequence[Tensor]
) -> list[tuple[Tensor, ...]]:
    """Return the gradients of the state, of the gates' sums and of what was projected, of each direction."""
    found: list[tuple[Tensor, ...]] = []
    calls = []
    for place, (layer, (out, *room)) in enumerate(zip(layers, kept, strict=True)):
        held = Kept(*room)
        dy, dh, dc = d[3 * place : 3 * place + 3]
        dh, dc = (value.clone(memory_format=torch.contiguous_format) for value in (dh, dc))
        d_out, d_sums, d_uncut = packed_rows(dy, active), torch.empty_like(held.opened), torch.empty_like(out)
        if _native([layer.x, dy]):
            values = [layer.c, layer.w_hh, layer.w_hr, held.opened, held.cells, held.uncut, d_out]
            calls.append((*_arrays(values), *(value.numpy() for value in (dh, dc, d_sums, d_uncut))))
        else:
            steps_back(layer, limits, active, held, d_out, (dh, dc), d_sums, d_uncut)
        found.append((dh, dc, d_sums, d_uncut))
    if calls:
        _core.lstm_backward(calls, _begin(active), *limits, torch.get_num_threads())
    return found


class _ProjectedLSTMs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, limits: Limits, active: list[int], *flat: Tensor) -> tuple[Tensor, ...]:
        found, kept = _forward(flat, limits, active, keep=True)
        ctx.save_for_backward(*flat, *kept)
        ctx.limits, ctx.active = limits, active
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        saved, n, active = ctx.saved_tensors, len(grads) // 3, ctx.active
        layers = [Direction(*saved[i : i + 7]) for i in range(0, 7 * n, 7)]
        kept = [saved[7 * n + i : 7 * n + i + 5] for i in range(0, 5 * n, 5)]
        with torch.autocast(grads[0].device.type, enabled=False):
            found: list[Tensor | None] = []
            for place, back in enumerate(_back(layers, ctx.limits, active, kept, grads)):
                needed = ctx.needs_input_grad[2 + 7 * place : 9 + 7 * place]
                found += _of_weights(layers[place], active, kept[place], back, needed)
        return None, None, *found


def _of_weights(
    layer: Direction,
    active: list[int],
    kept: tuple[Tensor, ...],
    back: tuple[Tensor, ...],
    needed: tuple[bool, ...],
) -> list[Tensor | None]:
    """Return the gradients of a direction's seven tensors."""
    dh, dc, d_sums, d_uncut = back
    out, hidden = kept[0], kept[3]
    return [
        unpacked_rows(d_sums @ layer.w_ih, active, layer.x.shape[1]) if needed[0] else None,
        dh if needed[1] else None,
        dc if needed[2] else None,
        d_sums.t() @ packed_rows(layer.x, active) if needed[3] else None,
        d_sums.t() @ shifted_rows(out, layer.h, active) if needed[4] else None,
        d_sums.sum(0) if needed[5] else None,
        d_uncut.t() @ hidden if needed[6] else None,
    ]
