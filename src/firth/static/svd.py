"""Word vectors by truncated singular value decomposition of PPMI, or of logarithms of counts (LSA).

Levy, Goldberg and Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word Embeddings",
sections 2 and 3.3; Deerwester et al. 1990, "Indexing by Latent Semantic Analysis". ``docs/counts.md`` teaches it.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.config import option, to_dict
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.protocols import Float32
from firth.static.counts import CooccurrenceMatrix, WordByWord
from firth.static.krylov import Singular, largest_singular
from firth.static.loop import cpu_threads
from firth.static.ppmi import PPMI, counts_of, weigh
from firth.vectors.static import Vectors

__all__ = ["SVD", "TAKES", "Factorised", "train"]

TAKES = (CooccurrenceMatrix,)  # in the place of a text


@dataclasses.dataclass(frozen=True)
class SVD(PPMI):
    """Options of vectors by SVD: those of counting and of PPMI, and what is made of that.

    Examples
    --------
    >>> SVD(dim=50).power
    0.5
    """

    matrix: str = option("ppmi", "what is factorised: PPMI, or log(1 + count)", choices=("ppmi", "log"))
    dim: int = option(100, "length of the vectors", minimum=1, maximum=100_000)
    power: float = option(0.5, "p: singular values to this power stretch the vectors", minimum=0, maximum=2)
    add_context: bool = option(False, "add each word's vector as context to its own")


@dataclasses.dataclass(frozen=True)
class Factorised:
    """What training gives.

    Attributes
    ----------
    vectors : Vectors
        With the context vectors as output where they were asked for.
    config : SVD
    singular_values : ndarray of float64, shape (dim,)
        Largest first; 0 beyond the rank.
    explained : float
        Share of the matrix's squares that these dimensions hold.
    seconds : float
        Time of counting, weighing and factorising.
    """

    vectors: Vectors
    config: SVD
    singular_values: NDArray[np.float64]
    explained: float
    seconds: float


def train(
    data: Any,
    config: SVD | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    keep_output: bool = False,
) -> Factorised:
    """Make vectors of ``data``: W = U S^p of the truncated U S V^T, contexts C = V S^p, and on request W + C.

    Parameters
    ----------
    data : CooccurrenceMatrix, Corpus, path, list of paths, or iterable of str or token lists
        Counts, whose own options then stand for those of counting; or a text, as for
        :func:`firth.static.cooccurrence.train`.
    config : SVD, optional
    threads, listen
        As for :func:`firth.static.cooccurrence.train`.
    keep_output : bool
        Keep the context vectors too.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, or there are fewer words than dimensions.

    Examples
    --------
    >>> text = ["I have a cat", "cat eat fish", "I have a apple"]
    >>> made = train(text, SVD(window=0, weights="flat", min_count=1, dim=2), threads=1)
    >>> made.vectors["cat"].shape, made.singular_values.shape
    ((2,), (2,))
    """
    config = config or SVD()
    workers = cpu_threads(threads)
    began = time.monotonic()
    counts = counts_of(data, config, threads=threads, listen=listen)
    if config.dim > len(counts):
        raise ConfigError("dim is greater than the number of words", got=config.dim, expected=f"at most {len(counts)}")
    matrix = _matrix(counts, config)
    if not len(matrix.indices):
        raise DataError("nothing is left to factorise", remedy="lower --shift, or give more text")
    if listen is not None:
        listen(Notice(f"factorising {len(matrix):,} x {len(matrix):,} words, {len(matrix.indices):,} values"))
    found = largest_singular(matrix, config.dim, threads=workers, seed=config.seed)
    if len(found.values) < config.dim and listen is not None:
        listen(Notice(f"the matrix has rank {len(found.values)}: the other dimensions are zero"))
    values = np.zeros(config.dim)
    values[: len(found.values)] = found.values
    return Factorised(
        vectors=_vectors(found, matrix, config, keep_output=keep_output),
        config=config,
        singular_values=values,
        explained=float((values**2).sum() / (matrix.values.astype(np.float64) ** 2).sum()),
        seconds=time.monotonic() - began,
    )


def _matrix(counts: CooccurrenceMatrix, config: SVD) -> WordByWord:
    if config.matrix == "ppmi":
        return weigh(counts, shift=config.shift, alpha=config.alpha)
    if not len(counts.indices):
        raise DataError("no pair of words was counted", remedy="give more text, or lower --min-count")
    values = np.log1p(counts.values, dtype=np.float64).astype(np.float32)
    return WordByWord(counts.words, counts.counts, counts.indptr, counts.indices, values, counts.metadata)


def _vectors(found: Singular, matrix: WordByWord, config: SVD, *, keep_output: bool) -> Vectors:
    stretch = (found.values**config.power).astype(np.float32)
    own, context = _padded(found.left * stretch, config.dim), _padded(found.right * stretch, config.dim)
    metadata = dict(matrix.metadata)
    metadata.pop("unit", None)
    options = {**to_dict(config), **metadata.get("options", {})}
    del options["memory"]  # it changes nothing
    return Vectors(
        matrix.words,
        own + context if config.add_context else own,
        counts=matrix.counts,
        output=context if keep_output else None,
        metadata={**metadata, "model": "svd", "options": options, "cpu_level": _core.cpu_level()},
    )


def _padded(rows: Float32, dim: int) -> Float32:
    whole = np.zeros((len(rows), dim), np.float32)
    whole[:, : rows.shape[1]] = rows
    return whole
