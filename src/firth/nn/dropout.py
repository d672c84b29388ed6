"""Dropout that leaves the same entries out at every step of a sequence."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["locked_dropout"]


def locked_dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """Drop the same entries at every step (Gal and Ghahramani 2016), of a (n_steps, batch, n) tensor.

    Examples
    --------
    >>> x = locked_dropout(torch.ones(3, 1, 4), 0.5, training=True)
    >>> bool((x[0] == x[2]).all())
    True
    """
    if not training or not share:
        return x
    return x * (torch.empty_like(x[:1]).bernoulli_(1 - share) / (1 - share))
