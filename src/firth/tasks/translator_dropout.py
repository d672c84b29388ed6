"""BPE-dropout: each epoch reads the same words in other pieces, so that a net knows what they are made of.

Provilkov, Emelianenko and Voita 2020 ("BPE-Dropout: Simple and Effective Subword Regularization", section 3): while a
word is put together, each merge that could be next is passed over with a probability. With 0 it is BPE. A net that
always sees ``▁werden`` learns nothing of ``werd`` by it; one that at times sees ``▁werd en`` does.

A word has a number of ways to be cut, each drawn once, when it is first needed, from the seed, the way's number and the
word alone: so training that is interrupted goes on as it was, and drawing costs little.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import numpy as np

from firth.tasks.translator_pieces import Subwords

__all__ = ["VariedTexts", "cut"]

_WAYS = 16


def cut(characters: Sequence[str], ranks: dict[tuple[str, str], int], share: float, chance: random.Random) -> list[str]:
    """Return the pieces of one word.

    Parameters
    ----------
    characters : sequence of str
        What it is put together from.
    ranks : dict
        Place of each merge; low ones come first.
    share : float
        Chance that a merge is passed over.
    chance : random.Random

    Examples
    --------
    >>> merges = {("l", "o"): 0, ("lo", "w"): 1}
    >>> cut("low", merges, 0.0, random.Random(1)), cut("low", merges, 1.0, random.Random(1))
    (['low'], ['l', 'o', 'w'])
    """
    pieces = list(characters)
    while len(pieces) > 1:
        able = [
            (rank, place)
            for place, pair in enumerate(itertools.pairwise(pieces))
            if (rank := ranks.get(pair)) is not None and (not share or chance.random() >= share)
        ]
        if not able:
            break
        _, place = min(able)
        pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
    return pieces


class VariedTexts:
    """Texts that are cut into other pieces each epoch.

    Parameters
    ----------
    pieces : Subwords
    texts : sequence of str
    share : float
        Chance that a merge is passed over.
    seed : int
    """

    def __init__(self, pieces: Subwords, texts: Sequence[str], share: float, seed: int) -> None:
        self.pieces, self.share, self.seed = pieces, share, seed
        self._ranks = {pair: rank for rank, pair in enumerate(pieces.merges)}
        numbers: dict[str, int] = {}
        self._texts = [[numbers.setdefault(word, len(numbers)) for word in pieces.words(text)] for text in texts]
        self._words = list(numbers)
        self._known: dict[int, list[int]] = {}

    def epoch(self, number: int) -> list[list[int]]:
        """Return the ids of each text as they are in an epoch."""
        sizes = np.cumsum([0, *map(len, self._texts)])
        ways = np.random.default_rng([self.seed, number, 5]).integers(_WAYS, size=int(sizes[-1])).tolist()
        found = []
        for text, first in zip(self._texts, sizes.tolist(), strict=False):
            ids: list[int] = []
            for place, word in enumerate(text, first):
                ids += self._way(word, ways[place])
            found.append(ids)
        return found

    def _way(self, word: int, way: int) -> list[int]:
        key = word * _WAYS + way
        ids = self._known.get(key)
        if ids is None:
            text = self._words[word]
            chance = random.Random(f"{self.seed} {way} {text}")
            ids = self._known[key] = self.pieces.ids_of(cut(text, self._ranks, self.share, chance))
        return ids
