"""The NNLM's examples: previous words and the next one, shuffled anew in every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firth.lm.contexts import contexts_at, places_in_sentence
from firth.lm.lexicon import Lexicon
from firth.lm.nnlm_module import NNLMModule, cross_entropy
from firth.nn.device import Place
from firth.nn.job import Loss
from firth.text.corpus import Corpus

__all__ = ["Batches", "Examples", "loss_of", "mean_loss"]

_ENTRIES = 1 << 22  # of logits held together when only measuring

Batch = tuple[Tensor, Tensor]


class Examples:
    """Every prediction of a corpus, in memory (6 bytes each).

    Parameters
    ----------
    lexicon : Lexicon
    corpus : Corpus
    context : int
        Previous words.
    place : Place
        Each process of several trains on its own share of every batch.
    """

    def __init__(self, lexicon: Lexicon, corpus: Corpus, context: int, place: Place) -> None:
        self.lexicon, self.context, self.place = lexicon, context, place
        self.ids = lexicon.whole(corpus).ids
        self.places = places_in_sentence(self.ids, lexicon.eos, context)

    def shares(self) -> Tensor:
        """Return each output's share of the text, shape (n_outputs,); 1 is added to each count, so that none is 0."""
        counts = np.bincount(self.ids, minlength=self.lexicon.n_outputs) + 1.0
        return torch.from_numpy((counts / counts.sum()).astype(np.float32))

    def epoch(self, number: int, size: int, seed: int) -> Batches:
        """Return the batches of an epoch, of about ``size`` predictions over all processes."""
        order = np.random.default_rng([seed, number]).permutation(len(self.ids))
        return Batches(self, order, size, self.place.rank, self.place.world)

    def in_order(self, size: int) -> Batches:
        """Return all predictions in the order of the text, whatever the process."""
        return Batches(self, np.arange(len(self.ids)), size, 0, 1)


class Batches(Sequence[Batch]):
    """Batches of nearly one size: contexts of shape (B, context) and targets of shape (B,), made when asked for."""

    def __init__(self, examples: Examples, order: NDArray[np.int64], size: int, rank: int, world: int) -> None:
        self.examples, self.order, self.rank, self.world = examples, order, rank, world
        # Every process needs at least one prediction of each batch.
        self.n_batches = min(-(-len(order) // size), len(order) // world)

    def __len__(self) -> int:
        return self.n_batches

    @overload
    def __getitem__(self, at: int) -> Batch: ...
    @overload
    def __getitem__(self, at: slice) -> list[Batch]: ...
    def __getitem__(self, at: int | slice) -> Batch | list[Batch]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        if not 0 <= at < self.n_batches:
            raise IndexError(at)
        n, made = len(self.order), self.examples
        rows = self.order[n * at // self.n_batches : n * (at + 1) // self.n_batches][self.rank :: self.world]
        contexts = contexts_at(made.ids, made.places, rows, made.context, made.lexicon.bos)
        device = made.place.device
        return torch.from_numpy(contexts).to(device), torch.from_numpy(made.ids[rows].astype(np.int64)).to(device)


def loss_of(module: NNLMModule, batch: Batch) -> Loss:
    """Return the summed negative log probability of a batch."""
    contexts, targets = batch
    return Loss(cross_entropy(module(contexts), targets), len(targets))


def mean_loss(module: NNLMModule, examples: Examples) -> float:
    """Return the mean negative log probability of every prediction, summed in float64; NaN where there is none."""
    total = 0.0
    for contexts, targets in examples.in_order(max(1, _ENTRIES // module.n_outputs)):
        logits = module(contexts).float()
        scores = logits.gather(1, targets[:, None])[:, 0].double() - torch.logsumexp(logits, 1).double()
        total -= float(scores.sum())
    return total / len(examples.ids) if len(examples.ids) else float("nan")
