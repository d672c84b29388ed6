"""The net of a recurrent language model: embeddings, layers, an output layer, and dropout wherever it can stand."""

from __future__ import annotations

import dataclasses
import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.nn.dropout import locked_dropout
from firth.nn.recurrent import Layer
from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax

__all__ = ["Drops", "RecurrentNet", "Shape"]

State = list[Tensor]  # of each layer, (1 or 2, batch, n_out)


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a net is made of.

    Attributes
    ----------
    cell, activation : str
        As for :class:`firth.nn.recurrent.Layer`.
    n_outputs, dim, hidden, layers : int
        Words and marks that are read and predicted; lengths of embeddings and of hidden states; number of layers.
    tie : bool
        The embeddings are the output layer's matrix too, so that the last layer is as long as they are.
    cutoffs : tuple of int
        Of an adaptive softmax; empty for the full one.
    """

    cell: str
    activation: str
    n_outputs: int
    dim: int
    hidden: int
    layers: int
    tie: bool
    cutoffs: tuple[int, ...] = ()

    @property
    def last(self) -> int:
        """Length of what the output layer reads."""
        return self.dim if self.tie else self.hidden

    def sizes(self) -> list[tuple[int, int]]:
        """Return the input and output length of each layer."""
        ends = [self.dim, *[self.hidden] * (self.layers - 1), self.last]
        return list(itertools.pairwise(ends))


@dataclasses.dataclass(frozen=True)
class Drops:
    """Shares that are dropped in training.

    Attributes
    ----------
    embedding : float
        Of the words: all places of a word in a batch together (Gal and Ghahramani 2016).
    input, hidden, output : float
        Of the embeddings, of what goes from layer to layer, and of what the output layer reads; one mask for all steps.
    weight : float
        Of the matrices from state to state (DropConnect, Merity, Keskar and Socher 2018, section 2).
    """

    embedding: float = 0.0
    input: float = 0.0
    hidden: float = 0.0
    output: float = 0.0
    weight: float = 0.0


class RecurrentNet(nn.Module):
    """Embeddings, layers and an output layer.

    Parameters
    ----------
    shape : Shape
    softmax : FullSoftmax, SampledSoftmax or AdaptiveSoftmax, optional
        By default a full one. :meth:`embedding_for` makes the matrix that a tied one shares.
    embedding : Parameter, shape (n_outputs, dim), optional
    drops : Drops
    """

    def __init__(
        self,
        shape: Shape,
        softmax: FullSoftmax | AdaptiveSoftmax | None = None,
        embedding: nn.Parameter | None = None,
        drops: Drops | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.drops = shape, drops or Drops()
        self.embedding = self.embedding_for(shape) if embedding is None else embedding
        self.layers = nn.ModuleList(Layer(shape.cell, a, b, shape.activation) for a, b in shape.sizes())
        shared = self.embedding if shape.tie else None
        self.softmax = FullSoftmax(shape.last, shape.n_outputs, shared) if softmax is None else softmax

    @property
    def last(self) -> int:
        """Length of what the output layer reads."""
        return self.shape.last

    @staticmethod
    def embedding_for(shape: Shape) -> nn.Parameter:
        """Return room for the embeddings."""
        return nn.Parameter(torch.empty(shape.n_outputs, shape.dim))

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights."""
        self.softmax.reset(0.1, generator)
        with torch.no_grad():
            self.embedding.uniform_(-0.1, 0.1, generator=generator)
        for layer in self.layers:
            assert isinstance(layer, Layer)  # for the type checker
            layer.reset(generator)

    def start(self, batch: int) -> State:
        """Return the state before a text, of every layer."""
        return [layer.zeros(batch) for layer in self.layers]  # type: ignore[operator]

    def forward(self, tokens: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Read texts side by side.

        Parameters
        ----------
        tokens : Tensor of int64, shape (n_steps, batch)
        state : list of Tensor
            As :meth:`start` or a call before gave it.

        Returns
        -------
        Tensor, shape (n_steps, batch, n_out)
            What the output layer reads.
        Tensor, shape (n_steps, batch, n_out)
            The same before dropout.
        list of Tensor
            The state after the last step.
        """
        x, drops, after = self._embedded(tokens), self.drops, []
        for place, layer in enumerate(self.layers):
            if place:
                x = locked_dropout(x, drops.hidden, self.training)
            recurrent = functional.dropout(layer.weight_hh, drops.weight, self.training)  # type: ignore[arg-type]
            x, last = layer(x, state[place], recurrent)
            after.append(last)
        return locked_dropout(x, drops.output, self.training), x, after

    def _embedded(self, tokens: Tensor) -> Tensor:
        x = functional.embedding(tokens, self.embedding)
        if self.training and self.drops.embedding:
            kept = torch.full((self.shape.n_outputs, 1), 1 - self.drops.embedding, device=tokens.device).bernoulli_()
            x = x * (kept[tokens] / (1 - self.drops.embedding))
        return locked_dropout(x, self.drops.input, self.training)
