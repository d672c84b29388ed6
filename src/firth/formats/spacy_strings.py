"""How spaCy numbers strings: MurmurHash64A (Austin Appleby, public domain) with seed 1, or a symbol's place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firth.formats.spacy_symbols import SYMBOLS

__all__ = ["keys_of"]

_M = np.uint64(0xC6A4A7935BD1E995)
_R = np.uint64(47)
_SEED = 1


def keys_of(words: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the keys of strings (their UTF-8), shape (n,); the empty string has 0.

    Examples
    --------
    >>> keys_of([b"the", "水".encode(), b"NOUN", b""]).tolist()
    [7425985699627899538, 12859236684866968580, 92, 0]
    """
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    found = np.zeros(len(words), dtype=np.uint64)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        joined = np.frombuffer(b"".join(words[row] for row in rows.tolist()), dtype=np.uint8)
        found[rows] = _hashed(joined.reshape(len(rows), length))
    for row in np.flatnonzero(lengths <= _LONGEST_SYMBOL).tolist():
        found[row] = _SYMBOLS.get(words[row], found[row])
    return found


_SYMBOLS = {b"": 0} | {name.encode(): number for name, number in SYMBOLS.items()}
_LONGEST_SYMBOL = max(map(len, _SYMBOLS))


def _hashed(raw: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the hashes of strings of one length, shape (n, length)."""
    length = raw.shape[1]
    with np.errstate(over="ignore"):
        value = np.full(len(raw), np.uint64(_SEED) ^ (np.uint64(length) * _M), dtype=np.uint64)
        whole = length // 8 * 8
        for start in range(0, whole, 8):
            block = np.ascontiguousarray(raw[:, start : start + 8]).view("<u8")[:, 0] * _M
            block ^= block >> _R
            value = (value ^ (block * _M)) * _M
        if length > whole:
            tail = np.zeros((len(raw), 8), dtype=np.uint8)
            tail[:, : length - whole] = raw[:, whole:]
            value = (value ^ tail.view("<u8")[:, 0]) * _M
        value ^= value >> _R
        value *= _M
        value ^= value >> _R
    return value
