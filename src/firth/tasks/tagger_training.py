"""From labelled sentences and options to a trained tagger: what :func:`firth.tasks.tagger.train` does, with torch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from firth.config import to_dict
from firth.errors import ConfigError
from firth.events import Listener, Notice
from firth.nn.job import ignore
from firth.nn.loop import Job, Loss, Place, Plan, Run, run_job, settled
from firth.protocols import Representation
from firth.tasks.feature_cache import FeatureCache
from firth.tasks.sentence_batches import epoch_of, groups, padded
from firth.tasks.tagger import Tagger, Trained
from firth.tasks.tagger_batches import inputs_of
from firth.tasks.tagger_data import Examples, gather, gather_like
from firth.tasks.tagger_model import TaggerModel, scored
from firth.tasks.tagger_module import SourceShape, TaggerNet, TaggerShape
from firth.tasks.word_features import ContextWords, Source
from firth.tasks.word_sources import Learner, chosen, digest_of, mark_of
from firth.tasks.word_spelling import LONGEST, Alphabet
from firth.text.spans import legal_steps

__all__ = ["train"]

_HELDOUT_BATCH = 128


def train(
    data: Any,
    config: Tagger,
    representations: Sequence[Representation],
    *,
    heldout: Any,
    threads: int | None,
    listen: Listener | None,
    checkpoint: str | Path | None,
    resume: bool,
    minutes: float | None,
    device: str | None,
) -> Trained:
    """Train; the parameters are those of :func:`firth.tasks.tagger.train`."""
    tell = listen or ignore
    examples = gather(data, config.scheme, config.encoding, tell)
    others = None if heldout is None else gather_like(heldout, config.scheme, examples, tell)
    with settled(device, threads, seed=config.seed, deterministic=config.deterministic) as place:
        work = _Work(examples, config, representations, place, tell)
        done = run_job(work.job(others), Plan.of(config, minutes), Run(tell, checkpoint, resume), place)
    return Trained(work.model(), config, done.losses, done.heldout, done.seconds)


class _Work:
    """All that a training run is made of."""

    def __init__(
        self,
        examples: Examples,
        config: Tagger,
        representations: Sequence[Representation],
        place: Place,
        tell: Listener,
    ) -> None:
        self.examples, self.config, self.place, self.tell = examples, config, place, tell
        self.labels = examples.all_labels()
        self.sources, tuned = chosen(
            examples.sentences, representations, finetune=config.finetune, case=config.case, mix=config.mix,
            dim=config.dim, seed=config.seed,
        )  # fmt: skip
        spelled = not examples.of_rows and config.characters != "none"
        self.alphabet = Alphabet.of(itertools.chain.from_iterable(examples.sentences)) if spelled else None
        if self.alphabet is not None and (cut := sum(len(w) > LONGEST for s in examples.sentences for w in s)):
            tell(
                Notice(
                    f"of {cut:,} words longer than {LONGEST} characters the first and last {LONGEST // 2} are spelled"
                )
            )
        self.casing = config.casing and not examples.of_rows
        shape = _shape(config, self.sources, len(self.labels), self.alphabet, self.casing)
        legal = legal_steps(self.labels, examples.scheme)
        self.net = TaggerNet(shape, legal, config.dropout, config.word_dropout)
        self.net.reset(config.seed)
        self.learner = Learner(self.net, tuned).to(place.device)
        self._ids = {label: number for number, label in enumerate(self.labels)}

    def job(self, heldout: Examples | None) -> Job:
        """Return what the loop is to do."""
        examples, config = self.examples, self.config
        features = self._caches(examples)
        lengths = [len(sentence) for sentence in examples.sentences]

        def epoch(number: int) -> list[list[int]]:
            return epoch_of(lengths, config.batch, config.seed, number, self.place)

        def loss(group: list[int], state: Any) -> Loss:
            scores, chosen = self._read(examples, features, group)
            labels = padded([[self._ids[label] for label in examples.labels[n]] for n in group], -1)
            total = self.net.loss(scores, labels.to(scores.device), chosen)
            count = sum(chosen)
            penalty = sum((mix.weights.square().sum() for mix in self.net.mixes), total.new_zeros(()))  # type: ignore
            return Loss(total + config.mix_penalty * count * penalty, count, shown=total)

        measure = None if heldout is None else self._measure(heldout)
        facts = {
            "model": "tagger", "options": to_dict(config), "corpus": digest_of(examples.sentences, examples.labels),
            "vectors": [mark_of(source, examples.sentences[:8]) for source in self.sources],
        }  # fmt: skip
        return Job(
            self.learner, epoch, loss, measure, words=examples.n_words, facts=facts, seed=config.seed,
            groups=self.learner.groups(config.finetune_scale),
        )  # fmt: skip

    def _measure(self, heldout: Examples) -> Any:
        features = self._caches(heldout)
        batches = groups([len(sentence) for sentence in heldout.sentences], _HELDOUT_BATCH)

        def measure() -> float:
            found: list[list[str]] = [[] for _ in heldout.sentences]
            for group in batches:
                scores, lengths = self._read(heldout, features, group)
                for number, row in zip(group, self.net.best(scores, lengths), strict=True):
                    found[number] = [self.labels[label] for label in row]
            score = scored(heldout.labels, found, spans=heldout.scheme != "none")
            return 1.0 - float(score["f1" if heldout.scheme != "none" else "accuracy"])

        return measure

    def _caches(self, examples: Examples) -> list[FeatureCache | None]:
        """Return the frozen features of sentences by source; None of those that learn."""
        room = int(self.config.cache * 1e9)
        return [
            None if str(number) in self.learner.tuned else FeatureCache(source, examples.sentences, room, self.tell)
            for number, source in enumerate(self.sources)
        ]

    def _read(
        self, examples: Examples, features: list[FeatureCache | None], group: list[int]
    ) -> tuple[Tensor, list[int]]:
        sentences = [examples.sentences[number] for number in group]
        arrays = [None if cache is None else cache.arrays(group) for cache in features]
        inputs = inputs_of(sentences, arrays, self.alphabet, self.casing, self.place.device)
        return self.learner(inputs, sentences), inputs.lengths

    def model(self) -> TaggerModel:
        """Return the tagger, with what was learnt of word features in their place."""
        self.learner.put_into(self.sources)
        made = {
            "model": "tagger", "options": to_dict(self.config), "seed": self.config.seed,
            "corpus": digest_of(self.examples.sentences, self.examples.labels),
        }  # fmt: skip
        schemes = self.examples.scheme, self.examples.given
        return TaggerModel(self.net.cpu(), self.sources, self.labels, schemes, self.alphabet, made)


def _shape(
    config: Tagger, sources: Sequence[Source], n_labels: int, alphabet: Alphabet | None, casing: bool
) -> TaggerShape:
    shapes = tuple(
        SourceShape(source.dim, source.layers, config.features if isinstance(source, ContextWords) else "input")
        for source in sources
    )
    spelled = {} if alphabet is None else {
        "characters": config.characters, "n_characters": alphabet.n_ids, "character_dim": config.character_dim,
        "character_hidden": config.character_hidden,
    }  # fmt: skip
    shape = TaggerShape(
        shapes, n_labels, config.hidden, config.layers, config.decoder == "crf", casing=casing,
        **spelled,  # type: ignore[arg-type]
    )  # fmt: skip
    if not shape.width("input"):
        raise ConfigError(
            "nothing enters before the LSTMs", got=f"features {config.features}, no characters, no casing",
            expected="--features input, static vectors, or --characters cnn",
        )  # fmt: skip
    return shape
