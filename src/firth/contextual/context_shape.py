"""What a net that reads whole sentences is made of, as plain values. No torch here."""

from __future__ import annotations

import dataclasses

from firth.contextual.shape import CharacterShape

__all__ = ["CONTEXTS", "ContextShape"]

CONTEXTS = ("transformer", "lstm", "highway_lstm")


@dataclasses.dataclass(frozen=True)
class ContextShape:
    """A token layer, and above it one of the nets that AllenNLP trained bidirectional language models with.

    Attributes
    ----------
    characters : CharacterShape
        The token layer.
    projection : int
        Length of a token's vector before it is seen in context.
    project_first : bool
        Whether the filters are projected before the highway layers, instead of behind them.
    token_norm : bool
        Whether a token's vector is normed at last.
    context : {"transformer", "lstm", "highway_lstm"}
        Two Transformers, one in each direction (Peters, Neumann, Zettlemoyer and Yih 2018, section 3), or LSTMs of
        which each layer reads both directions of the layer below.
    hidden : int
        Cells of a Transformer's inner nets, or of an LSTM.
    layers : int
        Of each direction.
    heads, positions : int
        Of Transformers: heads of attention, and the longest sentence with its marks of begin and end. Else 0.
    """

    characters: CharacterShape
    projection: int
    project_first: bool
    token_norm: bool
    context: str
    hidden: int
    layers: int
    heads: int = 0
    positions: int = 0

    @property
    def dim(self) -> int:
        """Length of a token's vector in context: both directions."""
        return 2 * (self.projection if self.context == "transformer" else self.hidden)

    @property
    def copies(self) -> int:
        """How often the token layer's vector stands in one of ``dim``; 0 where it does not fit in."""
        return 0 if self.dim % self.projection else self.dim // self.projection

    @property
    def n_layers(self) -> int:
        """Layers of each token: those in context, and the token layer where its length fits theirs."""
        return self.layers + (self.copies > 0)
