"""Stacked LSTMs over whole sentences: each layer reads both directions of the layer below.

Hochreiter and Schmidhuber 1997, as torch stacks them; with highways (Zhang et al. 2016, arXiv 1510.08983; He et al.
2017, section 2.2) they are AllenNLP's ``stacked_bidirectional_lstm``. Sentences lie one behind another as rows.

Above the first layer each direction has seen the whole sentence: such a stack predicts words that it was shown. That is
how AllenNLP trains language models with these contextualizers, and another thing than ELMo's two separate stacks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.contextual.bilm import active_of
from firth.contextual.context_shape import ContextShape
from firth.contextual.rowwise import Rowwise
from firth.contextual.transformer_pair import turned

__all__ = ["LSTMStack"]


class LSTMStack(nn.Module):
    """Layers of two directions each.

    Parameters
    ----------
    shape : ContextShape
    """

    def __init__(self, shape: ContextShape) -> None:
        super().__init__()
        widths = [shape.projection, *[2 * shape.hidden] * (shape.layers - 1)]
        highway = shape.context == "highway_lstm"
        self.ahead, self.back = (
            nn.ModuleList(_Direction(width, shape.hidden, highway) for width in widths) for _ in range(2)
        )
        self.width = max(widths) + 2 * shape.hidden

    def forward(self, x: Tensor, lengths: Sequence[int], by: Rowwise) -> list[Tensor]:
        """Return the layers of sentences, each (n_rows, 2 * hidden).

        Parameters
        ----------
        x : Tensor, shape (n_rows, projection)
            Vectors of tokens, one sentence behind another, marks of begin and end with them.
        lengths : sequence of int
            Rows of each sentence, falling.
        by : Rowwise
        """
        turn = turned(lengths).to(x.device)
        found = []
        for ahead, back in zip(self.ahead, self.back, strict=True):
            x = torch.cat([ahead(x, lengths, by), back(x[turn], lengths, by)[turn]], 1)
            found.append(x)
        return found

    def once(self, x: Tensor) -> Tensor:
        """Return what a step of the lowest and of the highest layer does to each row, for a trial of the grain."""
        found = []
        for layer in (self.ahead[0], self.ahead[-1]):
            assert isinstance(layer, _Direction)  # for the type checker
            sums = layer.sums(x[:, : layer.weight_ih.shape[1]])
            found += [sums, layer.step(sums, *x[:, -2 * layer.cells :].chunk(2, 1))]
        return torch.cat(found, 1)


class _Direction(nn.Module):
    """One layer that reads from left to right, in torch's order of gates: input, forget, cell, output.

    With a highway there follow its gate r and the input's own way to the output: h = r o tanh c + (1 - r) P x.

    Attributes
    ----------
    weight_ih, weight_hh : Parameter, shapes (4 or 6 * cells, n_in) and (4 or 5 * cells, cells)
    bias : Parameter, shape (4 or 5 * cells,)
    """

    def __init__(self, n_in: int, cells: int, highway: bool) -> None:
        super().__init__()
        self.cells, gates = cells, 5 if highway else 4
        self.weight_ih = nn.Parameter(torch.empty((gates + highway) * cells, n_in))
        self.weight_hh = nn.Parameter(torch.empty(gates * cells, cells))
        self.bias = nn.Parameter(torch.empty(gates * cells))

    def forward(self, x: Tensor, lengths: Sequence[int], by: Rowwise) -> Tensor:
        """Return the outputs, (n_rows, n_in) to (n_rows, cells)."""
        sums = by(self.sums, x)
        starts = (torch.as_tensor(list(lengths)).cumsum(0) - torch.as_tensor(list(lengths))).to(x.device)
        h, c = x.new_zeros(2, len(lengths), self.cells)
        outputs, places = [], []
        for t, n in enumerate(active_of(list(lengths))):
            places.append(starts[:n] + t)
            h, c = by(self.step, sums[places[-1]], h[:n], c[:n]).chunk(2, 1)
            outputs.append(h)
        return torch.cat(outputs)[torch.cat(places).argsort()]

    def sums(self, x: Tensor) -> Tensor:
        """Return what the inputs add to each gate's sum, the biases with it, and their way to the output."""
        own_way = len(self.weight_ih) - len(self.bias)
        return functional.linear(x, self.weight_ih, functional.pad(self.bias, (0, own_way)))

    def step(self, sums: Tensor, h: Tensor, c: Tensor) -> Tensor:
        """Return outputs and cells side by side, (n, 2 * cells), from those before."""
        gates = sums[:, : len(self.bias)] + h @ self.weight_hh.t()
        i, f, g, o, *r = torch.split(gates, self.cells, 1)
        c = i.sigmoid() * g.tanh() + f.sigmoid() * c
        h = o.sigmoid() * c.tanh()
        if r:
            h = torch.lerp(sums[:, len(self.bias) :], h, r[0].sigmoid())
        return torch.cat([h, c], 1)
