"""A trained net that reads a text word by word: its state is what the layers hold, and the last word."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from firth.lm.base import BaseLanguageModel
from firth.lm.lexicon import Lexicon
from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax
from firth.protocols import Float64, Int32
from firth.vectors.static import Vectors

__all__ = ["CarryingNet", "NetModel", "NetState"]

_STEPS = 1024  # that are read together
_TOGETHER = 1 << 14  # places of padded sentences that are read together


@dataclasses.dataclass(frozen=True)
class NetState:
    """What was read.

    Attributes
    ----------
    layers : tuple of Tensor
        What each layer holds before ``last`` is read.
    last : int
        The word that is read next; ``<eos>`` at a text's start.
    """

    layers: tuple[Tensor, ...]
    last: int


class CarryingNet(Protocol):
    """A net with a state, such as a recurrent one, or one with a memory of what it read."""

    embedding: nn.Parameter
    softmax: FullSoftmax | AdaptiveSoftmax

    @property
    def last(self) -> int:
        """Length of what the output layer reads."""
        ...

    def start(self, batch: int) -> list[Tensor]:
        """Return the state before a text, of every layer."""
        ...

    def __call__(self, tokens: Tensor, state: list[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Read ids, shape (n_steps, batch); return what predicts, (n_steps, batch, n_out), with and without dropout,
        and the state then."""
        ...


class NetModel(BaseLanguageModel):
    """A language model by a net with a state. After a sentence it goes on with ``<eos>``, as it does at the start.

    Parameters
    ----------
    lexicon : Lexicon
    net : nn.Module that is a CarryingNet
        In evaluation mode from here on.
    metadata : mapping, optional
    """

    carries = True

    def __init__(self, lexicon: Lexicon, net: Any, metadata: Mapping[str, Any] | None = None) -> None:
        super().__init__(lexicon, metadata)
        self.net: Any = net.eval()

    @property
    def device(self) -> torch.device:
        """Where the net is."""
        device: torch.device = self.net.embedding.device
        return device

    @property
    def vectors(self) -> Vectors:
        """The embeddings of words and marks, without ``<bos>``."""
        vocab, n = self.vocab, self.lexicon.n_outputs
        matrix = self.net.embedding.detach().cpu().float().numpy()
        return Vectors([vocab.words[i] for i in range(n)], matrix, counts=vocab.counts[:n], metadata=self.metadata)

    def start(self) -> NetState:
        """Return the state before the first word of a text."""
        return NetState(tuple(self.net.start(1)), self.lexicon.eos)

    @torch.no_grad()
    def score(self, ids: Int32, state: NetState) -> tuple[Float64, NetState]:
        """Return the log probability of each id, and the state after the last."""
        found = []
        for first in range(0, len(ids), _STEPS):
            piece = ids[first : first + _STEPS]
            hidden, state = self.hidden(piece, state)
            found.append(self.net.softmax.picked(hidden, self.tensor(piece)).cpu().double().numpy())
        return np.concatenate(found) if found else np.zeros(0), state

    @torch.no_grad()
    def next_log_probs(self, state: NetState) -> Float64:
        """Return the log probability of each possible next id."""
        hidden, _, _ = self.net(self.tensor([state.last])[:, None], list(state.layers))
        found = self.net.softmax.log_probs(hidden[0])[0].cpu().double()
        return np.asarray((found - found.logsumexp(0)).numpy())

    def hidden(self, ids: Int32, state: NetState) -> tuple[Tensor, NetState]:
        """Return what each id is predicted from, shape (n, n_out), and the state after the last."""
        if not len(ids):
            return self.net.embedding.new_zeros(0, self.net.last), state
        read = np.concatenate([[state.last], ids[:-1]])
        hidden, _, layers = self.net(self.tensor(read)[:, None], list(state.layers))
        return hidden[:, 0], NetState(tuple(layers), int(ids[-1]))

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
