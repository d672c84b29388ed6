"""A maximum entropy classifier of words in their sentences, as a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from firth.errors import DataError
from firth.protocols import Float32, Float64, Sentence
from firth.tasks.feature_templates import features_at, parse_templates
from firth.tasks.maxent_fit import softmax

__all__ = ["BIAS", "Feature", "FeatureFunction", "MaxEntClassifier", "name_of", "sparse"]

Feature: TypeAlias = Iterable[str] | Mapping[str, float]
FeatureFunction: TypeAlias = Callable[[Sentence, int], Feature]

BIAS = "bias"  # a feature that every example has


class MaxEntClassifier:
    """``P(label | sentence, position)`` from the features that hold there.

    Parameters
    ----------
    features, labels : sequence of str
    weights : ndarray of float32, shape (n_features, n_labels)
    templates : sequence of str
        As :mod:`firth.tasks.feature_templates` writes them.
    functions : sequence of callable
        From sentence and position to names of features, or to names with values. A file cannot hold them:
        :meth:`with_functions` gives them back to a loaded model.
    needs : sequence of str, optional
        Names of the functions that the model was trained with.
    metadata : mapping, optional
    """

    def __init__(
        self,
        features: Sequence[str],
        labels: Sequence[str],
        weights: Float32,
        *,
        templates: Sequence[str] = (),
        functions: Sequence[FeatureFunction] = (),
        needs: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if weights.shape != (len(features), len(labels)):
            raise DataError("weights, features and labels don't match", got=weights.shape)
        self.features, self.labels, self.weights = features, list(labels), weights
        self.templates, self.functions = tuple(templates), tuple(functions)
        self.needs = tuple(map(name_of, functions)) if needs is None else tuple(needs)
        self.metadata = dict(metadata or {})
        self._parsed = parse_templates(self.templates)
        self._rows = {name: row for row, name in enumerate(features)}

    def with_functions(self, *functions: FeatureFunction) -> MaxEntClassifier:
        """Return the model with the functions that it was trained with, in the same order.

        Raises
        ------
        DataError
            When their names are others.
        """
        if tuple(map(name_of, functions)) != self.needs:
            got = ", ".join(map(name_of, functions))
            raise DataError("the model was trained with other functions", got=got, expected=", ".join(self.needs))
        return MaxEntClassifier(
            self.features, self.labels, self.weights, templates=self.templates, functions=functions,
            metadata=self.metadata,
        )  # fmt: skip

    def features_of(self, sentence: Sentence, position: int) -> dict[str, float]:
        """Return what holds at a position: names of features, known or not, with their values."""
        if len(self.functions) != len(self.needs):
            raise DataError("the model lacks its functions", got=", ".join(self.needs), remedy="use with_functions")
        return sparse(self._parsed, self.functions, sentence, position)

    def log_probs(self, sentence: Sentence) -> Float64:
        """Return the natural log probability of each label at each word, shape (n_tokens, n_labels)."""
        scores = np.zeros((len(sentence), len(self.labels)))
        for position in range(len(sentence)):
            held = self.features_of(sentence, position)
            known = [(self._rows[name], value) for name, value in held.items() if name in self._rows]
            if known:
                rows, values = zip(*known, strict=True)
                scores[position] = np.array(values) @ self.weights[list(rows)].astype(np.float64)
        return np.log(softmax(scores)) if len(scores) else scores

    def probabilities(self, sentence: Sentence, position: int) -> dict[str, float]:
        """Return the probability of each label of the word at a position, the likeliest first."""
        if not 0 <= position < len(sentence):
            raise DataError("no word at this position", got=position, expected=f"0 to {len(sentence) - 1}")
        law = np.exp(self.log_probs(sentence)[position])
        return {self.labels[i]: float(law[i]) for i in np.argsort(-law, kind="stable")}

    def predict(self, sentence: Sentence) -> list[str]:
        """Return the likeliest label of each word, each by itself."""
        return [self.labels[best] for best in self.log_probs(sentence).argmax(axis=1)]

    def accuracy(self, sentences: Iterable[tuple[Sentence, Sequence[str]]]) -> float:
        """Return the part of the words whose label is found; NaN where there are none."""
        right = n = 0
        for sentence, labels in sentences:
            right += sum(found == label for found, label in zip(self.predict(sentence), labels, strict=True))
            n += len(labels)
        return right / n if n else float("nan")

    def weights_of(self, label: str, k: int = 10) -> list[tuple[str, float]]:
        """Return the ``k`` features that speak most for a label."""
        if label not in self.labels:
            raise DataError("no such label", got=label, expected="one of " + ", ".join(self.labels))
        column = self.weights[:, self.labels.index(label)]
        return [(self.features[int(row)], float(column[row])) for row in np.argsort(-column, kind="stable")[:k]]


def name_of(function: FeatureFunction) -> str:
    """Return how a function's features begin, so that two functions don't share any."""
    return getattr(function, "__name__", type(function).__name__)


def sparse(
    templates: Sequence[Any], functions: Sequence[FeatureFunction], sentence: Sentence, position: int
) -> dict[str, float]:
    """Return the features of templates, of functions (under their names), and the bias."""
    found = dict.fromkeys(features_at(templates, sentence, position), 1.0)
    for function in functions:
        made, prefix = function(sentence, position), name_of(function)
        if isinstance(made, str):
            raise DataError(f"{prefix} must return names of features, not one string", got=made)
        values = made.items() if isinstance(made, Mapping) else ((name, 1.0) for name in made)
        for name, value in values:
            if not np.isfinite(value):
                raise DataError(f"{prefix} gives a feature that is not a finite number", got=f"{name}: {value}")
            found[f"{prefix}:{name}"] = float(value)
    found[BIAS] = 1.0
    return found
