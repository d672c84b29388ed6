"""A token layer of words and characters together: the word's own vector beside what its characters give."""

from __future__ import annotations

import torch
from torch import Tensor

from firth.contextual.shape import Shape
from firth.contextual.token_layer import CharacterLayer, WordLayer

__all__ = ["WordCharacterLayer"]


class WordCharacterLayer(CharacterLayer):
    """P [w; c] + b for the word's vector w and its characters' c, as P_w w + P_c c + b (Che et al. 2018, section 3).

    Parameters
    ----------
    shape : Shape
        With characters and words.
    pad : int
        The character id of the filler behind words.
    """

    def __init__(self, shape: Shape, pad: int) -> None:
        assert shape.characters is not None
        super().__init__(shape.characters, shape.projection, pad)
        self.words = WordLayer(shape.words, shape.word_dim, shape.projection)

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights."""
        super().reset(generator)
        self.words.reset(generator)

    def forward(self, rows: Tensor) -> Tensor:
        """Return the vectors of words given by their row in the table and their spelling, (n, 1 + longest).

        Of spellings alone, (n, longest), the words are taken for unknown ones, row 0.
        """
        alone = rows.shape[1] == self.shape.longest
        words, spelled = (torch.zeros_like(rows[:, :1]), rows) if alone else (rows[:, :1], rows[:, 1:])
        return torch.as_tensor(self.words(words) + super().forward(spelled))
