"""Similarity of words in context: SCWS (Huang et al. 2012)."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from firth.errors import DataError, FormatError
from firth.evaluate.in_context import Place, cosine_rows, layer_names, model_tokenizer, place_vectors, retokenised
from firth.evaluate.lookup import word_finder
from firth.metrics import spearman
from firth.protocols import Float64, Representation
from firth.text.lines import lines_of
from firth.text.sources import TextFile, chunks
from firth.text.tokenize import Tokenizer
from firth.vectors.static import Vectors

__all__ = ["ContextPair", "ContextSimilarityScore", "read_scws", "similarity_in_context"]

_FIELDS = 8  # and the single ratings behind them


@dataclasses.dataclass(frozen=True)
class ContextPair:
    """Two words in their contexts and how similar people found them, from 0 to 10."""

    words: tuple[str, str]
    places: tuple[Place, Place]
    score: float


@dataclasses.dataclass(frozen=True)
class ContextSimilarityScore:
    """How cosines rank the pairs of a set.

    Attributes
    ----------
    name, path : str
        The file's name without its suffix, and the file.
    system : str
        A layer, the mean of the layers, or ``static vectors``.
    pairs, found : int
        Pairs in the file, and those with a vector for both words.
    spearman : float
        Rank correlation with the human scores, in [-1, 1]; NaN where it is undefined.
    """

    name: str
    path: str
    system: str
    pairs: int
    found: int
    spearman: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; an undefined figure is None."""
        return dataclasses.asdict(self) | {"spearman": None if math.isnan(self.spearman) else self.spearman}


def read_scws(path: str | Path) -> list[ContextPair]:
    """Read SCWS: ``id word pos word pos context context mean rating...``, parted by tabs, the words in ``<b> </b>``.

    Raises
    ------
    DataError
        When there is no such file or no pair in it.
    FormatError
        When a line is not so.
    """
    file = TextFile(str(path))
    pairs = []
    with file.open() as opened:
        for number, line in enumerate(lines_of(chunks(opened, file.name)), 1):
            text = line.decode("utf-8", "replace").rstrip("\r")
            if text.strip():
                pairs.append(_pair(text.split("\t"), Path(path), number))
    if not pairs:
        raise DataError("the set holds no pairs", got=str(path))
    return pairs


def _pair(fields: list[str], path: Path, number: int) -> ContextPair:
    try:
        if len(fields) < _FIELDS:
            raise ValueError(f"{len(fields)} fields of {_FIELDS}")
        score = float(fields[7])
        if not math.isfinite(score):
            raise ValueError("the mean rating is not finite")
        return ContextPair((fields[1], fields[3]), (_marked(fields[5]), _marked(fields[6])), score)
    except ValueError as error:
        raise FormatError(f"line {number:,} is no pair in context ({error})", path=path) from error


def _marked(context: str) -> Place:
    """Return the place of the tokens between ``<b>`` and ``</b>``."""
    before, opened, rest = context.partition("<b>")
    word, closed, behind = rest.partition("</b>")
    if not opened or not closed or not word.split():
        raise ValueError("a context marks no word with <b> </b>")
    head, inside = before.split(), word.split()
    return Place((*head, *inside, *behind.split()), len(head), len(head) + len(inside))


def similarity_in_context(
    model: Representation, path: str | Path, *, tokenizer: Tokenizer | None = None
) -> list[ContextSimilarityScore]:
    """Score a model on SCWS, one score for each layer, or one for static vectors.

    Parameters
    ----------
    model : Representation
        A contextual one gives the cosine of both words in their contexts; :class:`~firth.vectors.static.Vectors` that
        of the words as such, in lower case where they are unknown as written.
    path : path-like
    tokenizer : Tokenizer, optional
        Cuts the contexts' tokens anew; by default the model's own.

    Raises
    ------
    DataError, FormatError
        When the file cannot be read.
    """
    pairs = read_scws(path)
    human = np.array([pair.score for pair in pairs])
    systems: dict[str, Float64] = {}  # NaN where a pair has none
    if isinstance(model, Vectors):
        systems["static vectors"] = _static_cosines(model, pairs)
    else:
        cosines = _layer_cosines(model, pairs, tokenizer or model_tokenizer(model))
        for row, label in enumerate(layer_names(max(len(cosines) - 1, 1))):
            systems[f"layer {label}" if label.isdigit() else label] = cosines[row]
    name = Path(path).name.partition(".")[0]
    scores = []
    for system, values in systems.items():
        known = np.isfinite(values)
        rank = float(spearman(values[known], human[known]))
        scores.append(ContextSimilarityScore(name, str(path), system, len(pairs), int(known.sum()), rank))
    return scores


def _static_cosines(vectors: Vectors, pairs: list[ContextPair]) -> Float64:
    find = word_finder(vectors, "fallback", len(vectors))
    found = np.full(len(pairs), np.nan)
    for number, pair in enumerate(pairs):
        rows = [find(word) for word in pair.words]
        if None not in rows:
            first, second = (vectors.store[row] for row in rows)
            found[number] = cosine_rows(first, second)
    return found


def _layer_cosines(model: Representation, pairs: list[ContextPair], how: Tokenizer | None) -> Float64:
    """Return the cosines, (n_layers + 1, n_pairs)."""
    places = [_retold(place, how) for pair in pairs for place in pair.places]
    vectors = place_vectors(model, [place for place in places if place.word], layer="all")
    rows = np.full((len(places), *vectors.shape[1:]), np.nan, np.float32)
    rows[[bool(place.word) for place in places]] = vectors
    return cosine_rows(rows[0::2], rows[1::2]).T.astype(np.float64)


def _retold(place: Place, how: Tokenizer | None) -> Place:
    tokens, [(start, end)] = retokenised(place.sentence, [(place.start, place.end)], how)
    return Place(tuple(tokens), start, end)
