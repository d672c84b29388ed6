"""From a text and options to a trained biLM: what :func:`firth.contextual.elmo.train` does, with torch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from firth.config import to_dict
from firth.contextual.bilm import BiLM, DirectionState
from firth.contextual.elmo import Elmo, Trained
from firth.contextual.elmo_batches import Side, Types, both_sides, stream_of
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.elmo_reading import predictions, side_score, vectors_of
from firth.contextual.elmo_start import Start, begin, read_in_full
from firth.errors import ConfigError
from firth.events import Listener
from firth.lm.rnn_batches import Stretches, stretch_ends
from firth.nn.job import ignore
from firth.nn.loop import Job, Loss, Place, Plan, Run, run_job, settled
from firth.text.corpus import Corpus, as_corpus, as_corpus_like

__all__ = ["Work", "plan_of", "train"]

_HELDOUT_STEPS = 128
_HELDOUT_PLACES, _HELDOUT_TOKENS = 16, 1000  # places side by side at most, and tokens of each at least

States = tuple[DirectionState, DirectionState]


def train(
    data: Any,
    config: Elmo,
    *,
    threads: int | None,
    listen: Listener | None,
    heldout: Any,
    checkpoint: str | Path | None,
    resume: bool,
    minutes: float | None,
    device: str | None,
    init: Any,
    freeze: bool,
) -> Trained:
    """Train; the parameters are those of :func:`firth.contextual.elmo.train`."""
    tell = listen or ignore
    corpus = as_corpus(data, threads=threads, listen=listen)
    start = begin(config, corpus, init, freeze=freeze, tell=tell)
    plan = plan_of(start.config, minutes)
    facts = {"start": None if init is None else _digest(start.net), "freeze": freeze}
    with settled(device, threads, seed=start.config.seed, deterministic=True) as place:
        start.net.to(place.device)
        job = Work(start, corpus, place).job(heldout, plan, facts)
        done = run_job(job, plan, Run(tell, checkpoint, resume), place)
    made = {
        "model": "elmo", "options": to_dict(start.config), "seed": start.config.seed, "corpus": corpus.digest,
        "tokenizer": corpus.tokenizer,
    }  # fmt: skip
    net = read_in_full(start.net).cpu()
    net.dropout = 0.0
    model = ElmoModel(net, start.reader, start.lexicon, metadata=made)
    return Trained(model, start.config, done.losses, done.heldout, done.seconds)


def plan_of(config: Elmo, minutes: float | None) -> Plan:
    """Return the plan of filled options."""
    return Plan(
        epochs=config.epochs or 1,
        minutes=minutes,
        rate=config.rate or 0.0,
        decay=config.decay,
        warmup=config.warmup,
        optimizer=config.optimizer,
        clip=config.clip or 0.0,
        evaluate_steps=config.evaluate_steps,
        patience=config.patience,
    )


def _digest(net: BiLM) -> str:
    """Return what tells a start from another in a checkpoint."""
    found = hashlib.blake2b(digest_size=16)
    for name, value in net.state_dict().items():
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().numpy().data)
    return found.hexdigest()


class Work:
    """What the loop asks for: an epoch's stretches, a stretch's loss, the held-out loss."""

    def __init__(self, start: Start, corpus: Corpus, place: Place) -> None:
        self.start, self.net, self.config, self.corpus, self.place = start, start.net, start.config, corpus, place
        self.types = Types(corpus.vocab.words, start.reader, start.lexicon)
        self.sides = both_sides(stream_of(corpus, self.types), self.types, self.config.batch or 1)
        if place.world > 1:
            if self.sides[0].batch % place.world:
                raise ConfigError("batch does not spread over the processes", got=self.sides[0].batch,
                                  expected=f"a multiple of {place.world}")  # fmt: skip
            for side in self.sides:
                side.starts = side.starts[place.rank :: place.world]
        self.bptt = self.config.bptt or 1

    def job(self, heldout: Any, plan: Plan, facts: dict[str, Any]) -> Job:
        options = {**to_dict(self.config), "minutes": plan.minutes}
        measure = None if heldout is None else _Heldout(self.start, heldout, self.corpus)
        return Job(
            module=self.net,
            epoch=self.epoch,
            loss=self.loss,
            heldout=measure,
            words=self.corpus.n_tokens + len(self.corpus.ends),
            facts={"model": "elmo", "options": options, "corpus": self.corpus.digest, **facts},
            seed=self.config.seed,
            perplexity=True,
        )

    def epoch(self, number: int) -> Sequence[Any]:
        return Stretches(stretch_ends(self.sides[0].n_steps, self.bptt, drawn=False, seed=()))

    def loss(self, stretch: tuple[int, int], state: States | None) -> Loss:
        pieces = [side.stretch(*stretch) for side in self.sides]
        state = self.net.start(pieces[0][0].shape[1]) if state is None else state
        # One call for both directions: many types stand in both.
        vectors = vectors_of(self.net, self.types, np.stack([read for read, _ in pieces]))  # (2, n_steps, batch, dim)
        both = self.net.read_both(vectors[0], vectors[1], state)
        hidden, after = [found[-1] for found, _ in both], [last for _, last in both]
        read, targets = predictions(torch.stack(hidden), np.stack([wanted for _, wanted in pieces]))
        read = functional.dropout(read, self.net.dropout) if self.net.dropout else read
        softmax = self.net.softmax
        assert softmax is not None  # for the type checker
        total: Tensor = softmax.loss(read, targets)
        return Loss(total, max(len(targets), 1), (after[0], after[1]))


class _Heldout:
    """The loss of a held-out text by the whole distribution, mean of both directions, at a few places side by side."""

    def __init__(self, start: Start, heldout: Any, corpus: Corpus) -> None:
        self.net = start.net
        own = as_corpus_like(heldout, corpus.tokenizer)
        types = Types(own.vocab.words, start.reader, start.lexicon)
        stream = stream_of(own, types)
        places = min(_HELDOUT_PLACES, max(1, len(stream) // _HELDOUT_TOKENS))
        self.sides: tuple[Side, Side] = both_sides(stream, types, places)

    def __call__(self) -> float:
        total, count = 0.0, 0
        for layers, side in zip((self.net.forward_layers, self.net.backward_layers), self.sides, strict=True):
            state = self.net.start(side.batch)[0]
            for first in range(0, side.n_steps, _HELDOUT_STEPS):
                steps = side.stretch(first, min(first + _HELDOUT_STEPS, side.n_steps))
                scores, state = side_score(self.net, layers, side.types, steps, state)
                total, count = total - float(scores.sum()), count + len(scores)
        return total / max(count, 1)
