"""What the training loop asks of a net with a state: truncated backpropagation through a text at several places.

Each place of the text goes on from the state that the stretch before left it in; gradients go back to the start of a
stretch.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from firth.errors import ConfigError
from firth.lm.lexicon import Lexicon
from firth.lm.rnn_batches import Stretches, side_by_side, stretch_ends
from firth.nn.loop import Job, Loss, Place
from firth.text.corpus import Corpus, as_corpus_like

__all__ = ["Reading", "StretchWork"]

_HELDOUT_BATCH, _HELDOUT_STEPS = 10, 256


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a text is read.

    Attributes
    ----------
    batch, bptt : int
        Places side by side; steps of a stretch.
    drawn : bool
        Draw the length of each stretch around ``bptt``.
    seed : int
    """

    batch: int
    bptt: int
    drawn: bool
    seed: int


class StretchWork:
    """An epoch's stretches, a stretch's loss, the held-out loss.

    Parameters
    ----------
    net : nn.Module that is a CarryingNet
    lexicon : Lexicon
    corpus : Corpus
    reading : Reading
    place : Place
    """

    def __init__(self, net: Any, lexicon: Lexicon, corpus: Corpus, reading: Reading, place: Place) -> None:
        self.net, self.lexicon, self.corpus, self.reading, self.place = net, lexicon, corpus, reading, place
        ids = lexicon.whole(corpus).ids
        self.n = len(ids)
        read, predicted = side_by_side(ids, reading.batch, lexicon.eos)
        if place.world > 1:
            if read.shape[1] % place.world:
                raise ConfigError("batch does not spread over the processes", got=read.shape[1],
                                  expected=f"a multiple of {place.world}")  # fmt: skip
            read, predicted = (table[:, place.rank :: place.world] for table in (read, predicted))
        self.read, self.predicted = (torch.as_tensor(table, device=place.device) for table in (read, predicted))

    def job(self, facts: Mapping[str, Any], heldout: Any, groups: Sequence[dict[str, Any]] | None = None) -> Job:
        """Return what the loop is to do; the parameters are those of :class:`firth.nn.job.Job`."""
        return Job(
            module=self.net,
            epoch=self.epoch,
            loss=self.loss,
            heldout=None if heldout is None else _Heldout(self.net, self.lexicon, heldout, self.corpus),
            words=self.n,
            facts=facts,
            seed=self.reading.seed,
            groups=groups,
            perplexity=True,
        )

    def epoch(self, number: int) -> Sequence[Any]:
        """Return the stretches of an epoch."""
        reading = self.reading
        return Stretches(stretch_ends(len(self.read), reading.bptt, drawn=reading.drawn, seed=(reading.seed, number)))

    def loss(self, stretch: tuple[int, int], state: Any) -> Loss:
        """Return what a stretch costs that is read from a state."""
        first, last = stretch
        read, predicted = self.read[first:last], self.predicted[first:last]
        if state is None:
            state = self.net.start(read.shape[1])
        hidden, raw, after = self.net(read, state)
        total = self.net.softmax.loss(hidden.flatten(0, 1), predicted.reshape(-1))
        count = predicted.numel()
        scale = (last - first) / self.reading.bptt if self.reading.drawn else 1.0
        penalty = self.penalty(hidden, raw)
        return Loss(total if penalty is None else total + count * penalty, count, after, total, scale)

    def penalty(self, hidden: Tensor, raw: Tensor) -> Tensor | None:
        """Return what is added to the mean loss, of the net's outcome with and without dropout."""


class _Heldout:
    """The loss of a held-out text by the whole distribution, read at a few places side by side."""

    def __init__(self, net: Any, lexicon: Lexicon, heldout: Any, corpus: Corpus) -> None:
        self.net = net
        own = as_corpus_like(heldout, corpus.tokenizer)
        read, predicted = side_by_side(lexicon.whole(own).ids, _HELDOUT_BATCH, lexicon.eos)
        self.read, self.predicted = (torch.as_tensor(table) for table in (read, predicted))

    def __call__(self) -> float:
        device, total = self.net.embedding.device, 0.0
        state = self.net.start(self.read.shape[1])
        pieces = (torch.split(table, _HELDOUT_STEPS) for table in (self.read, self.predicted))
        for read, predicted in zip(*pieces, strict=True):
            hidden, _, state = self.net(read.to(device), state)
            scores = self.net.softmax.picked(hidden.flatten(0, 1), predicted.reshape(-1).to(device))
            total -= float(scores.double().sum())
        return total / self.predicted.numel() if self.predicted.numel() else math.nan
