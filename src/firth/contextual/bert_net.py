"""The encoder of BERT's family: pieces of words in, a vector for each place out, which has read all the others.

Devlin et al. 2019, "BERT" (arXiv 1810.04805), section 3; its masked language model is section 3.1. What the others
change is in :class:`~firth.contextual.bert_shape.BertShape`: RoBERTa (Liu et al. 2019, arXiv 1907.11692), DistilBERT
(Sanh et al. 2019, arXiv 1910.01108), ELECTRA (Clark et al. 2020, arXiv 2003.10555), ALBERT (Lan et al. 2020, arXiv
1909.11942). ``docs/bert.md`` teaches it. Axes: B sequences, N places, D the model's length.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.contextual.bert_shape import BertShape
from firth.nn.positions import Rotation, rotation
from firth.nn.transformer import ACTIVATIONS, Block, BlockShape, reset_block

__all__ = ["BertNet", "MaskedHead"]

_STD, _STD_DIM = 0.02, 768  # BERT-base's: other lengths are given the same variance of products


class MaskedHead(nn.Module):
    """What predicts the piece at a masked place: a map, a norm, and the table of pieces once more.

    Attributes
    ----------
    dense : Linear, D to the length of a piece's own vector
    norm : LayerNorm
    bias : Parameter, one for each piece
    """

    def __init__(self, shape: BertShape) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[shape.head or "gelu"]
        self.dense = nn.Linear(shape.dim, shape.own, bias=shape.bias)
        self.norm = nn.LayerNorm(shape.own, shape.epsilon, bias=shape.bias)
        self.bias = nn.Parameter(torch.zeros(shape.pieces))

    def forward(self, hidden: Tensor, table: Tensor) -> Tensor:
        """Return the logit of each piece, (..., n_pieces), from vectors (..., D) and the pieces' table."""
        return functional.linear(self.norm(self.activation(self.dense(hidden))), table, self.bias)


class BertNet(nn.Module):
    """A stack of blocks over embedded pieces.

    Parameters
    ----------
    shape : BertShape
    dropout, attention_dropout : float
        Shares of vectors, and of the weights of attention, that are left out in training.

    Attributes
    ----------
    pieces, positions, types : Embedding, or None where there are none
    norm_embedding : LayerNorm
    widen : Linear or None
    blocks : ModuleList of Block
    norm_last : LayerNorm or None
        Behind the last block of a net whose norms stand before the parts.
    head : MaskedHead or None
    """

    def __init__(self, shape: BertShape, dropout: float = 0.0, attention_dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        block = BlockShape(
            shape.dim, shape.heads, shape.hidden, shape.activation, shape.norm, shape.bias, shape.epsilon
        )
        self.pieces = nn.Embedding(shape.pieces, shape.own)
        self.positions = nn.Embedding(shape.positions_rows, shape.own) if shape.positions == "learned" else None
        self.types = nn.Embedding(shape.types, shape.own) if shape.types else None
        self.norm_embedding = nn.LayerNorm(shape.own, shape.epsilon, bias=shape.bias)
        self.widen = nn.Linear(shape.own, shape.dim, bias=shape.bias) if shape.widens else None
        self.blocks = nn.ModuleList(Block(block, dropout, attention_dropout) for _ in range(shape.blocks))
        self.norm_last = nn.LayerNorm(shape.dim, shape.epsilon, bias=shape.bias) if shape.norm == "pre" else None
        self.head = MaskedHead(shape) if shape.head else None

    @property
    def device(self) -> torch.device:
        """Where the net is."""
        return self.pieces.weight.device

    @property
    def backend(self) -> str:
        """How attention is computed, as for :func:`firth.nn.attention.attend`."""
        return str(self.blocks[0].attention.backend)  # type: ignore[union-attr]

    @backend.setter
    def backend(self, name: str) -> None:
        for block in self.blocks:
            block.attention.backend = name  # type: ignore[union-attr]

    def set_dropout(self, dropout: float, attention_dropout: float | None = None) -> None:
        """Change what is left out in training, everywhere."""
        self.dropout = dropout
        for block in self.blocks:
            block.dropout = dropout  # type: ignore[assignment]
            block.attention.dropout = dropout if attention_dropout is None else attention_dropout  # type: ignore

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all matrices from N(0, s), s = 0.02 at a length of 768 and in proportion to 1 / sqrt(dim) at others.

        Those before a sum are drawn with less where norms stand before the parts.
        """
        std = _STD * (_STD_DIM / self.shape.dim) ** 0.5
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Embedding | nn.Linear):
                    module.weight.normal_(0.0, std, generator=generator)
                elif isinstance(module, nn.LayerNorm):
                    module.weight.fill_(1.0)
                bias = getattr(module, "bias", None)
                if isinstance(bias, Tensor):
                    bias.zero_()
        for block in self.blocks:
            assert isinstance(block, Block)  # for the type checker
            reset_block(block, std, self.shape.layers if self.shape.norm == "pre" else 0, generator)

    def embedded(self, ids: Tensor, places: Tensor | None = None, types: Tensor | None = None) -> Tensor:
        """Return what the first block reads, (B, N, D).

        Parameters
        ----------
        ids : Tensor of int64, shape (B, N)
        places : Tensor of int64, shape (N,) or (B, N), optional
            Where each piece stands, from 0; by default as it stands in its row.
        types : Tensor of int64, shape (B, N), optional
            Zeros by default.
        """
        x: Tensor = self.pieces(ids)
        if self.positions is not None:
            at = torch.arange(ids.shape[1], device=ids.device) if places is None else places
            x = x + self.positions(at + self.shape.offset)
        if self.types is not None:
            x = x + (self.types.weight[0] if types is None else self.types(types))
        x = functional.dropout(self.norm_embedding(x), self.dropout, self.training)
        return x if self.widen is None else torch.as_tensor(self.widen(x))

    def forward(
        self,
        ids: Tensor,
        allowed: Tensor | None = None,
        *,
        places: Tensor | None = None,
        types: Tensor | None = None,
    ) -> Tensor:
        """Return the vectors of the last layer, (B, N, D).

        Parameters
        ----------
        ids : Tensor of int64, shape (B, N)
        allowed : Tensor of bool, broadcast to (B, heads, N, N), optional
            What may be read; every place must be allowed to read something.
        places, types
            As for :meth:`embedded`.
        """
        for x in self.each_layer(ids, allowed, places=places, types=types):
            last = x
        return last

    def layers(
        self,
        ids: Tensor,
        allowed: Tensor | None = None,
        *,
        places: Tensor | None = None,
        types: Tensor | None = None,
    ) -> Tensor:
        """Return the vectors of all layers, (layers + 1, B, N, D), what the first block reads first.

        Between blocks whose norms stand before the parts there are sums that grow from layer to layer: they are given
        mean 0 and variance 1 here, so that layers can be mixed.
        """
        found = list(self.each_layer(ids, allowed, places=places, types=types))
        if self.norm_last is not None:
            found[:-1] = [functional.layer_norm(x, x.shape[-1:]) for x in found[:-1]]
        return torch.stack(found)

    def each_layer(
        self, ids: Tensor, allowed: Tensor | None, *, places: Tensor | None, types: Tensor | None
    ) -> Iterator[Tensor]:
        """Yield the vectors of layer after layer, (B, N, D) each, the last behind its norm where it has one."""
        x = self.embedded(ids, places, types)
        yield x
        turn: Rotation | None = None
        if self.shape.positions == "rotary":
            turn = rotation(ids.shape[1], self.shape.dim // self.shape.heads, device=ids.device)
        for layer in range(self.shape.layers):
            x, _ = self.blocks[self.shape.block_at(layer)](x, allowed, rotation=turn)
            if layer == self.shape.layers - 1 and self.norm_last is not None:
                x = self.norm_last(x)
            yield x

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logit of each piece, (..., n_pieces), from vectors of the last layer (..., D).

        Raises
        ------
        RuntimeError
            When the net has no head.
        """
        if self.head is None:
            raise RuntimeError("this net has no head")
        return torch.as_tensor(self.head(hidden, self.pieces.weight))
