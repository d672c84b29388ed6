"""Figures of merit in plain NumPy: rank and linear correlation, bootstrap intervals, accuracy, precision at k."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import DataError

__all__ = [
    "accuracy",
    "average_ranks",
    "bootstrap_interval",
    "pearson",
    "precision_at_k",
    "precision_recall_f1",
    "span_scores",
    "spearman",
]

Float64 = NDArray[np.float64]
Statistic: TypeAlias = Callable[[Float64, Float64], Any]

_RESAMPLED_AT_ONCE = 2_000_000  # values; bounds the memory of a bootstrap over long lists


def average_ranks(values: ArrayLike) -> Float64:
    """Rank along the last axis from 1; equal values share the mean of their ranks.

    Parameters
    ----------
    values : array-like, shape (..., n)

    Returns
    -------
    ndarray of float64, shape (..., n)

    Examples
    --------
    >>> average_ranks([10.0, 30.0, 20.0, 20.0]).tolist()
    [1.0, 4.0, 2.5, 2.5]
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        return array.copy()
    rows = array.reshape(-1, array.shape[-1])
    n = rows.shape[1]
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=1)
    place = np.broadcast_to(np.arange(n), rows.shape)
    starts = np.ones(rows.shape, dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    ends = np.ones(rows.shape, dtype=bool)
    ends[:, :-1] = starts[:, 1:]
    first = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, place, n)[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(rows.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=1)
    return ranks.reshape(array.shape)


def pearson(x: ArrayLike, y: ArrayLike) -> Any:
    """Pearson's linear correlation along the last axis.

    Parameters
    ----------
    x, y : array-like, shape (..., n)
        Paired values.

    Returns
    -------
    float or ndarray of float64, shape (...)
        In [-1, 1]; NaN where a side is constant or there are fewer than two pairs.

    Raises
    ------
    DataError
        When the shapes differ.

    Examples
    --------
    >>> round(pearson([1, 2, 3], [2, 4, 6]), 6)
    1.0
    """
    a, b = _paired(x, y)
    if a.shape[-1] < 2:
        nothing = np.full(a.shape[:-1], np.nan)
        return nothing if nothing.ndim else float("nan")
    flat = (a == a[..., :1]).all(-1) | (b == b[..., :1]).all(-1)
    a = a - a.mean(-1, keepdims=True)
    b = b - b.mean(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    result = np.where(flat, np.nan, np.clip(ratio, -1.0, 1.0))
    return result if result.ndim else float(result)


def spearman(x: ArrayLike, y: ArrayLike) -> Any:
    """Spearman's rank correlation along the last axis: Pearson's of the average ranks.

    Shapes, result and errors are those of :func:`pearson`.

    Examples
    --------
    >>> round(spearman([1, 2, 3, 4], [1, 4, 9, 10]), 6)
    1.0
    """
    a, b = _paired(x, y)
    return pearson(average_ranks(a), average_ranks(b))


def bootstrap_interval(
    statistic: Statistic,
    x: ArrayLike,
    y: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 1,
) -> tuple[float, float]:
    """Percentile interval of a statistic of pairs (Efron and Tibshirani 1993, section 13.3).

    Parameters
    ----------
    statistic : callable
        Takes two arrays of shape (resamples, n) and returns one value per row; :func:`spearman`, say.
    x, y : array-like, shape (n,)
        Paired values; pairs are drawn with replacement.
    level : float
        Share of resamples inside the interval, between 0 and 1.
    resamples : int
        Number of draws of n pairs.
    seed : int
        The same seed gives the same interval.

    Returns
    -------
    (float, float)
        Lower and upper end; NaN where the statistic is defined on no resample (a resample on which it is not, such
        as one of n equal pairs, is left out).

    Raises
    ------
    DataError
        When the shapes differ or the level or the number of resamples makes no sense.

    Examples
    --------
    >>> x = [1, 2, 3, 4, 5, 6, 7, 8]
    >>> low, high = bootstrap_interval(spearman, x, [1, 2, 4, 3, 5, 7, 6, 8])
    >>> 0.5 < low < high <= 1
    True
    """
    a, b = _paired(x, y)
    if not 0 < level < 1:
        raise DataError("the level of an interval is out of range", got=level, expected="between 0 and 1")
    if resamples < 1:
        raise DataError("too few resamples", got=resamples, expected="at least 1")
    n = a.shape[-1]
    if n < 2:
        return float("nan"), float("nan")
    random = np.random.default_rng(seed)
    at_once = max(1, _RESAMPLED_AT_ONCE // n)
    values: list[Float64] = []
    for start in range(0, resamples, at_once):
        drawn = random.integers(0, n, size=(min(at_once, resamples - start), n))
        values.append(np.atleast_1d(statistic(a[drawn], b[drawn])))
    known = np.concatenate(values)
    known = known[~np.isnan(known)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def accuracy(correct: ArrayLike) -> float:
    """Share of true values; NaN of none.

    Examples
    --------
    >>> accuracy([True, False, True, True])
    0.75
    """
    array = np.asarray(correct, dtype=bool)
    return float(array.mean()) if array.size else float("nan")


def precision_at_k(ranked: Sequence[Sequence[Any]], relevant: Sequence[set[Any]], k: int) -> float:
    """Mean share of the first ``k`` answers that are relevant, over all queries.

    Parameters
    ----------
    ranked : sequence of sequences
        The answers to each query, best first; fewer than ``k`` count as wrong ones.
    relevant : sequence of sets
        The right answers to each query.
    k : int
        How many answers are looked at, at least 1.

    Raises
    ------
    DataError
        When the lengths differ or ``k`` is below 1.

    Examples
    --------
    >>> precision_at_k([["a", "b"], ["c", "d"]], [{"a"}, {"c", "d"}], k=2)
    0.75
    """
    if k < 1:
        raise DataError("k is too small", got=k, expected="at least 1")
    if len(ranked) != len(relevant):
        raise DataError("queries and answers differ in number", got=f"{len(ranked)} and {len(relevant)}")
    if not ranked:
        return float("nan")
    hits = [sum(answer in right for answer in answers[:k]) for answers, right in zip(ranked, relevant, strict=True)]
    return float(np.mean(hits)) / k


def precision_recall_f1(correct: ArrayLike, predicted: ArrayLike, gold: ArrayLike) -> tuple[Float64, Float64, Float64]:
    """Precision, recall and their harmonic mean, element by element.

    Parameters
    ----------
    correct, predicted, gold : array-like, shape (...)
        How many predictions are right, how many there are, and how many there should be.

    Returns
    -------
    tuple of ndarray of float64, shape (...)
        NaN where nothing is predicted, or nothing is to be found; the mean is so too where both are 0 or NaN.

    Examples
    --------
    >>> [round(float(value), 3) for value in precision_recall_f1(3, 4, 6)]
    [0.75, 0.5, 0.6]
    """
    right, said, wanted = (np.asarray(values, dtype=np.float64) for values in (correct, predicted, gold))
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = np.asarray(right / said), np.asarray(right / wanted)
        return precision, recall, np.asarray(2 * precision * recall / (precision + recall))


def span_scores(
    gold: Iterable[Iterable[tuple[int, int, str]]], found: Iterable[Iterable[tuple[int, int, str]]]
) -> dict[str, Any]:
    """Precision, recall and F1 of spans, each right only with its very first and last word and type.

    Equal to seqeval's, and to conlleval's: 0 where there is nothing to divide by.

    Parameters
    ----------
    gold, found : iterable of iterable of (first, end, type)
        Of each sentence.

    Returns
    -------
    dict
        ``precision recall f1 gold found`` of all spans, and ``types``, the same of each type.

    Examples
    --------
    >>> span_scores([[(0, 2, "PER"), (3, 4, "LOC")]], [[(0, 2, "PER"), (3, 5, "LOC")]])["f1"]
    0.5
    """
    every, types = [0, 0, 0], dict[str, list[int]]()  # right, found, gold
    for wanted, said in ((set(a), set(b)) for a, b in zip(gold, found, strict=True)):
        for column, spans in enumerate((wanted & said, said, wanted)):
            every[column] += len(spans)
            for *_, kind in spans:
                types.setdefault(kind, [0, 0, 0])[column] += 1
    return {**_harmonic(*every), "types": {kind: _harmonic(*types[kind]) for kind in sorted(types)}}


def _harmonic(right: int, found: int, gold: int) -> dict[str, float]:
    pairs = ((right, found), (right, gold), (2 * right, found + gold))
    precision, recall, f1 = (part / whole if whole else 0.0 for part, whole in pairs)
    return {"precision": precision, "recall": recall, "f1": f1, "gold": gold, "found": found}


def _paired(x: ArrayLike, y: ArrayLike) -> tuple[Float64, Float64]:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape or a.ndim == 0:
        raise DataError(
            "paired values differ in shape", got=f"{a.shape} and {b.shape}", expected="equal shapes (..., n)"
        )
    return a, b
