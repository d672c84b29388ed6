"""The token layer of a biLM: a word's vector from its characters alone (Kim et al. 2016), or from a table."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.contextual.shape import CharacterShape

__all__ = ["CharacterLayer", "Highway", "WordLayer"]


class Highway(nn.Module):
    """y = t relu(W x + b) + (1 - t) x with t = s(W_t x + b_t) (Srivastava, Greff and Schmidhuber 2015, equation 3).

    The rows of ``weight`` are those of W, then those of W_t.
    """

    def __init__(self, n: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2 * n, n))
        self.bias = nn.Parameter(torch.empty(2 * n))

    def forward(self, x: Tensor) -> Tensor:
        new, gate = functional.linear(x, self.weight, self.bias).chunk(2, -1)
        return torch.lerp(x, new.relu(), gate.sigmoid())


class CharacterLayer(nn.Module):
    """Character embeddings, filters with their maximum over the word, highway layers, a projection.

    Parameters
    ----------
    shape : CharacterShape
    projection : int
        Length of a token's vector.
    pad : int
        The id of the filler behind words.
    """

    def __init__(self, shape: CharacterShape, projection: int, pad: int = 261) -> None:
        super().__init__()
        self.shape, self.pad = shape, pad
        self.embedding = nn.Parameter(torch.empty(shape.n_ids, shape.dim))
        self.filters = nn.ModuleList(nn.Conv1d(shape.dim, number, width) for width, number in shape.filters)
        self.highways = nn.ModuleList(Highway(shape.n_filters) for _ in range(shape.n_highway))
        self.projection = nn.Linear(shape.n_filters, projection)

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights evenly, by the length of their rows; highway gates begin nearly closed (bias -2)."""
        with torch.no_grad():
            self.embedding.uniform_(-1.0, 1.0, generator=generator)[0] = 0
            for name, parameter in self.named_parameters():
                if name == "embedding":
                    continue
                if parameter.ndim == 1:
                    parameter.zero_()
                else:
                    side = math.sqrt(3 / parameter[0].numel())
                    parameter.uniform_(-side, side, generator=generator)
            for highway in self.highways:
                assert isinstance(highway, Highway)  # for the type checker
                highway.bias[self.shape.n_filters :] = -2.0

    def forward(self, rows: Tensor) -> Tensor:
        """Return the vectors of words spelled in rows, (n, longest) to (n, projection)."""
        x = functional.embedding(self._trimmed(rows), self.embedding).transpose(1, 2)
        found = torch.cat([convolution(x).amax(2) for convolution in self.filters], 1)
        found = found.relu() if self.shape.activation == "relu" else found.tanh()
        for highway in self.highways:
            found = highway(found)
        return torch.as_tensor(self.projection(found))

    def _trimmed(self, rows: Tensor) -> Tensor:
        """Cut columns of filler that change no maximum: windows of nothing but filler all give the same."""
        widest = max(width for width, _ in self.shape.filters)
        used = torch.nonzero((rows != self.pad).any(0))
        last = int(used[-1]) + 1 if len(used) else 0
        return rows[:, : min(max(last + widest, widest), rows.shape[1])]


class WordLayer(nn.Module):
    """Vectors of words from a table, such as word2vec's, and a projection where the lengths differ.

    Row 0 stands for words without a vector, rows 1 and 2 for a sentence's begin and end.
    """

    def __init__(self, n_words: int, dim: int, projection: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(n_words, dim))
        self.projection = nn.Linear(dim, projection)

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights evenly, by the length of their rows."""
        with torch.no_grad():
            for weight in (self.embedding, self.projection.weight):
                side = math.sqrt(3 / weight.shape[1])
                weight.uniform_(-side, side, generator=generator)
            self.projection.bias.zero_()

    def forward(self, rows: Tensor) -> Tensor:
        """Return the vectors of words given by their row in the table, (n, 1) to (n, projection)."""
        return torch.as_tensor(self.projection(functional.embedding(rows[:, 0], self.embedding)))
