"""The token layer of a biLM: a word's vector from its characters alone (Kim et al. 2016), or from a table."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from firth.contextual.char_filters import filtered
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
        if torch.onnx.is_in_onnx_export() or torch.compiler.is_compiling():
            return self.plain(x)
        with torch.autocast(x.device.type, enabled=False):
            y: Tensor = _Highway.apply(x.to(self.weight.dtype), self.weight, self.bias)  # type: ignore[no-untyped-call]
        return y

    def plain(self, x: Tensor) -> Tensor:
        """Do what :meth:`forward` does in torch's own operations, one after the other: for tracing, and the twin."""
        new, gate = functional.linear(x, self.weight, self.bias).chunk(2, -1)
        return torch.lerp(x, new.relu(), gate.sigmoid())


class _Highway(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        both = torch.addmm(bias, x, weight.t())  # (n, 2 * width)
        new, gate = both.chunk(2, 1)
        new.relu_()
        gate.sigmoid_()
        ctx.save_for_backward(x, weight, both)
        return torch.lerp(x, new, gate)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> Any:
        (dy,) = grads
        x, weight, both = ctx.saved_tensors
        new, gate = both.chunk(2, 1)
        d = torch.empty_like(both)
        d_new, d_gate = d.chunk(2, 1)
        d_open = dy * gate
        torch.mul(d_open, new > 0, out=d_new)
        torch.mul(new - x, d_open, out=d_gate)
        d_gate.addcmul_(d_gate, gate, value=-1)
        dx = (dy - d_open).addmm_(d, weight) if ctx.needs_input_grad[0] else None
        return dx, d.t() @ x, d.sum(0)


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
        found = self.features(rows)
        for highway in self.highways:
            found = highway(found)
        return torch.as_tensor(self.projection(found))

    def features(self, rows: Tensor) -> Tensor:
        """Return what the filters give, (n, longest) to (n, n_filters)."""
        weights = [each.weight for each in self.filters]
        found = filtered(self._trimmed(rows), self.embedding, weights, self.pad)  # type: ignore[arg-type]
        found = found + torch.cat([each.bias for each in self.filters])  # type: ignore[misc]
        return found.relu() if self.shape.activation == "relu" else found.tanh()

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
