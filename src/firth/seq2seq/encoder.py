"""The encoder: a state for each step of the source, from GRU or LSTM layers in one direction or both.

Sutskever, Vinyals and Le 2014; Cho et al. 2014; bidirectional since Bahdanau, Cho and Bengio 2015 (section 3.2), so
that the state of a word knows what stands on either side of it.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.nn.dropout import locked_dropout
from firth.nn.recurrent import Layer
from firth.seq2seq.shape import Shape

__all__ = ["Encoded", "Encoder", "open_forget_gate"]


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Sources as the decoder sees them.

    Attributes
    ----------
    states : Tensor, shape (batch, n_steps, hidden)
    real : Tensor of bool, shape (batch, n_steps)
        Which steps are no filler.
    summary : Tensor, shape (batch, hidden)
        The last state of each direction; of given rows their mean.
    """

    states: Tensor
    real: Tensor
    summary: Tensor


class Encoder(nn.Module):
    """From ids, or given rows, to states.

    Parameters
    ----------
    shape : Shape
    embedding : Parameter, shape (n_source, dim), optional
        Vectors of ids.
    dropout, word_dropout : float
        Share left out of every layer's input, the same at all steps; of ids whose whole vector is left out.
    """

    def __init__(
        self, shape: Shape, embedding: nn.Parameter | None, dropout: float = 0.0, word_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.dropout, self.word_dropout = dropout, word_dropout
        self.embedding = embedding
        self.rows = nn.Linear(shape.rows, shape.hidden) if shape.rows else None
        n = shape.hidden // 2 if shape.bidirectional else shape.hidden
        sizes = [] if shape.rows else [shape.dim, *[shape.hidden] * shape.layers][: shape.layers]
        self.ahead = nn.ModuleList(Layer(shape.cell, size, n) for size in sizes)
        self.back = nn.ModuleList(Layer(shape.cell, size, n) for size in sizes if shape.bidirectional)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights of the layers."""
        for layer in (*self.ahead, *self.back):
            assert isinstance(layer, Layer)  # for the type checker
            layer.reset(generator)
            open_forget_gate(layer)
        if self.rows is not None:
            bound = (6 / sum(self.rows.weight.shape)) ** 0.5
            with torch.no_grad():
                self.rows.weight.uniform_(-bound, bound, generator=generator)
                self.rows.bias.zero_()

    def forward(self, source: Tensor, lengths: Tensor) -> Encoded:
        """Read sources.

        Parameters
        ----------
        source : Tensor, shape (n_steps, batch) of int64, or (n_steps, batch, rows)
            Filler behind the ends may be anything.
        lengths : Tensor of int64, shape (batch,)
            At least 1 each.
        """
        steps = torch.arange(source.shape[0], device=source.device)[:, None]
        real = steps < lengths  # (n_steps, batch)
        if self.rows is not None:
            return self._given(source, real, lengths)
        assert self.embedding is not None  # for the type checker
        x = functional.embedding(source, self.embedding)
        if self.training and self.word_dropout:
            x = x * torch.empty_like(x[:, :, :1]).bernoulli_(1 - self.word_dropout)
        turn = torch.where(real, lengths - 1 - steps, steps)[:, :, None]  # its own inverse; filler stays where it is
        last = (lengths - 1)[None, :, None]
        ends = []
        for place, ahead in enumerate(self.ahead):
            x = locked_dropout(x, self.dropout, self.training)
            y, _ = ahead(x, ahead.zeros(x.shape[1]))  # type: ignore[operator]
            ends = [y.gather(0, last.expand(1, -1, y.shape[2]))[0]]
            if len(self.back):
                back = self.back[place]
                z, _ = back(x.gather(0, turn.expand_as(x)), back.zeros(x.shape[1]))  # type: ignore[operator]
                ends.append(z.gather(0, last.expand(1, -1, z.shape[2]))[0])
                y = torch.cat([y, z.gather(0, turn.expand_as(z))], 2)
            x = y
        states = locked_dropout(x, self.dropout, self.training).transpose(0, 1).contiguous()
        return Encoded(states, real.t(), torch.cat(ends, 1))

    def _given(self, rows: Tensor, real: Tensor, lengths: Tensor) -> Encoded:
        assert self.rows is not None  # for the type checker
        x = self.rows(locked_dropout(rows, self.dropout, self.training))
        summary = (x * real[:, :, None]).sum(0) / lengths[:, None]
        return Encoded(x.transpose(0, 1).contiguous(), real.t(), summary)


def open_forget_gate(layer: Layer) -> None:
    """Start an LSTM's forget gates open (Jozefowicz, Zaremba and Sutskever 2015)."""
    if layer.cell == "lstm":
        with torch.no_grad():
            layer.bias[layer.n_out : 2 * layer.n_out] = 1.0
