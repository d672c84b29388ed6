"""N-gram models as parts of a model's folder: the trie's arrays, mapped on load, codes where it is quantised.

Of an order, ``word``, ``suffix``, ``first`` (int32), ``log_prob`` and
``backoff`` (float32) are tensors of their own, such as ``word3``. What follows from others is not stored: the single
words, and the suffixes of pairs. A quantised order has ``word``, ``suffix`` and ``first`` packed in as few bits as hold
them (uint8; the bits follow from the numbers of n-grams), and codes and 256 values for ``log_prob`` and ``backoff``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, DataError
from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.formats.lexicon_parts import lexicon_apart, lexicon_together
from firth.lm.ngram_model import NGramModel
from firth.lm.ngram_quantized import VALUES, Coded, Packed, QuantizedLevel, QuantizedTable, bits_for
from firth.lm.ngram_table import Level, NGramTable

__all__ = ["KINDS"]

_HIGHEST = 255


def _apart(model: NGramModel) -> Parts:
    tensors: dict[str, NDArray[Any]] = {}
    for size, level in enumerate(model.table.levels, 1):
        tensors |= _level_apart(level, size) if isinstance(level, Level) else _quantized_apart(level, size)
    config = {"model": "ngram", **model.metadata, "ngram": {"order": model.order, "counts": model.table.counts()}}
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
        found[f"first{size}"] = level.first.astype(np.int32, copy=False)  # places are below 2^31
        found[f"backoff{size}"] = level.backoff
    return found


def _quantized_apart(level: QuantizedLevel, size: int) -> dict[str, NDArray[Any]]:
    packed = {"word": level.word, "suffix": level.suffix, "first": level.first}
    found: dict[str, NDArray[Any]] = {f"{name}{size}": part.data for name, part in packed.items() if len(part)}
    for name, coded in {"log_prob": level.log_prob, "backoff": level.backoff}.items():
        if len(coded) or name == "log_prob":
            found |= {f"{name}{size}": coded.codes, f"{name}_values{size}": coded.values}
    return found


def _together(parts: Parts, reading: Reading) -> NGramModel:
    if reading.limit is not None:
        raise parts.fault("an n-gram model cannot be read in part", got=f"limit {reading.limit}")
    lexicon = lexicon_together(parts)
    config = dict(parts.config)
    options = config.pop("ngram", None)
    counts = options.get("counts") if isinstance(options, dict) else None
    if not isinstance(counts, list) or not _proper(counts, len(lexicon)):
        raise parts.fault("no proper numbers of n-grams", got=options, expected=f"1 to {_HIGHEST}, the words first")
    packed = "log_prob_values2" in parts.tensors
    levels = [_level(parts, size, counts) for size in range(1, 2 if packed else len(counts) + 1)]
    more = [_quantized(parts, size, counts) for size in range(2, len(counts) + 1)] if packed else []
    table = QuantizedTable((*levels, *more)) if packed else NGramTable(tuple(levels))
    try:
        return NGramModel(lexicon, table, config)
    except DataError as error:
        raise parts.fault(error.what, got=error.got) from error


def _proper(counts: list[Any], n_words: int) -> bool:
    whole = all(type(count) is int and 0 <= count < 1 << 31 for count in counts)
    return whole and 1 <= len(counts) <= _HIGHEST and counts[0] == n_words


def _level(parts: Parts, size: int, counts: list[int]) -> Level:
    n, none = counts[size - 1], np.zeros(0, np.int32)
    log_prob = parts.tensor(f"log_prob{size}", np.float32, (n,))
    word = np.arange(n, dtype=np.int32) if size == 1 else parts.tensor(f"word{size}", np.int32, (n,))
    suffix = (none, word)[size - 1] if size <= 2 else parts.tensor(f"suffix{size}", np.int32, (n,))
    if size == len(counts):
        return Level(word, suffix, log_prob, none.astype(np.float32), none.astype(np.int64))
    first = parts.tensor(f"first{size}", np.int32, (n + 1,))
    return Level(word, suffix, log_prob, parts.tensor(f"backoff{size}", np.float32, (n,)), first)


def _quantized(parts: Parts, size: int, counts: list[int]) -> QuantizedLevel:
    n, highest = counts[size - 1], size == len(counts)
    above = 0 if highest else counts[size]
    return QuantizedLevel(
        _bits(parts, f"word{size}", n, counts[0]),
        _bits(parts, f"suffix{size}", n, counts[size - 2]),
        _bits(parts, f"first{size}", 0 if highest else n + 1, above + 1),
        _coded(parts, "log_prob", size, n),
        _coded(parts, "backoff", size, 0 if highest else n),
    )


def _bits(parts: Parts, name: str, n: int, below: int) -> Packed:
    bits = bits_for(below)
    if not n and name not in parts.tensors:
        return Packed.of(np.zeros(0, np.int64), bits)
    return Packed(parts.tensor(name, np.uint8, (-(-n * bits // 8) + 8,)), bits, n)


def _coded(parts: Parts, name: str, size: int, n: int) -> Coded:
    if not n and f"{name}{size}" not in parts.tensors:
        return Coded(np.zeros(0, np.uint8), np.zeros(VALUES, np.float32))
    codes = parts.tensor(f"{name}{size}", np.uint8, (n,))
    return Coded(codes, parts.tensor(f"{name}_values{size}", np.float32, (VALUES,)))


def _compress(model: NGramModel, way: str) -> tuple[NGramModel, str]:
    if way != "int8":
        raise ConfigError("no such compression of n-grams", got=way, expected="int8")
    packed = model.quantized()
    shift = max(
        (_shift(a, b) for a, b in zip(model.plain().levels[1:], packed.table.levels[1:], strict=True)), default=0
    )
    return (
        packed,
        f"int8: 256 values for the probabilities of each order; the mean shift is {shift:.2g} (base 10) at most",
    )


def _shift(before: Level, after: Level | QuantizedLevel) -> float:
    return float(np.abs(before.log_prob - after.log_prob[:]).mean(dtype=np.float64)) if len(before) else 0.0


KINDS = (
    Kind(
        "ngram",
        "n-gram language model",
        NGramModel,
        _apart,
        _together,
        ("score", "generate", "evaluate", "convert"),
        _compress,
    ),
)
