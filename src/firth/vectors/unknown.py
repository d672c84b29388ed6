"""What stands in for a word without a vector, chosen by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from firth.errors import ConfigError
from firth.protocols import Float32

if TYPE_CHECKING:
    from firth.vectors.static import Vectors

__all__ = ["POLICIES", "checked_policy", "stand_in"]


def _mean(vectors: Vectors, word: str) -> Float32:
    step = max(1, (1 << 20) // vectors.dim)
    blocks = (np.asarray(vectors.store[at : at + step]) for at in range(0, len(vectors), step))
    total = sum((block.sum(axis=0, dtype=np.float64) for block in blocks), np.zeros(vectors.dim))
    return np.asarray(total / max(1, len(vectors)), dtype=np.float32)


def _random(vectors: Vectors, word: str) -> Float32:
    """Draw a normal vector that depends on the word alone, as long on average as the first rows are."""
    seed = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
    drawn = np.random.default_rng(seed).standard_normal(vectors.dim)
    some = np.asarray(vectors.store[:10_000])
    scale = float(np.sqrt(np.mean(np.square(some, dtype=np.float64)))) if some.size else 1.0
    return np.asarray(drawn * scale, dtype=np.float32)


def _unk(vectors: Vectors, word: str) -> Float32:
    return np.asarray(vectors.store[vectors.words.row("<unk>")])


def _zero(vectors: Vectors, word: str) -> Float32:
    return np.zeros(vectors.dim, dtype=np.float32)


def _error(vectors: Vectors, word: str) -> Float32:
    return np.asarray(vectors.store[vectors.words.row(word)])


POLICIES: dict[str, Callable[[Vectors, str], Float32]] = {
    "error": _error,
    "skip": _zero,
    "zero": _zero,
    "random": _random,
    "mean": _mean,
    "unk": _unk,
}


def checked_policy(name: str) -> str:
    """Return ``name``.

    Raises
    ------
    ConfigError
        When no policy has it.
    """
    if name not in POLICIES:
        raise ConfigError("no such policy for unknown words", got=name, expected="one of " + ", ".join(POLICIES))
    return name


def stand_in(vectors: Vectors, word: str) -> Float32:
    """Return what the policy of ``vectors`` gives for a word that they lack, shape (dim,).

    Raises
    ------
    UnknownWordError
        Under ``error``, and under ``unk`` where there is no ``<unk>``.
    """
    return POLICIES[vectors.oov](vectors, word)
