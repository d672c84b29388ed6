"""Word similarity: does the cosine of two words rank pairs as people do?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from firth.evaluate.lookup import Case, check_choice, word_finder
from firth.evaluate.sets import Pair, Paths, read_pairs, set_files
from firth.metrics import bootstrap_interval, pearson, spearman
from firth.vectors.static import Vectors

__all__ = ["MISSING", "SimilarityScore", "similarity"]

MISSING = ("skip", "zero", "compose")


@dataclasses.dataclass(frozen=True)
class SimilarityScore:
    """How a similarity set ranks under a set of vectors.

    Attributes
    ----------
    name : str
        The file's name without its suffix.
    path : str
        The file.
    pairs : int
        Pairs in the file.
    found : int
        Pairs with both words in the vocabulary.
    composed : int
        Pairs with a word that is not, but was composed from its character n-grams.
    missing : {"skip", "zero", "compose"}
        What was done with pairs of unknown words.
    spearman, pearson : float
        Correlation of the cosines with the human scores, in [-1, 1]; NaN where it is undefined.
    interval : (float, float)
        Bootstrap percentile interval of ``spearman``.
    level : float
        Share of bootstrap resamples inside the interval.
    """

    name: str
    path: str
    pairs: int
    found: int
    composed: int
    missing: str
    spearman: float
    pearson: float
    interval: tuple[float, float]
    level: float

    @property
    def oov_rate(self) -> float:
        """Share of pairs with a word out of the vocabulary, in [0, 1]."""
        return 1 - self.found / self.pairs

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; an undefined figure is None."""
        values = dataclasses.asdict(self) | {"oov_rate": self.oov_rate}
        values["interval"] = [_or_none(end) for end in self.interval]
        return values | {"spearman": _or_none(self.spearman), "pearson": _or_none(self.pearson)}


def similarity(
    vectors: Vectors,
    paths: Paths,
    *,
    case: Case = "fallback",
    missing: Literal["skip", "zero", "compose"] = "skip",
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 1,
) -> list[SimilarityScore]:
    """Score vectors on similarity sets, one score per file.

    Parameters
    ----------
    vectors : Vectors
    paths : path or iterable of paths
        Files of two words and a human score a line (:func:`firth.evaluate.sets.read_pairs`), or folders of them.
    case : {"fallback", "exact", "ignore"}
        How letter case counts when words are looked up (:func:`firth.evaluate.lookup.word_finder`).
    missing : {"skip", "zero", "compose"}
        Leave out pairs with an unknown word, score them 0, or compose the word, as it is written, from its character
        n-grams where the vectors can, and leave out the rest; ``found``, ``composed`` and ``oov_rate`` tell how many.
    level, resamples, seed
        Of the bootstrap interval (:func:`firth.metrics.bootstrap_interval`).

    Returns
    -------
    list of SimilarityScore

    Raises
    ------
    DataError
        When a file is no similarity set; the message names the line.
    ConfigError
        When an option is none of its choices.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> from firth.vectors.static import Vectors
    >>> path = Path(tempfile.mkdtemp()) / "pets.txt"
    >>> _ = path.write_text("cat dog 9\\ncat car 2\\ndog tree 3\\ncat zebu 5\\n")
    >>> rows = np.array([[1, 0], [1, 0.2], [0, 1], [0.4, 1]], dtype=np.float32)
    >>> [score] = similarity(Vectors(["cat", "dog", "car", "tree"], rows), path, resamples=50)
    >>> score.found, score.pairs, round(score.spearman, 3)
    (3, 4, 1.0)
    """
    check_choice("missing", missing, MISSING)
    find = word_finder(vectors, case, len(vectors))
    scores = []
    for path in set_files(paths):
        pairs = read_pairs(path)
        rows = np.array([[_row(find, pair.first), _row(find, pair.second)] for pair in pairs], np.int64).reshape(-1, 2)
        known = (rows >= 0).all(axis=1)
        cosines, scored = _pair_cosines(vectors, pairs, rows, missing)
        human = np.array([pair.score for pair in pairs])[scored]
        cosines = cosines[scored]
        interval = bootstrap_interval(spearman, cosines, human, level=level, resamples=resamples, seed=seed)
        composed = int((scored & ~known).sum()) if missing == "compose" else 0
        scores.append(
            SimilarityScore(
                path.stem, str(path), len(pairs), int(known.sum()), composed, missing,
                spearman(cosines, human), pearson(cosines, human), interval, level,
            )
        )  # fmt: skip
    return scores


def _row(find: Callable[[str], int | None], word: str) -> int:
    row = find(word)
    return -1 if row is None else row


def _pair_cosines(
    vectors: Vectors, pairs: list[Pair], rows: NDArray[np.int64], missing: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a cosine for each pair, 0 where there is none, and which pairs are scored, each (n_pairs,)."""
    words = np.array([[pair.first, pair.second] for pair in pairs], dtype=object).reshape(-1, 2)
    sides = np.zeros((2, len(pairs), vectors.dim), np.float32)
    there = rows >= 0
    for side in (0, 1):
        at = rows[:, side]
        sides[side, at >= 0] = vectors.store[at[at >= 0]]
        for pair in np.flatnonzero(at < 0) if missing == "compose" else ():
            if vectors.knows(words[pair, side]):
                sides[side, pair], there[pair, side] = vectors.vector(words[pair, side]), True
    known: NDArray[np.bool_] = there[:, 0] & there[:, 1]
    cosines = np.where(known, _cosines(sides[0], sides[1]), 0.0)
    return cosines, np.ones(len(known), bool) if missing == "zero" else known


def _cosines(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return the cosine of each row of ``a`` with that of ``b``, both (n, dim); 0 where a row is zero."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    norms = np.sqrt(np.einsum("nd,nd->n", a, a) * np.einsum("nd,nd->n", b, b))
    products = np.einsum("nd,nd->n", a, b)
    cosines: NDArray[np.float64] = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
    return cosines


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
