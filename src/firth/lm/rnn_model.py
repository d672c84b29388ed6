"""A trained recurrent language model: its state is what the layers hold, and the last word."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from firth.lm.base import BaseLanguageModel
from firth.lm.lexicon import Lexicon
from firth.lm.rnn_module import RecurrentNet
from firth.protocols import Float64, Int32
from firth.vectors.static import Vectors

__all__ = ["RNNModel", "RNNState"]

_STEPS = 1024  # that are read together
_TOGETHER = 1 << 14  # places of padded sentences that are read together


@dataclasses.dataclass(frozen=True)
class RNNState:
    """What was read.

    Attributes
    ----------
    layers : tuple of Tensor, shape (1 or 2, 1, n_out) each
        Hidden states, and an LSTM's cells, before ``last`` is read.
    last : int
        The word that is read next; ``<eos>`` at a text's start.
    """

    layers: tuple[Tensor, ...]
    last: int


class RNNModel(BaseLanguageModel):
    """A recurrent language model. After a sentence it goes on with ``<eos>`` as its input, as it does at the start.

    Parameters
    ----------
    lexicon : Lexicon
    net : RecurrentNet
        In evaluation mode from here on.
    metadata : mapping, optional
    """

    carries = True

    def __init__(self, lexicon: Lexicon, net: RecurrentNet, metadata: Mapping[str, Any] | None = None) -> None:
        super().__init__(lexicon, metadata)
        self.net = net.eval()

    @property
    def device(self) -> torch.device:
        """Where the net is."""
        return self.net.embedding.device

    @property
    def vectors(self) -> Vectors:
        """The embeddings of words and marks, without ``<bos>``."""
        vocab, n = self.vocab, self.lexicon.n_outputs
        matrix = self.net.embedding.detach().cpu().float().numpy()
        return Vectors([vocab.words[i] for i in range(n)], matrix, counts=vocab.counts[:n], metadata=self.metadata)

    def start(self) -> RNNState:
        """Return the state before the first word of a text."""
        return RNNState(tuple(self.net.start(1)), self.lexicon.eos)

    @torch.no_grad()
    def score(self, ids: Int32, state: RNNState) -> tuple[Float64, RNNState]:
        """Return the log probability of each id, and the state after the last."""
        found = []
        for first in range(0, len(ids), _STEPS):
            piece = ids[first : first + _STEPS]
            hidden, state = self.hidden(piece, state)
            found.append(self.net.softmax.picked(hidden, self.tensor(piece)).cpu().double().numpy())
        return np.concatenate(found) if found else np.zeros(0), state

    @torch.no_grad()
    def next_log_probs(self, state: RNNState) -> Float64:
        """Return the log probability of each possible next id."""
        hidden, _, _ = self.net(self.tensor([state.last])[:, None], list(state.layers))
        found = self.net.softmax.log_probs(hidden[0])[0].cpu().double()
        return np.asarray((found - found.logsumexp(0)).numpy())

    def hidden(self, ids: Int32, state: RNNState) -> tuple[Tensor, RNNState]:
        """Return what each id is predicted from, shape (n, n_out), and the state after the last."""
        if not len(ids):
            return self.net.embedding.new_zeros(0, self.net.shape.last), state
        read = np.concatenate([[state.last], ids[:-1]])
        hidden, _, layers = self.net(self.tensor(read)[:, None], list(state.layers))
        return hidden[:, 0], RNNState(tuple(layers), int(ids[-1]))

    def tensor(self, ids: Any) -> Tensor:
        """Return ids as the net reads them."""
        return torch.as_tensor(np.asarray(ids, np.int64), device=self.device)

    @torch.no_grad()
    def score_apart(self, sentences: Sequence[Int32]) -> list[Float64]:
        """Score each run of ids from the start, many together, padded to the longest among them."""
        order = sorted(range(len(sentences)), key=lambda place: -len(sentences[place]))
        found = [np.zeros(0)] * len(sentences)
        while order and len(sentences[order[0]]):
            longest = len(sentences[order[0]])
            if longest > _TOGETHER:
                found[order[0]] = self.score(sentences[order[0]], self.start())[0]
                order = order[1:]
                continue
            some, order = order[: _TOGETHER // longest], order[_TOGETHER // longest :]
            for place, scores in zip(some, self._padded([sentences[place] for place in some]), strict=True):
                found[place] = scores
        return found

    def _padded(self, sentences: Sequence[Int32]) -> list[Float64]:
        eos, longest = self.lexicon.eos, max(map(len, sentences))
        predicted = np.full((longest, len(sentences)), eos, np.int64)
        for column, ids in enumerate(sentences):
            predicted[: len(ids), column] = ids
        read = np.concatenate([np.full((1, len(sentences)), eos, np.int64), predicted[:-1]])
        hidden, _, _ = self.net(self.tensor(read), self.net.start(len(sentences)))
        scores = self.net.softmax.picked(hidden.flatten(0, 1), self.tensor(predicted.reshape(-1)))
        table = scores.view(longest, -1).t().cpu().double().numpy()
        return [table[row, : len(ids)] for row, ids in enumerate(sentences)]
