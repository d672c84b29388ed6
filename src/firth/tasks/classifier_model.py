"""A trained text classifier, as a value: texts to labels and probabilities, and how often it is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from firth.errors import DataError
from firth.protocols import Float64
from firth.tasks.classifier_data import is_rows, steps_of
from firth.tasks.classifier_scores import (
    brier_score,
    calibration_bins,
    calibration_error,
    confusion,
    label_scores,
    log_loss,
    softmax,
)
from firth.tasks.word_features import GivenRows, Source, Steps
from firth.text.tokenize import Tokenizer

__all__ = ["ClassifierModel", "Scorer"]

_TOGETHER = 512


class Scorer(Protocol):
    """What turns texts into scores of labels.

    Attributes
    ----------
    sources : list of Source
        The word features that it reads.
    """

    sources: list[Source]

    def scores(self, texts: Sequence[Steps]) -> Float64:
        """Return the score of each label before the softmax, shape (n, n_labels); an empty text has the constants."""
        ...


class ClassifierModel:
    """A text classifier.

    Parameters
    ----------
    scorer : Scorer
    labels : sequence of str
        In the order of its scores.
    tokenizer : Tokenizer
        Cuts texts that are given as str.
    temperature : float
        Scores are divided by it before the softmax.
    metadata : mapping, optional
    """

    def __init__(
        self,
        scorer: Scorer,
        labels: Sequence[str],
        tokenizer: Tokenizer,
        temperature: float = 1.0,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.scorer, self.labels, self.tokenizer = scorer, list(labels), tokenizer
        self.temperature, self.metadata = temperature, dict(metadata or {})

    @property
    def sources(self) -> list[Source]:
        """The word features that it reads."""
        return self.scorer.sources

    @property
    def reads_rows(self) -> bool:
        """Whether its texts are matrices, not words."""
        return any(isinstance(source, GivenRows) for source in self.sources)

    @property
    def mixes(self) -> list[list[float]]:
        """The learnt weight of each layer, of each source that has several; each sums to 1."""
        return getattr(self.scorer, "mixes", [])

    def scores(self, texts: Iterable[Any]) -> Float64:
        """Return the score of each label before temperature and softmax, shape (n, n_labels)."""
        given = [self._checked(text) for text in texts]
        blocks = [given[begin : begin + _TOGETHER] for begin in range(0, len(given), _TOGETHER)]
        found = [self.scorer.scores(block) for block in blocks]
        return np.concatenate(found) if found else np.zeros((0, len(self.labels)))

    def probabilities(self, texts: Iterable[Any]) -> Float64:
        """Return the probability of each label, shape (n, n_labels); a text is a str, words, or a matrix."""
        scores = self.scores(texts)
        return softmax(scores / self.temperature) if len(scores) else scores

    def predict(self, texts: Iterable[Any]) -> list[str]:
        """Return the likeliest label of each text."""
        return [self.labels[best] for best in self.scores(texts).argmax(1)]

    def evaluate(self, data: Iterable[tuple[Any, str]], bins: int = 15) -> dict[str, Any]:
        """Return how labels of texts are found.

        Returns
        -------
        dict
            ``n``, ``empty`` texts, ``unseen`` (texts whose label was not in training), what
            :func:`firth.tasks.classifier_scores.label_scores` gives, ``confusion`` with its ``names``, ``log_loss``
            (of texts whose label it knows), ``brier``, ``ece``, and ``bins`` of the reliability diagram.
        """
        pairs = list(data)
        texts, gold = [self._checked(text) for text, _ in pairs], [label for _, label in pairs]
        columns = {label: column for column, label in enumerate(self.labels)}
        names = [*self.labels, *sorted(set(gold) - set(columns))]
        rows = {label: row for row, label in enumerate(names)}
        law = self.probabilities(texts)
        table = confusion([rows[label] for label in gold], law.argmax(1), len(names))
        wanted = np.array([columns.get(label, -1) for label in gold], np.int64)
        known = wanted >= 0
        return {
            "n": len(pairs), "empty": sum(not len(text) for text in texts), "unseen": int((~known).sum()),
            **label_scores(table, names), "names": names, "confusion": table.tolist(),
            "log_loss": log_loss(law[known], wanted[known]), "brier": brier_score(law, wanted),
            "ece": calibration_error(law, wanted, bins), "bins": calibration_bins(law, wanted, bins) if pairs else [],
        }  # fmt: skip

    def _checked(self, text: Any) -> Steps:
        if is_rows(text) != self.reads_rows:
            raise DataError("the classifier reads " + ("matrices" if self.reads_rows else "texts"),
                            got=type(text).__name__)  # fmt: skip
        return steps_of(text, self.tokenizer)
