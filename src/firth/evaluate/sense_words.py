"""What tells a sense of a word: the words around it, and its nearest neighbours in context."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from firth.evaluate.in_context import Layer, Place, span_vectors, unit_rows
from firth.protocols import Float32, Representation

__all__ = ["Neighbour", "characteristic_words", "context_counts", "nearest_in_context"]

_PRIOR = 100.0  # tokens that the background weighs as much as
_LEAST_Z = 1.64  # the one-sided 5 % point


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """A token of another sentence: its place and its cosine with the centre of a sense."""

    place: Place
    cosine: float

    @property
    def word(self) -> str:
        """The token."""
        return self.place.sentence[self.place.start]


def context_counts(places: Iterable[Place], reach: int) -> Counter[str]:
    """Count the tokens at most ``reach`` away from places; a token that two places share in a sentence counts twice."""
    counts: Counter[str] = Counter()
    for place in places:
        counts.update(place.sentence[max(0, place.start - reach) : place.start])
        counts.update(place.sentence[place.end : place.end + reach])
    return counts


def characteristic_words(
    here: Mapping[str, int], there: Mapping[str, int], background: Mapping[str, int], n: int
) -> list[tuple[str, float]]:
    """Return the words that are more frequent here than there, with how sure that is.

    The z-score of the log odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, equations 16
    and 22); the prior is the background's distribution, worth 100 tokens. Words below 1.64 are left out.

    Parameters
    ----------
    here, there : mapping from str to int
        Counts of words.
    background : mapping from str to int
        Counts in the whole text; its words include those of ``here``.
    n : int
        How many words.

    Examples
    --------
    >>> words = characteristic_words({"pie": 9, "the": 9}, {"phone": 9, "the": 9}, {"pie": 9, "phone": 9, "the": 99}, 2)
    >>> [word for word, _ in words]
    ['pie']
    """
    words = list(here)
    if not words:
        return []
    prior = np.array([background.get(word, 0) for word in words], np.float64)
    prior = _PRIOR * np.maximum(prior, 1) / max(sum(background.values()), 1)
    mine = np.array([here[word] for word in words], np.float64)
    others = np.array([there.get(word, 0) for word in words], np.float64)
    n_mine, n_others = sum(here.values()), sum(there.values())
    odds = np.log((mine + prior) / np.maximum(n_mine + _PRIOR - mine - prior, 1e-9))
    odds -= np.log((others + prior) / np.maximum(n_others + _PRIOR - others - prior, 1e-9))
    z = odds / np.sqrt(1 / (mine + prior) + 1 / (others + prior))
    order = np.argsort(-z, kind="stable")[:n]
    return [(words[i], float(z[i])) for i in order if z[i] >= _LEAST_Z]


def nearest_in_context(
    model: Representation,
    centres: Float32,
    sentences: Sequence[tuple[str, ...]],
    n: int,
    *,
    layer: Layer = "mix",
    without: frozenset[str] = frozenset(),
) -> list[list[Neighbour]]:
    """Return the tokens whose vectors in their sentences are nearest to each centre (Peters et al. 2018, table 4).

    Each word is given once, where it is nearest.

    Parameters
    ----------
    model : Representation
    centres : ndarray of float32, shape (k, dim)
        Unit vectors.
    sentences : sequence of tuple of str
        Encoded some at a time; no vector is kept.
    n : int
        Neighbours of each centre.
    layer : int or "mix"
    without : frozenset of str
        Words that are no neighbours, in lower case.
    """
    best: list[dict[str, Neighbour]] = [{} for _ in centres]
    for sentence, cosines in _cosines(model, centres, sentences, layer):
        for found, row in zip(best, cosines, strict=True):
            for at in np.argsort(-row, kind="stable").tolist()[: n + len(without)]:
                word, cosine = sentence[at].casefold(), float(row[at])
                if word in without or (word in found and found[word].cosine >= cosine):
                    continue
                found[word] = Neighbour(Place(sentence, at, at + 1), cosine)
        best = [_largest(found, 4 * n) for found in best]
    return [list(_largest(found, n).values()) for found in best]


def _cosines(
    model: Representation, centres: Float32, sentences: Sequence[tuple[str, ...]], layer: Layer
) -> Iterator[tuple[tuple[str, ...], Float32]]:
    """Yield each sentence with the cosines (k, n_tokens) of its tokens with the centres."""
    items = ((sentence, [(at, at + 1) for at in range(len(sentence))]) for sentence in sentences)
    for sentence, vectors in zip(sentences, span_vectors(model, items, layer=layer), strict=True):
        yield sentence, centres @ unit_rows(vectors).T


def _largest(found: Mapping[str, Neighbour], n: int) -> dict[str, Neighbour]:
    """Return the ``n`` nearest, nearest first."""
    return dict(sorted(found.items(), key=lambda item: -item[1].cosine)[:n])
