"""What a bidirectional Transformer is made of, published or our own; plain values, without torch."""

from __future__ import annotations

import dataclasses

from firth.errors import ConfigError

__all__ = ["HEAD_ACTIVATIONS", "POSITIONS", "BertShape"]

POSITIONS = ("learned", "rotary")
HEAD_ACTIVATIONS = ("gelu", "gelu_tanh", "relu", "silu")


@dataclasses.dataclass(frozen=True)
class BertShape:
    """The shape of a net of BERT's family.

    Attributes
    ----------
    pieces : int
        Rows of the table of pieces.
    dim, heads, hidden, layers : int
        Length of a place's vector, heads of attention, cells of a block's inner net, blocks that are gone through.
    longest : int
        Places of a sequence at most, its marks among them.
    embedding : int or None
        Length of a piece's own vector, where that is not ``dim`` (ALBERT, ELECTRA): it is then widened by a map.
    distinct : int or None
        Blocks that there are, each gone through several times (ALBERT); all by default.
    positions : {"learned", "rotary"}
        A vector for each place, or rotations of queries and keys.
    offset : int
        Rows of the table of positions before that of the first place (RoBERTa: 2).
    types : int
        Rows of the table of token types; 0 for none.
    activation : str
        As for :class:`firth.nn.transformer.BlockShape`.
    norm : {"post", "pre"}
        Norms behind the sums, as BERT has them, or before the parts, with one more behind the last block.
    bias : bool
        Whether maps and norms have summands.
    epsilon : float
        What a norm adds to a variance.
    widens : bool
        Whether there is a map from ``embedding`` to ``dim``: where they differ, and always in ALBERT.
    head : str or None
        Activation in the head that predicts masked pieces; None without a head.

    Examples
    --------
    >>> BertShape(pieces=30522, dim=768, heads=12, hidden=3072, layers=12).positions_rows
    512
    """

    pieces: int
    dim: int
    heads: int
    hidden: int
    layers: int
    longest: int = 512
    embedding: int | None = None
    distinct: int | None = None
    positions: str = "learned"
    offset: int = 0
    types: int = 0
    activation: str = "gelu"
    norm: str = "post"
    bias: bool = True
    epsilon: float = 1e-12
    widens: bool = False
    head: str | None = "gelu"

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ConfigError(
                "dim does not spread over the heads", got=self.dim, expected=f"a multiple of {self.heads}"
            )
        if self.positions == "rotary" and self.dim // self.heads % 2:
            raise ConfigError("a head's length is odd", got=self.dim // self.heads, expected="even, to be rotated")
        if self.own % 1 or (self.own != self.dim and not self.widens):
            raise ConfigError(
                "vectors of pieces of another length are not widened", got=self.own, expected=str(self.dim)
            )

    @property
    def own(self) -> int:
        """Length of a piece's own vector."""
        return self.dim if self.embedding is None else self.embedding

    @property
    def blocks(self) -> int:
        """Blocks that there are."""
        return self.layers if self.distinct is None else self.distinct

    @property
    def positions_rows(self) -> int:
        """Rows of the table of positions."""
        return self.longest + self.offset if self.positions == "learned" else 0

    def block_at(self, layer: int) -> int:
        """Return which block a layer is: ALBERT's groups share one.

        Examples
        --------
        >>> shape = BertShape(9, 4, 2, 4, layers=6, distinct=2)
        >>> [shape.block_at(layer) for layer in range(6)]
        [0, 0, 0, 1, 1, 1]
        """
        return layer * self.blocks // self.layers
