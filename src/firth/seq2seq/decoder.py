"""The decoder: GRU or LSTM layers that write a sequence, looking at the encoder's states as they go.

Three ways of feeding, which differ in what a step needs of the step before:

``none``     Layers run over all steps of a known target at once, each layer in one call, and so does attention: the
             states of all steps are the queries of one batched product. What a layer found enters the layer above it
             beside the states (Wu et al. 2016, section 3: attention from the bottom layer), so that with two layers or
             more a net without any feeding knows what it looked at before: the upper layer remembers.
``input``    The readout of the step before enters beside the word (Luong, Pham and Manning 2015, section 3.3).
``context``  The state of the step before looks for sources first, and what it finds enters beside the word (Bahdanau,
             Cho and Bengio 2015, section 3.1).

The readout of a step is tanh(W [h ; c]), h the state of the highest layer and c the last context (Luong, equation 5);
the softmax reads it. Without attention c is the encoder's summary at every step (Cho et al. 2014, section 2.2).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor, nn

from firth.nn.dropout import locked_dropout
from firth.nn.recurrent import Layer
from firth.seq2seq.attention import Attention
from firth.seq2seq.encoder import Encoded, open_forget_gate
from firth.seq2seq.shape import Shape

__all__ = ["Decoder", "Memory", "State"]


@dataclasses.dataclass(frozen=True)
class Memory:
    """An encoded source with what is computed of it once.

    Attributes
    ----------
    encoded : Encoded
    keys : list of Tensor
        Of each attending layer.
    """

    encoded: Encoded
    keys: list[Tensor]

    def of(self, rows: Tensor) -> Memory:
        """Return the memory of some sources of the batch."""
        old = self.encoded
        encoded = Encoded(old.states[rows], old.real[rows], old.summary[rows])
        return Memory(encoded, [keys[rows] for keys in self.keys])


@dataclasses.dataclass(frozen=True)
class State:
    """Where a decoder stands in n sequences.

    Attributes
    ----------
    layers : list of Tensor, each of shape (1 or 2, n, hidden)
    readout : Tensor, shape (n, dim), or None
        Of the step before, where it is fed.
    """

    layers: list[Tensor]
    readout: Tensor | None = None

    def of(self, rows: Tensor) -> State:
        """Return the state of some of the sequences, or of the same one several times."""
        readout = None if self.readout is None else self.readout[rows]
        return State([layer[:, rows] for layer in self.layers], readout)


class Decoder(nn.Module):
    """From the vectors of words to readouts and weights.

    Parameters
    ----------
    shape : Shape
    dropout : float
        Share left out of every layer's input and of the readout; the same at all steps where all are run at once.
    """

    def __init__(self, shape: Shape, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        n = shape.hidden
        beside = {"none": 0, "input": shape.dim, "context": n}[shape.feeding]
        lowest = min(shape.attending, default=shape.decoder_layers)
        deep = shape.feeding != "context"  # contexts enter the layers above the one that looked for them
        sizes = [n + (n if deep and place > lowest else 0) for place in range(shape.decoder_layers)]
        sizes[0] = shape.dim + beside
        self.layers = nn.ModuleList(Layer(shape.cell, size, n) for size in sizes)
        self.attentions = nn.ModuleDict(
            {str(place): Attention(shape.attention, n, n, shape.positions) for place in shape.attending}
        )
        self.bridge = nn.Linear(n, shape.decoder_layers * shape.n_parts * n)
        self.combine = nn.Linear(2 * n, shape.dim)

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights."""
        for layer in self.layers:
            assert isinstance(layer, Layer)  # for the type checker
            layer.reset(generator)
            open_forget_gate(layer)
        for attention in self.attentions.values():
            attention.reset(generator)  # type: ignore[operator]
        with torch.no_grad():
            for linear in (self.bridge, self.combine):
                bound = (3 / linear.in_features) ** 0.5
                linear.weight.uniform_(-bound, bound, generator=generator)
                linear.bias.zero_()

    def remember(self, encoded: Encoded) -> Memory:
        """Return the memory of encoded sources."""
        keys = [attention.keys(encoded.states) for attention in self.attentions.values()]  # type: ignore[operator]
        return Memory(encoded, keys)

    def start(self, memory: Memory) -> State:
        """Return the state before the first word, one sequence a source: tanh of a product with the summary."""
        summary = memory.encoded.summary
        n, parts = self.shape.hidden, self.shape.n_parts
        made = self.bridge(summary).tanh().view(len(summary), self.shape.decoder_layers, parts, n)
        layers = [made[:, place].transpose(0, 1).contiguous() for place in range(self.shape.decoder_layers)]
        readout = summary.new_zeros(len(summary), self.shape.dim) if self.shape.feeding == "input" else None
        return State(layers, readout)

    def run(self, x: Tensor, state: State, memory: Memory) -> tuple[Tensor, Tensor, State]:
        """Run over steps whose words are known.

        Parameters
        ----------
        x : Tensor, shape (n_steps, batch, dim)
        state : State
            Of as many sequences.
        memory : Memory

        Returns
        -------
        Tensor, shape (n_steps, batch, dim)
            Readouts.
        Tensor, shape (batch, n_steps, n_states)
            Weights of the last attention; without any (batch, n_steps, 0).
        State
        """
        if self.shape.feeding == "none":
            return self._together(x, state, memory, 1)
        return self.walk(len(x), lambda step, _: x[step], state, memory)

    def walk(
        self, n_steps: int, word: Callable[[int, Tensor | None], Tensor], state: State, memory: Memory
    ) -> tuple[Tensor, Tensor, State]:
        """Run step by step.

        Parameters
        ----------
        n_steps : int
        word : callable
            From a step and the readout before it (None at the first) to the words' vectors, (batch, dim).
        state, memory
            As for :meth:`run`, which says what is returned.
        """
        readouts: list[Tensor] = []
        found: list[Tensor] = []
        for step in range(n_steps):
            x = word(step, readouts[-1] if readouts else None)
            readout, weights, state = self.step(x, state, memory, 1)
            readouts.append(readout)
            found.append(weights[:, 0])
        return torch.stack(readouts), torch.stack(found, 1), state

    def step(self, x: Tensor, state: State, memory: Memory, beams: int) -> tuple[Tensor, Tensor, State]:
        """Go one step on, in ``beams`` sequences of each source, which stand beside each other.

        Parameters
        ----------
        x : Tensor, shape (batch * beams, dim)

        Returns
        -------
        Tensor, shape (batch * beams, dim)
            Readouts.
        Tensor, shape (batch, beams, n_states)
        State
        """
        if self.shape.feeding == "context":
            readout, weights, after = self._looking_first(x, state, memory, beams)
        else:
            if state.readout is not None:
                x = torch.cat([x, state.readout], 1)
            readout, weights, after = self._together(x[None], state, memory, beams)
        fed = readout[0] if self.shape.feeding == "input" else None
        return readout[0], weights, State(after.layers, fed)

    def _together(self, x: Tensor, state: State, memory: Memory, beams: int) -> tuple[Tensor, Tensor, State]:
        """Run layers and attention over all steps; with several beams there is one step."""
        states, context, weights = [], None, None
        numbers = {place: number for number, place in enumerate(self.shape.attending)}
        for place, layer in enumerate(self.layers):
            x = locked_dropout(x, self.dropout, self.training)
            x, after = layer(x, state.layers[place])
            states.append(after)
            if place in numbers:
                context, weights = self._look(place, numbers[place], x, memory, beams)
            if context is not None and place + 1 < len(self.layers):
                x = torch.cat([x, context], 2)
        return *self._read_out(x, context, weights, memory, beams), State(states)

    def _looking_first(self, x: Tensor, state: State, memory: Memory, beams: int) -> tuple[Tensor, Tensor, State]:
        (place,) = self.shape.attending or (-1,)
        if place < 0:
            context, weights = self._summary(1, memory, beams), None
        else:
            context, weights = self._look(place, 0, state.layers[place][:1], memory, beams)
        x, states = torch.cat([x[None], context], 2), []
        for layer, before in zip(self.layers, state.layers, strict=True):
            x = locked_dropout(x, self.dropout, self.training)
            x, after = layer(x, before)
            states.append(after)
        return *self._read_out(x, context, weights, memory, beams), State(states)

    def _look(self, place: int, number: int, h: Tensor, memory: Memory, beams: int) -> tuple[Tensor, Tensor]:
        """Return contexts (n_steps, batch * beams, hidden) and weights (batch, n_steps * beams, n_states)."""
        n_steps, n, size = h.shape
        queries = h.view(n_steps, n // beams, beams, size).transpose(0, 1).reshape(n // beams, n_steps * beams, size)
        encoded = memory.encoded
        context, weights = self.attentions[str(place)](queries, encoded.states, memory.keys[number], encoded.real)
        return context.view(n // beams, n_steps, beams, size).transpose(0, 1).reshape(n_steps, n, size), weights

    def _summary(self, n_steps: int, memory: Memory, beams: int) -> Tensor:
        return memory.encoded.summary.repeat_interleave(beams, 0)[None].expand(n_steps, -1, -1)

    def _read_out(
        self, h: Tensor, context: Tensor | None, weights: Tensor | None, memory: Memory, beams: int
    ) -> tuple[Tensor, Tensor]:
        if context is None:
            context = self._summary(len(h), memory, beams)
        if weights is None:
            weights = h.new_zeros(h.shape[1] // beams, len(h) * beams, 0)
        readout = self.combine(torch.cat([h, context], 2)).tanh()
        return locked_dropout(readout, self.dropout, self.training), weights
