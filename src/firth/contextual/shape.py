"""What a biLM is made of, as plain values. No torch here."""

from __future__ import annotations

import dataclasses

__all__ = ["ACTIVATIONS", "CharacterShape", "Shape"]

ACTIVATIONS = ("relu", "tanh")


@dataclasses.dataclass(frozen=True)
class CharacterShape:
    """A character CNN (Kim et al. 2016, section 2.2 and 2.3).

    Attributes
    ----------
    n_ids : int
        Rows of the character embedding, the marks and the mask's row 0 with them.
    dim : int
        Length of a character's vector.
    filters : tuple of (int, int)
        Width and number of each group of filters.
    n_highway : int
        Highway layers behind them.
    activation : {"relu", "tanh"}
        Of the filters.
    longest : int
        Characters of a word, the marks of its ends with them.
    """

    n_ids: int = 262
    dim: int = 16
    filters: tuple[tuple[int, int], ...] = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024))
    n_highway: int = 2
    activation: str = "relu"
    longest: int = 50

    @property
    def n_filters(self) -> int:
        """Length of what the filters give."""
        return sum(number for _, number in self.filters)


@dataclasses.dataclass(frozen=True)
class Shape:
    """A biLM (Peters et al. 2018, section 3.1).

    Attributes
    ----------
    characters : CharacterShape or None
        The token layer; None where words have vectors of their own and nothing else.
    cells, projection : int
        Cells of each LSTM, and the length that its output is projected to.
    layers : int
        LSTMs in each direction.
    cell_clip, projection_clip : float
        Largest value of a cell and of a projected output; 0 is no limit.
    skip : bool
        Whether each layer above the first adds its input to its output.
    words, word_dim : int
        Rows and length of the word vectors, where the input has any: beside characters they are added up.
    """

    characters: CharacterShape | None = CharacterShape()
    cells: int = 4096
    projection: int = 512
    layers: int = 2
    cell_clip: float = 3.0
    projection_clip: float = 3.0
    skip: bool = True
    words: int = 0
    word_dim: int = 0

    @property
    def dim(self) -> int:
        """Length of a token's vector: both directions."""
        return 2 * self.projection

    @property
    def n_layers(self) -> int:
        """Layers of each token: the token layer and the LSTMs."""
        return self.layers + 1
