"""fastText's classifier as parts of a model's folder: only rows that exist, codes where it is quantised."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.protocols import Float32
from firth.tasks.fasttext import LOSSES, FastTextClassifier
from firth.vectors.buckets import KeptBuckets
from firth.vectors.quantize import CENTROIDS, ProductQuantizer, Quantized
from firth.vectors.storage import Rows, dense

__all__ = ["KINDS"]

_NUMBERS = ("word_ngrams", "minn", "maxn", "buckets")
_LONGEST = {"word_ngrams": 1 << 20, "minn": 1001, "maxn": 1001, "buckets": 1 << 31}


def _apart(model: FastTextClassifier) -> Parts:
    tensors: dict[str, NDArray[Any]] = {"counts": model.counts, "label_counts": model.label_counts}
    tensors |= _rows_apart("input", model.input) | _rows_apart("output", model.output)
    if model.kept is not None:
        kept = KeptBuckets.of(model.kept)
        tensors["buckets"] = kept.buckets[np.argsort(kept.rows, kind="stable")]
        if sorted(kept.rows.tolist()) != list(range(len(kept))):
            raise DataError("the kept buckets don't have a row each", got=f"{len(kept)} buckets")
    config = {
        "model": "fasttext-classifier",
        **model.metadata,
        "classifier": {
            "loss": model.loss,
            **{name: getattr(model, name) for name in _NUMBERS},
            "label_prefix": model.label_prefix,
            "dim": model.dim,
        },
    }
    return Parts(config, tensors, {"vocab": model.words, "labels": model.labels})


def _rows_apart(name: str, rows: Rows) -> dict[str, NDArray[Any]]:
    if not isinstance(rows, Quantized):
        return {name: dense(rows)}
    found: dict[str, NDArray[Any]] = {f"{name}_codes": rows.codes, f"{name}_centroids": rows.quantizer.centroids}
    if rows.norms is not None:
        values, codes = np.unique(rows.norms, return_inverse=True)
        if len(values) <= CENTROIDS:
            return {**found, f"{name}_norm_values": values, f"{name}_norm_codes": codes.astype(np.uint8)}
        found[f"{name}_norms"] = rows.norms
    return found


def _together(parts: Parts, reading: Reading) -> FastTextClassifier:
    if reading.limit is not None:
        raise parts.fault("a classifier cannot be read in part", got=f"limit {reading.limit}")
    words, labels = parts.words["vocab"], parts.words.get("labels")
    config = dict(parts.config)
    options = config.pop("classifier", None)
    if labels is None or not isinstance(options, dict) or not _proper(options):
        raise parts.fault("no proper options of a classifier", got=options, expected="loss, n-grams, label prefix, dim")
    kept = None
    n_rows = len(words) + options["buckets"]
    if "buckets" in parts.tensors:
        buckets = parts.tensor("buckets", np.int32, (None,))
        if len(buckets) and (buckets.min() < 0 or buckets.max() >= options["buckets"]):
            raise parts.fault("a kept bucket is out of range", expected=f"0 to {options['buckets'] - 1}")
        kept, n_rows = KeptBuckets(buckets), len(words) + len(buckets)
    return FastTextClassifier(
        words=words,
        counts=parts.tensor("counts", np.int64, (len(words),)),
        labels=labels,
        label_counts=parts.tensor("label_counts", np.int64, (len(labels),)),
        input=_rows(parts, "input", n_rows, options["dim"]),
        output=_rows(parts, "output", len(labels), options["dim"]),
        loss=options["loss"],
        label_prefix=options["label_prefix"],
        kept=kept,
        metadata=config,
        **{name: options[name] for name in _NUMBERS},
    )


def _proper(options: dict[str, Any]) -> bool:
    numbers = all(type(options.get(name)) is int and 0 <= options[name] < _LONGEST[name] for name in _NUMBERS)
    texts = options.get("loss") in LOSSES and isinstance(options.get("label_prefix"), str)
    return numbers and texts and type(options.get("dim")) is int and 0 < options["dim"] < 1 << 24


def _rows(parts: Parts, name: str, n: int, dim: int) -> Rows:
    if f"{name}_codes" not in parts.tensors:
        rows: Float32 = parts.tensor(name, np.float32, (n, dim))
        return rows
    centroids = parts.tensor(f"{name}_centroids", np.float32, (None, CENTROIDS, None))
    if not centroids.shape[2] or len(centroids) != -(-dim // centroids.shape[2]):
        raise parts.fault("the centroids don't fit the rows", got=centroids.shape, expected=f"rows of {dim}")
    codes = parts.tensor(f"{name}_codes", np.uint8, (n, len(centroids)))
    return Quantized(ProductQuantizer(centroids, dim), codes, _norms(parts, name, n))


def _norms(parts: Parts, name: str, n: int) -> Float32 | None:
    if f"{name}_norms" in parts.tensors:
        norms: Float32 = parts.tensor(f"{name}_norms", np.float32, (n,))
        return norms
    if f"{name}_norm_codes" not in parts.tensors:
        return None
    values = parts.tensor(f"{name}_norm_values", np.float32, (None,))
    codes = parts.tensor(f"{name}_norm_codes", np.uint8, (n,))
    if len(codes) and int(codes.max()) >= len(values):
        raise parts.fault("a norm's code is out of range", got=int(codes.max()), expected=f"below {len(values)}")
    return np.asarray(values[codes])


KINDS = (
    Kind(
        "classifier",
        "fastText's text classifier",
        FastTextClassifier,
        _apart,
        _together,
        ("task run", "task evaluate", "convert"),
    ),
)
