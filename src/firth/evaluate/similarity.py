"""Word similarity: does the cosine of two words rank pairs as people do?"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from firth.evaluate.lookup import Case, check_choice, word_finder
from firth.evaluate.sets import Pair, Paths, read_pairs, set_files
from firth.metrics import bootstrap_interval, pearson, spearman
from firth.vectors.static import Vectors

__all__ = ["SimilarityScore", "similarity"]


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
    missing : {"skip", "zero"}
        Whether the other pairs were left out or scored 0.
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
    missing: Literal["skip", "zero"] = "skip",
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
    missing : {"skip", "zero"}
        Leave out pairs with an unknown word, or score them 0; ``found`` and ``oov_rate`` tell how many there were.
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
    check_choice("missing", missing, ("skip", "zero"))
    find = word_finder(vectors, case, len(vectors))
    scores = []
    for path in set_files(paths):
        pairs = read_pairs(path)
        rows = [(find(pair.first), find(pair.second)) for pair in pairs]
        human, cosines, found = _paired_scores(vectors, pairs, rows, missing)
        interval = bootstrap_interval(spearman, cosines, human, level=level, resamples=resamples, seed=seed)
        scores.append(
            SimilarityScore(
                path.stem, str(path), len(pairs), found, missing,
                spearman(cosines, human), pearson(cosines, human), interval, level,
            )
        )  # fmt: skip
    return scores


def _paired_scores(
    vectors: Vectors, pairs: list[Pair], rows: list[tuple[int | None, int | None]], missing: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return the human scores and the cosines, each (n_scored,), and the number of pairs found."""
    human = np.array([pair.score for pair in pairs])
    known = np.array([first is not None and second is not None for first, second in rows])
    found = [(first, second) for first, second in rows if first is not None and second is not None]
    left, right = np.array(found, dtype=np.int64).reshape(-1, 2).T
    cosines = np.zeros(len(pairs))
    cosines[known] = _cosines(vectors.store[left], vectors.store[right])
    scored = known if missing == "skip" else np.ones_like(known)
    return human[scored], cosines[scored], len(found)


def _cosines(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return the cosine of each row of ``a`` with that of ``b``, both (n, dim); 0 where a row is zero."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    norms = np.sqrt(np.einsum("nd,nd->n", a, a) * np.einsum("nd,nd->n", b, b))
    products = np.einsum("nd,nd->n", a, b)
    cosines: NDArray[np.float64] = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
    return cosines


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
