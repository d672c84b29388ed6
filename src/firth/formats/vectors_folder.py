"""Word vectors as parts of a model's folder: with counts, output vectors and character n-grams where there are any."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.protocols import Float32
from firth.vectors.static import Vectors
from firth.vectors.storage import dense
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.unknown import POLICIES
from firth.vectors.words import Words

__all__ = ["KINDS"]

_USES = ("nearest", "similarity", "analogy", "odd", "evaluate", "embed", "convert")


def _apart(vectors: Vectors) -> Parts:
    tensors: dict[str, NDArray[Any]] = {"vectors": vectors.matrix}
    if vectors.output is not None:
        tensors["output"] = vectors.output
    if vectors.counts is not None:
        tensors["counts"] = vectors.counts
    config = {**vectors.metadata, "oov": vectors.oov}
    return Parts(config, tensors, {"vocab": vectors.words})


def _together(parts: Parts, reading: Reading) -> Vectors:
    words = parts.words["vocab"]
    matrix = _matrix(parts, "vectors", len(words))
    vectors = Vectors(words, matrix, **_common(parts, words, matrix))
    return vectors if reading.limit is None else vectors.limit(reading.limit)


def _matrix(parts: Parts, name: str, rows: int) -> Float32:
    matrix = parts.tensors.get(name)
    if matrix is None or matrix.dtype != np.float32 or matrix.ndim != 2 or not matrix.shape[1] or len(matrix) != rows:
        got = None if matrix is None else f"{matrix.dtype} {matrix.shape}"
        raise parts.fault("the matrix does not fit the vocabulary", got=got, expected=f"float32 ({rows}, dim)")
    return matrix


def _common(parts: Parts, words: Words, matrix: Float32) -> dict[str, Any]:
    """Return what both kinds of vectors have: counts, output vectors, the policy and the metadata."""
    counts, output = (parts.tensors.get(name) for name in ("counts", "output"))
    for part, kind, shape in ((counts, np.int64, (len(words),)), (output, np.float32, matrix.shape)):
        if part is not None and (part.dtype != kind or part.shape != shape):
            raise parts.fault("counts or output vectors don't fit the vocabulary", got=part.shape, expected=str(shape))
    metadata = dict(parts.config)
    oov = metadata.pop("oov", "error")
    if not isinstance(oov, str) or oov not in POLICIES:
        raise parts.fault("no such policy for unknown words", got=oov, expected="one of " + ", ".join(POLICIES))
    return {"counts": counts, "output": output, "oov": oov, "metadata": metadata}


def _subwords_apart(vectors: SubwordVectors) -> Parts:
    parts = _apart(vectors)
    grams = vectors.subwords
    if not isinstance(grams, NgramRows):
        raise parts.fault("these n-grams have no place in a model's folder", got=type(grams).__name__)
    store = vectors.store
    own = {"own": dense(store.own)} if isinstance(store, Composed) else {}
    tensors: dict[str, NDArray[Any]] = {**parts.tensors, **own, "ngrams": dense(grams.rows)}
    if grams.kept is not None:
        tensors["kept"] = np.array(sorted(grams.kept.items()), dtype=np.int64).reshape(-1, 2)
    ngrams = {"minn": grams.minn, "maxn": grams.maxn, "buckets": grams.buckets}
    return Parts({**parts.config, "ngrams": ngrams}, tensors, parts.words)


def _subwords_together(parts: Parts, reading: Reading) -> Vectors:
    words = parts.words["vocab"]
    matrix = _matrix(parts, "vectors", len(words))
    common = _common(parts, words, matrix)
    options = common["metadata"].pop("ngrams", None)
    if not isinstance(options, dict) or not all(
        type(options.get(key)) is int and 0 <= options[key] < 1 << 31 for key in ("minn", "maxn", "buckets")
    ):
        raise parts.fault("no proper lengths of n-grams", got=options, expected="minn, maxn and buckets")
    rows = parts.tensor("ngrams", np.float32, (None, matrix.shape[1]))
    kept = None
    if "kept" in parts.tensors:
        pairs = parts.tensor("kept", np.int64, (len(rows), 2))
        if len(pairs) and (pairs[:, 1].min() < 0 or pairs[:, 1].max() >= len(rows)):
            raise parts.fault("a kept n-gram has no row")
        kept = dict(map(tuple, pairs.tolist()))
    if kept is None and options["maxn"] > 0 and len(rows) != options["buckets"]:
        raise parts.fault("the n-gram rows don't fit", got=len(rows), expected=f"{options['buckets']}, one per bucket")
    grams = NgramRows(rows, options["minn"], options["maxn"], options["buckets"], kept)
    vectors = SubwordVectors(words, matrix, subwords=grams, **common)
    return vectors if reading.limit is None else vectors.limit(reading.limit)


KINDS = (
    Kind("vectors", "word vectors", Vectors, _apart, _together, _USES),
    Kind(
        "subword-vectors",
        "word vectors with character n-grams",
        SubwordVectors,
        _subwords_apart,
        _subwords_together,
        _USES,
    ),
)
