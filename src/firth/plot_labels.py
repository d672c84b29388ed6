"""Labels beside dots, where they cover least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["place_labels"]

_DIRECTIONS = np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)], dtype=float)
_DISTANCES = (6.0, 12.0, 20.0, 32.0, 46.0)  # points between a dot and its label


def place_labels(
    axes: Axes,
    words: Sequence[str],
    places: NDArray[np.float64],
    colours: Sequence[str],
    families: Sequence[str],
    *,
    avoid: NDArray[np.float64] | None = None,
) -> None:
    """Write each word near its dot, where it covers least of what stands there already; the crowded ones first.

    Parameters
    ----------
    axes : Axes
    words : sequence of str
    places : ndarray of float64, shape (n, 2)
        The dots, in the coordinates of the data.
    colours : sequence of str
    families : sequence of str
        Fonts, the first that has a character.
    avoid : ndarray of float64, shape (m, 2), optional
        Dots without words.
    """
    figure: Any = axes.figure
    figure.draw_without_rendering()
    scale = figure.dpi / 72  # pixels per point
    dots = axes.transData.transform(places)  # (n, 2) in pixels
    taken = np.column_stack([dots - 4 * scale, dots + 4 * scale])  # boxes: left, bottom, right, top
    if avoid is not None:
        bare = axes.transData.transform(avoid)
        taken = np.vstack([taken, np.column_stack([bare - 3 * scale, bare + 3 * scale])])
    frame = axes.get_window_extent()
    apart = np.sort(np.linalg.norm(dots[:, None] - dots[None], axis=2), axis=1)[:, :5].sum(axis=1)
    for number in np.argsort(apart, kind="stable"):
        style = {"fontsize": 9, "color": colours[number], "family": list(families), "ha": "center", "va": "center"}
        text = axes.text(0, 0, words[number], zorder=4, **style)
        box = text.get_window_extent()
        half = np.array([box.width, box.height]) / 2
        centre, boxes = _candidates(dots[number], half, scale)
        outside = (boxes[:, :2] < (frame.x0, frame.y0)).any(1) | (boxes[:, 2:] > (frame.x1, frame.y1)).any(1)
        others = np.delete(taken, number, axis=0)
        cost = _overlaps(boxes, others) + 1e6 * outside + np.repeat(_DISTANCES, len(_DIRECTIONS)) * half[1] / 8
        best = int(cost.argmin())
        x, y = axes.transData.inverted().transform(centre[best])
        text.set_position((x, y))
        if best >= 2 * len(_DIRECTIONS):
            ends = axes.transData.inverted().transform([dots[number], centre[best]])
            axes.plot(ends[:, 0], ends[:, 1], color=colours[number], linewidth=0.5, alpha=0.5, zorder=2)
        taken = np.vstack([taken, boxes[best]])


def _candidates(
    dot: NDArray[np.float64], half: NDArray[np.float64], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centres (k, 2) and boxes (k, 4) of a label around its dot, near ones first."""
    centres = np.vstack([dot + _DIRECTIONS * (half + distance * scale) for distance in _DISTANCES])
    return centres, np.column_stack([centres - half - 1, centres + half + 1])


def _overlaps(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each box (k, 4) the area that the others (m, 4) cover of it, in pixels."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    covered: NDArray[np.float64] = np.clip(high - low, 0, None).prod(axis=2).sum(axis=1)
    return covered
