"""Words as a tagger's net spells them: ids of characters, and kinds of casing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LONGEST", "Alphabet", "casing_of"]

LONGEST = 64  # characters of a word that are read: of a longer one the first and the last 32

_FILLER, _UNKNOWN, _BEGIN, _END, _FIRST = 0, 1, 2, 3, 4


class Alphabet:
    """Ids of the characters that were seen in training, marks of a word's ends, and one id for all other characters.

    Parameters
    ----------
    characters : sequence of str
        Distinct code points, the first of which has the id 4.

    Examples
    --------
    >>> Alphabet(["a", "b"]).rows(["ab", "x"]).tolist()
    [[2, 4, 5, 3], [2, 1, 3, 0]]
    """

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = list(characters)
        self._ids = {character: place for place, character in enumerate(self.characters, _FIRST)}

    @classmethod
    def of(cls, words: Iterable[str]) -> Alphabet:
        """Return the alphabet of a text's words, the most frequent characters first."""
        counts = Counter(character for word in words for character in word)
        return cls([character for character, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))])

    @property
    def n_ids(self) -> int:
        """Number of ids, those of filler, marks and unknown characters with them."""
        return _FIRST + len(self.characters)

    def rows(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Return the ids of words, filled up with 0 to the longest, shape (n, longest)."""
        ids = [[_BEGIN, *(self._ids.get(c, _UNKNOWN) for c in _shortened(word)), _END] for word in words]
        found = np.full((len(ids), max(map(len, ids), default=1)), _FILLER, np.int64)
        for row, spelled in enumerate(ids):
            found[row, : len(spelled)] = spelled
        return found


def _shortened(word: str) -> str:
    return word if len(word) <= LONGEST else word[: LONGEST // 2] + word[-(LONGEST // 2) :]


def casing_of(word: str) -> int:
    """Return the kind of a word's casing.

    Examples
    --------
    >>> [casing_of(word) for word in ("apple", "Apple", "APPLE", "iPod", "1984", "B2B", "水")]
    [0, 1, 2, 3, 4, 5, 6]
    """
    if any(character.isdigit() for character in word):
        return 4 if not any(character.isalpha() for character in word) else 5
    if word.islower():
        return 0
    if word.isupper():
        return 2 if len(word) > 1 else 1
    if word.istitle() or (word[:1].isupper() and word[1:].islower()):
        return 1
    return 3 if word.lower() != word else 6
