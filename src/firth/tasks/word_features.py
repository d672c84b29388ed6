"""What a task knows of words before it learns: vectors of their own, vectors in context, or given rows of numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from firth.errors import DataError
from firth.protocols import Float32, Representation
from firth.vectors.static import Vectors

__all__ = ["CASES", "ContextWords", "GivenRows", "Source", "StaticWords", "Steps", "source_of"]

CASES = ("fallback", "exact")
Steps: TypeAlias = Any  # a sentence: a sequence of str, or an array of shape (n_steps, dim)

_REMEMBERED = 1_000_000  # words whose rows are kept at hand


class Source(Protocol):
    """Something that gives each word of a sentence a vector, or several layers of them."""

    @property
    def dim(self) -> int:
        """Length of every vector."""
        ...

    @property
    def layers(self) -> int:
        """Layers that the task is to mix; 0 of one that has a single vector for a word."""
        ...

    def arrays(self, sentences: Sequence[Steps]) -> list[Float32]:
        """Return an array for each sentence, ``(n, dim)`` or ``(n_layers, n, dim)``."""
        ...


@dataclasses.dataclass(frozen=True)
class GivenRows:
    """Sentences that are matrices already, one row a step."""

    dim: int
    layers: int = 0

    def arrays(self, sentences: Sequence[Steps]) -> list[Float32]:
        """Return the matrices, checked."""
        found = []
        for rows in sentences:
            array = np.asarray(rows)
            if array.ndim != 2 or array.shape[1] != self.dim or array.dtype.kind not in "fiu":
                raise DataError(
                    "no matrix of features", got=f"{array.dtype} {array.shape}", expected=f"(n, {self.dim})"
                )
            array = array.astype(np.float32)
            if not np.isfinite(array).all():
                raise DataError("a feature is not a finite number")
            found.append(array)
        return found


class StaticWords:
    """One vector a word.

    A word is looked up as it is written, else (``fallback``) lower-cased, else with digits as 0 too; else it is
    composed of its n-grams where the vectors have any. What is unknown then gets zeros, unless the vectors' own policy
    (``random``, ``mean``, ``unk``) says otherwise.

    Examples
    --------
    >>> words = StaticWords(Vectors(["apple"], [[1.0, 2.0]]))
    >>> words.arrays([["Apple", "durian"]])[0].tolist()
    [[1.0, 2.0], [0.0, 0.0]]
    """

    layers = 0

    def __init__(self, vectors: Vectors, case: str = "fallback") -> None:
        self.vectors = vectors.with_policy("zero") if vectors.oov in ("error", "skip") else vectors
        self.case = case
        self._rows: dict[str, int] = {}
        self._others: dict[str, Float32] = {}

    @property
    def dim(self) -> int:
        """Length of every vector."""
        return self.vectors.dim

    def row(self, word: str) -> int:
        """Return the row of a word, or -1."""
        row = self._rows.get(word)
        if row is None:
            if len(self._rows) >= _REMEMBERED:
                self._rows.clear()
                self._others.clear()
            row = self._rows[word] = self._found(word)
        return row

    def _found(self, word: str) -> int:
        row = self.vectors.words.find(word)
        if row >= 0 or self.case == "exact":
            return row
        lower = word.lower()
        folded = "".join("0" if character.isdecimal() else character for character in lower)
        return next((row for other in (lower, folded) if (row := self.vectors.words.find(other)) >= 0), -1)

    def arrays(self, sentences: Sequence[Steps]) -> list[Float32]:
        """Return the vectors of each sentence's words."""
        return [self._array(sentence) for sentence in sentences]

    def _array(self, words: Sequence[str]) -> Float32:
        rows = np.fromiter(map(self.row, words), np.int64, len(words))
        found = np.empty((len(words), self.dim), np.float32)
        known = rows >= 0
        if known.any():
            found[known] = self.vectors.store[rows[known]]
        for place in np.flatnonzero(~known):
            word = words[int(place)]
            if word not in self._others:
                self._others[word] = self.vectors.vector(word)
            found[place] = self._others[word]
        return found


class ContextWords:
    """Vectors that depend on the sentence: all layers, for the task to mix, or what the representation itself mixes.

    Parameters
    ----------
    representation : Representation
    mix : bool
        Whether the task learns the weights of the layers.
    """

    def __init__(self, representation: Representation, mix: bool = True) -> None:
        self.representation = representation
        self.layers = 0
        if mix:
            layers = representation.encode_layers([[]])[0].shape[0]
            self.layers = layers if layers > 1 else 0

    @property
    def dim(self) -> int:
        """Length of every vector."""
        return self.representation.dim

    def arrays(self, sentences: Sequence[Steps]) -> list[Float32]:
        """Return the layers, or the vectors, of each sentence."""
        if self.layers:
            return self.representation.encode_layers(sentences)
        return self.representation.encode(sentences)


def source_of(representation: Representation, case: str, mix: bool) -> Source:
    """Return a representation as a source of word features."""
    if isinstance(representation, Vectors):
        return StaticWords(representation, case)
    return ContextWords(representation, mix)
