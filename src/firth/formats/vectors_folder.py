"""Word vectors as parts of a model's folder: with counts, output vectors and character n-grams where there are any."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.formats.ngram_parts import ngrams_apart, ngrams_together
from firth.formats.row_parts import rows_of, tensors_of
from firth.vectors.floret import FloretRows
from firth.vectors.static import Vectors
from firth.vectors.storage import dense
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.unknown import POLICIES
from firth.vectors.words import Words

__all__ = ["KINDS"]

_USES = ("nearest", "similarity", "analogy", "odd", "evaluate", "embed", "convert")


def _apart(vectors: Vectors) -> Parts:
    tensors = tensors_of("vectors", vectors.store)
    if vectors.output_store is not None:
        tensors |= tensors_of("output", vectors.output_store)
    if vectors.counts is not None:
        tensors["counts"] = vectors.counts
    config = {**vectors.metadata, "oov": vectors.oov}
    return Parts(config, tensors, {"vocab": vectors.words})


def _together(parts: Parts, reading: Reading) -> Vectors:
    words = parts.words["vocab"]
    rows = rows_of(parts, "vectors", len(words))
    vectors = Vectors(words, rows, **_common(parts, words, rows.shape[1]))
    return vectors if reading.limit is None else vectors.limit(reading.limit)


def _common(parts: Parts, words: Words, dim: int) -> dict[str, Any]:
    """Return what both kinds of vectors have: counts, output vectors, the policy and the metadata."""
    counts = parts.tensor("counts", np.int64, (len(words),)) if "counts" in parts.tensors else None
    output = rows_of(parts, "output", len(words), dim) if "output" in parts.tensors else None
    metadata = dict(parts.config)
    oov = metadata.pop("oov", "error")
    if not isinstance(oov, str) or oov not in POLICIES:
        raise parts.fault("no such policy for unknown words", got=oov, expected="one of " + ", ".join(POLICIES))
    return {"counts": counts, "output": output, "oov": oov, "metadata": metadata}


def _subwords_apart(vectors: SubwordVectors) -> Parts:
    parts, store = ngrams_apart(vectors.subwords, _apart(vectors)), vectors.store
    tensors: dict[str, NDArray[Any]] = dict(parts.tensors)
    if isinstance(store, Composed) and store.own is not None:
        tensors |= tensors_of("own", store.own)
    if vectors.nodes is not None:
        tensors["nodes"] = dense(vectors.nodes)
    return Parts(parts.config, tensors, parts.words)


def _subwords_together(parts: Parts, reading: Reading) -> Vectors:
    words = parts.words["vocab"]
    rows = rows_of(parts, "vectors", len(words))
    dim = rows.shape[1]
    common = _common(parts, words, dim)
    grams = ngrams_together(parts, common["metadata"].pop("ngrams", None), dim)
    own = rows_of(parts, "own", None, dim) if "own" in parts.tensors else None
    if own is not None and (len(own) > len(words) or (isinstance(grams, NgramRows) and len(own) != len(words))):
        raise parts.fault("the words' own rows don't fit the vocabulary", got=len(own), expected=str(len(words)))
    nodes = parts.tensor("nodes", np.float32, (None, dim)) if "nodes" in parts.tensors else None
    if nodes is not None and len(words) - len(nodes) not in (0, 1):
        raise parts.fault("the nodes don't fit the vocabulary", got=len(nodes))
    composed = isinstance(grams, NgramRows | FloretRows) and (own is not None or isinstance(grams, FloretRows))
    store = Composed(own, grams, words, made=rows) if composed else rows  # type: ignore[arg-type]
    vectors = SubwordVectors(words, store, subwords=grams, nodes=nodes, **common)
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
