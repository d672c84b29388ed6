"""The senses of a word in a text: its occurrences grouped by their contextual vectors."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, DataError
from firth.evaluate.clusters import Clustering, cluster
from firth.evaluate.in_context import Layer, Place, model_tokenizer, place_vectors, refuse_static, unit_rows
from firth.evaluate.lookup import check_choice
from firth.evaluate.occurrences import Occurrences, find_occurrences, other_sentences, word_tokens
from firth.evaluate.sense_words import Neighbour, characteristic_words, context_counts, nearest_in_context
from firth.events import Listener, Notice
from firth.protocols import Float32, Representation
from firth.text.corpus import Corpus, as_corpus
from firth.text.tokenize import Tokenizer

__all__ = ["Sense", "Typical", "WordSenses", "senses"]

MOST_OCCURRENCES = 5000  # the tree over them needs n (n - 1) / 2 distances
_REACH = 10  # tokens of each side that can be characteristic
_SAME = 1e-5  # largest difference of unit vectors that were made from the word alone


@dataclasses.dataclass(frozen=True)
class Typical:
    """An occurrence, its sentence's number in the text (from 1), and its cosine with the centre of its sense."""

    place: Place
    line: int
    cosine: float


@dataclasses.dataclass(frozen=True)
class Sense:
    """A group of occurrences.

    Attributes
    ----------
    share : float
        Share of the occurrences looked at.
    n : int
        How many they are.
    typical : tuple of Typical
        The occurrences nearest to the centre.
    words : tuple of (str, float)
        Words around it that are more frequent than around the other senses (than in the text, if there is one sense),
        with their z-scores.
    neighbours : tuple of Neighbour
        Tokens of sentences without the word whose vectors there are nearest to the centre.
    """

    share: float
    n: int
    typical: tuple[Typical, ...]
    words: tuple[tuple[str, float], ...]
    neighbours: tuple[Neighbour, ...]


@dataclasses.dataclass(frozen=True)
class WordSenses:
    """The senses of a word.

    Attributes
    ----------
    word : str
    senses : tuple of Sense
        The most frequent first.
    n_found : int
        Occurrences in the text; those looked at may be fewer.
    silhouette : float or None
        How far apart the senses are, at most 1; None for one sense.
    tried : tuple of (int, float, float)
        As in :class:`firth.evaluate.clusters.Clustering`.
    places : tuple of Place
        The occurrences looked at.
    labels : ndarray of int64, shape (n_places,)
        The sense of each.
    vectors : ndarray of float32, shape (n_places, dim)
        Their unit vectors.
    layer : int or str
        Where the vectors were taken from.
    """

    word: str
    senses: tuple[Sense, ...]
    n_found: int
    silhouette: float | None
    tried: tuple[tuple[int, float, float], ...]
    places: tuple[Place, ...]
    labels: NDArray[np.int64]
    vectors: Float32
    layer: Layer

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without the vectors."""
        return {
            "word": self.word,
            "layer": self.layer,
            "found": self.n_found,
            "used": len(self.places),
            "silhouette": self.silhouette,
            "tried": [
                {"senses": k, "silhouette": score, "by_chance": chance if np.isfinite(chance) else None}
                for k, score, chance in self.tried
            ],
            "senses": [_sense_dict(sense) for sense in self.senses],
        }


def senses(
    model: Representation,
    text: Any,
    word: str,
    *,
    n_senses: int | None = None,
    n: int = 5,
    layer: Layer = "mix",
    most: int = 500,
    context: int = 50,
    pool: int = 1000,
    case: str = "ignore",
    seed: int = 1,
    tokenizer: Tokenizer | None = None,
    listen: Listener | None = None,
) -> WordSenses:
    """Find the senses that a word has in a text.

    Parameters
    ----------
    model : Representation
        A contextual one.
    text : Corpus, path, or iterable of str or token lists
        As for :func:`firth.text.corpus.as_corpus`.
    word : str
        One token or several.
    n_senses : int, optional
        Their number; found out if left out (:func:`firth.evaluate.clusters.cluster`).
    n : int
        How many typical sentences, words and neighbours each sense gets.
    layer : int or "mix"
        The layer whose vectors are compared; by default what ``encode`` gives.
    most : int
        Of more occurrences so many are drawn, and that is told; at most 5,000.
    context : int
        Tokens on each side of the word that are encoded with it; 0 encodes whole sentences, however long.
    pool : int
        Sentences without the word in which neighbours are looked for, drawn from the text; 0 for none.
    case : {"ignore", "exact"}
        Whether letter case counts in finding the word.
    seed : int
        Of the draws.
    tokenizer : Tokenizer, optional
        Of the text; by default that of the model, else ``words``.
    listen : callable, optional
        Receives a :class:`firth.events.Notice` for what is worth knowing.

    Raises
    ------
    DataError
        When the model is static, the word does not occur, or all its vectors are equal or one is not finite.
    ConfigError
        When an option is out of range.
    """
    refuse_static(model)
    check_choice("case", case, ("ignore", "exact"))
    _check_limits(
        {"senses": (n_senses, 1), "count": (n, 1), "context": (context, 0), "pool": (pool, 0), "max": (most, 1)}
    )
    how = tokenizer or model_tokenizer(model) or Tokenizer("words")
    corpus = as_corpus(text, tokenizer=how, listen=listen)
    tokens = word_tokens(word, corpus)
    found = find_occurrences(corpus, tokens, case=case, most=most, context=context, seed=seed)
    if listen is not None and found.n_found > len(found.places):
        listen(Notice(f"{len(found.places):,} of {found.n_found:,} occurrences were drawn"))
    vectors = unit_rows(place_vectors(model, found.places, layer=layer))
    _check_vectors(vectors, found.places, layer)
    groups = cluster(vectors, n_senses, seed=seed)
    others = other_sentences(corpus, found.hit, most=pool, context=context, seed=seed) if pool else []
    look = _Look(corpus, found, vectors, groups)
    near = nearest_in_context(model, look.centres, others, n, layer=layer, without=look.itself)
    parts = tuple(_described(look, group, near[group], n) for group in range(groups.n))
    return WordSenses(
        " ".join(tokens), parts, found.n_found, groups.silhouette, groups.tried,
        found.places, groups.labels, vectors, layer,
    )  # fmt: skip


def _check_limits(limits: Mapping[str, tuple[int | None, int]]) -> None:
    for name, (value, least) in limits.items():
        if value is not None and value < least:
            raise ConfigError(f"{name} is too small", got=value, expected=f"at least {least}")
    if (limits["max"][0] or 0) > MOST_OCCURRENCES:
        raise ConfigError("max is too large", got=limits["max"][0], expected=f"at most {MOST_OCCURRENCES:,}")


def _check_vectors(unit: Float32, places: Sequence[Place], layer: Layer) -> None:
    if not np.isfinite(unit).all():
        raise DataError("the model gives vectors with NaN or infinite values")
    forms: dict[tuple[str, ...], list[int]] = {}
    for row, place in enumerate(places):
        forms.setdefault(place.word, []).append(row)
    several = [rows for rows in forms.values() if len({places[row].sentence for row in rows}) > 1]
    if several and all(float(np.abs(unit[rows] - unit[rows[:1]]).max()) < _SAME for rows in several):
        where = "model" if layer == "mix" else f"layer {layer}"
        raise DataError(
            f"the {where} gives the word the same vector in every sentence",
            remedy="use a contextual model, and a layer above its token layer",
        )


@dataclasses.dataclass(frozen=True)
class _Look:
    """The occurrences with their vectors and groups."""

    corpus: Corpus
    found: Occurrences
    vectors: Float32
    groups: Clustering

    @cached_property
    def members(self) -> list[NDArray[np.int64]]:
        """The occurrences of each group."""
        return [np.flatnonzero(self.groups.labels == group) for group in range(self.groups.n)]

    @cached_property
    def centres(self) -> Float32:
        """Unit vectors, (n_groups, dim)."""
        return unit_rows(np.stack([self.vectors[rows].mean(axis=0) for rows in self.members]))

    @cached_property
    def itself(self) -> frozenset[str]:
        """The word's tokens, in lower case."""
        return frozenset(token.casefold() for place in self.found.places for token in place.word)

    @cached_property
    def around(self) -> list[Counter[str]]:
        """The words around each group, but for the word itself."""
        counts = [context_counts((self.found.places[row] for row in rows), _REACH) for rows in self.members]
        return [Counter({word: n for word, n in each.items() if word.casefold() not in self.itself}) for each in counts]

    @cached_property
    def background(self) -> dict[str, int]:
        """The words of the whole text."""
        return dict(zip(self.corpus.vocab.words, self.corpus.vocab.counts.tolist(), strict=True))

    def elsewhere(self, group: int) -> Mapping[str, int]:
        """Return the words around the other groups, or those of the text where there are none."""
        if self.groups.n == 1:
            return self.background
        return sum((counts for other, counts in enumerate(self.around) if other != group), Counter())


def _described(look: _Look, group: int, near: Sequence[Neighbour], n: int) -> Sense:
    rows = look.members[group]
    words = characteristic_words(look.around[group], look.elsewhere(group), look.background, n)
    typical = _typical(look.found, look.vectors @ look.centres[group], rows, n)
    return Sense(len(rows) / len(look.vectors), len(rows), typical, tuple(words), tuple(near))


def _typical(found: Occurrences, cosines: Float32, rows: NDArray[np.int64], n: int) -> tuple[Typical, ...]:
    """Return the ``n`` occurrences nearest to the centre, sentences that are the same only once."""
    chosen: dict[tuple[str, ...], Typical] = {}
    for row in rows[np.argsort(-cosines[rows], kind="stable")].tolist():
        place = found.places[row]
        chosen.setdefault(place.sentence, Typical(place, found.lines[row] + 1, float(cosines[row])))
        if len(chosen) == n:
            break
    return tuple(chosen.values())


def _sense_dict(sense: Sense) -> dict[str, Any]:
    return {
        "share": sense.share,
        "n": sense.n,
        "words": [{"word": word, "z": z} for word, z in sense.words],
        "typical": [
            {"line": each.line, "cosine": each.cosine} | _place_dict(each.place) for each in sense.typical
        ],
        "neighbours": [
            {"word": each.word, "cosine": each.cosine} | _place_dict(each.place) for each in sense.neighbours
        ],
    }  # fmt: skip


def _place_dict(place: Place) -> dict[str, Any]:
    return {"sentence": list(place.sentence), "start": place.start, "end": place.end}
