"""From labelled texts and options to a classifier with a net, with torch: what ``train`` does unless by averages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from firth.config import to_dict
from firth.errors import DataError
from firth.events import Listener, Notice
from firth.nn.job import ignore
from firth.nn.loop import Job, Loss, Place, Plan, Run, run_job, settled
from firth.protocols import Representation
from firth.tasks.classifier import Classifier, Trained
from firth.tasks.classifier_data import Examples, gather, gather_like
from firth.tasks.classifier_model import ClassifierModel
from firth.tasks.classifier_module import ClassifierNet, ClassifierShape
from firth.tasks.classifier_net import NetScorer
from firth.tasks.classifier_scores import fit_temperature
from firth.tasks.feature_cache import FeatureCache
from firth.tasks.sentence_batches import epoch_of, groups
from firth.tasks.tagger_batches import inputs_of
from firth.tasks.tagger_module import SourceShape
from firth.tasks.word_features import Source
from firth.tasks.word_sources import Learner, chosen, digest_of, mark_of
from firth.text.tokenize import Tokenizer

__all__ = ["train"]

_HELDOUT_BATCH = 128


def train(
    data: Any,
    config: Classifier,
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
    """Train; the parameters are those of :func:`firth.tasks.classifier.train`."""
    tell = listen or ignore
    tokenizer = Tokenizer.of(config.tokenizer, lower=config.lower)
    examples = gather(data, tokenizer, tell)
    others = None if heldout is None else gather_like(heldout, tokenizer, examples, tell)
    if not any(len(text) for text in examples.texts):
        raise DataError("no text has a word", remedy="another --tokenizer")
    with settled(device, threads, seed=config.seed, deterministic=config.deterministic) as place:
        work = _Work(examples, config, representations, place, tell)
        done = run_job(work.job(others), Plan.of(config, minutes), Run(tell, checkpoint, resume), place)
        model = work.model(tokenizer)
        if config.calibrate and others is not None:
            known = others.part([n for n, label in enumerate(others.labels) if label in work.ids])
            gold = [work.ids[label] for label in known.labels]
            model.temperature = fit_temperature(model.scores(known.texts), gold)
    return Trained(model, config, done.losses, done.heldout, done.seconds)


class _Work:
    """All that a training run is made of."""

    def __init__(
        self,
        examples: Examples,
        config: Classifier,
        representations: Sequence[Representation],
        place: Place,
        tell: Listener,
    ) -> None:
        self.examples, self.config, self.place, self.tell = examples, config, place, tell
        self.labels = examples.all_labels()
        self.ids = {label: number for number, label in enumerate(self.labels)}
        if len(self.labels) < 2:
            tell(Notice(f"every text has the label {self.labels[0]!r}"))
        self.sources, tuned = chosen(
            examples.texts, representations, finetune=config.tuned, case=config.case, mix=config.mix, dim=config.dim,
            seed=config.seed,
        )  # fmt: skip
        shape = _shape(config, self.sources, len(self.labels))
        self.net = ClassifierNet(shape, config.dropout, config.word_dropout, config.max_norm)
        self.net.reset(config.seed)
        self.learner = Learner(self.net, tuned).to(place.device)

    def job(self, heldout: Examples | None) -> Job:
        """Return what the loop is to do."""
        examples, config = self.examples, self.config
        features = self._caches(examples)
        lengths = [len(text) for text in examples.texts]

        def epoch(number: int) -> list[list[int]]:
            return epoch_of(lengths, config.batch, config.seed, number, self.place)

        def loss(group: list[int], state: Any) -> Loss:
            self.net.shorten()
            scores = self._scores(examples, features, group)
            gold = torch.tensor([self.ids[examples.labels[n]] for n in group], device=scores.device)
            total = functional.cross_entropy(scores, gold, reduction="sum")
            penalty = sum((mix.weights.square().sum() for mix in self.net.mixes), total.new_zeros(()))  # type: ignore
            return Loss(total + config.mix_penalty * len(group) * penalty, len(group), shown=total)

        measure = None if heldout is None else self._measure(heldout)
        facts = {
            "model": "text-classifier", "options": to_dict(config), "corpus": self._digest(),
            "vectors": [mark_of(source, examples.texts[:8]) for source in self.sources],
        }  # fmt: skip
        return Job(
            self.learner, epoch, loss, measure, words=sum(length > 0 for length in lengths), facts=facts,
            seed=config.seed, groups=self.learner.groups(config.finetune_scale),
        )  # fmt: skip

    def _measure(self, heldout: Examples) -> Callable[[], float]:
        features = self._caches(heldout)
        batches = groups([len(text) for text in heldout.texts], _HELDOUT_BATCH)
        gold = np.array([self.ids.get(label, -1) for label in heldout.labels])

        def measure() -> float:
            self.net.shorten()
            found = np.full(len(gold), int(self.net.output.bias.argmax()))  # what it says of empty texts
            for group in batches:
                found[group] = self._scores(heldout, features, group).argmax(1).cpu().numpy()
            return 1.0 - float((found == gold).mean())

        return measure

    def _caches(self, examples: Examples) -> list[FeatureCache | None]:
        """Return the frozen features of texts by source; None of those that learn."""
        room = int(self.config.cache * 1e9)
        return [
            None if str(number) in self.learner.tuned else FeatureCache(source, examples.texts, room, self.tell)
            for number, source in enumerate(self.sources)
        ]

    def _scores(self, examples: Examples, features: list[FeatureCache | None], group: list[int]) -> Tensor:
        texts = [examples.texts[number] for number in group]
        arrays = [None if cache is None else cache.arrays(group) for cache in features]
        scores: Tensor = self.learner(inputs_of(texts, arrays, None, False, self.place.device), texts)
        return scores

    def _digest(self) -> str:
        return digest_of(self.examples.texts, [[label] for label in self.examples.labels])

    def model(self, tokenizer: Tokenizer) -> ClassifierModel:
        """Return the classifier, with what was learnt of word features in their place."""
        self.net.shorten()
        self.learner.put_into(self.sources)
        options = to_dict(self.config)
        made = {"model": "text-classifier", "options": options, "seed": self.config.seed, "corpus": self._digest()}
        return ClassifierModel(NetScorer(self.net.cpu(), self.sources), self.labels, tokenizer, metadata=made)


def _shape(config: Classifier, sources: Sequence[Source], n_labels: int) -> ClassifierShape:
    own = {
        "cnn": {"widths": config.widths, "maps": config.maps},
        "lstm": {"hidden": config.hidden, "layers": config.layers},
        "contextual": {},
    }[config.model]
    shapes = tuple(SourceShape(source.dim, source.layers) for source in sources)
    return ClassifierShape(config.model, shapes, n_labels, config.pooled, **own)  # type: ignore[arg-type]
