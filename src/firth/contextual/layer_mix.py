"""The weighted sum of a representation's layers that a task learns (Peters et al. 2018, equation 1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["LayerMix"]


class LayerMix(nn.Module):
    """gamma sum_j s_j h_j, with s = softmax(w).

    Parameters
    ----------
    n_layers : int
    weights : sequence of float, optional
        w; zeros by default, the plain mean.
    gamma : float
    layer_norm : bool
        Give each layer mean 0 and variance 1 over a sentence's tokens first.

    Examples
    --------
    >>> mix = LayerMix(2)
    >>> mix(torch.tensor([[[1.0, 3.0]], [[3.0, 5.0]]])).tolist()
    [[2.0, 4.0]]
    """

    def __init__(
        self, n_layers: int, weights: Sequence[float] | None = None, gamma: float = 1.0, *, layer_norm: bool = False
    ) -> None:
        super().__init__()
        start = torch.zeros(n_layers) if weights is None else torch.tensor([float(weight) for weight in weights])
        self.weights = nn.Parameter(start)
        self.gamma = nn.Parameter(torch.tensor(float(gamma)))
        self.layer_norm = layer_norm

    def forward(self, layers: Tensor) -> Tensor:
        """Return the mixed vectors, (n_layers, n_tokens, dim) to (n_tokens, dim)."""
        if self.layer_norm:
            layers = functional.layer_norm(layers, layers.shape[1:])
        return self.gamma * torch.einsum("l,l...->...", self.weights.softmax(0), layers)
