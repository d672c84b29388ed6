"""Where a place stands in its sequence, told to attention, which does not know: waves that are added, or rotations.

Vaswani et al. 2017 (arXiv 1706.03762), section 3.5; Su et al. 2021, "RoFormer" (arXiv 2104.09864), section 3.2.
A third way, a learnt vector for each place, is an embedding like any other.
"""

from __future__ import annotations

from typing import TypeAlias

import torch
from torch import Tensor

__all__ = ["Rotation", "rotated", "rotation", "sinusoids"]

Rotation: TypeAlias = tuple[Tensor, Tensor]  # cosines and sines, (M, E / 2) each


def sinusoids(n: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Return waves whose lengths go from 2 pi to 10,000 times that, shape (n, dim).

    Sines stand in even columns, cosines in odd ones.

    Examples
    --------
    >>> sinusoids(2, 4)[0].tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    even = torch.arange(0, dim, 2, device=device, dtype=torch.float64)
    angles = torch.arange(n, device=device, dtype=torch.float64)[:, None] * 10_000.0 ** (-even / dim)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :dim].float()


def rotation(n: int, dim: int, base: float = 10_000.0, device: torch.device | None = None) -> Rotation:
    """Return the cosines and sines that :func:`rotated` turns ``n`` places' vectors of length ``dim`` by.

    Parameters
    ----------
    n : int
    dim : int
        Of a head; even.
    base : float
        The slowest pair of entries turns once in about 2 pi ``base`` places.
    device : torch.device, optional
    """
    speeds = base ** (-torch.arange(0, dim, 2, device=device, dtype=torch.float64) / dim)
    angles = torch.arange(n, device=device, dtype=torch.float64)[:, None] * speeds
    return angles.cos().float(), angles.sin().float()


def rotated(x: Tensor, turn: Rotation) -> Tensor:
    """Turn the entries j and j + E / 2 of each vector by its place's angle (equation 14, pairs apart as in GPT-NeoX).

    The product of a query and a key that were turned depends on how far apart they stand, and not on where.

    Parameters
    ----------
    x : Tensor, shape (..., N, E)
        The last N of the M places that ``turn`` knows.
    turn : Rotation

    Examples
    --------
    >>> query, key = torch.randn(2, 6, 8, dtype=torch.float64)
    >>> turned = rotated(query, rotation(6, 8)), rotated(key, rotation(6, 8))
    >>> later = rotated(query[:1].expand(6, 8), rotation(6, 8)) @ rotated(key[:1].expand(6, 8), rotation(6, 8)).T
    >>> bool((later[0, 2] - later[3, 5]).abs() < 1e-6)
    True
    """
    cosines, sines = (part[len(part) - x.shape[-2] :].to(x.dtype) for part in turn)
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], -1)
