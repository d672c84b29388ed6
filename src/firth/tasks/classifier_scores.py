"""How good a classifier's answers are, and how honest its probabilities: plain NumPy.

Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of Modern Neural Networks"; Brier 1950.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.protocols import Float64

__all__ = ["brier_score", "calibration_bins", "calibration_error", "confusion", "fit_temperature", "label_scores",
           "log_loss", "softmax"]  # fmt: skip

_LEAST = 1e-300


def softmax(scores: Float64) -> Float64:
    """Return each row's exponentials, summing to one."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def confusion(gold: ArrayLike, found: ArrayLike, n_labels: int) -> NDArray[np.int64]:
    """Return how often each label (row) was taken for each (column), shape (n_labels, n_labels).

    Examples
    --------
    >>> confusion([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    places = np.asarray(gold, np.int64) * n_labels + np.asarray(found, np.int64)
    return np.bincount(places, minlength=n_labels * n_labels).reshape(n_labels, n_labels)


def label_scores(table: ArrayLike, labels: Sequence[str]) -> dict[str, Any]:
    """Return accuracy, and precision, recall and F1 of each label, their plain means (macro), and pooled (micro).

    Equal to scikit-learn's: 0 where there is nothing to divide by, and labels that stand neither in the data nor among
    the answers are left out of the means.

    Parameters
    ----------
    table : array-like, shape (n_labels, n_labels)
        As :func:`confusion` gives it.
    labels : sequence of str

    Returns
    -------
    dict
        ``accuracy macro micro labels``.

    Examples
    --------
    >>> found = label_scores([[1, 1], [0, 1]], ["good", "bad"])
    >>> round(found["macro"]["f1"], 4), round(found["labels"]["bad"]["precision"], 4)
    (0.6667, 0.5)
    """
    counts = np.asarray(table, np.float64)
    right, gold, found = np.diag(counts), counts.sum(1), counts.sum(0)
    precision, recall = _share(right, found), _share(right, gold)
    f1 = _share(2 * right, gold + found)
    held = (gold + found) > 0
    n, hits = float(counts.sum()), float(right.sum())
    share = hits / n if n else 0.0
    rows = zip(labels, precision, recall, f1, gold, found, strict=True)
    names = ("precision", "recall", "f1")
    means = [float(values[held].mean()) if held.any() else 0.0 for values in (precision, recall, f1)]
    return {
        "accuracy": share,
        "macro": dict(zip(names, means, strict=True)),
        "micro": dict.fromkeys(names, share),  # each text has one label and one answer
        "labels": {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "gold": int(g), "found": int(s)}
            for label, p, r, f, g, s in rows
        },
    }


def _share(part: Float64, whole: Float64) -> Float64:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def log_loss(probabilities: Float64, gold: ArrayLike) -> float:
    """Return the mean of minus the log probability of the right labels, given by column; NaN of none.

    Examples
    --------
    >>> round(log_loss(np.array([[0.5, 0.5], [0.1, 0.9]]), [0, 1]), 4)
    0.3993
    """
    wanted = np.asarray(gold, np.int64)
    if not len(wanted):
        return float("nan")
    return float(-np.log(np.maximum(probabilities[np.arange(len(wanted)), wanted], _LEAST)).mean())


def brier_score(probabilities: Float64, gold: ArrayLike) -> float:
    """Return the mean squared distance from the truth, sum over labels of (p - [is right])^2; -1 stands for no column.

    Brier 1950, in his own form, from 0 to 2.

    Examples
    --------
    >>> round(brier_score(np.array([[0.8, 0.2]]), [0]), 6)
    0.08
    """
    wanted = np.asarray(gold, np.int64)
    if not len(wanted):
        return float("nan")
    known = wanted >= 0
    at_gold = np.where(known, probabilities[np.arange(len(wanted)), np.maximum(wanted, 0)], 0.0)
    return float(((probabilities**2).sum(1) - 2 * at_gold + 1).mean())


def calibration_bins(probabilities: Float64, gold: ArrayLike, bins: int = 15) -> list[dict[str, float]]:
    """Return what a reliability diagram shows: answers by the probability that they were given with.

    Guo et al. 2017, section 2: bins of equal width, of which empty ones are left out.

    Returns
    -------
    list of dict
        ``low high n confidence accuracy`` of each bin: its bounds, answers, their mean probability and the share right.

    Examples
    --------
    >>> bins = calibration_bins(np.array([[0.9, 0.1], [0.8, 0.2], [0.45, 0.55]]), [0, 1, 1], bins=2)
    >>> [(bin["n"], round(bin["confidence"], 2), round(bin["accuracy"], 2)) for bin in bins]
    [(3, 0.75, 0.67)]
    """
    wanted, said, sure = np.asarray(gold, np.int64), probabilities.argmax(1), probabilities.max(1)
    places = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)  # (low, high]
    found = []
    for number in np.unique(places):
        chosen = places == number
        found.append({
            "low": float(number / bins), "high": float((number + 1) / bins), "n": int(chosen.sum()),
            "confidence": float(sure[chosen].mean()), "accuracy": float((said == wanted)[chosen].mean()),
        })  # fmt: skip
    return found


def calibration_error(probabilities: Float64, gold: ArrayLike, bins: int = 15) -> float:
    """Return the expected calibration error: how far confidence and accuracy lie apart, by bin (Guo et al., eq. 3)."""
    found = calibration_bins(probabilities, gold, bins) if len(probabilities) else []
    n = sum(bin["n"] for bin in found)
    return sum(bin["n"] / n * abs(bin["accuracy"] - bin["confidence"]) for bin in found) if n else float("nan")


def fit_temperature(scores: Float64, gold: ArrayLike) -> float:
    """Return the T at which softmax(scores / T) makes the right labels likeliest (Guo et al. 2017, section 4.2).

    T lies between 0.01 and 100: where every answer is right, none is cold enough.

    Parameters
    ----------
    scores : ndarray of float64, shape (n, n_labels)
        Before the softmax.
    gold : array-like of int, shape (n,)

    Examples
    --------
    >>> scores = np.array([[3.0, 0.0], [3.0, 0.0], [3.0, 0.0], [3.0, 0.0]])
    >>> T = fit_temperature(scores, [0, 0, 0, 1])  # right three times in four
    >>> round(float(softmax(scores / T)[0, 0]), 4)
    0.75
    """
    from scipy.optimize import minimize_scalar

    wanted = np.asarray(gold, np.int64)
    if not len(wanted) or scores.shape[1] < 2:
        return 1.0
    found = minimize_scalar(
        lambda log_t: log_loss(softmax(scores / np.exp(log_t)), wanted), bounds=(np.log(0.01), np.log(100)),
        method="bounded", options={"xatol": 1e-6},
    )  # fmt: skip
    return float(np.exp(found.x))
