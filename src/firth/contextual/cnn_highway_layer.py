"""A character layer as AllenNLP's ``cnn-highway`` encoder varies it: projected early, or normed at the end."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from firth.contextual.context_shape import ContextShape
from firth.contextual.token_layer import CharacterLayer, Highway
from firth.nn.deviation_norm import DeviationNorm

__all__ = ["CnnHighwayLayer"]


class CnnHighwayLayer(CharacterLayer):
    """Kim et al. 2016 with the projection before or behind the highway layers, and perhaps a norm of the outcome.

    The norm is over a vector's own entries, so that a word's vector is the same in any company.

    Parameters
    ----------
    shape : ContextShape
    pad : int
        The id of the filler behind words.
    """

    def __init__(self, shape: ContextShape, pad: int = 261) -> None:
        super().__init__(shape.characters, shape.projection, pad)
        self.project_first = shape.project_first
        if shape.project_first:
            self.highways = nn.ModuleList(Highway(shape.projection) for _ in range(shape.characters.n_highway))
        self.norm = DeviationNorm(shape.projection) if shape.token_norm else None

    def forward(self, rows: Tensor) -> Tensor:
        """Return the vectors of words spelled in rows, (n, longest) to (n, projection)."""
        found = self.features(rows)
        if self.project_first:
            found = self.projection(found)
        for highway in self.highways:
            found = highway(found)
        if not self.project_first:
            found = self.projection(found)
        return torch.as_tensor(found if self.norm is None else self.norm(found))
