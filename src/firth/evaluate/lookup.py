"""How the words of an evaluation set are found in a vocabulary: letter case, and blanks inside a phrase."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError
from firth.vectors.static import Vectors

__all__ = ["CASES", "Case", "check_choice", "fold_groups", "word_finder"]

Case: TypeAlias = Literal["fallback", "exact", "ignore"]
CASES = ("fallback", "exact", "ignore")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ConfigError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ConfigError(f"{name} is not one of the choices", got=value, expected="one of " + ", ".join(choices))


def word_finder(vectors: Vectors, case: Case, limit: int) -> Callable[[str], int | None]:
    """Return a function from a word to its row among the first ``limit``, or to None.

    Parameters
    ----------
    vectors : Vectors
    case : {"fallback", "exact", "ignore"}
        ``fallback`` takes the word as it is written, else lower-cased; ``exact`` only as it is written; ``ignore``
        the first row that differs in letter case alone (the most frequent one, where rows go by frequency).
    limit : int
        Rows from here on are as if they were not there.

    Notes
    -----
    A word with blanks inside, ``New York``, is looked up as ``New_York`` too.
    """
    check_choice("case", case, CASES)
    if case == "ignore":
        folded: dict[str, int] = {}
        for row, word in enumerate(vectors.words[:limit]):
            folded.setdefault(word.upper(), row)

    known: dict[str, int | None] = {}

    def row_of(word: str) -> int | None:
        if case == "ignore":
            return folded.get(word.upper())
        for form in (word,) if case == "exact" else (word, word.lower()):
            if form in vectors and (row := int(vectors.index(form))) < limit:
                return row
        return None

    def find(word: str) -> int | None:
        if word not in known:
            row = row_of(word)
            known[word] = row_of("_".join(word.split())) if row is None and " " in word else row
        return known[word]

    return find


def fold_groups(vectors: Vectors, limit: int) -> NDArray[np.int64]:
    """Return for each of the first ``limit`` rows the first row that differs from it in letter case alone."""
    first: dict[str, int] = {}
    rows = (first.setdefault(word.upper(), row) for row, word in enumerate(vectors.words[:limit]))
    return np.fromiter(rows, dtype=np.int64)
