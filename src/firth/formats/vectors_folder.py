"""Word vectors as parts of a model's folder: with counts, output vectors and character n-grams where there are any."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.protocols import Float32
from firth.vectors.floret import FloretRows
from firth.vectors.static import Vectors
from firth.vectors.storage import dense
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.unknown import POLICIES
from firth.vectors.words import Words

__all__ = ["KINDS"]

_USES = ("nearest", "similarity", "analogy", "odd", "evaluate", "embed", "convert")


def _apart(vectors: Vectors) -> Parts:
    tensors: dict[str, NDArray[Any]] = {"vectors": vectors.matrix}
    if vectors.output_store is not None:
        tensors["output"] = dense(vectors.output_store)
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
    parts, grams, store = _apart(vectors), vectors.subwords, vectors.store
    if not isinstance(grams, NgramRows | FloretRows):
        raise parts.fault("these n-grams have no place in a model's folder", got=type(grams).__name__)
    tensors: dict[str, NDArray[Any]] = {**parts.tensors, "ngrams": dense(grams.rows)}
    if isinstance(store, Composed) and store.own is not None:
        tensors["own"] = dense(store.own)
    if vectors.nodes is not None:
        tensors["nodes"] = dense(vectors.nodes)
    if isinstance(grams, FloretRows):
        names: tuple[str, ...] = ("minn", "maxn", "hashes", "seed", "begin", "end")
    else:
        names = ("minn", "maxn", "buckets")
        if grams.kept is not None:
            tensors["kept"] = np.array(list(grams.kept.items()), dtype=np.int64).reshape(-1, 2)
    ngrams = {name: getattr(grams, name) for name in names}
    return Parts({**parts.config, "ngrams": ngrams}, tensors, parts.words)


def _subwords_together(parts: Parts, reading: Reading) -> Vectors:
    words = parts.words["vocab"]
    matrix = _matrix(parts, "vectors", len(words))
    common = _common(parts, words, matrix)
    options = common["metadata"].pop("ngrams", None)
    rows = parts.tensor("ngrams", np.float32, (None, matrix.shape[1]))
    grams: NgramRows | FloretRows
    own = parts.tensor("own", np.float32, (None, matrix.shape[1])) if "own" in parts.tensors else None
    if isinstance(options, dict) and "hashes" in options:
        grams = _floret(parts, options, rows)
    else:
        grams = _ngrams(parts, options, rows)
    if own is not None and (len(own) > len(words) or (isinstance(grams, NgramRows) and len(own) != len(words))):
        raise parts.fault("the words' own rows don't fit the vocabulary", got=len(own), expected=str(len(words)))
    whole = own is not None or isinstance(grams, FloretRows)
    nodes = parts.tensor("nodes", np.float32, (None, matrix.shape[1])) if "nodes" in parts.tensors else None
    if nodes is not None and len(words) - len(nodes) not in (0, 1):
        raise parts.fault("the nodes don't fit the vocabulary", got=len(nodes))
    store = Composed(own, grams, words, made=matrix) if whole else matrix
    vectors = SubwordVectors(words, store, subwords=grams, nodes=nodes, **common)
    return vectors if reading.limit is None else vectors.limit(reading.limit)


def _numbers(parts: Parts, options: Any, names: tuple[str, ...], limit: int) -> list[int]:
    values = [options.get(name) for name in names] if isinstance(options, dict) else [None]
    if not all(type(value) is int and 0 <= value < limit for value in values):
        raise parts.fault("no proper lengths of n-grams", got=options, expected=", ".join(names))
    return [int(value) for value in values if value is not None]


def _ngrams(parts: Parts, options: Any, rows: Float32) -> NgramRows:
    minn, maxn, buckets = _numbers(parts, options, ("minn", "maxn", "buckets"), 1 << 31)
    kept = None
    if "kept" in parts.tensors:
        pairs = parts.tensor("kept", np.int64, (len(rows), 2))
        if len(pairs) and (pairs[:, 1].min() < 0 or pairs[:, 1].max() >= len(rows)):
            raise parts.fault("a kept n-gram has no row")
        kept = dict(map(tuple, pairs.tolist()))
    if kept is None and maxn > 0 and len(rows) != buckets:
        raise parts.fault("the n-gram rows don't fit", got=len(rows), expected=f"{buckets}, one per bucket")
    return NgramRows(rows, minn, maxn, buckets, kept)


def _floret(parts: Parts, options: dict[str, Any], rows: Float32) -> FloretRows:
    numbers = _numbers(parts, options, ("minn", "maxn", "hashes", "seed"), 1 << 32)
    frame = options.get("begin"), options.get("end")
    if not all(isinstance(mark, str) for mark in frame) or not 1 <= numbers[2] <= 4 or not len(rows):
        raise parts.fault("no proper table of floret", got=options)
    minn, maxn, hashes, seed = numbers
    return FloretRows(rows, minn, maxn, hashes, seed, *map(str, frame))


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
