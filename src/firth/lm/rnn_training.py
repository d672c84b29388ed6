"""From a text and options to a trained net: what :func:`firth.lm.rnn.train` does, with torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from firth.config import to_dict
from firth.errors import ConfigError
from firth.events import Listener, Notice
from firth.lm.lexicon import Lexicon, cut_lexicon
from firth.lm.rnn import RNN, Trained
from firth.lm.rnn_batches import Stretches, side_by_side, stretch_ends
from firth.lm.rnn_model import RNNModel
from firth.lm.rnn_module import Drops, RecurrentNet, Shape
from firth.nn.job import ignore
from firth.nn.loop import Job, Loss, Place, Plan, Run, run_job, settled
from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax, SampledSoftmax, inclusion
from firth.text.corpus import Corpus, as_corpus, as_corpus_like

__all__ = ["Work", "build", "cutoffs_of", "output_counts", "plan_of", "train"]

_HELDOUT_BATCH, _HELDOUT_STEPS = 10, 256


def train(
    data: Any,
    config: RNN,
    *,
    threads: int | None,
    listen: Listener | None,
    heldout: Any,
    checkpoint: str | Path | None,
    resume: bool,
    minutes: float | None,
    device: str | None,
) -> Trained:
    """Train; the parameters are those of :func:`firth.lm.rnn.train`."""
    config = config.filled()
    corpus = as_corpus(data, threads=threads, listen=listen)
    tell = listen or ignore
    lexicon = cut_lexicon(corpus, config.min_count, config.max_vocab, tell)
    plan = plan_of(config, minutes)
    if config.optimizer == "nt-asgd" and heldout is None and config.nonmonotone:
        raise ConfigError("nt-asgd watches the held-out loss", remedy="give --heldout, or --optimizer sgd")
    if config.softmax == "sampled":
        tell(Notice("the loss of training is an estimate from samples; held-out losses are by the whole distribution"))
    with settled(device, threads, seed=config.seed, deterministic=True) as place:
        net = build(config, lexicon, corpus, place.device)
        job = Work(net, lexicon, corpus, config, place).job(heldout, plan)
        done = run_job(job, plan, Run(tell, checkpoint, resume), place)
    made = {
        "model": "rnn", "options": to_dict(config), "seed": config.seed, "corpus": corpus.digest,
        "tokenizer": corpus.tokenizer,
    }  # fmt: skip
    kept = net if config.softmax != "sampled" else _read_in_full(net)
    return Trained(RNNModel(lexicon, kept.cpu(), made), config, done.losses, done.heldout, done.seconds)


def plan_of(config: RNN, minutes: float | None) -> Plan:
    """Return the plan of filled options."""
    averaged = config.optimizer == "nt-asgd"
    return Plan(
        epochs=config.epochs or 1,
        minutes=minutes,
        rate=config.rate or 0.0,
        decay=config.decay or "constant",
        optimizer="sgd" if averaged else config.optimizer or "adam",
        weight_decay=config.weight_decay or 0.0,
        clip=config.clip or 0.0,
        average_after=config.nonmonotone or 0 if averaged else 0,
        patience=config.patience,
    )


def build(config: RNN, lexicon: Lexicon, corpus: Corpus, device: torch.device) -> RecurrentNet:
    """Return a net of filled options with its first weights, which depend on the seed alone."""
    n = lexicon.n_outputs
    counts = output_counts(lexicon, corpus)
    cutoffs = cutoffs_of(config.cutoffs, n) if config.softmax == "adaptive" else ()
    shape = Shape(
        config.cell, config.activation, n, config.dim or 1, config.hidden or 1, config.layers or 1, config.tie, cutoffs
    )
    embedding = RecurrentNet.embedding_for(shape)
    shared = embedding if config.tie else None
    softmax: FullSoftmax | AdaptiveSoftmax
    if config.softmax == "adaptive":
        softmax = AdaptiveSoftmax(shape.last, n, counts, cutoffs)
    elif config.softmax == "sampled":
        softmax = SampledSoftmax(shape.last, n, inclusion(counts, config.samples, config.proposal), shared)
    else:
        softmax = FullSoftmax(shape.last, n, shared)
    drops = Drops(
        config.dropout_embedding or 0.0, config.dropout_input or 0.0, config.dropout_hidden or 0.0,
        config.dropout_output or 0.0, config.weight_drop or 0.0,
    )  # fmt: skip
    net = RecurrentNet(shape, softmax, embedding, drops)
    net.reset(torch.Generator().manual_seed(config.seed % 2**63))
    return net.to(device)


def output_counts(lexicon: Lexicon, corpus: Corpus) -> NDArray[np.int64]:
    """Return how often each output occurs, the ends of sentences and the words out of the lexicon too."""
    counts = np.asarray(lexicon.vocab.counts[: lexicon.n_outputs]).astype(np.int64)
    known = int(counts[[i for i in range(len(counts)) if i != lexicon.eos]].sum())
    counts[lexicon.eos] = len(corpus.ends)
    counts[lexicon.unk] += max(int(corpus.vocab.counts.sum()) - known, 0)
    return counts


def cutoffs_of(cutoffs: tuple[int, ...] | None, n_outputs: int) -> tuple[int, ...]:
    """Return the ranks at which the clusters of an adaptive softmax begin, which have a default.

    Raises
    ------
    ConfigError
        When they do not ascend, or lie outside the outputs.
    """
    if cutoffs is None:
        wanted = (n_outputs // 15, 3 * n_outputs // 15)  # of Grave et al. 2017: small head, most mass
        return tuple(sorted({max(1, min(cut, n_outputs - 1)) for cut in wanted}))
    if not cutoffs or list(cutoffs) != sorted(set(cutoffs)) or cutoffs[0] < 1 or cutoffs[-1] >= n_outputs:
        raise ConfigError("cutoffs are no ascending ranks", got=cutoffs, expected=f"each from 1 to {n_outputs - 1}")
    return cutoffs


def _read_in_full(net: RecurrentNet) -> RecurrentNet:
    """Return the net with a full softmax over the matrix that was trained by samples."""
    full = FullSoftmax(net.shape.last, net.shape.n_outputs, net.softmax.weight)  # type: ignore[arg-type]
    full.bias = net.softmax.bias  # type: ignore[assignment]
    net.softmax = full
    return net


class Work:
    """What the loop asks for: an epoch's stretches, a stretch's loss, the held-out loss."""

    def __init__(self, net: RecurrentNet, lexicon: Lexicon, corpus: Corpus, config: RNN, place: Place) -> None:
        self.net, self.lexicon, self.corpus, self.config, self.place = net, lexicon, corpus, config, place
        self.bptt = config.bptt or 1
        ids = lexicon.whole(corpus).ids
        self.n = len(ids)
        read, predicted = side_by_side(ids, config.batch or 1, lexicon.eos)
        if place.world > 1:
            if read.shape[1] % place.world:
                raise ConfigError("batch does not spread over the processes", got=read.shape[1],
                                  expected=f"a multiple of {place.world}")  # fmt: skip
            read, predicted = (table[:, place.rank :: place.world] for table in (read, predicted))
        self.read, self.predicted = (torch.as_tensor(table, device=place.device) for table in (read, predicted))

    def job(self, heldout: Any, plan: Plan) -> Job:
        facts = {"model": "rnn", "options": {**to_dict(self.config), "minutes": plan.minutes},
                 "corpus": self.corpus.digest}  # fmt: skip
        measure = None if heldout is None else _Heldout(self.net, self.lexicon, heldout, self.corpus)
        return Job(
            module=self.net,
            epoch=self.epoch,
            loss=self.loss,
            heldout=measure,
            words=self.n,
            facts=facts,
            seed=self.config.seed,
            perplexity=True,
        )

    def epoch(self, number: int) -> Sequence[Any]:
        ends = stretch_ends(
            len(self.read), self.bptt, drawn=bool(self.config.random_bptt), seed=(self.config.seed, number)
        )
        return Stretches(ends)

    def loss(self, stretch: tuple[int, int], state: Any) -> Loss:
        first, last = stretch
        read, predicted = self.read[first:last], self.predicted[first:last]
        if state is None:
            state = self.net.start(read.shape[1])
        hidden, raw, after = self.net(read, state)
        total = self.net.softmax.loss(hidden.flatten(0, 1), predicted.reshape(-1))
        count = predicted.numel()
        scale = (last - first) / self.bptt if self.config.random_bptt else 1.0
        penalty = self._penalty(hidden, raw)
        return Loss(total if penalty is None else total + count * penalty, count, after, total, scale)

    def _penalty(self, hidden: torch.Tensor, raw: torch.Tensor) -> torch.Tensor | None:
        """Return AR and TAR (Merity, Keskar and Socher 2018, section 4.3)."""
        config, found = self.config, None
        if config.activation_penalty:
            found = config.activation_penalty * hidden.square().mean()
        if config.temporal_penalty and len(raw) > 1:
            changes = config.temporal_penalty * (raw[1:] - raw[:-1]).square().mean()
            found = changes if found is None else found + changes
        return found


class _Heldout:
    """The loss of a held-out text by the whole distribution, read at a few places side by side."""

    def __init__(self, net: RecurrentNet, lexicon: Lexicon, heldout: Any, corpus: Corpus) -> None:
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
