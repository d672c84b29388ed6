"""LSTM layers whose output is projected, with limits on cells and outputs, over sentences of several lengths.

Hochreiter and Schmidhuber 1997; the projection is Sak, Senior and Beaufays 2014's (arXiv 1402.1128, section 3). At each
step, with gates i, f, o by the logistic function and g by tanh of W x + U h + b:

    c' = f c + i g,   cut to the cell clip;   h' = P (o tanh c'),   cut to the projection clip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from firth import _core
from firth.nn.lstmp_sequence import projected_lstms
from firth.nn.lstmp_steps import Direction

__all__ = ["ProjectedLSTM", "State", "together"]

State = tuple[Tensor, Tensor]  # outputs (batch, projection) and cells (batch, cells)


class ProjectedLSTM(nn.Module):
    """One layer, in torch's order of gates: input, forget, cell, output.

    Parameters
    ----------
    n_in, cells, projection : int
        Lengths of an input, of the cells, and of an output.
    cell_clip, projection_clip : float
        Largest absolute value of a cell and of an output; 0 is no limit.

    Attributes
    ----------
    weight_ih, weight_hh : Parameter, shapes (4 * cells, n_in) and (4 * cells, projection)
    bias : Parameter, shape (4 * cells,)
    weight_hr : Parameter, shape (projection, cells)
    """

    def __init__(
        self, n_in: int, cells: int, projection: int, cell_clip: float = 0.0, projection_clip: float = 0.0
    ) -> None:
        super().__init__()
        self.n_in, self.cells, self.projection = n_in, cells, projection
        self.cell_clip, self.projection_clip = cell_clip, projection_clip
        self.weight_ih = nn.Parameter(torch.empty(4 * cells, n_in))
        self.weight_hh = nn.Parameter(torch.empty(4 * cells, projection))
        self.bias = nn.Parameter(torch.empty(4 * cells))
        self.weight_hr = nn.Parameter(torch.empty(projection, cells))

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights evenly from plus and minus 1 / sqrt(their row's length); the forget gate's bias is one."""
        with torch.no_grad():
            for weight in (self.weight_ih, self.weight_hh, self.weight_hr):
                side = 1 / math.sqrt(weight.shape[1])
                weight.uniform_(-side, side, generator=generator)
            self.bias.zero_()[self.cells : 2 * self.cells].fill_(1.0)

    def start(self, batch: int) -> State:
        """Return the state before anything was read."""
        return self.bias.new_zeros(batch, self.projection), self.bias.new_zeros(batch, self.cells)

    def forward(self, x: Tensor, state: State, active: list[int] | None = None) -> tuple[Tensor, State]:
        """Read sentences side by side, from left to right.

        Parameters
        ----------
        x : Tensor, shape (n_steps, batch, n_in)
            Longer sentences before shorter ones, where ``active`` is given.
        state : tuple of Tensor
            Outputs ``(batch, projection)`` and cells ``(batch, cells)``.
        active : list of int, optional
            How many sentences are not over at each step, falling; by default all at every step.

        Returns
        -------
        Tensor, shape (n_steps, batch, projection)
            Outputs; zeros where a sentence is over.
        tuple of Tensor
            The state at the end of each sentence.
        """
        return together([self], [x], [state], active)[0]

    def plain(self, x: Tensor, state: State, active: list[int]) -> tuple[Tensor, State]:
        """Do what :meth:`forward` does in torch's own operations, one after the other: for tracing, and the twin."""
        inputs = torch.nn.functional.linear(x, self.weight_ih, self.bias)
        h, c = state
        outputs = []
        for t in range(len(x)):
            n = active[t]
            i, f, g, o = (inputs[t, :n] + h[:n] @ self.weight_hh.t()).chunk(4, 1)
            cells = f.sigmoid() * c[:n] + i.sigmoid() * g.tanh()
            cells = cells.clamp(-self.cell_clip, self.cell_clip) if self.cell_clip else cells
            out = (o.sigmoid() * cells.tanh()) @ self.weight_hr.t()
            out = out.clamp(-self.projection_clip, self.projection_clip) if self.projection_clip else out
            rest = x.shape[1] - n
            outputs.append(torch.cat([out, out.new_zeros(rest, self.projection)]) if rest else out)
            h, c = (torch.cat([new, old[n:]]) if rest else new for new, old in ((out, h), (cells, c)))
        return torch.stack(outputs), (h, c)


def together(
    layers: Sequence[ProjectedLSTM], xs: Sequence[Tensor], states: Sequence[State], active: list[int] | None = None
) -> list[tuple[Tensor, State]]:
    """Read with several layers of one shape at once, each its own input: threads share them.

    Parameters and results are lists of those of :meth:`ProjectedLSTM.forward`.
    """
    first = xs[0]
    if not len(first):
        empty = first.new_zeros(0, first.shape[1], layers[0].projection)
        return [(empty, state) for state in states]
    counts = [first.shape[1]] * len(first) if active is None else active
    each = list(zip(layers, xs, states, strict=True))
    if torch.onnx.is_in_onnx_export() or torch.compiler.is_compiling():
        return [layer.plain(x, state, counts) for layer, x, state in each]
    directions = [
        Direction(x, *state, layer.weight_ih, layer.weight_hh, layer.bias, layer.weight_hr) for layer, x, state in each
    ]
    limits = layers[0].cell_clip, layers[0].projection_clip
    packed = None if torch.is_grad_enabled() else [_packed(layer) for layer in layers]
    return [(y, (h, c)) for y, h, c in projected_lstms(directions, limits, counts, packed)]


_PACKED: WeakKeyDictionary[ProjectedLSTM, Any] = WeakKeyDictionary()


def _packed(layer: ProjectedLSTM) -> Any:
    """Return a layer's weights as the native kernel reads them, kept until they change: for use without gradients.

    Packing takes as long as many steps of a single sentence. A digest of all weights tells whether they are the same;
    autograd's count of changes does not, for fused optimizers leave it as it is.
    """
    weights = layer.weight_ih, layer.weight_hh, layer.weight_hr
    if any(weight.device.type != "cpu" or weight.dtype != torch.float32 for weight in weights):
        return None
    arrays = [weight.detach().contiguous().numpy() for weight in weights]
    found = _PACKED.get(layer)
    if found is None or not found.holds(*arrays):
        found = _PACKED[layer] = _core.LstmWeights(*arrays)
    return found
