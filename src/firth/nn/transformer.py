"""The block that Transformers are built of: attention, then a net of each place by itself, both beside a short cut.

Vaswani et al. 2017 (arXiv 1706.03762), sections 3.1 and 3.3. Norms stand behind the sums there and in BERT, before the
two parts in GPT-2 and most nets since, which train without care for the first steps (Xiong et al. 2020, arXiv
2002.04745). Gated nets: Shazeer 2020 (arXiv 2002.05202).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.nn.attention import MultiHeadAttention
from firth.nn.positions import Rotation

__all__ = ["ACTIVATIONS", "Block", "BlockShape", "FeedForward", "reset_block"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "relu": functional.relu,
    "silu": functional.silu,
    "geglu": functional.gelu,
    "swiglu": functional.silu,
}
_GATED = ("geglu", "swiglu")


@dataclasses.dataclass(frozen=True)
class BlockShape:
    """What a block is made of.

    Attributes
    ----------
    dim, heads, hidden : int
        Length of a place's vector, heads of attention, cells of the inner net.
    activation : str
        One of ``ACTIVATIONS``; the last two are gates.
    norm : {"pre", "post"}
        Norms before the parts, or behind the sums.
    bias : bool
        Whether maps and norms have summands.
    epsilon : float
        What a norm adds to a variance.
    """

    dim: int
    heads: int
    hidden: int
    activation: str = "gelu"
    norm: str = "pre"
    bias: bool = True
    epsilon: float = 1e-5


class FeedForward(nn.Module):
    """The same net at every place: W2 f(W1 x + b1) + b2 (equation 2), or W2 (f(U x) * V x) of a gated one.

    Attributes
    ----------
    inner : Linear, D to the cells; of a gated net twice as many, U above V
    outer : Linear, back to D
    """

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.gated = shape.activation in _GATED
        self.activation = ACTIVATIONS[shape.activation]
        self.inner = nn.Linear(shape.dim, (1 + self.gated) * shape.hidden, bias=shape.bias)
        self.outer = nn.Linear(shape.hidden, shape.dim, bias=shape.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the net makes of each vector, shape as ``x``."""
        if not self.gated:
            return self.outer(self.activation(self.inner(x)))  # type: ignore[no-any-return]
        gate, passed = self.inner(x).chunk(2, -1)
        return self.outer(self.activation(gate) * passed)  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention and an inner net, each added to what it read.

    Parameters
    ----------
    shape : BlockShape
    dropout, attention_dropout : float
        Shares of the parts' outcomes, and of the weights of attention, that are left out in training.

    Attributes
    ----------
    attention : MultiHeadAttention
    feed : FeedForward
    norm_attention, norm_feed : LayerNorm
    """

    def __init__(self, shape: BlockShape, dropout: float = 0.0, attention_dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.attention = MultiHeadAttention(shape.dim, shape.heads, bias=shape.bias, dropout=attention_dropout)
        self.feed = FeedForward(shape)
        self.norm_attention = nn.LayerNorm(shape.dim, shape.epsilon, bias=shape.bias)
        self.norm_feed = nn.LayerNorm(shape.dim, shape.epsilon, bias=shape.bias)

    def forward(
        self,
        x: Tensor,
        allowed: Tensor | None = None,
        *,
        causal: bool = False,
        rotation: Rotation | None = None,
        memory: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the places' new vectors, shape (B, N, D), and the memory: as for :class:`MultiHeadAttention`."""
        before = self.shape.norm == "pre"
        read = self.norm_attention(x) if before else x
        found, kept = self.attention(read, allowed, causal=causal, rotation=rotation, memory=memory)
        x = x + self._dropped(found)
        if before:
            return x + self._dropped(self.feed(self.norm_feed(x))), kept
        x = self.norm_attention(x)
        return self.norm_feed(x + self._dropped(self.feed(x))), kept

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


def reset_block(block: Block, std: float, n_blocks: int, generator: torch.Generator | None = None) -> None:
    """Draw a block's matrices from N(0, ``std``); those before a sum with less, by the number of sums (GPT-2).

    Parameters
    ----------
    block : Block
    std : float
    n_blocks : int
        Of the whole net: it has twice as many sums. 0 draws all matrices alike, as BERT does.
    generator : torch.Generator, optional
    """
    last = {id(block.attention.merge), id(block.feed.outer)}
    with torch.no_grad():
        for module in block.modules():
            if isinstance(module, nn.Linear):
                shrunk = std / (2 * n_blocks) ** 0.5 if n_blocks and id(module) in last else std
                module.weight.normal_(0.0, shrunk, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.LayerNorm):
                module.weight.fill_(1.0)
                if module.bias is not None:
                    module.bias.zero_()
