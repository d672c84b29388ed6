"""Exact search by cosine: one sweep for one query, blocked matrix products for many, answers in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.protocols import Float32
from firth.vectors.storage import Rows, products

__all__ = ["inverse_norms", "nearest_rows", "top_rows"]

_BLOCK_VALUES = 1 << 22  # values of one block of scores, 16 MiB; smaller ones cost BLAS more in starting its threads
_SLACK = 2e-6  # float32 scores this near to the n-th best are computed again in float64
_FIRST_ROWS = 4096
Found = tuple[NDArray[np.int64], NDArray[np.float64]]


def inverse_norms(matrix: Rows) -> Float32:
    """Return one over the Euclidean length of each row, shape (n,); 0 for a row that has no direction.

    Rows of zeros, and rows with an infinite or missing value, are without direction and so never near anything.
    """
    n = len(matrix)
    inverse = np.zeros(n, dtype=np.float32)
    step = max(1, _BLOCK_VALUES // max(1, matrix.shape[1]))
    for start in range(0, n, step):
        block = np.asarray(matrix[start : start + step])
        squares = np.einsum("ij,ij->i", block, block)
        plain = (squares > 1e-24) & (squares < 1e30)
        if not plain.all():
            squares = squares.astype(np.float64)
            odd = block[~plain].astype(np.float64)
            squares[~plain] = np.einsum("ij,ij->i", odd, odd)
        usable = np.isfinite(squares) & (squares > 0)
        inverse[start : start + step][usable] = 1.0 / np.sqrt(squares[usable])
    return inverse


def top_rows(scores: NDArray[np.floating], n: int, skip: Sequence[int] = ()) -> NDArray[np.int64]:
    """Return the rows of the ``n`` best scores, best first, equal scores by row.

    Parameters
    ----------
    scores : ndarray, shape (rows,)
        Higher is better; NaN never wins.
    n : int
        How many.
    skip : sequence of int
        Rows to leave out.
    """
    found = _candidates(scores, n + len(skip), 0.0)
    found = found[~np.isin(found, np.asarray(skip, dtype=np.int64))] if len(skip) else found
    return found[np.lexsort((found, -scores[found]))][:n]


def _candidates(scores: NDArray[np.floating], n: int, slack: float) -> NDArray[np.int64]:
    """Return every row whose score is at most ``slack`` under the n-th best (ties made many are cut by row)."""
    n = min(n, len(scores))
    if n < 1:
        return np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero(scores >= _floor(scores, n) - slack)
    if len(rows) > n:
        kth = np.partition(scores[rows], -n)[-n]
        rows = rows[scores[rows] >= kth - slack]
    if len(rows) > 4 * n + 256:
        rows = rows[np.lexsort((rows, -scores[rows]))][: 4 * n + 256]
    return rows


def _floor(scores: NDArray[np.floating], n: int) -> float:
    """Return a value that at least ``n`` scores reach: the n-th best among the maxima of groups, found in one sweep."""
    group = len(scores) // max(n, 4096)
    if group < 8:
        return float(np.partition(scores, -n)[-n])
    whole = len(scores) // group * group
    maxima = scores[:whole].reshape(-1, group).max(axis=1)
    return float(np.partition(maxima, -n)[-n])


def nearest_rows(
    matrix: Rows,
    inverse: Float32,
    queries: Float32,
    n: int,
    skip: Sequence[Sequence[int]],
) -> list[Found]:
    """Return for each query the ``n`` rows of highest cosine, best first, equal cosines by row.

    The sweep runs in float32 through BLAS; rows near the edge are scored again in float64, so neither the rows nor
    their order depend on how BLAS splits its work.

    Parameters
    ----------
    matrix : float32, shape (rows, dim), or a store of rows
        The vectors searched; a store is decoded block by block.
    inverse : ndarray of float32, shape (rows,)
        From :func:`inverse_norms`.
    queries : ndarray of float32, shape (n_queries, dim)
        Any length but zero.
    n : int
        How many.
    skip : sequence of sequences of int
        Rows to leave out, for each query.

    Returns
    -------
    list of (rows, cosines)
        One pair of arrays per query.
    """
    wanted = [min(n + len(left_out), len(matrix)) for left_out in skip]
    if len(queries) == 1:
        with np.errstate(invalid="ignore", over="ignore"):
            scores = matrix @ queries[0] if isinstance(matrix, np.ndarray) else products(matrix, queries)[:, 0]
            scores = scores * inverse
        rows = [_candidates(_without_nan(scores), wanted[0], _slack(queries[0]))]
    else:
        rows = _sweep(matrix, inverse, queries, max(wanted, default=0))
    return [
        _settled(matrix, query, found, n, left_out) for query, found, left_out in zip(queries, rows, skip, strict=True)
    ]


def _slack(query: Float32) -> float:
    return _SLACK * float(np.linalg.norm(query.astype(np.float64)))


def _without_nan(scores: Float32) -> Float32:
    if not np.isfinite(scores.max(initial=0.0)):
        scores[~np.isfinite(scores)] = 0.0
    return scores


def _sweep(matrix: Rows, inverse: Float32, queries: Float32, n: int) -> list[NDArray[np.int64]]:
    """Return candidate rows for each query, from blocks of scores of bounded size."""
    count = len(queries)
    if not n or not count:
        return [np.zeros(0, dtype=np.int64)] * count
    slack = np.array([_slack(query) for query in queries], dtype=np.float32)
    floors = np.full(count, -np.inf, dtype=np.float32)
    kept: list[tuple[NDArray[np.int64], Float32]] = [(np.zeros(0, np.int64), np.zeros(0, np.float32))] * count
    # The first block is small: it gives each query a floor, which keeps the hits of the later ones few.
    start, stop = 0, min(len(matrix), _FIRST_ROWS + n)
    while start < stop:
        with np.errstate(invalid="ignore", over="ignore"):
            scores_of = products(matrix, queries, start, stop)  # block x n_queries
        found, query_of, values = _core.hits_above(scores_of, inverse[start:stop], floors - slack)
        order = np.argsort(query_of, kind="stable")
        bounds = np.searchsorted(query_of[order], np.arange(count + 1))
        for query in np.flatnonzero(np.diff(bounds)).tolist():
            new = order[bounds[query] : bounds[query + 1]]
            rows = np.concatenate([kept[query][0], found[new] + start])
            scores = np.concatenate([kept[query][1], values[new]])
            if len(rows) > n:
                floors[query] = np.partition(scores, -n)[-n]
                best = _candidates(scores, n, float(slack[query]))
                rows, scores = rows[best], scores[best]
            kept[query] = rows, scores
        start, stop = stop, min(len(matrix), stop + max(256, _BLOCK_VALUES // count))
    return [rows for rows, _ in kept]


def _settled(matrix: Rows, query: Float32, rows: NDArray[np.int64], n: int, skip: Sequence[int]) -> Found:
    """Score the candidate ``rows`` in float64 and return the best ``n`` in order."""
    if len(skip):
        rows = rows[~np.isin(rows, np.asarray(skip, dtype=np.int64))]
    cosines = np.zeros(len(rows))
    sought = query.astype(np.float64)
    step = max(1, _BLOCK_VALUES // max(1, len(query)))
    for start in range(0, len(rows), step):
        exact = np.asarray(matrix[rows[start : start + step]]).astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", exact, exact)) * np.sqrt(sought @ sought)
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(lengths > 0, np.einsum("ij,j->i", exact, sought) / lengths, 0.0)
        cosines[start : start + step] = part
    cosines = np.clip(np.where(np.isfinite(cosines), cosines, 0.0), -1.0, 1.0)
    order = np.lexsort((rows, -cosines))[:n]
    return rows[order], cosines[order]
