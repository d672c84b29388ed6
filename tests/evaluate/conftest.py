"""A contextual representation without torch: a word's own vector, mixed with those of its neighbours."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.evaluate.sense_sets import read_semcor
from firth.evaluate.sense_vectors import SeenSenses
from firth.protocols import Float32


class NeighbourMix:
    """Layer 0 is a word's random vector; layer 1 half of that and half the mean of the words at most ``reach`` away.

    Words of one topic, given as ``topics``, have nearly the same vector.
    """

    def __init__(self, dim: int = 32, reach: int = 3, topics: Sequence[Sequence[str]] = ()) -> None:
        self.dim, self.reach = dim, reach
        self.metadata: dict[str, Any] = {}
        self.topic_of = {word: topic for topic, words in enumerate(topics) for word in words}
        self.encoded = 0

    def vector(self, word: str) -> Float32:
        """Return a word's own vector."""
        own = np.random.default_rng(zlib.crc32(word.encode())).normal(size=self.dim)
        if word in self.topic_of:
            own = 0.1 * own + np.random.default_rng(self.topic_of[word]).normal(size=self.dim)
        return own.astype(np.float32)

    def encode(self, sentences: Iterable[Sequence[str]]) -> list[Float32]:
        """Return the mean of the layers."""
        return [layers.mean(0) for layers in self.encode_layers(sentences)]

    def encode_layers(self, sentences: Iterable[Sequence[str]]) -> list[Float32]:
        """Return both layers, (2, n_tokens, dim)."""
        return [self._layers(sentence) for sentence in sentences]

    def _layers(self, sentence: Sequence[str]) -> Float32:
        self.encoded += 1
        own = np.array([self.vector(word) for word in sentence], np.float32).reshape(len(sentence), self.dim)
        mixed = own.copy()
        for at in range(len(sentence)):
            begin, end = max(0, at - self.reach), at + self.reach + 1
            near = [own[other] for other in range(begin, min(end, len(sentence))) if other != at]
            if near:
                mixed[at] = 0.3 * own[at] + 0.7 * np.mean(near, axis=0)
        return np.stack([own, mixed])


@pytest.fixture(scope="session")
def neighbour_mix() -> type[NeighbourMix]:
    """Return the class of a small contextual model."""
    return NeighbourMix


@pytest.fixture(scope="session")
def seen(data: Callable[[str], Path]) -> SeenSenses:
    """The senses of the real SemCor, read once."""
    return SeenSenses.counted(read_semcor(data("semcor3.0/semcor3.0.tar.zst")))
