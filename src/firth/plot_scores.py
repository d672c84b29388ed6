"""Pictures of a classifier's scores: which labels are taken for which, and how honest its probabilities are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from firth.errors import DataError
from firth.plot_sheet import COLOURS, empty_sheet, one_warning_of_missing_glyphs, write_figure

__all__ = ["confusion_matrix", "reliability"]

_INK, _GREY = "#222222", "#555555"
_MOST_NUMBERS = 30  # labels whose counts are written into the cells


def confusion_matrix(
    table: ArrayLike,
    labels: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    size: tuple[float, float] | None = None,
) -> None:
    """Draw a confusion matrix: a row for each label, shaded by the share of its texts in each answer.

    Parameters
    ----------
    table : array-like of int, shape (n_labels, n_labels)
        As :func:`firth.tasks.classifier_scores.confusion` gives it.
    labels : sequence of str
    path : path-like
        The picture; ``.png``, ``.svg`` or ``.pdf``.
    title : str, optional
        Heading.
    size : (float, float), optional
        Width and height in inches.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    DataError
        When the table is no square of these labels, or the picture cannot be written.
    """
    counts = np.asarray(table, np.float64)
    n = len(labels)
    if counts.shape != (n, n) or not n:
        raise DataError("the table is no square of the labels", got=counts.shape, expected=f"({n}, {n})")
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    side = min(max(3.2, 1.6 + 0.55 * n), 20.0)
    sheet = empty_sheet(size or (side + 1, side), title)
    axes = sheet.axes
    with one_warning_of_missing_glyphs():
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        names = [label if len(label) <= 20 else label[:19] + "…" for label in (x.replace("$", r"\$") for x in labels)]
        axes.set_xticks(range(n), names, rotation=45 if n > 4 else 0, ha="right" if n > 4 else "center")
        axes.set_yticks(range(n), names)
        for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            text.set_fontfamily(sheet.families)
        if n <= _MOST_NUMBERS:
            for row, column in np.ndindex(n, n):
                colour = "white" if shares[row, column] > 0.55 else _INK
                axes.text(column, row, f"{int(counts[row, column]):,}", ha="center", va="center", color=colour,
                          fontsize=9)  # fmt: skip
        axes.set_xlabel("answer", color=_GREY)
        axes.set_ylabel("truth", color=_GREY)
        axes.tick_params(length=0)
        write_figure(sheet.figure, Path(path))


def reliability(
    bins: Sequence[Mapping[str, float]],
    path: str | os.PathLike[str],
    *,
    error: float | None = None,
    title: str = "",
    size: tuple[float, float] = (5.5, 5.5),
) -> None:
    """Draw a reliability diagram: the share of right answers against the probability that they were given with.

    Guo et al. 2017, figure 1. Dots below the diagonal are answers that were given too surely; their areas go with how
    many answers they stand for.

    Parameters
    ----------
    bins : sequence of mapping
        As :func:`firth.tasks.classifier_scores.calibration_bins` gives them.
    path : path-like
        The picture; ``.png``, ``.svg`` or ``.pdf``.
    error : float, optional
        The expected calibration error, to write beside.
    title : str, optional
        Heading.
    size : (float, float)
        Width and height in inches.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    DataError
        When there are no bins, or the picture cannot be written.
    """
    if not bins:
        raise DataError("there are no answers to draw")
    sheet = empty_sheet(size, title)
    axes = sheet.axes
    sure, right, n = (np.array([bin[name] for bin in bins]) for name in ("confidence", "accuracy", "n"))
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1, linestyle="--", label="honest")
    axes.bar([bin["low"] for bin in bins], right, [bin["high"] - bin["low"] for bin in bins], align="edge",
             color=COLOURS[0], alpha=0.25, linewidth=0)  # fmt: skip
    axes.plot(sure, right, color=COLOURS[0], linewidth=1)
    axes.scatter(sure, right, s=20 + 280 * n / n.sum(), color=COLOURS[0], zorder=3, linewidths=0, label="answers")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("probability of the answer", color=_GREY)
    axes.set_ylabel("share that is right", color=_GREY)
    if error is not None and np.isfinite(error):
        axes.text(0.04, 0.95, f"expected calibration error {100 * error:.1f} %", color=_INK, fontsize=10)
    write_figure(sheet.figure, Path(path))
