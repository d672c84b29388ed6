"""Attention by scaled dot products, with several heads: each place of a sequence reads all others by their content.

Vaswani et al. 2017, "Attention Is All You Need" (arXiv 1706.03762), section 3.2. ``docs/transformer.md`` teaches it.
Axes: B sequences, H heads, N places that ask, M places that are read, D the model's length, E = D / H a head's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.nn.positions import Rotation, rotated

__all__ = ["BACKENDS", "MultiHeadAttention", "attend", "attention_weights", "band"]

BACKENDS = ("fused", "plain")


def band(n: int, m: int, window: int | None = None, device: torch.device | None = None) -> Tensor:
    """Return which of ``m`` places each of the last ``n`` among them may read: itself and what stands before it.

    Parameters
    ----------
    n, m : int
        Places that ask, and places that are read, ``n <= m``; the last of both are the same.
    window : int, optional
        Read so many places back at most, oneself not counted.
    device : torch.device, optional

    Returns
    -------
    Tensor of bool, shape (n, m)

    Examples
    --------
    >>> band(2, 4, 2).int().tolist()
    [[1, 1, 1, 0], [0, 1, 1, 1]]
    """
    own = torch.arange(m - n, m, device=device)[:, None]
    read = torch.arange(m, device=device)
    allowed = read <= own
    return allowed if window is None else allowed & (read >= own - window)


def attention_weights(query: Tensor, key: Tensor, allowed: Tensor | None = None) -> Tensor:
    """Return softmax(Q K^T / sqrt(E)) over the places that may be read (equation 1), shape (B, H, N, M)."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -math.inf)
    return torch.softmax(scores, -1)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    allowed: Tensor | None = None,
    *,
    causal: bool = False,
    dropout: float = 0.0,
    backend: str = "fused",
) -> Tensor:
    """Return the mean of the values, weighted by :func:`attention_weights`.

    Parameters
    ----------
    query : Tensor, shape (B, H, N, E)
    key, value : Tensor, shape (B, H, M, E)
    allowed : Tensor of bool, broadcast to (B, H, N, M), optional
        What may be read; every place must be allowed to read something.
    causal : bool
        Read no later place; the last of the N is the last of the M.
    dropout : float
        Share of the weights that is left out.
    backend : {"fused", "plain"}
        Torch's own kernels, which never hold the N x M weights, or the equation as it stands.

    Returns
    -------
    Tensor, shape (B, H, N, E)

    Examples
    --------
    >>> x = torch.eye(2)[None, None]
    >>> attend(x, x, x, causal=True)[0, 0, 0].tolist()
    [1.0, 0.0]
    """
    n, m = query.shape[-2], key.shape[-2]
    if causal and n == 1:
        causal = False  # the last place reads everything
    if causal and (allowed is not None or n != m or backend == "plain"):
        before = band(n, m, device=query.device)
        allowed, causal = before if allowed is None else allowed & before, False
    if backend == "fused":
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask=allowed, dropout_p=dropout, is_causal=causal
        )
    return functional.dropout(attention_weights(query, key, allowed), dropout, dropout > 0) @ value


class MultiHeadAttention(nn.Module):
    """Self-attention with several heads (section 3.2.2).

    Parameters
    ----------
    dim, heads : int
        ``dim`` is a multiple of ``heads``.
    bias : bool
        Whether the four maps have summands.
    dropout : float
        Share of the weights of attention that is left out in training.

    Attributes
    ----------
    project : Linear, D to 3 D
        Queries, keys and values of all heads, one below the other.
    merge : Linear, D to D
        Of the heads' outcomes side by side.
    backend : str
        As for :func:`attend`.
    """

    def __init__(self, dim: int, heads: int, *, bias: bool = True, dropout: float = 0.0) -> None:
        super().__init__()
        self.dim, self.heads, self.dropout = dim, heads, dropout
        self.project = nn.Linear(dim, 3 * dim, bias=bias)
        self.merge = nn.Linear(dim, dim, bias=bias)
        self.backend = "fused"

    def forward(
        self,
        x: Tensor,
        allowed: Tensor | None = None,
        *,
        causal: bool = False,
        rotation: Rotation | None = None,
        memory: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Let every place read the others.

        Parameters
        ----------
        x : Tensor, shape (B, N, D)
        allowed : Tensor of bool, broadcast to (B, H, N, M), optional
        causal : bool
        rotation : Rotation, optional
            Of all M places: turns queries and keys, where positions are told that way.
        memory : Tensor, shape (2, B, M - N, D), optional
            Keys and values of places before these, as a call before returned them.

        Returns
        -------
        Tensor, shape (B, N, D)
        Tensor, shape (2, B, M, D), or None
            Keys, not turned, and values, with those of these places behind those of the memory; None without memory.
        """
        query, key, value = self.project(x).split(self.dim, -1)
        read = None
        if memory is not None:
            read = torch.cat([memory, torch.stack([key, value])], 2)
            key, value = read
        query, key, value = self.headed(query), self.headed(key), self.headed(value)
        if rotation is not None:
            query, key = rotated(query, rotation), rotated(key, rotation)
        share = self.dropout if self.training else 0.0
        found = attend(query, key, value, allowed, causal=causal, dropout=share, backend=self.backend)
        return self.merge(found.transpose(1, 2).flatten(2)), read

    def weights(self, x: Tensor, allowed: Tensor | None = None, *, rotation: Rotation | None = None) -> Tensor:
        """Return what each head reads where, shape (B, H, N, N): to be looked at."""
        query, key, _ = self.project(x).split(self.dim, -1)
        query, key = self.headed(query), self.headed(key)
        if rotation is not None:
            query, key = rotated(query, rotation), rotated(key, rotation)
        return attention_weights(query, key, allowed)

    def headed(self, x: Tensor) -> Tensor:
        """Return (B, N, D) as (B, H, N, E)."""
        return x.view(*x.shape[:-1], self.heads, -1).transpose(1, 2)
