"""The weighted sum of a representation's layers that a task learns (Peters et al. 2018, equation 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from firth.errors import ConfigError

__all__ = ["LayerMix", "MixLike", "mix_of"]

_NOTHING = -87.0  # e to this is the smallest normal float32: beside other layers such a share adds nothing


class LayerMix(nn.Module):
    """gamma sum_j s_j h_j, with s = softmax(w).

    Every mix is of this form: the plain mean has equal w, the sum a gamma of as many as there are layers, one layer
    alone a w far above the others. Weights given by hand can so be trained on.

    Parameters
    ----------
    n_layers : int
    weights : sequence of float, optional
        w, before the softmax; zeros by default, the plain mean. For shares themselves there is :meth:`by_hand`.
    gamma : float
    layer_norm : bool
        Give each layer mean 0 and variance 1 over a sentence's real tokens first. The published programs take both over
        all sentences of a batch, which makes a sentence's vectors depend on its neighbours; of a sentence alone they
        are the same.

    Raises
    ------
    ConfigError
        When there are not as many weights as layers, or one is no finite number.

    Examples
    --------
    >>> mix = LayerMix(2)
    >>> mix(torch.tensor([[[1.0, 3.0]], [[3.0, 5.0]]])).tolist()
    [[2.0, 4.0]]
    >>> [round(share, 6) for share in LayerMix.by_hand([0.25, 0.75]).shares]
    [0.25, 0.75]
    """

    def __init__(
        self, n_layers: int, weights: Sequence[float] | None = None, gamma: float = 1.0, *, layer_norm: bool = False
    ) -> None:
        super().__init__()
        start = [0.0] * n_layers if weights is None else _numbers(weights)
        if len(start) != n_layers or not n_layers:
            raise ConfigError(
                "a mix has one weight for each layer", got=f"{len(start)} weights", expected=str(n_layers)
            )
        self.weights = nn.Parameter(torch.tensor(start))
        self.gamma = nn.Parameter(torch.tensor(float(gamma)))
        self.layer_norm = layer_norm

    @classmethod
    def by_hand(cls, shares: Sequence[float], *, layer_norm: bool = False) -> LayerMix:
        """Return the mix sum_j p_j h_j of shares p that are given as they are, such as ``[0.2, 0.3, 0.5]``.

        Raises
        ------
        ConfigError
            When one is negative or no number, or all are zero.
        """
        given = _numbers(shares)
        total = math.fsum(given)
        if min(given, default=0) < 0 or not total > 0:
            raise ConfigError("shares of layers are at least 0, and one is above", got=given)
        weights = [math.log(share / total) if share / total > 1e-37 else _NOTHING for share in given]
        return cls(len(given), weights, total, layer_norm=layer_norm)

    @classmethod
    def only(cls, layer: int, n_layers: int, *, layer_norm: bool = False) -> LayerMix:
        """Return the mix that is one layer alone; negative numbers count from the top.

        Raises
        ------
        ConfigError
            When there is no such layer.
        """
        if not -n_layers <= layer < n_layers:
            expected = f"0 (the token layer) to {n_layers - 1}, or -1 for the top"
            raise ConfigError("no such layer", got=layer, expected=expected)
        chosen = layer % n_layers
        return cls.by_hand([float(k == chosen) for k in range(n_layers)], layer_norm=layer_norm)

    @property
    def n_layers(self) -> int:
        """How many layers are mixed."""
        return len(self.weights)

    @property
    def shares(self) -> list[float]:
        """gamma s_j: how much of each layer goes into the sum."""
        return (self.gamma * self.weights.softmax(0)).tolist()

    def penalty(self, strength: float) -> Tensor:
        """Return lambda ||w||^2, to add to a task's loss (Peters et al. 2018, section 3.3).

        A strength of 1 keeps the mix at the mean of the layers, 0.001 lets it go (section 5.1). The bias is towards the
        mean because w, before the softmax, is drawn to zero.

        Examples
        --------
        >>> LayerMix(3, [1.0, 2.0, 0.0]).penalty(0.1).item()
        0.5
        """
        return strength * self.weights.square().sum()

    def forward(self, layers: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the mixed vectors.

        Parameters
        ----------
        layers : Tensor, shape (n_layers, ..., n_tokens, dim)
        mask : Tensor of bool, shape (..., n_tokens), optional
            Which tokens are real, for the layer norm; by default all.

        Returns
        -------
        Tensor, shape (..., n_tokens, dim)
        """
        if self.layer_norm:
            layers = _normed(layers, mask)
        return self.gamma * torch.einsum("l,l...->...", self.weights.softmax(0), layers)


MixLike = LayerMix | str | int | Sequence[float]


def mix_of(given: MixLike, n_layers: int) -> LayerMix:
    """Return the mix that a value stands for.

    Parameters
    ----------
    given : LayerMix, "mean", "sum", int or sequence of float
        A layer's number, or the share of each layer.
    n_layers : int

    Raises
    ------
    ConfigError
        When it stands for none, or for one of another number of layers.

    Examples
    --------
    >>> [[round(share, 6) for share in mix_of(given, 2).shares] for given in ("mean", "sum", 1)]
    [[0.5, 0.5], [1.0, 1.0], [0.0, 1.0]]
    """
    if isinstance(given, LayerMix):
        mix = given
    elif isinstance(given, str):
        if given not in ("mean", "sum"):
            expected = "mean, sum, a layer's number or the share of each layer"
            raise ConfigError("no such mix of layers", got=given, expected=expected)
        mix = LayerMix(n_layers, gamma=1.0 if given == "mean" else n_layers)
    elif isinstance(given, int):
        mix = LayerMix.only(given, n_layers)
    else:
        mix = LayerMix.by_hand(given)
    if mix.n_layers != n_layers:
        got = f"{mix.n_layers} weights"
        raise ConfigError("a mix has one weight for each layer", got=got, expected=f"{n_layers}, the token layer first")
    return mix


def _numbers(values: Sequence[float]) -> list[float]:
    found = [float(value) for value in values]
    if not all(map(math.isfinite, found)):
        raise ConfigError("a weight of a layer is no finite number", got=found)
    return found


def _normed(layers: Tensor, mask: Tensor | None) -> Tensor:
    """Give every sentence in every layer mean 0 and variance 1 over its real tokens."""
    if mask is None:
        mask = layers.new_ones(layers.shape[1:-1], dtype=torch.bool)
    real = mask[..., None].to(layers.dtype)  # (..., n_tokens, 1)
    n = (real.sum((-2, -1), keepdim=True) * layers.shape[-1]).clamp(min=1)
    mean = (layers * real).sum((-2, -1), keepdim=True) / n  # (n_layers, ..., 1, 1)
    variance = ((layers - mean).square() * real).sum((-2, -1), keepdim=True) / n
    return (layers - mean) * (variance + 1e-12).rsqrt()
