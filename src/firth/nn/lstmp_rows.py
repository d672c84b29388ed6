"""Rows of sentences that are not over, those of all steps one after the other, and back to steps side by side.

``active`` says how many sentences go on at each step; they stand longest first.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["last_rows", "packed_rows", "shifted_rows", "unpacked_rows"]


def packed_rows(x: Tensor, active: list[int]) -> Tensor:
    """Return the rows of sentences that go on, (n_rows, n), of (n_steps, batch, n)."""
    if active[-1] == x.shape[1]:
        return x.reshape(-1, x.shape[2]).contiguous()
    return torch.cat([x[t, :n] for t, n in enumerate(active)])


def unpacked_rows(rows: Tensor, active: list[int], batch: int) -> Tensor:
    """Return (n_steps, batch, n) of (n_rows, n), zeros where a sentence is over."""
    if active[-1] == batch:
        return rows.view(len(active), batch, -1)
    places = torch.cat([torch.arange(t * batch, t * batch + n) for t, n in enumerate(active)]).to(rows.device)
    return rows.new_zeros(len(active) * batch, rows.shape[1]).index_copy(0, places, rows).view(len(active), batch, -1)


def shifted_rows(rows: Tensor, first: Tensor, active: list[int]) -> Tensor:
    """Return what stood before each step: ``first``, then the rows of the step before."""
    parts = [first, *torch.split(rows, active)]
    return torch.cat([part[:n] for part, n in zip(parts, active, strict=False)])


def last_rows(rows: Tensor, first: Tensor, active: list[int]) -> Tensor:
    """Return the row of each sentence's last step."""
    last = first.clone()
    for part, after in zip(torch.split(rows, active), [*active[1:], 0], strict=True):
        last[after : len(part)] = part[after:]
    return last
