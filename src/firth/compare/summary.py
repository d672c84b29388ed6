"""Learning curves from the results of trainings: means over seeds, their intervals, and the weights of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["interval", "layers", "summary"]


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Return the bounds of a mean by Student's t; None of fewer than two values.

    Examples
    --------
    >>> [round(bound, 3) for bound in interval([0.7, 0.72, 0.74])]
    [0.67, 0.77]
    """
    if len(values) < 2:
        return None
    from scipy.stats import t

    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(t.ppf((1 + level) / 2, len(values) - 1)) * spread / len(values) ** 0.5
    return mean - half, mean + half


def summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a line for each task, representation and share: means over the seeds, with 95 % intervals.

    Parameters
    ----------
    rows : sequence of mapping
        As :func:`firth.compare.transfer.compare_tasks` gives them.

    Returns
    -------
    list of dict
        ``task representation share n seeds score score_interval unseen unseen_interval n_unseen seconds``.
    """
    found = []
    for (task, name, share), some in _grouped(rows, ("task", "representation", "share")):
        scores = [row["score"] for row in some]
        unseen = [row["unseen"] for row in some if row["unseen"] is not None]
        found.append({
            "task": task, "representation": name, "share": share, "n": some[0]["n"], "seeds": len(some),
            "score": float(np.mean(scores)), "score_interval": interval(scores),
            "unseen": float(np.mean(unseen)) if unseen else None, "unseen_interval": interval(unseen),
            "n_unseen": float(np.mean([row["n_unseen"] for row in some])),
            "seconds": float(np.mean([row["seconds"] for row in some])),
        })  # fmt: skip
    return found


def layers(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean weights of layers that tasks learnt, of representations that have several.

    Returns
    -------
    list of dict
        ``task representation share source weights spread``: of each source in turn; the spread is the standard
        deviation over seeds.
    """
    found = []
    for (task, name, share), some in _grouped(rows, ("task", "representation", "share")):
        shapes = {tuple(map(len, row["layers"])) for row in some}
        if len(shapes) != 1:
            continue
        for source in range(len(next(iter(shapes)))):
            weights = np.array([row["layers"][source] for row in some])  # (n_seeds, n_layers)
            found.append({
                "task": task, "representation": name, "share": share, "source": source,
                "weights": weights.mean(0).tolist(), "spread": weights.std(0).tolist(),
            })  # fmt: skip
    return found


def _grouped(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> list[tuple[tuple[Any, ...], list[Mapping[str, Any]]]]:
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return list(found.items())
