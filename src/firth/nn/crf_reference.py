"""The linear-chain CRF of one sentence in NumPy, to be read and to test :mod:`firth.nn.crf` by."""

from __future__ import annotations

import numpy as np

from firth.protocols import Float64

__all__ = ["best_reference", "log_partition_reference", "score_reference"]


def score_reference(labels: list[int], emissions: Float64, starts: Float64, follows: Float64, ends: Float64) -> float:
    """Return s(y): emissions of shape (n_steps, n_labels), ``follows[i, j]`` of j after i; -inf is illegal."""
    total = starts[labels[0]] + ends[labels[-1]]
    for t, label in enumerate(labels):
        total += emissions[t, label]
        if t:
            total += follows[labels[t - 1], label]
    return float(total)


def log_partition_reference(emissions: Float64, starts: Float64, follows: Float64, ends: Float64) -> float:
    """Return log Z by the forward algorithm.

    Examples
    --------
    >>> round(log_partition_reference(np.zeros((3, 2)), np.zeros(2), np.zeros((2, 2)), np.zeros(2)), 6)  # log 2**3
    2.079442
    """
    alpha = starts + emissions[0]
    for emission in emissions[1:]:
        alpha = _log_sum(alpha[:, None] + follows) + emission
    return float(_log_sum((alpha + ends)[:, None])[0])


def best_reference(emissions: Float64, starts: Float64, follows: Float64, ends: Float64) -> list[int]:
    """Return the sequence of the highest score by Viterbi's algorithm."""
    best, came = starts + emissions[0], []
    for emission in emissions[1:]:
        ways = best[:, None] + follows  # from, to
        came.append(ways.argmax(0))
        best = ways.max(0) + emission
    path = [int((best + ends).argmax())]
    for back in reversed(came):
        path.append(int(back[path[-1]]))
    return path[::-1]


def _log_sum(values: Float64) -> Float64:
    """Return log sum exp over the first axis; -inf of nothing but -inf."""
    top = values.max(0)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        summed: Float64 = np.log(np.exp(values - safe).sum(0)) + safe
    return summed
