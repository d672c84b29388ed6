"""Filters over the characters of words, and the largest value of each in each word (Kim et al. 2016, section 2.2).

What a filter gives at one place is a sum over the characters under it, and a text has few characters: the native kernel
multiplies every character's vector with every filter once, so that each place costs additions alone. On a GPU, and in
other precisions, it is torch's convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from firth import _core

__all__ = ["convolved", "filtered"]


def convolved(rows: Tensor, embedding: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Return what :func:`filtered` does, by torch's convolutions: its twin."""
    x = functional.embedding(rows, embedding, padding_idx=0).transpose(1, 2)  # (n_words, dim, longest)
    return torch.cat([functional.conv1d(x, weight).amax(2) for weight in weights], 1)


def filtered(rows: Tensor, embedding: Tensor, weights: Sequence[Tensor], pad: int) -> Tensor:
    """Return the largest value of each filter in each word.

    Parameters
    ----------
    rows : Tensor of int64, shape (n_words, longest)
        Ids of characters. Row 0 of the embedding gets no gradient.
    embedding : Tensor, shape (n_ids, dim)
    weights : sequence of Tensor, each (number, dim, width)
        No wider than rows are long.
    pad : int
        The id of the filler behind words: windows of filler alone are the same, so one is enough.

    Returns
    -------
    Tensor, shape (n_words, n_filters)

    Examples
    --------
    >>> filters = [torch.tensor([[[1.0, 0.5]]])]  # one filter of width 2 over vectors of length 1
    >>> filtered(torch.tensor([[1, 2, 0]]), torch.tensor([[0.0], [1.0], [3.0]]), filters, 0)
    tensor([[3.]])
    """
    plain = torch.onnx.is_in_onnx_export() or torch.compiler.is_compiling() or not rows.numel()
    if plain or embedding.device.type != "cpu" or embedding.dtype != torch.float32 or rows.shape[1] > 65535:
        return convolved(rows, embedding, weights)
    if not torch.is_grad_enabled():
        return _forward(rows, pad, embedding, weights, None)[0]
    found: Tensor = _Filtered.apply(rows, pad, embedding, *weights)  # type: ignore[no-untyped-call]
    return found


def _used(rows: Tensor, n_ids: int) -> tuple[Tensor, Tensor]:
    """Return which ids there are, and the rows in their numbers."""
    there = torch.zeros(n_ids, dtype=torch.bool)
    there[rows.flatten()] = True
    return there.nonzero()[:, 0], (there.cumsum(0, dtype=torch.int32) - 1)[rows].to(torch.int32)


def _forward(
    rows: Tensor, pad: int, embedding: Tensor, weights: Sequence[Tensor], place: Any
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Return the largest values, and what the way back needs; where they are goes into ``place``, if it is an array."""
    used, ids = _used(rows, len(embedding))
    places = torch.arange(1, rows.shape[1] + 1, dtype=torch.int32)
    starts = ((rows != pad) * places).amax(1)  # the first window of filler alone
    best = embedding.new_empty(len(rows), sum(len(weight) for weight in weights))
    filters = [weight.detach().contiguous().numpy() for weight in weights]
    vectors = embedding.detach()[used].numpy()
    if not _core.char_filters(
        ids.numpy(), starts.numpy(), vectors, filters, best.numpy(), place, torch.get_num_threads()
    ):
        best.fill_(torch.nan)  # a comparison would lose what is no number
    return best, (used, ids, starts)


class _Filtered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, pad: int, embedding: Tensor, *weights: Tensor) -> Tensor:
        place = np.empty((len(rows), sum(len(weight) for weight in weights)), np.uint16)
        best, kept = _forward(rows, pad, embedding, weights, place)
        ctx.save_for_backward(embedding, *weights)
        ctx.kept = *kept, place
        return best

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        embedding, *weights = ctx.saved_tensors
        used, ids, starts, place = ctx.kept
        d_vectors = embedding.new_empty(len(used), embedding.shape[1])
        d_weights = [torch.empty_like(weight, memory_format=torch.contiguous_format) for weight in weights]
        _core.char_filters_back(
            ids.numpy(),
            starts.numpy(),
            embedding.detach()[used].numpy(),
            [weight.detach().contiguous().numpy() for weight in weights],
            grads[0].contiguous().numpy(),
            place,
            d_vectors.numpy(),
            [d.numpy() for d in d_weights],
            torch.get_num_threads(),
        )
        d_embedding = torch.zeros_like(embedding).index_copy_(0, used, d_vectors)
        d_embedding[0] = 0
        return None, None, d_embedding, *d_weights
