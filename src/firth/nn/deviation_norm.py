"""Layer norm that divides by the standard deviation itself, as "The Annotated Transformer" and its descendants do.

Ba, Kiros and Hinton 2016 (arXiv 1607.06450), equation 4, divide by sigma; torch's LayerNorm divides by the root of
sigma squared plus a little. Where values hardly differ, that is not the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["DeviationNorm"]


class DeviationNorm(nn.LayerNorm):
    """gamma (x - mean) / (sigma + epsilon) + beta, sigma squared being the mean square of x - mean.

    Parameters
    ----------
    dim : int
    epsilon : float

    Examples
    --------
    >>> norm = DeviationNorm(2, 1.0)
    >>> norm(torch.tensor([1.0, 3.0])).tolist()
    [-0.5, 0.5]
    """

    def __init__(self, dim: int, epsilon: float = 1e-6) -> None:
        super().__init__(dim, epsilon)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normed vectors, shape as ``x``."""
        apart = x - x.mean(-1, keepdim=True)
        sigma = torch.sqrt(apart.square().mean(-1, keepdim=True))
        return self.weight * apart / (sigma + self.eps) + self.bias
