"""Character n-grams of every kind as parts of a model's folder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FirthError
from firth.formats.kinds import Parts
from firth.formats.row_parts import rows_of, tensors_of
from firth.vectors.buckets import KeptBuckets
from firth.vectors.floret import FloretRows
from firth.vectors.ngrams import BucketNgrams, NamedNgrams
from firth.vectors.storage import Rows
from firth.vectors.subword import NgramRows, Subwords
from firth.vectors.words import Words

__all__ = ["ngrams_apart", "ngrams_together"]

_OPTIONS: dict[type, tuple[str, ...]] = {
    NgramRows: ("minn", "maxn", "buckets"),
    FloretRows: ("minn", "maxn", "hashes", "seed", "begin", "end"),
    BucketNgrams: ("minn", "maxn", "buckets", "hash", "unit"),
    NamedNgrams: ("minn", "maxn", "unit"),
}


def ngrams_apart(grams: Any, parts: Parts) -> Parts:
    """Return ``parts`` with n-grams added.

    Raises
    ------
    FormatError
        When nothing of ours holds such n-grams.
    """
    names = _OPTIONS.get(type(grams))
    if names is None:
        raise parts.fault("these n-grams have no place in a model's folder", got=type(grams).__name__)
    tensors: dict[str, NDArray[Any]] = {**parts.tensors, **tensors_of("ngrams", grams.rows)}
    lists = dict(parts.words)
    if isinstance(grams, NgramRows | BucketNgrams) and grams.kept is not None:
        kept = KeptBuckets.of(grams.kept)
        tensors["kept"] = np.stack([kept.buckets, kept.rows], axis=1).astype(np.int64)
    if isinstance(grams, NamedNgrams):
        lists["grams"] = Words.of(list(grams.table))
        tensors["places"] = np.array(list(grams.table.values()), dtype=np.int64)
    return Parts({**parts.config, "ngrams": {name: getattr(grams, name) for name in names}}, tensors, lists)


def ngrams_together(parts: Parts, options: Any, dim: int) -> Subwords:
    """Return the n-grams of a folder; ``options`` is what :func:`ngrams_apart` put into the config.

    Raises
    ------
    FormatError
        When they don't fit.
    """
    rows = rows_of(parts, "ngrams", None, dim)
    if not isinstance(options, dict):
        raise parts.fault("no proper lengths of n-grams", got=options, expected="minn, maxn and so on")
    try:
        if "hashes" in options:
            return _floret(parts, options, rows)
        if "grams" in parts.words:
            return _named(parts, options, rows)
        minn, maxn, buckets = _numbers(parts, options, ("minn", "maxn", "buckets"), 1 << 63)
        if "hash" in options:
            return BucketNgrams(
                rows, minn, maxn, buckets, options["hash"], _kept(parts, rows, buckets), bool(options.get("unit"))
            )
        return NgramRows(rows, minn, maxn, buckets, _kept(parts, rows, buckets))
    except (FirthError, TypeError) as error:
        raise parts.fault(f"the n-grams don't fit: {error}") from error


def _numbers(parts: Parts, options: dict[str, Any], names: tuple[str, ...], limit: int) -> list[int]:
    values = [options.get(name) for name in names]
    if not all(type(value) is int and 0 <= value < limit for value in values):
        raise parts.fault("no proper lengths of n-grams", got=options, expected=", ".join(names))
    return [int(value) for value in values if value is not None]


def _kept(parts: Parts, rows: Rows, buckets: int) -> KeptBuckets | None:
    if "kept" not in parts.tensors:
        return None
    pairs = parts.tensor("kept", np.int64, (len(rows), 2))
    last = min(buckets, 1 << 31)
    if len(pairs) and (pairs.min() < 0 or pairs[:, 1].max() >= len(rows) or pairs[:, 0].max() >= last):
        raise parts.fault("a kept n-gram has no row")
    if len(np.unique(pairs[:, 0])) != len(pairs):
        raise parts.fault("a kept n-gram stands twice")
    return KeptBuckets(pairs[:, 0], pairs[:, 1])


def _named(parts: Parts, options: dict[str, Any], rows: Rows) -> NamedNgrams:
    minn, maxn = _numbers(parts, options, ("minn", "maxn"), 1 << 31)
    grams = parts.words["grams"]
    places = parts.tensor("places", np.int64, (len(grams),))
    return NamedNgrams(rows, minn, maxn, dict(zip(grams, places.tolist(), strict=True)), bool(options.get("unit")))


def _floret(parts: Parts, options: dict[str, Any], rows: Rows) -> FloretRows:
    numbers = _numbers(parts, options, ("minn", "maxn", "hashes", "seed"), 1 << 32)
    frame = options.get("begin"), options.get("end")
    if not all(isinstance(mark, str) for mark in frame) or not 1 <= numbers[2] <= 4 or not len(rows):
        raise parts.fault("no proper table of floret", got=options)
    minn, maxn, hashes, seed = numbers
    return FloretRows(rows, minn, maxn, hashes, seed, *map(str, frame))
