"""Averaged vectors and n-grams with logistic regression: the classifier that needs no net, and how it is trained."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from firth.config import to_dict
from firth.errors import ConfigError
from firth.events import EpochEnd, Listener, Notice
from firth.protocols import Float32, Float64, Int32, Representation
from firth.tasks.classifier import Classifier, Trained
from firth.tasks.classifier_data import Examples, gather, gather_like
from firth.tasks.classifier_fit import Block, Fit, fit
from firth.tasks.classifier_model import ClassifierModel
from firth.tasks.classifier_scores import fit_temperature, log_loss, softmax
from firth.tasks.ngram_ratios import NgramRatios
from firth.tasks.word_features import GivenRows, Source, Steps, source_of
from firth.tasks.word_weights import WordWeights
from firth.text.tokenize import Tokenizer

__all__ = ["PENALTIES", "AverageScorer", "pooled", "train"]

PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)  # that are tried, until it has become worse twice
_FEW = 20  # examples of which none are held out to choose a penalty
_TOGETHER = 256
_ROUGH, _FINE = 1e-8, 1e-11  # part of the loss that a step must take off: while penalties are tried, and at last
_STEADY = 1.0  # the penalty where there is nothing to choose by


class AverageScorer:
    """Scores of labels that are linear in the pooled vectors of a text's words, and in its n-grams.

    Parameters
    ----------
    sources : list of Source
        May be empty where there are n-grams.
    pooling : {"mean", "max", "mean-max"}
    weights : WordWeights or None
        Of words in the mean.
    table : ndarray of float32, shape (dim, n_labels)
    constant : ndarray of float64, shape (n_labels,)
    ngrams : NgramRatios or None
    ngram_table : ndarray of float32, shape (n_ngrams, n_labels), or None
    """

    def __init__(  # noqa: PLR0917
        self,
        sources: list[Source],
        pooling: str,
        weights: WordWeights | None,
        table: Float32,
        constant: Float64,
        ngrams: NgramRatios | None = None,
        ngram_table: Float32 | None = None,
    ) -> None:
        self.sources, self.pooling, self.weights = sources, pooling, weights
        self.table, self.constant, self.ngrams, self.ngram_table = table, constant, ngrams, ngram_table

    def scores(self, texts: Sequence[Steps]) -> Float64:
        """Return the score of each label before the softmax, shape (n, n_labels)."""
        found = np.tile(self.constant, (len(texts), 1))
        if self.sources:
            # One row at a time: a product of many rows may round otherwise than that of one alone.
            rows, table = pooled(texts, self.sources, self.pooling, self.weights), self.table.astype(np.float64)
            found += np.stack([row @ table for row in rows])
        if self.ngrams is not None and self.ngram_table is not None:
            found += self.ngrams.rows(texts) @ self.ngram_table.astype(np.float64)
        return found


def pooled(
    texts: Sequence[Steps], sources: Sequence[Source], pooling: str, weights: WordWeights | None = None
) -> Float64:
    """Return the pooled vectors of texts, (n, dim), sources and ways of pooling side by side; of an empty one zeros.

    Examples
    --------
    >>> pooled([np.array([[1.0, 4.0], [3.0, 0.0]])], [GivenRows(2)], "mean-max").tolist()
    [[2.0, 2.0, 3.0, 4.0]]
    """
    ways = pooling.split("-")
    width = len(ways) * sum(source.dim for source in sources)
    found = np.zeros((len(texts), width))
    numbers = [number for number, text in enumerate(texts) if len(text)]
    for begin in range(0, len(numbers), _TOGETHER):
        some = numbers[begin : begin + _TOGETHER]
        arrays = [source.arrays([texts[n] for n in some]) for source in sources]
        for place, number in enumerate(some):
            shares = None if weights is None else weights.of(texts[number])
            parts = [_pooled(array[place], way, shares) for array in arrays for way in ways]
            found[number] = np.concatenate(parts)
    return found


def _pooled(rows: Float32, way: str, shares: Float64 | None) -> Float64:
    if way == "max":
        return np.asarray(rows.max(0), np.float64)
    if shares is None:
        return np.asarray(rows.mean(0, dtype=np.float64))
    total = shares.sum()
    return np.asarray(shares @ rows.astype(np.float64) / total) if total > 0 else np.zeros(rows.shape[1])


def train(
    data: Any, config: Classifier, representations: Sequence[Representation], *, heldout: Any, listen: Listener | None
) -> Trained:
    """Train; the parameters are those of :func:`firth.tasks.classifier.train`."""
    began, tell = time.monotonic(), listen or (lambda event: None)
    tokenizer = Tokenizer.of(config.tokenizer, lower=config.lower)
    examples = gather(data, tokenizer, tell)
    others = None if heldout is None else gather_like(heldout, tokenizer, examples, tell)
    sources = _sources(examples, config, representations)
    labels = examples.all_labels()
    if len(labels) < 2:
        tell(Notice(f"every text has the label {labels[0]!r}"))
    work = _Work(examples, labels, config, sources)
    if work.ngrams is not None:
        tell(Notice(f"{len(work.ngrams.names):,} n-grams"))
    tried = list(work.tried(others, tell, began))
    scorer = work.scorer(tried[-1][0])
    made = {"model": "text-classifier", "options": to_dict(config), "l2": tried[-1][2]}
    model = ClassifierModel(scorer, labels, tokenizer, metadata=made)
    if config.calibrate and others is not None:
        known = others.part([n for n, label in enumerate(others.labels) if label in work.ids])
        gold = [work.ids[label] for label in known.labels]
        model.temperature = fit_temperature(model.scores(known.texts), gold)
    losses, held = tuple(found.loss for found, *_ in tried), tuple(loss for _, loss, _ in tried)
    return Trained(model, config, losses, held, time.monotonic() - began)


def _sources(examples: Examples, config: Classifier, representations: Sequence[Representation]) -> list[Source]:
    if examples.of_rows:
        if representations or config.ngrams or config.weighting != "none":
            raise ConfigError("given features go with nothing else", remedy="leave vectors, ngrams and weighting out")
        return [GivenRows(int(examples.texts[0].shape[1]))]
    if not representations and not config.ngrams:
        raise ConfigError("nothing to average", remedy="give --vectors, or --ngrams 2, or choose --model cnn")
    return [source_of(representation, config.case, mix=False) for representation in representations]


class _Work:
    """Features of the training texts, and fits to them."""

    def __init__(self, examples: Examples, labels: list[str], config: Classifier, sources: list[Source]) -> None:
        self.examples, self.config, self.sources = examples, config, sources
        self.ids = {label: number for number, label in enumerate(labels)}
        self.weights = WordWeights.fitted(examples.texts, config.weighting)
        self.gold: Int32 = np.array([self.ids[label] for label in examples.labels], np.int32)
        self.ngrams: NgramRatios | None = None
        self.blocks: list[Block] = []
        if sources:
            rows = pooled(examples.texts, sources, config.pooled, self.weights)
            size = np.sqrt((rows**2).mean(0))
            self.blocks.append(Block(rows, 1 / np.where(size > 0, size, 1.0)[:, None]))
        if config.ngrams:
            self.ngrams, table = NgramRatios.fitted(examples.texts, self.gold, len(labels), config.ngrams)
            self.blocks.append(Block(self.ngrams.rows(examples.texts), table))

    def fit(self, l2: float, start: Float64 | None = None, tolerance: float = _FINE) -> Fit:
        return fit(self.blocks, self.gold, len(self.ids), l2, start=start, tolerance=tolerance)

    def tried(
        self, heldout: Examples | None, tell: Listener, began: float
    ) -> Iterator[tuple[Fit, float | None, float]]:
        """Yield fits with their held-out loss and penalty; the last is the one to keep."""
        n = len(self.gold)
        if self.config.l2 is not None or (heldout is None and n < _FEW):
            l2 = _STEADY if self.config.l2 is None else self.config.l2
            found = self.fit(l2)
            loss = None if heldout is None else self._loss(found, *self._features(heldout))
            tell(EpochEnd(1, found.loss, loss, time.monotonic() - began))
            yield found, loss, l2
            return
        work = self
        if heldout is None:  # a tenth of the texts chooses, which nothing was learnt of; then all are fitted
            order = np.random.default_rng(self.config.seed).permutation(n).tolist()
            part, heldout = (self.examples.part(sorted(some)) for some in (order[n // 10 :], order[: n // 10]))
            work = _Work(part, list(self.ids), self.config, self.sources)
        best: tuple[Fit, float, float] | None = None
        for found, held, l2 in work._penalties(*work._features(heldout), tell, began):
            yield found, held, l2
            if best is None or held < best[1]:
                best = found, held, l2
        assert best is not None  # for the type checker
        tell(Notice(f"l2 {best[2]:g} has the lowest held-out loss"))
        yield self.fit(best[2], best[0].x if work is self else None), best[1], best[2]

    def _penalties(
        self, features: list[Any], gold: Int32, tell: Listener, began: float
    ) -> Iterator[tuple[Fit, float, float]]:
        """Yield rough fits with ever smaller penalties, until two in a row were no better than the best."""
        least, worse, start = float("inf"), 0, None
        for number, l2 in enumerate(PENALTIES, 1):
            found = self.fit(l2, start, _ROUGH)
            start, loss = found.x, self._loss(found, features, gold)
            tell(EpochEnd(number, found.loss, loss, time.monotonic() - began))
            yield found, loss, l2
            worse = 0 if loss < least else worse + 1
            least = min(least, loss)
            if worse == 2:
                return

    def _features(self, examples: Examples) -> tuple[list[Any], Int32]:
        """Return the blocks of further texts, those with unseen labels left out."""
        known = examples.part([n for n, label in enumerate(examples.labels) if label in self.ids])
        texts, gold = known.texts, np.array([self.ids[label] for label in known.labels], np.int32)
        found: list[Any] = []
        if self.sources:
            found.append(pooled(texts, self.sources, self.config.pooled, self.weights))
        if self.ngrams is not None:
            found.append(self.ngrams.rows(texts))
        return found, gold

    def _loss(self, found: Fit, features: list[Any], gold: Int32) -> float:
        scores = np.tile(found.constant, (len(gold), 1))
        for block, weights in zip(features, found.weights, strict=True):
            scores += block @ weights
        return log_loss(softmax(scores), gold) if len(gold) else 0.0

    def scorer(self, found: Fit) -> AverageScorer:
        """Return what scores texts by a fit."""
        tables = [weights.astype(np.float32) for weights in found.weights]
        table = tables[0] if self.sources else np.zeros((0, len(self.ids)), np.float32)
        ngram_table = None if self.ngrams is None else tables[-1]
        return AverageScorer(
            self.sources, self.config.pooled, self.weights, table, found.constant, self.ngrams, ngram_table
        )
