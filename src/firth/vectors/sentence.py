"""One vector for a sentence: the mean of its words', or the mean by smooth inverse frequency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, DataError
from firth.protocols import Float32

if TYPE_CHECKING:
    from firth.vectors.static import Vectors

__all__ = ["first_component", "sentence_vector", "sif_weights", "without_component"]

WEIGHTINGS = ("mean", "sif")


def sif_weights(counts: NDArray[np.int64], a: float = 1e-3) -> NDArray[np.float64]:
    """Return ``a / (a + p(w))`` for each word, shape (n,).

    Arora, Liang and Ma, A Simple but Tough-to-Beat Baseline for Sentence Embeddings, ICLR 2017, algorithm 1.

    Parameters
    ----------
    counts : ndarray of int64, shape (n,)
        How often each word occurs; ``p(w)`` is its share.
    a : float
        Smoothing; the paper finds 1e-3 to 1e-4 best.

    Examples
    --------
    >>> sif_weights(np.array([999, 1]), a=1e-3).round(4).tolist()
    [0.001, 0.5]
    """
    return np.asarray(a / (a + counts / max(1, counts.sum())), dtype=np.float64)


def sentence_vector(vectors: Vectors, tokens: Sequence[str], weighting: str, a: float) -> Float32:
    """Return the weighted mean of the tokens' vectors, shape (dim,); zeros for a sentence without any.

    Raises
    ------
    ConfigError
        When the weighting is unknown.
    DataError
        When the weighting needs counts that the vectors lack, or a word is unknown under the policy ``error``.
    """
    if weighting not in WEIGHTINGS:
        raise ConfigError("no such weighting", got=weighting, expected="one of " + ", ".join(WEIGHTINGS))
    if weighting == "sif" and vectors.counts is None:
        raise DataError(
            "SIF weights need word counts, which these vectors lack",
            remedy='use weighting="mean" or vectors that keep counts',
        )
    total, used = np.zeros(vectors.dim), 0
    mass = 0 if vectors.counts is None else max(1, int(vectors.total))
    for token in tokens:
        row = vectors.words.find(token)
        if row < 0 and vectors.oov == "skip" and not vectors.knows(token):
            continue
        weight = 1.0
        if weighting == "sif" and row >= 0 and vectors.counts is not None:
            weight = a / (a + float(vectors.counts[row]) / mass)
        total += weight * vectors.vector(token)
        used += 1
    return np.asarray(total / max(1, used), dtype=np.float32)


def first_component(matrix: Float32) -> NDArray[np.float64]:
    """Return the first right singular vector of ``matrix`` (n_sentences, dim), not centred, shape (dim,)."""
    wide = matrix.astype(np.float64)
    _, directions = np.linalg.eigh(wide.T @ wide)
    component = directions[:, -1]
    return np.asarray(component * (np.sign(component[np.abs(component).argmax()]) or 1.0), dtype=np.float64)


def without_component(matrix: Float32, component: NDArray[np.float64]) -> Float32:
    """Return ``v - u (u . v)`` for each row v: algorithm 1, line 5, of Arora, Liang and Ma (2017)."""
    return np.asarray(matrix - np.outer(matrix @ component, component), dtype=np.float32)


def sentence_matrix(
    vectors: Vectors, sentences: Iterable[Sequence[str]], weighting: str, a: float, remove_component: bool
) -> Float32:
    """Return one vector per sentence, shape (n_sentences, dim), the first component taken out on request."""
    rows = [sentence_vector(vectors, tokens, weighting, a) for tokens in sentences]
    matrix = np.stack(rows) if rows else np.zeros((0, vectors.dim), dtype=np.float32)
    return without_component(matrix, first_component(matrix)) if remove_component and rows else matrix
