"""N-gram models as parts of a model's folder: the trie's arrays, mapped on load, codes where it is quantised.

Of an order, ``word`` (int32), ``suffix`` (int32), ``first`` (int32, or int64 where it must be), ``log_prob`` and
``backoff`` (float32) are tensors of their own, such as ``word3``. What follows from others is not stored: the single
words, and the suffixes of pairs.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.formats.lexicon_parts import lexicon_apart, lexicon_together
from firth.lm.ngram_model import NGramModel
from firth.lm.ngram_table import Level, NGramTable

__all__ = ["KINDS"]

_HIGHEST = 255


def _apart(model: NGramModel) -> Parts:
    tensors: dict[str, NDArray[Any]] = {}
    for size, level in enumerate(model.plain().levels, 1):
        tensors |= _level_apart(level, size)
    config = {"model": "ngram", **model.metadata, "ngram": {"order": model.order}}
    parts = lexicon_apart(model.lexicon, config, tensors)
    # The widest numbers first, so that each tensor is aligned.
    widest = sorted(parts.tensors.items(), key=lambda item: -item[1].dtype.itemsize)
    return dataclasses.replace(parts, tensors=dict(widest))


def _level_apart(level: Level, size: int) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {f"log_prob{size}": level.log_prob}
    if size > 1:
        found[f"word{size}"] = level.word
    if size > 2:
        found[f"suffix{size}"] = level.suffix
    if len(level.first):
        narrow = int(level.first[-1]) < 1 << 31
        found[f"first{size}"] = level.first.astype(np.int32, copy=False) if narrow else level.first
        found[f"backoff{size}"] = level.backoff
    return found


def _together(parts: Parts, reading: Reading) -> NGramModel:
    if reading.limit is not None:
        raise parts.fault("an n-gram model cannot be read in part", got=f"limit {reading.limit}")
    lexicon = lexicon_together(parts)
    config = dict(parts.config)
    options = config.pop("ngram", None)
    order = options.get("order") if isinstance(options, dict) else None
    if type(order) is not int or not 1 <= order <= _HIGHEST:
        raise parts.fault("no proper order of an n-gram model", got=options, expected=f"order 1 to {_HIGHEST}")
    levels = tuple(_level(parts, size, order, len(lexicon)) for size in range(1, order + 1))
    try:
        return NGramModel(lexicon, NGramTable(levels), config)
    except DataError as error:
        raise parts.fault(error.what, got=error.got) from error


def _level(parts: Parts, size: int, order: int, n_words: int) -> Level:
    none = np.zeros(0, np.int32)
    log_prob = parts.tensor(f"log_prob{size}", np.float32, (n_words if size == 1 else None,))
    n = len(log_prob)
    word = np.arange(n, dtype=np.int32) if size == 1 else parts.tensor(f"word{size}", np.int32, (n,))
    suffix = (none, word)[size - 1] if size <= 2 else parts.tensor(f"suffix{size}", np.int32, (n,))
    if size == order:
        return Level(word, suffix, log_prob, none.astype(np.float32), none.astype(np.int64))
    given = parts.tensors.get(f"first{size}")
    width = np.int32 if given is not None and given.dtype == np.int32 else np.int64
    first = parts.tensor(f"first{size}", width, (n + 1,))
    return Level(word, suffix, log_prob, parts.tensor(f"backoff{size}", np.float32, (n,)), first)


KINDS = (
    Kind(
        "ngram",
        "n-gram language model",
        NGramModel,
        _apart,
        _together,
        ("score", "generate", "evaluate", "convert"),
    ),
)
