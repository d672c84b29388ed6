"""Vectors that take less room, and what that costs in neighbours."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from firth.errors import ConfigError, DataError
from firth.vectors.compressed import Bytes, Halves
from firth.vectors.quantize import Quantized
from firth.vectors.search import inverse_norms, nearest_rows
from firth.vectors.static import Vectors
from firth.vectors.storage import Rows, dense
from firth.vectors.subword import Composed, SubwordVectors

__all__ = ["KINDS", "Loss", "compress", "recall"]

KINDS: dict[str, Callable[[Rows, int], Rows]] = {
    "float16": lambda rows, seed: Halves.of(rows),
    "int8": lambda rows, seed: Bytes.of(rows),
    "pq": lambda rows, seed: Quantized.of(rows, dsub=2, norms=True, seed=seed),
}
_NEIGHBOURS = 10
_SAMPLE = 1000


@dataclasses.dataclass(frozen=True)
class Loss:
    """What compression cost.

    Attributes
    ----------
    kind : str
        float16, int8 or pq.
    recall : float
        Share of the 10 nearest words that stay among the 10 nearest, mean over the sampled words.
    sampled : int
        How many words were tried.
    bits : float
        Per value, tables included.
    """

    kind: str
    recall: float
    sampled: int
    bits: float

    def __str__(self) -> str:
        return (
            f"{self.kind}: {self.bits:.3g} bits a value in the place of 32; of the {_NEIGHBOURS} nearest words "
            f"{self.recall:.1%} stay (recall@{_NEIGHBOURS} of {self.sampled:,} words)"
        )


def compress(vectors: Vectors, kind: str, *, seed: int = 1) -> tuple[Vectors, Loss]:
    """Pack vectors, and those of n-grams and outputs with them.

    Parameters
    ----------
    vectors : Vectors
        Any word vectors.
    kind : {"float16", "int8", "pq"}
        Half precision; bytes with a factor per row; or product quantisation (Jegou, Douze and Schmid 2011) of pairs of
        columns, with lengths apart.
    seed : int
        Of the quantiser and of the words tried.

    Returns
    -------
    (Vectors, Loss)
        Vectors that decode what they are asked for, and what neighbours that cost.

    Raises
    ------
    ConfigError
        When there is no such kind.
    DataError
        When it cannot hold the values.

    Examples
    --------
    >>> vectors = Vectors(["a", "b", "c"], [[1, 0.5], [1, 0.25], [-1, 0]])
    >>> packed, loss = compress(vectors, "int8")
    >>> packed["b"].round(2).tolist(), loss.recall
    ([1.0, 0.25], 1.0)
    """
    if kind not in KINDS:
        raise ConfigError("no such kind of compression", got=kind, expected="one of " + ", ".join(KINDS))
    pack = KINDS[kind]
    if not len(vectors):
        raise DataError("there are no vectors to compress")
    store = vectors.store
    packed = pack(dense(store), seed)
    loss = Loss(
        kind, *recall(store if isinstance(store, np.ndarray) else dense(store), packed, seed=seed), _bits(packed)
    )
    others: dict[str, Any] = {
        "counts": vectors.counts,
        "output": None if vectors.output_store is None else pack(dense(vectors.output_store), seed),
        "oov": vectors.oov,
        "metadata": {**vectors.metadata, "compression": {"kind": kind, "recall@10": round(loss.recall, 4)}},
    }
    if not isinstance(vectors, SubwordVectors):
        return Vectors(vectors.words, packed, **others), loss
    grams: Any = vectors.subwords
    if len(grams.rows):
        grams = dataclasses.replace(grams, rows=pack(dense(grams.rows), seed))
    own = store.own if isinstance(store, Composed) else None
    composed = Composed(None if own is None else pack(dense(own), seed), grams, vectors.words, packed) if isinstance(
        store, Composed
    ) else packed  # fmt: skip
    return SubwordVectors(vectors.words, composed, subwords=grams, **others), loss


def _bits(rows: Any) -> float:
    if isinstance(rows, Halves):
        return 16.0
    size = rows.nbytes if isinstance(rows, Quantized) else rows.codes.nbytes + rows.scales.nbytes
    return float(8 * size / (rows.shape[0] * rows.shape[1]))


def recall(
    rows: Rows, packed: Rows, *, n: int = _NEIGHBOURS, sample: int = _SAMPLE, seed: int = 1
) -> tuple[float, int]:
    """Return the share of words' ``n`` nearest that are so among ``packed`` as well, and how many words were tried.

    Parameters
    ----------
    rows, packed : float32 rows, shape (n_words, dim)
        The vectors, and those that stand for them.
    n, sample : int
        Neighbours of each word, and words drawn.
    seed : int
        Of the draw.
    """
    before, after = inverse_norms(rows), inverse_norms(packed)
    usable = np.flatnonzero((before > 0) & (after > 0))
    if len(usable) < 2:
        return 1.0, len(usable)
    chosen = np.sort(np.random.default_rng(seed).choice(usable, min(sample, len(usable)), replace=False))
    skip = [[row] for row in chosen.tolist()]
    found = [
        nearest_rows(store, inverse, np.ascontiguousarray(store[chosen], dtype=np.float32), n, skip)
        for store, inverse in ((rows, before), (packed, after))
    ]
    shares = [
        len(np.intersect1d(theirs, ours)) / max(1, len(theirs)) for (theirs, _), (ours, _) in zip(*found, strict=True)
    ]
    return float(np.mean(shares)), len(chosen)
