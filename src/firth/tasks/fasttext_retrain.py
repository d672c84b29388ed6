"""Going on with the training of a classifier whose words, buckets and labels stay what they are."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from firth.config import from_dict
from firth.errors import ConfigError
from firth.events import Listener
from firth.protocols import Float32
from firth.static.loop import Epoch, Job, cpu_threads, run
from firth.static.task import aligned_rows
from firth.tasks.fasttext import FastTextClassifier
from firth.tasks.fasttext_task import labelled_documents, native_trainer
from firth.tasks.fasttext_train import FastTextClassify
from firth.vectors.storage import Rows, dense

__all__ = ["config_of", "train_again"]


def config_of(model: FastTextClassifier, **changes: Any) -> FastTextClassify:
    """Return the options that ``model`` was made with, as far as it knows them."""
    stored = model.metadata.get("options")
    known = {field.name for field in dataclasses.fields(FastTextClassify)}
    values = {name: value for name, value in stored.items() if name in known} if isinstance(stored, dict) else {}
    values |= {name: getattr(model, name) for name in ("dim", "loss", "word_ngrams", "minn", "maxn", "label_prefix")}
    if model.maxn and not model.minn:  # Facebook's files may say so; it means 1
        values["minn"] = 1
    values["buckets"] = model.buckets or FastTextClassify.buckets
    try:
        return from_dict(FastTextClassify, {**values, **changes})
    except ConfigError as error:
        if changes:
            raise
        raise ConfigError(f"the model's own options are unfit: {error}") from error


def train_again(
    model: FastTextClassifier,
    data: Any,
    *,
    epochs: int | None = None,
    rate: float | None = None,
    seed: int = 1,
    threads: int | None = None,
    listen: Listener | None = None,
) -> FastTextClassifier:
    """Return ``model`` after more training on ``data``; see :func:`firth.tasks.fasttext_quantize.quantize`."""
    given = {"epochs": epochs, "rate": rate, "seed": seed}
    config = config_of(model, **{name: value for name, value in given.items() if value is not None})
    workers = cpu_threads(threads)
    found = labelled_documents(model, data, workers)
    input, output = _padded(model.input), _padded(model.output)
    trainer = native_trainer(found, config, model.label_counts, input=input, output=output)
    history: list[Epoch] = []
    words = len(found["features"])
    run(Job(trainer, config.epochs, words, lambda done: config.rate * (1 - done), workers, listen or _ignore), history)
    return dataclasses.replace(model, input=input[:, : model.dim], output=output[:, : model.dim])


def _padded(rows: Rows) -> Float32:
    padded = aligned_rows(*rows.shape)
    padded[:, : rows.shape[1]] = dense(rows)
    return np.asarray(padded)


def _ignore(_event: Any) -> None:
    return
