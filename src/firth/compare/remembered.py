"""A contextual representation that computes each sentence of a task once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from firth.events import Listener
from firth.protocols import Float32, Representation, Sentence
from firth.tasks.feature_cache import FeatureCache
from firth.tasks.word_features import ContextWords

__all__ = ["Remembered"]


class Remembered:
    """The representation it was given, with the layers of some sentences kept.

    Parameters
    ----------
    given : Representation
    sentences : sequence of list of str
    room : int
        Bytes of memory; what is larger lies on disk.
    listen : callable
    """

    def __init__(self, given: Representation, sentences: Sequence[Sequence[str]], room: int, listen: Listener) -> None:
        self.given = given
        distinct = list(dict.fromkeys(tuple(sentence) for sentence in sentences if len(sentence)))
        self._numbers = {sentence: number for number, sentence in enumerate(distinct)}
        self._source = ContextWords(given)
        self._kept = FeatureCache(self._source, [list(sentence) for sentence in distinct], room, listen)

    @property
    def dim(self) -> int:
        """Length of every vector."""
        return self.given.dim

    def encode(self, sentences: Iterable[Sentence]) -> list[Float32]:
        """Return the vectors as the representation itself mixes them."""
        return self.given.encode(sentences)

    def encode_layers(self, sentences: Iterable[Sentence]) -> list[Float32]:
        """Return all layers of each sentence, ``(n_layers, n_tokens, dim)``."""
        asked = [tuple(sentence) for sentence in sentences]
        others = [place for place, sentence in enumerate(asked) if sentence not in self._numbers]
        found: dict[int, Float32] = {}
        if others:
            arrays = self.given.encode_layers([list(asked[place]) for place in others])
            found = dict(zip(others, arrays, strict=True))
        known = [place for place in range(len(asked)) if place not in found]
        for place, array in zip(known, self._kept.arrays([self._numbers[asked[p]] for p in known]), strict=True):
            found[place] = array if self._source.layers else np.asarray(array[None])
        return [found[place] for place in range(len(asked))]
