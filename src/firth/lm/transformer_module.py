"""The net of a causal Transformer: word vectors, blocks that read the words before, an output layer.

Its state is what Transformer-XL calls memory (Dai et al. 2019, section 3.2): every block's keys and values of the last
words. Positions are told by distances alone, so that a word's vector is the same wherever the text was cut.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.nn.attention import band
from firth.nn.positions import rotation
from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax
from firth.nn.transformer import Block, BlockShape, reset_block

__all__ = ["Drops", "Shape", "TransformerNet"]

_STD = 0.02  # of the first weights, as in GPT


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a net is made of.

    Attributes
    ----------
    n_outputs, dim, heads, hidden, layers : int
        Words and marks that are read and predicted; length of vectors, heads and cells of a block; number of blocks.
    activation, norm, bias
        As for :class:`firth.nn.transformer.BlockShape`.
    positions : {"rotary", "none"}
    context : int
        Words back that a block reads.
    tie : bool
        The embeddings are the output layer's matrix too.
    cutoffs : tuple of int
        Of an adaptive softmax; empty for the full one.
    """

    n_outputs: int
    dim: int
    heads: int
    hidden: int
    layers: int
    activation: str
    norm: str
    bias: bool
    positions: str
    context: int
    tie: bool
    cutoffs: tuple[int, ...] = ()

    @property
    def block(self) -> BlockShape:
        """Shape of each block."""
        return BlockShape(self.dim, self.heads, self.hidden, self.activation, self.norm, self.bias)


@dataclasses.dataclass(frozen=True)
class Drops:
    """Shares that are dropped in training: of embeddings and blocks' parts, of attention, of what is predicted from."""

    block: float = 0.0
    attention: float = 0.0
    output: float = 0.0


class TransformerNet(nn.Module):
    """Embeddings, blocks and an output layer.

    Parameters
    ----------
    shape : Shape
    softmax : FullSoftmax, SampledSoftmax or AdaptiveSoftmax, optional
        By default a full one. :meth:`embedding_for` makes the matrix that a tied one shares.
    embedding : Parameter, shape (n_outputs, dim), optional
    drops : Drops, optional
    """

    def __init__(
        self,
        shape: Shape,
        softmax: FullSoftmax | AdaptiveSoftmax | None = None,
        embedding: nn.Parameter | None = None,
        drops: Drops | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.drops = shape, drops or Drops()
        self.embedding = self.embedding_for(shape) if embedding is None else embedding
        self.blocks = nn.ModuleList(
            Block(shape.block, self.drops.block, self.drops.attention) for _ in range(shape.layers)
        )
        self.norm = nn.LayerNorm(shape.dim, bias=shape.bias) if shape.norm == "pre" else nn.Identity()
        shared = self.embedding if shape.tie else None
        self.softmax = FullSoftmax(shape.dim, shape.n_outputs, shared) if softmax is None else softmax

    @property
    def last(self) -> int:
        """Length of what the output layer reads."""
        return self.shape.dim

    @staticmethod
    def embedding_for(shape: Shape) -> nn.Parameter:
        """Return room for the embeddings."""
        return nn.Parameter(torch.empty(shape.n_outputs, shape.dim))

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights."""
        self.softmax.reset(_STD, generator)
        with torch.no_grad():
            self.embedding.normal_(0.0, _STD, generator=generator)
        for block in self.blocks:
            assert isinstance(block, Block)  # for the type checker
            reset_block(block, _STD, len(self.blocks), generator)

    def start(self, batch: int) -> list[Tensor]:
        """Return the state before a text, of every block: nothing to read, shape (2, batch, 0, dim)."""
        return [self.embedding.new_zeros(2, batch, 0, self.shape.dim) for _ in self.blocks]

    def forward(self, tokens: Tensor, state: list[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Read texts side by side.

        Parameters
        ----------
        tokens : Tensor of int64, shape (n_steps, batch)
        state : list of Tensor, shape (2, batch, n_kept, dim)
            As :meth:`start` or a call before gave it.

        Returns
        -------
        Tensor, shape (n_steps, batch, dim)
            What the output layer reads.
        Tensor, shape (n_steps, batch, dim)
            The same before dropout.
        list of Tensor
            The state after the last step: keys and values of at most ``context`` words.
        """
        shape, drops = self.shape, self.drops
        n, m = len(tokens), len(tokens) + state[0].shape[2]
        turn = None
        if shape.positions == "rotary":
            turn = rotation(m, shape.dim // shape.heads, device=tokens.device)
        simple = n == m <= shape.context + 1  # nothing is out of reach: torch's own causal kernel does
        allowed = None if simple else band(n, m, shape.context, tokens.device)
        # Embeddings as short as 0.02 per entry would be lost beside the blocks' outcomes: they are read at length ~1.
        x = functional.embedding(tokens.t(), self.embedding) * (shape.dim**0.5 if shape.tie else 1 / _STD)
        x, after = functional.dropout(x, drops.block, self.training), []
        for block, memory in zip(self.blocks, state, strict=True):
            x, kept = block(x, allowed, causal=simple, rotation=turn, memory=memory)
            after.append(kept[:, :, max(0, m - shape.context) :])
        raw = self.norm(x).transpose(0, 1)
        return functional.dropout(raw, drops.output, self.training), raw, after
