"""A token layer and a net that reads whole sentences above it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from firth.contextual.cnn_highway_layer import CnnHighwayLayer
from firth.contextual.context_shape import ContextShape
from firth.contextual.lstm_stack import LSTMStack
from firth.contextual.rowwise import Rowwise
from firth.contextual.transformer_pair import TransformerPair

__all__ = ["ContextNet"]


class ContextNet(nn.Module):
    """Words by their spelling, then two Transformers, or stacked LSTMs.

    Parameters
    ----------
    shape : ContextShape
    pad : int
        The character id of the filler behind words.
    """

    def __init__(self, shape: ContextShape, pad: int = 261) -> None:
        super().__init__()
        self.shape = shape
        self.tokens = CnnHighwayLayer(shape, pad)
        self.context = TransformerPair(shape) if shape.context == "transformer" else LSTMStack(shape)

    def read(self, tokens: Tensor, lengths: Sequence[int], by: Rowwise) -> list[Tensor]:
        """Return all layers of sentences, one behind another.

        Parameters
        ----------
        tokens : Tensor, shape (n_rows, projection)
            Vectors of tokens, marks of begin and end with them.
        lengths : sequence of int
            Rows of each sentence, falling, each at least 1.
        by : Rowwise

        Returns
        -------
        list of Tensor, each (n_rows, dim)
            The token layer, as often beside itself as fits (not at all where it does not), then those in context.
        """
        copies = self.shape.copies
        return [*([tokens.repeat(1, copies)] if copies else []), *self.context(tokens, lengths, by)]

    def forward(self, tokens: Tensor, lengths: list[int], state: None = None) -> tuple[Tensor, None]:
        """Return every layer of sentences side by side, as :class:`firth.contextual.bilm.BiLM` does; there is no state.

        Parameters
        ----------
        tokens : Tensor, shape (n_steps, batch, projection)
            Longer sentences before shorter ones.
        lengths : list of int
            Length of each sentence, falling, each at least 1.

        Returns
        -------
        Tensor, shape (n_layers, n_steps, batch, dim)
            Zeros behind a sentence's end.
        """
        rows = torch.cat([tokens[:n, column] for column, n in enumerate(lengths)])
        layers = torch.stack(self.read(rows, lengths, Rowwise()), 1)  # (n_rows, n_layers, dim)
        return nn.utils.rnn.pad_sequence(list(torch.split(layers, lengths))).permute(2, 0, 1, 3), None
