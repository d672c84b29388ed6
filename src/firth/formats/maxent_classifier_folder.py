"""Maximum entropy classifiers as parts of a model's folder: names of features, labels, and the weights of both."""

from __future__ import annotations

from typing import Any

import numpy as np

from firth.errors import ConfigError, DataError
from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.tasks.maxent_classifier import MaxEntClassifier
from firth.vectors.words import Words

__all__ = ["KINDS"]


def _apart(model: MaxEntClassifier) -> Parts:
    config = {
        "model": "maxent-classifier",
        **model.metadata,
        "templates": list(model.templates),
        "functions": list(model.needs),
    }
    words = {"vocab": Words.of(model.features), "labels": Words.of(model.labels)}
    return Parts(config, {"weights": model.weights}, words)


def _together(parts: Parts, reading: Reading) -> MaxEntClassifier:
    if reading.limit is not None:
        raise parts.fault("a classifier cannot be read in part", got=f"limit {reading.limit}")
    config = dict(parts.config)
    templates, functions = _names(parts, config, "templates"), _names(parts, config, "functions")
    features, labels = parts.words["vocab"], parts.words.get("labels")
    if labels is None or not len(labels):
        raise parts.fault("a classifier has no labels")
    weights = parts.tensor("weights", np.float32, (len(features), len(labels)))
    if not np.isfinite(weights).all():
        raise parts.fault("a weight is not a finite number")
    try:
        return MaxEntClassifier(features, list(labels), weights, templates=templates, needs=functions, metadata=config)
    except (ConfigError, DataError) as error:
        raise parts.fault(error.what, got=error.got, expected=error.expected) from error


def _names(parts: Parts, config: dict[str, Any], key: str) -> list[str]:
    found = config.pop(key, None)
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise parts.fault(f"no proper {key} of a classifier", got=found, expected="a list of texts")
    return found


KINDS = (
    Kind(
        "maxent-classifier",
        "a maximum entropy classifier of words in context",
        MaxEntClassifier,
        _apart,
        _together,
        (),
    ),
)
