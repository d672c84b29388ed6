"""Two Transformers over whole sentences, one that reads what stands before, one that reads what stands behind.

Peters, Neumann, Zettlemoyer and Yih 2018, "Dissecting Contextual Word Embeddings: Architecture and Representation"
(arXiv 1808.08949), section 3, as AllenNLP's ``bidirectional_language_model_transformer`` has it: sinusoids added to the
tokens without scaling them, norms before the parts, another behind the last block alone, and relu in the inner nets.
Sentences lie one behind another as rows of one matrix: what is done to each place by itself is done to all rows, and
attention to each sentence alone, so that none needs filler and none sees another.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from firth.contextual.context_shape import ContextShape
from firth.contextual.rowwise import Rowwise
from firth.errors import DataError
from firth.nn.attention import MultiHeadAttention, attend
from firth.nn.deviation_norm import DeviationNorm
from firth.nn.transformer import Block, BlockShape

__all__ = ["TransformerPair", "turned"]


class TransformerPair(nn.Module):
    """Both directions above one token layer.

    Parameters
    ----------
    shape : ContextShape

    Attributes
    ----------
    positions : Tensor, shape (n_positions, projection)
        What is added to the vector at each place. A sentence begins with its mark, at place 0, in both directions.
    """

    positions: Tensor

    def __init__(self, shape: ContextShape) -> None:
        super().__init__()
        self.width = shape.projection
        self.register_buffer("positions", torch.empty(shape.positions, shape.projection))
        self.ahead, self.back = (_Direction(shape) for _ in range(2))

    def forward(self, x: Tensor, lengths: Sequence[int], by: Rowwise) -> list[Tensor]:
        """Return the layers of sentences.

        Parameters
        ----------
        x : Tensor, shape (n_rows, projection)
            Vectors of tokens, one sentence behind another, marks of begin and end with them.
        lengths : sequence of int
            Rows of each sentence, falling.
        by : Rowwise

        Returns
        -------
        list of Tensor, each (n_rows, 2 * projection)
            Both directions side by side.

        Raises
        ------
        DataError
            When a sentence is longer than there are positions.
        """
        if lengths[0] > len(self.positions):
            raise DataError("a sentence is longer than this model has positions",
                            got=f"{lengths[0] - 2:,} tokens", expected=f"at most {len(self.positions) - 2:,}",
                            remedy="split it")  # fmt: skip
        x = x + torch.cat([self.positions[:n] for n in lengths])
        turn = turned(lengths).to(x.device)
        ahead, back = self.ahead(x, lengths, by), self.back(x[turn], lengths, by)
        return [torch.cat([a, b[turn]], 1) for a, b in zip(ahead, back, strict=True)]

    def once(self, x: Tensor) -> Tensor:
        """Return what one block does to each row by itself, for a trial of the grain."""
        block: Block = self.ahead.blocks[0]  # type: ignore[assignment]
        return torch.cat([_asked(block, x), _answered(block, x, x.flip(1)), self.ahead.norm(x)], 1)


class _Direction(nn.Module):
    """Blocks that read what stands before a place, itself with it, and the norm behind the last."""

    def __init__(self, shape: ContextShape) -> None:
        super().__init__()
        inner = BlockShape(shape.projection, shape.heads, shape.hidden, activation="relu")
        self.blocks = nn.ModuleList(Block(inner) for _ in range(shape.layers))
        for block in self.blocks:
            assert isinstance(block, Block)  # for the type checker
            block.norm_attention, block.norm_feed = DeviationNorm(shape.projection), DeviationNorm(shape.projection)
        self.norm = DeviationNorm(shape.projection)

    def forward(self, x: Tensor, lengths: Sequence[int], by: Rowwise) -> list[Tensor]:
        found = []
        for block in self.blocks:
            assert isinstance(block, Block)  # for the type checker
            asked = by(lambda rows, block=block: _asked(block, rows), x)
            read = torch.cat([_read(block.attention, sentence) for sentence in torch.split(asked, list(lengths))])
            x = by(lambda rows, heads, block=block: _answered(block, rows, heads), x, read)
            found.append(x)
        found[-1] = by(self.norm, x)
        return found


def _asked(block: Block, x: Tensor) -> Tensor:
    """Return queries, keys and values of places, (n, D) to (n, 3 D)."""
    return torch.as_tensor(block.attention.project(block.norm_attention(x)))


def _read(attention: MultiHeadAttention, asked: Tensor) -> Tensor:
    """Return what the heads read in one sentence, (n, 3 D) to (n, D): each place what is before it, and itself."""
    query, key, value = (attention.headed(part[None]) for part in torch.split(asked, attention.dim, 1))
    return attend(query, key, value, causal=True, backend=attention.backend)[0].transpose(0, 1).flatten(1)


def _answered(block: Block, x: Tensor, heads: Tensor) -> Tensor:
    """Return a block's outcome from what it was given and what its heads read, (n, D) each."""
    x = x + block.attention.merge(heads)
    return torch.as_tensor(x + block.feed(block.norm_feed(x)))


def turned(lengths: Sequence[int]) -> Tensor:
    """Return the row that each row comes from where every sentence is reversed in its place, shape (n_rows,).

    Examples
    --------
    >>> turned([3, 2]).tolist()
    [2, 1, 0, 4, 3]
    """
    ends = torch.as_tensor(list(lengths)).cumsum(0).tolist()
    rows = [torch.arange(end - 1, end - n - 1, -1) for end, n in zip(ends, lengths, strict=True)]
    return torch.cat(rows) if rows else torch.zeros(0, dtype=torch.int64)
