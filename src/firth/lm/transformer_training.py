"""From a text and options to a trained net: what :func:`firth.lm.transformer.train` does, with torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from firth.config import to_dict
from firth.events import Listener, Notice
from firth.lm.lexicon import Lexicon, cut_lexicon
from firth.lm.output_layer import cutoffs_of, output_counts, output_layer, read_in_full
from firth.lm.stretch_training import Reading, StretchWork
from firth.lm.transformer import Trained, Transformer
from firth.lm.transformer_model import TransformerModel
from firth.lm.transformer_module import Drops, Shape, TransformerNet
from firth.nn.job import ignore
from firth.nn.loop import Plan, Run, run_job, settled
from firth.nn.optimize import matrices_decayed
from firth.text.corpus import Corpus, as_corpus

__all__ = ["build", "train"]


def train(
    data: Any,
    config: Transformer,
    *,
    threads: int | None,
    listen: Listener | None,
    heldout: Any,
    checkpoint: str | Path | None,
    resume: bool,
    minutes: float | None,
    device: str | None,
) -> Trained:
    """Train; the parameters are those of :func:`firth.lm.transformer.train`."""
    corpus = as_corpus(data, threads=threads, listen=listen)
    tell = listen or ignore
    lexicon = cut_lexicon(corpus, config.min_count, config.max_vocab, tell)
    if config.softmax == "sampled":
        tell(Notice("the loss of training is an estimate from samples; held-out losses are by the whole distribution"))
    facts = {"model": "transformer", "options": {**to_dict(config), "minutes": minutes}, "corpus": corpus.digest}
    reading = Reading(config.batch, config.bptt, False, config.seed)
    with settled(device, threads, seed=config.seed, deterministic=config.deterministic) as place:
        net = build(config, lexicon, corpus, place.device)
        groups = matrices_decayed(net, config.weight_decay)
        job = StretchWork(net, lexicon, corpus, reading, place).job(facts, heldout, groups)
        done = run_job(job, Plan.of(config, minutes), Run(tell, checkpoint, resume), place)
    made = {
        "model": "transformer", "options": to_dict(config), "seed": config.seed, "corpus": corpus.digest,
        "tokenizer": corpus.tokenizer,
    }  # fmt: skip
    kept = net if config.softmax != "sampled" else read_in_full(net)
    return Trained(TransformerModel(lexicon, kept.cpu(), made), config, done.losses, done.heldout, done.seconds)


def build(config: Transformer, lexicon: Lexicon, corpus: Corpus, device: torch.device) -> TransformerNet:
    """Return a net with its first weights, which depend on the seed alone."""
    n = lexicon.n_outputs
    cutoffs = cutoffs_of(config.cutoffs, n) if config.softmax == "adaptive" else ()
    shape = Shape(
        n, config.dim, config.heads, config.hidden, config.layers, config.activation, config.norm, config.bias,
        config.positions, config.context, config.tie, cutoffs,
    )  # fmt: skip
    embedding = TransformerNet.embedding_for(shape)
    shared = embedding if config.tie else None
    softmax = output_layer(config, config.dim, output_counts(lexicon, corpus), shared)
    net = TransformerNet(
        shape, softmax, embedding, Drops(config.dropout, config.dropout_attention, config.dropout_output)
    )
    net.reset(torch.Generator().manual_seed(config.seed % 2**63))
    return net.to(device)
