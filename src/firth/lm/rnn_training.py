"""From a text and options to a trained net: what :func:`firth.lm.rnn.train` does, with torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from firth.config import to_dict
from firth.errors import ConfigError
from firth.events import Listener, Notice
from firth.lm.lexicon import Lexicon, cut_lexicon
from firth.lm.output_layer import cutoffs_of, output_counts, output_layer, read_in_full
from firth.lm.rnn import RNN, Trained
from firth.lm.rnn_model import RNNModel
from firth.lm.rnn_module import Drops, RecurrentNet, Shape
from firth.lm.stretch_training import Reading, StretchWork
from firth.nn.job import ignore
from firth.nn.loop import Place, Plan, Run, run_job, settled
from firth.text.corpus import Corpus, as_corpus

__all__ = ["Work", "build", "plan_of", "train"]


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
        facts = {"model": "rnn", "options": {**to_dict(config), "minutes": plan.minutes}, "corpus": corpus.digest}
        job = Work(net, lexicon, corpus, config, place).job(facts, heldout)
        done = run_job(job, plan, Run(tell, checkpoint, resume), place)
    made = {
        "model": "rnn", "options": to_dict(config), "seed": config.seed, "corpus": corpus.digest,
        "tokenizer": corpus.tokenizer,
    }  # fmt: skip
    kept = net if config.softmax != "sampled" else read_in_full(net)
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
    n, adaptive = lexicon.n_outputs, config.softmax == "adaptive"
    counts = output_counts(lexicon, corpus)
    cutoffs = cutoffs_of(config.cutoffs, n) if adaptive else ()
    shape = Shape(
        config.cell, config.activation, n, config.dim or 1, config.hidden or 1, config.layers or 1, config.tie, cutoffs
    )
    embedding = RecurrentNet.embedding_for(shape)
    softmax = output_layer(config, shape.last, counts, embedding if config.tie else None)
    drops = Drops(
        config.dropout_embedding or 0.0, config.dropout_input or 0.0, config.dropout_hidden or 0.0,
        config.dropout_output or 0.0, config.weight_drop or 0.0,
    )  # fmt: skip
    net = RecurrentNet(shape, softmax, embedding, drops)
    net.reset(torch.Generator().manual_seed(config.seed % 2**63))
    return net.to(device)


class Work(StretchWork):
    """The job of a recurrent net: activations that are large or change fast may be penalised."""

    def __init__(self, net: RecurrentNet, lexicon: Lexicon, corpus: Corpus, config: RNN, place: Place) -> None:
        reading = Reading(config.batch or 1, config.bptt or 1, bool(config.random_bptt), config.seed)
        super().__init__(net, lexicon, corpus, reading, place)
        self.config = config

    def penalty(self, hidden: torch.Tensor, raw: torch.Tensor) -> torch.Tensor | None:
        """Return AR and TAR (Merity, Keskar and Socher 2018, section 4.3)."""
        config, found = self.config, None
        if config.activation_penalty:
            found = config.activation_penalty * hidden.square().mean()
        if config.temporal_penalty and len(raw) > 1:
            changes = config.temporal_penalty * (raw[1:] - raw[:-1]).square().mean()
            found = changes if found is None else found + changes
        return found
