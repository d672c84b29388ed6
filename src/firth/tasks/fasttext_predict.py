"""What fastText's classifier says of texts: labels with probabilities, and how often it is right."""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import ConfigError, DataError
from firth.metrics import precision_recall_f1
from firth.protocols import Float32
from firth.tasks.fasttext import LOSSES, FastTextClassifier
from firth.tasks.fasttext_data import byte_pieces, text_lines
from firth.vectors.buckets import KeptBuckets
from firth.vectors.storage import BLOCK_VALUES, dense

__all__ = [
    "Found",
    "LabelScore",
    "Predictor",
    "Tested",
    "check_answers",
    "feature_space",
    "predict",
    "test",
    "whole_lines",
]

_TEXTS_AT_ONCE = 8192
_BYTES_AT_ONCE = 1 << 23


def feature_space(model: FastTextClassifier) -> _core.FeatureSpace:
    """Return what turns lines into rows of ``model.input``."""
    kept = None if model.kept is None else KeptBuckets.of(model.kept)
    none = np.zeros(0, np.int32)
    words, labels = model.words, model.labels
    return _core.FeatureSpace(
        words.blob, words.offsets, words.gap, labels.blob, labels.offsets, labels.gap, model.label_prefix,
        model.word_ngrams, model.minn, model.maxn, model.buckets, kept is None,
        none if kept is None else kept.buckets, none if kept is None else kept.rows,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Found:
    """Answers for many lines.

    Attributes
    ----------
    labels : ndarray of int32
        Numbers of labels, the likeliest of each line first.
    probabilities : ndarray of float32, as long
    ends : ndarray of int64, shape (n_lines,)
        Where each line's answers end.
    gold, gold_ends : ndarray of int32 and of int64, shape (n_lines,)
        The known labels that the lines themselves hold.
    there : ndarray of bool, shape (n_lines,)
        Which lines hold anything that the model knows.
    """

    labels: NDArray[np.int32]
    probabilities: Float32
    ends: NDArray[np.int64]
    gold: NDArray[np.int32]
    gold_ends: NDArray[np.int64]
    there: NDArray[np.bool_]


class Predictor:
    """A model made ready to answer: its words, labels and buckets as native tables.

    Parameters
    ----------
    model : FastTextClassifier
        Its input may be any store of rows: quantised ones are decoded as they are asked for.
    """

    def __init__(self, model: FastTextClassifier) -> None:
        # The model itself stays outside, so that a cache of predictors by model lets go of it.
        self._input, self.dim = model.input, model.dim
        self.labels: list[str] = list(model.labels)
        self._space = feature_space(model)
        output = np.ascontiguousarray(dense(model.output), dtype=np.float32)
        counts = np.ascontiguousarray(model.label_counts, dtype=np.int64)
        if not len(output):
            raise DataError("the model has no labels")
        self._scorer = _core.LabelScorer(output, LOSSES.index(model.loss), counts)

    @staticmethod
    def of(model: FastTextClassifier) -> Predictor:
        """Return the predictor of ``model``, made once."""
        found = _PREDICTORS.get(model)
        if found is None:
            found = _PREDICTORS[model] = Predictor(model)
        return found

    def hidden(self, lines: bytes, *, threads: int = 0) -> tuple[Float32, Any]:
        """Return the mean of the rows of each line, shape (n_lines, dim), zeros where there are none, and the rows."""
        found = self._space.encode(lines, threads)
        rows, ends, _, _ = found
        store = self._input
        if isinstance(store, np.ndarray) and store.dtype == np.float32 and store.strides[1] == store.itemsize:
            return _core.mean_rows(store, rows, ends, threads), found
        return _means(store, rows, ends), found

    def answer(self, lines: bytes, k: int = 1, threshold: float = 0.0, *, threads: int = 0) -> Found:
        """Return the likeliest labels of each line of ``lines``, which ends with a line break."""
        hidden, (_, ends, gold, gold_ends) = self.hidden(lines, threads=threads)
        there = np.diff(ends, prepend=0) > 0
        found = self._scorer.best(hidden, there.view(np.uint8), k, threshold, threads)
        return Found(*found, gold, gold_ends, there)

    def named(self, found: Found) -> Iterator[list[tuple[str, float]]]:
        """Yield the answers to each line as (label, probability) pairs."""
        labels, chances = found.labels.tolist(), found.probabilities.tolist()
        for begin, end in pairwise([0, *found.ends.tolist()]):
            yield [(self.labels[labels[at]], chances[at]) for at in range(begin, end)]


_PREDICTORS: weakref.WeakKeyDictionary[FastTextClassifier, Predictor] = weakref.WeakKeyDictionary()


def _means(store: Any, rows: NDArray[np.int32], ends: NDArray[np.int64]) -> Float32:
    """Return the mean of each run of rows of any store, some runs at a time."""
    means = np.zeros((len(ends), store.shape[1]), np.float32)
    bounds = np.concatenate([np.zeros(1, np.int64), ends])
    room = max(1, BLOCK_VALUES // store.shape[1])
    first = 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + room, side="right")) - 1)
        some = np.flatnonzero(bounds[first + 1 : last + 1] > bounds[first:last]) + first
        if len(some):
            decoded = np.asarray(store[rows[bounds[first] : bounds[last]]], np.float32)
            sums = np.add.reduceat(decoded, bounds[some] - bounds[first], axis=0)
            means[some] = sums * (1 / (bounds[some + 1] - bounds[some])).astype(np.float32)[:, None]
        first = last
    return means


def check_answers(k: int, threshold: float) -> None:
    """Raise ConfigError where ``k`` or ``threshold`` is out of range."""
    if k < 1 and k != -1:
        raise ConfigError("k is too small", got=k, expected="at least 1, or -1 for all labels")
    if not 0 <= threshold <= 1:
        raise ConfigError("the threshold is no probability", got=threshold, expected="0 to 1")


def predict(
    model: FastTextClassifier, texts: Sequence[str], k: int = 1, threshold: float = 0.0, *, threads: int = 0
) -> list[list[tuple[str, float]]]:
    """Return the likeliest labels of each text.

    Probabilities are those of Facebook's program to the last digits: p + 1e-5, with sigmoids from a table of 512 values
    under negative sampling and one-vs-all.

    Parameters
    ----------
    model : FastTextClassifier
    texts : sequence of str
        Words between blanks, as in training; a line break counts as a blank.
    k : int
        Labels for each text; -1 for all.
    threshold : float
        Labels less probable are left out.
    threads : int
        0 for all processors.

    Returns
    -------
    list of list of (label, probability)
        Likeliest first; empty for a text of which the model knows nothing.

    Raises
    ------
    ConfigError
        When ``k`` or ``threshold`` is out of range.

    Examples
    --------
    >>> from firth.tasks.fasttext_train import FastTextClassify, train
    >>> lines = [("warm", "sun and sand"), ("cold", "snow and ice")] * 50
    >>> model = train(lines, FastTextClassify(dim=8, rate=0.5), threads=1).model
    >>> [best[0][0] for best in predict(model, ["sand and sun", "ice"])]
    ['__label__warm', '__label__cold']
    """
    check_answers(k, threshold)
    if isinstance(texts, str):
        raise DataError("texts is one text", got=texts, expected="a list of them")
    predictor = Predictor.of(model)
    found: list[list[tuple[str, float]]] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        lines = text_lines(texts[start : start + _TEXTS_AT_ONCE])
        found += predictor.named(predictor.answer(lines, k, threshold, threads=threads))
    return found


def whole_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield runs of whole lines, the last one ended too."""
    rest = b""
    for piece in pieces:
        rest += piece
        cut = rest.rfind(b"\n") + 1
        if cut >= _BYTES_AT_ONCE:
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


@dataclasses.dataclass(frozen=True)
class LabelScore:
    """How well one label is found; NaN where it is undefined."""

    label: str
    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int


@dataclasses.dataclass(frozen=True)
class Tested:
    """Scores on labelled lines.

    Attributes
    ----------
    n : int
        Lines that have a known label and anything that the model knows.
    k : int
    precision, recall, f1 : float
        Share of the answers that are right, share of the lines' labels that are found, their harmonic mean.
    labels : tuple of LabelScore
        In the order of the model.
    skipped : int
        Lines left out.
    """

    n: int
    k: int
    precision: float
    recall: float
    f1: float
    labels: tuple[LabelScore, ...]
    skipped: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; None for NaN."""
        values = dataclasses.asdict(self)
        rows = [values, *values["labels"]]
        for row in rows:
            row.update({key: None for key, value in row.items() if isinstance(value, float) and math.isnan(value)})
        return {**values, "labels": list(values["labels"])}


def test(model: FastTextClassifier, data: Any, k: int = 1, threshold: float = 0.0, *, threads: int = 0) -> Tested:
    """Return precision and recall at ``k`` on labelled lines, for each label too, as Facebook's program counts them.

    Parameters
    ----------
    model : FastTextClassifier
    data : path, list of paths, ``"-"``, or iterable of (label or labels, text)
    k, threshold, threads
        As for :func:`predict`.

    Raises
    ------
    DataError
        When no line has a label that the model knows.
    """
    check_answers(k, threshold)
    predictor = Predictor.of(model)
    n_labels, n, skipped = len(predictor.labels), 0, 0
    correct, predicted, gold = (np.zeros(n_labels, np.int64) for _ in range(3))
    for pieces in byte_pieces(data, model.label_prefix):
        for lines in whole_lines(pieces):
            found = predictor.answer(lines, k, threshold, threads=threads)
            used = found.there & (np.diff(found.gold_ends, prepend=0) > 0)
            line_of_answer = np.repeat(np.arange(len(used)), np.diff(found.ends, prepend=0))
            line_of_gold = np.repeat(np.arange(len(used)), np.diff(found.gold_ends, prepend=0))
            answers, wanted = found.labels[used[line_of_answer]], found.gold[used[line_of_gold]]
            pairs = line_of_answer[used[line_of_answer]] * n_labels + answers
            right = np.isin(pairs, line_of_gold[used[line_of_gold]] * n_labels + wanted)
            predicted += np.bincount(answers, minlength=n_labels)
            gold += np.bincount(wanted, minlength=n_labels)
            correct += np.bincount(answers[right], minlength=n_labels)
            n, skipped = n + int(used.sum()), skipped + int((~used).sum())
    if not n:
        raise DataError(
            "no line has a label that the model knows",
            got=f"{skipped:,} lines",
            expected=f"words that begin with {model.label_prefix}",
        )
    each = zip(predictor.labels, *precision_recall_f1(correct, predicted, gold), gold, predicted, strict=True)
    labels = tuple(LabelScore(name, float(p), float(r), float(f), int(g), int(m)) for name, p, r, f, g, m in each)
    precision, recall, f1 = map(float, precision_recall_f1(correct.sum(), predicted.sum(), gold.sum()))
    return Tested(n, k, precision, recall, f1, labels, skipped)


test.__test__ = False  # type: ignore[attr-defined]  # a public function, not one of pytest's
