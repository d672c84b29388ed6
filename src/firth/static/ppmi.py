"""Positive pointwise mutual information: how much more often words meet than chance would have it.

Levy, Goldberg and Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word Embeddings",
sections 2 and 3. ``docs/counts.md`` teaches the model and its equations.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.config import option
from firth.errors import DataError
from firth.events import Listener
from firth.static import cooccurrence
from firth.static.cooccurrence import Cooc
from firth.static.counts import CooccurrenceMatrix, PPMIMatrix

__all__ = ["PPMI", "TAKES", "Weighed", "counts_of", "train", "weigh"]

TAKES = (CooccurrenceMatrix,)  # in the place of a text

_BLOCK = 1 << 21  # pairs weighed together


@dataclasses.dataclass(frozen=True)
class PPMI(Cooc):
    """Options of PPMI: those of counting, and what is made of the counts.

    Examples
    --------
    >>> PPMI(shift=5).alpha
    0.75
    """

    shift: float = option(1.0, "k: take log k off every value, as if by k negative samples", minimum=1, maximum=1000)
    alpha: float = option(0.75, "power of the counts in the distribution of contexts", minimum=0, maximum=2)


@dataclasses.dataclass(frozen=True)
class Weighed:
    """What training gives: the ``model``, its ``config``, and the ``seconds`` of counting and weighing."""

    model: PPMIMatrix
    config: PPMI
    seconds: float


def train(
    data: Any, config: PPMI | None = None, *, threads: int | None = None, listen: Listener | None = None
) -> Weighed:
    """Count ``data`` and weigh the counts.

    Parameters
    ----------
    data : CooccurrenceMatrix, Corpus, path, list of paths, or iterable of str or token lists
        Counts, whose own options then stand for those of counting; or a text, as for
        :func:`firth.static.cooccurrence.train`.
    config : PPMI, optional
    threads, listen
        As for :func:`firth.static.cooccurrence.train`.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, or nothing was counted.

    Examples
    --------
    >>> text = ["hot steam", "cold ice", "hot steam", "cold ice"]
    >>> model = train(text, PPMI(min_count=1, alpha=1)).model
    >>> round(model["steam", "hot"], 4), model["steam", "cold"]
    (1.3863, 0.0)
    """
    config = config or PPMI()
    began = time.monotonic()
    counts = counts_of(data, config, threads=threads, listen=listen)
    model = weigh(counts, shift=config.shift, alpha=config.alpha)
    return Weighed(model, config, time.monotonic() - began)


def counts_of(data: Any, config: Cooc, *, threads: int | None, listen: Listener | None) -> CooccurrenceMatrix:
    """Return ``data`` where it is counts, else the counts of that text."""
    if isinstance(data, CooccurrenceMatrix):
        return data
    plain = {field.name: getattr(config, field.name) for field in dataclasses.fields(Cooc)}
    return cooccurrence.train(data, Cooc(**plain), threads=threads, listen=listen).model


def weigh(counts: CooccurrenceMatrix, *, shift: float = 1.0, alpha: float = 0.75) -> PPMIMatrix:
    """Return the PPMI of counts.

    With x the counts, r their row sums and c their column sums, a value is (Levy et al., equations 1, 3 and section
    3.2) ``max(log(x_ij sum(c^alpha) / (r_i c_j^alpha)) - log(shift), 0)``. Values of 0 are not stored.

    Parameters
    ----------
    counts : CooccurrenceMatrix
    shift : float
        k of the shifted PPMI; 1 is the plain one.
    alpha : float
        Context-distribution smoothing; 1 is none. Below 1, rare contexts count for less.

    Raises
    ------
    DataError
        When there are no counts.
    """
    if not len(counts.indices):
        raise DataError("no pair of words was counted", remedy="give more text, or lower --min-count")
    of_rows, of_columns = _sums(counts)
    smooth = of_columns**alpha * (of_columns > 0)
    share = np.log(smooth, out=np.zeros_like(smooth), where=smooth > 0) - np.log(smooth.sum()) + np.log(shift)
    own = np.log(of_rows, out=np.zeros_like(of_rows), where=of_rows > 0)
    kept: list[tuple[NDArray[np.int32], NDArray[np.float32]]] = []
    lengths = np.zeros(len(counts) + 1, np.int64)
    for first, last in row_blocks(counts.indptr, _BLOCK):
        at = slice(int(counts.indptr[first]), int(counts.indptr[last]))
        columns = counts.indices[at]
        sizes = np.diff(counts.indptr[first : last + 1])
        values = np.log(counts.values[at].astype(np.float64))
        values -= np.repeat(own[first:last], sizes)
        values -= share[columns]
        positive = values.astype(np.float32) > 0
        kept.append((columns[positive], values[positive].astype(np.float32)))
        places = np.concatenate([np.zeros(1, np.int64), np.cumsum(positive, dtype=np.int64)])
        starts = counts.indptr[first : last + 1] - at.start
        lengths[first + 1 : last + 1] = np.diff(places[starts])
    metadata = _described(counts, shift=shift, alpha=alpha)
    columns = np.concatenate([block for block, _ in kept])
    values32 = np.concatenate([block for _, block in kept])
    return PPMIMatrix(counts.words, counts.counts, np.cumsum(lengths), columns, values32, metadata)


def row_blocks(indptr: NDArray[np.int64], pairs: int) -> list[tuple[int, int]]:
    """Return bounds of runs of rows with about so many pairs each, at least one row."""
    bounds = [0]
    while bounds[-1] < len(indptr) - 1:
        most = int(np.searchsorted(indptr, indptr[bounds[-1]] + pairs, side="right")) - 1
        bounds.append(max(most, bounds[-1] + 1))
    return list(itertools.pairwise(bounds))


def _sums(counts: CooccurrenceMatrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sums of rows and of columns, (n_words,) each, always added up in the same order."""
    n = len(counts)
    of_columns = np.zeros(n)
    of_rows = np.zeros(n)
    for first, last in row_blocks(counts.indptr, _BLOCK):
        at = slice(int(counts.indptr[first]), int(counts.indptr[last]))
        of_columns += np.bincount(counts.indices[at], weights=counts.values[at], minlength=n)
        rows = np.repeat(np.arange(last - first), np.diff(counts.indptr[first : last + 1]))
        of_rows[first:last] = np.bincount(rows, weights=counts.values[at], minlength=last - first)
    return of_rows, of_columns


def _described(counts: CooccurrenceMatrix, *, shift: float, alpha: float) -> dict[str, Any]:
    known = dict(counts.metadata)
    options = {**known.pop("options", {}), "shift": shift, "alpha": alpha}
    known.pop("unit", None)
    return {**known, "model": "ppmi", "options": options}
