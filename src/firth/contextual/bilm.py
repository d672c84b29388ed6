"""The bidirectional language model (Peters et al. 2018, section 3.1): one token layer, two stacks of LSTMs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.contextual.shape import Shape
from firth.contextual.token_layer import CharacterLayer, WordLayer
from firth.contextual.word_character_layer import WordCharacterLayer
from firth.nn.lstmp import ProjectedLSTM, State, together
from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax

__all__ = ["BiLM", "DirectionState", "active_of", "reversal"]

DirectionState = list[State]  # of each layer


class BiLM(nn.Module):
    """A token layer, LSTMs that read forward, LSTMs that read backward, and perhaps an output layer for both.

    Parameters
    ----------
    shape : Shape
    softmax : FullSoftmax, SampledSoftmax or AdaptiveSoftmax, optional
        What words are predicted with; published models have lost theirs.
    pad : int
        The character id of the filler behind words.

    Attributes
    ----------
    dropout : float
        Share of each layer's input that is left out in training.
    """

    dropout = 0.0

    def __init__(self, shape: Shape, softmax: FullSoftmax | AdaptiveSoftmax | None = None, pad: int = 261) -> None:
        super().__init__()
        self.shape = shape
        self.tokens: CharacterLayer | WordLayer
        if shape.characters is None:
            self.tokens = WordLayer(shape.words, shape.word_dim, shape.projection)
        elif shape.words:
            self.tokens = WordCharacterLayer(shape, pad)
        else:
            self.tokens = CharacterLayer(shape.characters, shape.projection, pad)
        self.forward_layers, self.backward_layers = (
            nn.ModuleList(
                ProjectedLSTM(
                    shape.projection, shape.cells, shape.projection, shape.cell_clip, shape.projection_clip
                )
                for _ in range(shape.layers)
            )
            for _ in range(2)
        )  # fmt: skip
        self.softmax = softmax

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights."""
        self.tokens.reset(generator)
        for layer in (*self.forward_layers, *self.backward_layers):
            layer.reset(generator)
        if self.softmax is not None:
            self.softmax.reset(0.1, generator)

    def start(self, batch: int) -> tuple[DirectionState, DirectionState]:
        """Return the state of both directions before anything was read."""
        return (
            [layer.start(batch) for layer in self.forward_layers],  # type: ignore[operator]
            [layer.start(batch) for layer in self.backward_layers],  # type: ignore[operator]
        )

    def read(
        self, layers: nn.ModuleList, x: Tensor, state: DirectionState, active: list[int] | None = None
    ) -> tuple[list[Tensor], DirectionState]:
        """Return the output of each layer of one direction, which reads its input from left to right.

        Parameters
        ----------
        layers : nn.ModuleList
            :attr:`forward_layers` or :attr:`backward_layers`.
        x : Tensor, shape (n_steps, batch, projection)
            Vectors of tokens; for the backward direction each sentence is reversed.
        state : list of State
        active : list of int, optional
            As for :class:`firth.nn.lstmp.ProjectedLSTM`.

        Returns
        -------
        list of Tensor, each (n_steps, batch, projection)
        list of State
        """
        return self._read([layers], [x], [state], active)[0]

    def read_both(
        self, ahead: Tensor, back: Tensor, state: tuple[DirectionState, DirectionState], active: list[int] | None = None
    ) -> list[tuple[list[Tensor], DirectionState]]:
        """Return what :meth:`read` does for the forward and for the backward direction: they share the threads."""
        return self._read([self.forward_layers, self.backward_layers], [ahead, back], state, active)

    def _read(
        self,
        stacks: list[nn.ModuleList],
        xs: list[Tensor],
        states: Sequence[DirectionState],
        active: list[int] | None,
    ) -> list[tuple[list[Tensor], DirectionState]]:
        found: list[tuple[list[Tensor], DirectionState]] = [([], []) for _ in stacks]
        for place, layers in enumerate(zip(*stacks, strict=True)):
            if self.dropout and self.training:
                xs = [functional.dropout(x, self.dropout) for x in xs]
            read = together(layers, xs, [state[place] for state in states], active)
            xs = [y + x if place and self.shape.skip else y for (y, _), x in zip(read, xs, strict=True)]
            for (outputs, after), x, (_, last) in zip(found, xs, read, strict=True):
                outputs.append(x)
                after.append(last)
        return found

    def forward(
        self, tokens: Tensor, lengths: list[int], state: tuple[DirectionState, DirectionState] | None = None
    ) -> tuple[Tensor, tuple[DirectionState, DirectionState]]:
        """Return every layer of sentences side by side.

        Parameters
        ----------
        tokens : Tensor, shape (n_steps, batch, projection)
            Vectors of tokens (:attr:`tokens`), longer sentences before shorter ones.
        lengths : list of int
            Length of each sentence, falling, each at least 1.
        state : tuple, optional
            Of both directions; by default the start.

        Returns
        -------
        Tensor, shape (n_layers + 1, n_steps, batch, 2 * projection)
            The token layer twice, then each LSTM's outputs, forward and backward side by side. What stands behind a
            sentence's end means nothing.
        tuple
            The state of both directions after the sentences.
        """
        ahead, back = self.start(tokens.shape[1]) if state is None else state
        active = active_of(lengths)
        turn = reversal(lengths, tokens.device)[:, :, None]
        turned = tokens.gather(0, turn.expand_as(tokens))
        (forward, ahead), (backward, back) = self.read_both(tokens, turned, (ahead, back), active)
        upper = [
            torch.cat([a, b.gather(0, turn.expand_as(b))], 2) for a, b in zip(forward, backward, strict=True)
        ]  # fmt: skip
        return torch.stack([torch.cat([tokens, tokens], 2), *upper]), (ahead, back)


def active_of(lengths: list[int]) -> list[int]:
    """Return how many sentences go on at each step.

    Examples
    --------
    >>> active_of([3, 1])
    [2, 1, 1]
    """
    return [sum(length > t for length in lengths) for t in range(max(lengths, default=0))]


def reversal(lengths: list[int], device: torch.device | str | None = None) -> Tensor:
    """Return the step that each step of a reversed sentence comes from, shape (n_steps, batch).

    Examples
    --------
    >>> reversal([3, 2]).t().tolist()
    [[2, 1, 0], [1, 0, 2]]
    """
    n = torch.as_tensor(lengths, device=device)
    steps = torch.arange(max(lengths, default=0), device=device)[:, None]
    return torch.where(steps < n, n - 1 - steps, steps)
