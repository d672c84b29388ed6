"""Sparse matrices of words by words as parts of a model's folder: co-occurrence counts and PPMI."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.static.counts import CooccurrenceMatrix, PPMIMatrix, WordByWord

__all__ = ["KINDS", "limited"]

M = TypeVar("M", bound=WordByWord)


def _apart(model: WordByWord) -> Parts:
    tensors: dict[str, NDArray[Any]] = {
        "counts": np.asarray(model.counts, np.int64),
        "indptr": np.asarray(model.indptr, np.int64),
        "indices": np.asarray(model.indices, np.int32),
        "values": model.values,
    }
    return Parts(dict(model.metadata), tensors, {"vocab": model.words})


def _counts(parts: Parts, reading: Reading) -> CooccurrenceMatrix:
    return limited(CooccurrenceMatrix(*_fields(parts)), parts, reading)


def _ppmi(parts: Parts, reading: Reading) -> PPMIMatrix:
    return limited(PPMIMatrix(*_fields(parts)), parts, reading)


def _fields(parts: Parts) -> tuple[Any, ...]:
    words = parts.words["vocab"]
    values = parts.tensors.get("values")
    kind = np.float32 if values is not None and values.dtype == np.float32 else np.float64
    values = parts.tensor("values", kind, (None,))
    indices = parts.tensor("indices", np.int32, (len(values),))
    indptr = parts.tensor("indptr", np.int64, (len(words) + 1,))
    if indptr[0] != 0 or indptr[-1] != len(values):
        raise parts.fault("the rows don't fit the values", got=indptr[[0, -1]].tolist(), expected=f"[0, {len(values)}]")
    return words, parts.tensor("counts", np.int64, (len(words),)), indptr, indices, values, parts.config


def limited(model: M, parts: Parts, reading: Reading) -> M:
    """Return a model that was read, once its content is seen to be sound, or the part of it that was asked for.

    Raises
    ------
    FormatError
        When its rows, columns or values are broken.
    """
    fault = model.fault()
    if fault is not None:
        raise parts.fault(fault)
    n = reading.limit
    if n is None or n >= len(model):
        return model
    part = model.matrix[:n, :n].tocsr()
    words = model.words[:n]
    starts, columns = part.indptr.astype(np.int64), part.indices.astype(np.int32)
    return type(model)(words, model.counts[:n], starts, columns, part.data, model.metadata)  # type: ignore[arg-type]


KINDS = (
    Kind("cooccurrence", "co-occurrence counts", CooccurrenceMatrix, _apart, _counts, ("convert",)),
    Kind("ppmi", "positive pointwise mutual information", PPMIMatrix, _apart, _ppmi, ("convert",)),
)
