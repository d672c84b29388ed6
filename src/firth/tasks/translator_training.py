"""From pairs and options to a trained translator: what :func:`firth.tasks.translator.train` does, with torch."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from firth.config import to_dict
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.nn.job import ignore
from firth.nn.loop import Job, Loss, Place, Plan, Run, run_job, settled
from firth.seq2seq.model import Seq2Seq
from firth.seq2seq.shape import Shape
from firth.tasks.translator import Trained, Translator
from firth.tasks.translator_batches import Batch, batches, beside, ids_beside
from firth.tasks.translator_data import Pairs, checked_pairs
from firth.tasks.translator_dropout import VariedTexts
from firth.tasks.translator_model import TranslatorModel
from firth.tasks.translator_pieces import Pieces, Subwords, learn_subwords, learn_words
from firth.tasks.translator_source import GivenSource, Read, Source, TextSource, VectorSource
from firth.vectors.static import Vectors

__all__ = ["train"]

_HELDOUT_STEPS = 8000


def train(
    data: Any,
    config: Translator,
    vectors: Vectors | None,
    *,
    heldout: Any,
    threads: int | None,
    listen: Listener | None,
    checkpoint: str | Path | None,
    resume: bool,
    minutes: float | None,
    device: str | None,
) -> Trained:
    """Train; the parameters are those of :func:`firth.tasks.translator.train`."""
    tell = listen or ignore
    pairs = checked_pairs(data, tell, of_words=vectors is not None)
    source, pieces = _learnt(pairs, config, vectors)
    others = None
    if heldout is not None:
        others = _Read.of(checked_pairs(heldout, tell, of_words=vectors is not None), source, pieces, None, tell)
    read = _Read.of(pairs, source, pieces, config.max_length, tell)
    if config.piece_dropout:
        read.vary(pairs, source, pieces, config)
    with settled(device, threads, seed=config.seed, deterministic=config.deterministic) as place:
        _check_precision(config, place)
        work = _Work(read, config, source, pieces, place)
        done = run_job(work.job(others), Plan.of(config, minutes), Run(tell, checkpoint, resume), place)
    return Trained(work.model(), config, done.losses, done.heldout, done.seconds)


def _check_precision(config: Translator, place: Place) -> None:
    if config.cell == "gru" and place.device.type == "cpu" and config.precision not in ("auto", "float32"):
        got, expected = f"cell gru, precision {config.precision}", "float32, or cell lstm"
        raise ConfigError("on a CPU a GRU is computed in float32", got=got, expected=expected)


def _learnt(pairs: Pairs, config: Translator, vectors: Vectors | None) -> tuple[Source, Pieces]:
    """Return what reads the sources, and the pieces of the targets."""
    given = vectors is not None or pairs.of_rows
    texts = [] if given else pairs.sources
    if config.units == "words":
        shared: dict[str, Any] = {
            "lower": config.lower, "min_count": config.min_count, "max_vocab": config.max_vocab
        }  # fmt: skip
        target: Pieces = learn_words(pairs.targets, tokenizer=config.target_tokenizer, **shared)
        own: Pieces = target if given else learn_words(texts, tokenizer=config.tokenizer, **shared)
    elif config.joint:
        joint = learn_subwords(itertools.chain(texts, pairs.targets), config.subwords, lower=config.lower)
        own = target = joint
    else:
        target = learn_subwords(pairs.targets, config.subwords, lower=config.lower)
        own = target if given else learn_subwords(texts, config.subwords, lower=config.lower)
    if vectors is not None:
        return VectorSource(vectors), target
    if pairs.of_rows:
        return GivenSource(int(pairs.sources[0].shape[1])), target
    return TextSource(own), target


class _Read:
    """Pairs as the net reads them.

    Attributes
    ----------
    sources, targets : list
        Ids, or rows.
    kept : list of int
        The numbers of these pairs among all that were given.
    """

    def __init__(self, sources: list[Read], targets: list[list[int]], kept: list[int]) -> None:
        self.sources, self.targets, self.kept = sources, targets, kept
        self._varied: list[VariedTexts | None] = [None, None]

    def vary(self, pairs: Pairs, source: Source, pieces: Pieces, config: Translator) -> None:
        """Cut texts into other pieces each epoch."""
        for side, cutter, texts in (
            (0, source.pieces if isinstance(source, TextSource) else None, pairs.sources), (1, pieces, pairs.targets)
        ):  # fmt: skip
            if isinstance(cutter, Subwords):
                some = [texts[number] for number in self.kept]
                self._varied[side] = VariedTexts(cutter, some, config.piece_dropout, config.seed + side)

    def epoch(self, number: int) -> tuple[list[Any], list[list[int]]]:
        """Return sources and targets as they are in an epoch."""
        one, other = self._varied
        return (
            self.sources if one is None else one.epoch(number),
            self.targets if other is None else other.epoch(number),
        )

    @classmethod
    def of(cls, pairs: Pairs, source: Source, pieces: Pieces, longest: int | None, tell: Listener) -> _Read:
        """Read pairs, and tell of those that are left out."""
        sources, targets = source.read(pairs.sources), pieces.encode(pairs.targets)
        lengths = [(len(a), len(b)) for a, b in zip(sources, targets, strict=True)]
        lost = sum(not a or not b for a, b in lengths)
        if lost:
            tell(Notice(f"{lost:,} pairs are left out: on a side nothing is known to the vectors or the tokenizer"))
        fits = [a and b and (longest is None or max(a, b) <= longest) for a, b in lengths]
        if longest is not None and (long := sum(bool(a and b) and max(a, b) > longest for a, b in lengths)):
            tell(Notice(f"{long:,} pairs with a side longer than {longest:,} are left out (max_length)"))
        kept = [number for number, fit in enumerate(fits) if fit]
        if not kept:
            raise DataError("no pair is left to learn from", remedy="raise --max-length, or give other pairs")
        return cls([sources[number] for number in kept], [targets[number] for number in kept], kept)

    @property
    def n_targets(self) -> int:
        """Target pieces, the ends with them."""
        return sum(map(len, self.targets)) + len(self.targets)

    def digest(self) -> str:
        """Return a fingerprint of the pairs."""
        found = hashlib.blake2b(digest_size=16)
        for source, target in zip(self.sources, self.targets, strict=True):
            found.update(np.asarray(source).tobytes() + b"|" + np.asarray(target, np.int64).tobytes() + b"|")
        return found.hexdigest()


class _Learner(nn.Module):
    """A net, and where that is wanted the running mean of its parameters, which is measured and kept.

    After t steps the mean keeps min(decay, (1 + t) / (10 + t)) of itself, so that it soon forgets where it began.
    """

    n: Tensor

    def __init__(self, net: Seq2Seq, decay: float) -> None:
        super().__init__()
        self.net, self.decay = net, decay
        self.register_buffer("n", torch.zeros((), dtype=torch.int64))
        for name, value in net.named_parameters() if decay else ():
            self.register_buffer(_mean_of(name), value.detach().clone())

    @torch.no_grad()
    def follow(self) -> None:
        """Take the parameters as they are into the mean."""
        if not self.decay:
            return
        t = int(self.n.add_(1))
        share = 1 - min(self.decay, (1 + t) / (10 + t))
        for name, value in self.net.named_parameters():
            self.get_buffer(_mean_of(name)).lerp_(value, share)

    @contextlib.contextmanager
    def put_in(self) -> Iterator[None]:
        """Give the net its mean, and its own parameters back afterwards."""
        own = {name: value.detach().clone() for name, value in self.net.named_parameters()} if self.decay else {}
        self.put()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in self.net.named_parameters():
                    if name in own:
                        value.copy_(own[name])

    @torch.no_grad()
    def put(self) -> None:
        """Give the net its mean."""
        for name, value in self.net.named_parameters() if self.decay else ():
            value.copy_(self.get_buffer(_mean_of(name)))


def _mean_of(name: str) -> str:
    return "mean_" + name.replace(".", "_")


class _Work:
    """All that a training run is made of."""

    def __init__(self, read: _Read, config: Translator, source: Source, pieces: Pieces, place: Place) -> None:
        self.read, self.config, self.source, self.pieces, self.place = read, config, source, pieces, place
        self.net = Seq2Seq(_shape(config, source, pieces, read), config.dropout, config.word_dropout)
        self.net.reset(config.seed)
        self.learner = _Learner(self.net, config.average).to(place.device)

    def job(self, heldout: _Read | None) -> Job:
        """Return what the loop is to do."""
        read, config, place = self.read, self.config, self.place

        def epoch(number: int) -> Sequence[Batch]:
            random = np.random.default_rng([config.seed, number])
            sources, targets = read.epoch(number)
            made = batches(sources, targets, config.batch, random)
            order = np.resize(np.arange(len(made)), max(len(made), place.world))
            share = len(order) // place.world  # of each process
            mine = order[place.rank * share : (place.rank + 1) * share]
            return [
                Batch([sources[n] for n in made[i]], [targets[n] for n in made[i]], number + at / len(mine))
                for at, i in enumerate(mine.tolist())
            ]

        def loss(batch: Batch, state: Any) -> Loss:
            self.learner.follow()
            memory, target = self._inputs(batch.sources, batch.targets)
            teacher = config.teacher_at(batch.epochs)
            total, plain = self.net.loss(memory, target, teacher, config.smoothing)
            return Loss(total, sum(map(len, batch.targets)) + len(batch.targets), shown=plain)

        measure = None if heldout is None else self._measure(heldout)
        facts = {"model": "translator", "options": to_dict(config), "corpus": read.digest()}
        return Job(
            self.learner, epoch, loss, measure, words=read.n_targets, facts=facts, seed=config.seed, perplexity=True
        )

    def _measure(self, heldout: _Read) -> Any:
        groups = batches(heldout.sources, heldout.targets, _HELDOUT_STEPS)

        def measure() -> float:
            total = 0.0
            with self.learner.put_in():
                for group in groups:
                    sources, targets = [heldout.sources[n] for n in group], [heldout.targets[n] for n in group]
                    memory, target = self._inputs(sources, targets)
                    total += float(self.net.loss(memory, target)[1])
            return total / heldout.n_targets

        return measure

    def _inputs(self, sources: Sequence[Any], targets: Sequence[list[int]]) -> tuple[Any, Tensor]:
        device = self.place.device
        source, lengths = beside(sources)
        target, _ = ids_beside(targets)
        return self.net.remember(source.to(device), lengths.to(device)), target.to(device)

    def model(self) -> TranslatorModel:
        """Return the translator."""
        self.learner.put()
        made = {
            "model": "translator", "options": to_dict(self.config), "seed": self.config.seed,
            "corpus": self.read.digest(),
        }  # fmt: skip
        return TranslatorModel(self.net.cpu(), self.source, self.pieces, made)


def _shape(config: Translator, source: Source, pieces: Pieces, read: _Read) -> Shape:
    text = isinstance(source, TextSource)
    n_source = source.pieces.n_ids if isinstance(source, TextSource) else 0
    tie = config.tie
    if tie == "all" and not (isinstance(source, TextSource) and source.pieces is pieces):
        tie = "output"
    longest = max(map(len, read.sources)) + 1
    return Shape(
        n_source, pieces.n_ids, 0 if text else int(read.sources[0].shape[1]),  # type: ignore[union-attr]
        config.cell, config.dim, config.hidden, config.layers, config.decoder_layers, config.bidirectional and text,
        config.attention, config.place, config.feeding, tie, longest if config.attention == "location" else 0,
    )  # fmt: skip
