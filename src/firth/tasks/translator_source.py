"""What a translator reads: texts as pieces, given rows of numbers, or words by their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.seq2seq.shape import EOS, MARKS
from firth.tasks.translator_data import rows_of
from firth.tasks.translator_pieces import Pieces, checked_text
from firth.tasks.word_features import StaticWords
from firth.vectors.static import Vectors

__all__ = ["GivenSource", "Read", "Source", "TextSource", "VectorSource"]

Read: TypeAlias = "list[int] | NDArray[np.float32]"  # of one source: ids without marks, or rows


class Source(Protocol):
    """From what is given to what the net reads."""

    def read(self, given: Sequence[Any]) -> list[Read]:
        """Return ids or rows of each; one that says nothing has none."""
        ...

    def names(self, given: Any) -> list[str]:
        """Return what to call each step that attention can look at."""
        ...


class TextSource:
    """Texts, as pieces; the mark of the end is a step too."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces

    def read(self, given: Sequence[Any]) -> list[Read]:
        """Return the ids of texts."""
        return list(self.pieces.encode([text_of(text) for text in given]))

    def names(self, given: Any) -> list[str]:
        """Return the pieces as they are written, and the end."""
        return [*self.pieces.surfaces(text_of(given)), MARKS[EOS]]


class GivenSource:
    """Vectors and matrices of a number of features."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def read(self, given: Sequence[Any]) -> list[Read]:
        """Return the matrices, checked."""
        found: list[Read] = []
        for source in given:
            rows = rows_of(source)
            if rows.shape[1] != self.dim:
                raise DataError("the features are others in number", got=rows.shape[1], expected=str(self.dim))
            found.append(rows)
        return found

    def names(self, given: Any) -> list[str]:
        """Return the numbers of rows, from 1."""
        return [str(row + 1) for row in range(len(rows_of(given)))]


class VectorSource:
    """Words by their vectors; of what is no word itself, each part between blanks that is one."""

    def __init__(self, vectors: Vectors, case: str = "fallback") -> None:
        self.words = StaticWords(vectors, case)

    def read(self, given: Sequence[Any]) -> list[Read]:
        """Return a row for each word; none for what has no vector."""
        found: list[Read] = []
        for source in given:
            words = self.names(source)
            found.append(self.words.arrays([words])[0] if words else np.zeros((0, self.words.dim), np.float32))
        return found

    def names(self, given: Any) -> list[str]:
        """Return the words that have vectors."""
        text = text_of(given).strip()
        return [text] if self._known(text) else [word for word in text.split() if self._known(word)]

    def _known(self, word: str) -> bool:
        return bool(word) and (self.words.row(word) >= 0 or self.words.vectors.knows(word))


def text_of(given: Any) -> str:
    """Return a text, or words given in a list, as one text.

    Raises
    ------
    DataError
        When it is neither, or holds bytes that are no UTF-8.
    """
    if isinstance(given, list | tuple) and all(isinstance(word, str) for word in given):
        given = " ".join(given)
    if not isinstance(given, str):
        raise DataError("a source is no text", got=given, expected="a str")
    return checked_text(given)
