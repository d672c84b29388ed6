"""Pictures, drawn by matplotlib (the extra ``plot``) without a screen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.evaluate.in_context import joined
from firth.plot_labels import place_labels
from firth.plot_sheet import COLOURS, Sheet, empty_sheet, one_warning_of_missing_glyphs, write_figure
from firth.vectors.project import project

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from firth.evaluate.in_context import Place
    from firth.evaluate.senses import Sense, WordSenses
    from firth.vectors.static import Vectors

__all__ = ["attention_map", "gradient_norms", "sense_map", "word_map"]

_SNIPPET = 3  # tokens of each side


def word_map(
    vectors: Vectors,
    groups: Mapping[str, Sequence[str]],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    size: tuple[float, float] = (10.0, 7.5),
) -> dict[str, tuple[float, float]]:
    """Draw words on a plane, by the two principal components of their unit vectors.

    Parameters
    ----------
    vectors : Vectors
    groups : mapping from str to sequence of str
        Words by group; each group has a colour and a line in the legend (an empty name has none).
    path : path-like
        The picture; ``.png``, ``.svg`` or ``.pdf``.
    title : str, optional
        Heading.
    size : (float, float)
        Width and height in inches.

    Returns
    -------
    dict from str to (float, float)
        Where each word stands.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    DataError
        When fewer than three words are given, or the picture cannot be written.
    """
    words = [word for members in groups.values() for word in members]
    if len(words) < 3:
        raise DataError("too few words for a map", got=len(words), expected="at least 3")
    rows = np.asarray(vectors[words], dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = (rows / np.where(norms > 0, norms, 1)).astype(np.float32)
    places = project(unit).astype(np.float64)
    shares = places.var(axis=0) / max(float(unit.var(axis=0).sum()), 1e-12)
    colours = [COLOURS[n % len(COLOURS)] for n, members in enumerate(groups.values()) for _ in members]
    sheet = empty_sheet(size, title, shares)
    with one_warning_of_missing_glyphs():
        sheet.axes.scatter(places[:, 0], places[:, 1], c=colours, s=26, zorder=3, linewidths=0)
        _fit(sheet.axes, places)
        place_labels(sheet.axes, words, places, colours, sheet.families)
        _legend(sheet, list(groups))
        write_figure(sheet.figure, Path(path))
    return {word: (float(x), float(y)) for word, (x, y) in zip(words, places, strict=True)}


def gradient_norms(
    curves: Mapping[str, Sequence[float]],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    size: tuple[float, float] = (8.0, 5.0),
) -> None:
    """Draw how long a gradient is so many steps back in time, on a logarithmic scale.

    Parameters
    ----------
    curves : mapping from str to sequence of float
        Norms at 0, 1, ... steps back, by the name of the net.
    path : path-like
        The picture; ``.png``, ``.svg`` or ``.pdf``.
    title : str, optional
        Heading.
    size : (float, float)
        Width and height in inches.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    DataError
        When a curve has no positive number, or the picture cannot be written.
    """
    sheet = empty_sheet(size, title, None)
    axes = sheet.axes
    axes.set_yscale("log")
    for number, (name, norms) in enumerate(curves.items()):
        values = np.asarray(norms, np.float64)
        if not (np.isfinite(values) & (values > 0)).any():
            raise DataError("a curve has no positive number", got=name)
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(np.arange(len(values)), np.where(values > 0, values, np.nan), color=colour, linewidth=2, label=name)
    axes.set_xlabel("steps back in time, k", fontsize=9, color="#555555")
    axes.set_ylabel("norm of the gradient of the last loss", fontsize=9, color="#555555")
    axes.grid(color="#eeeeee")
    axes.legend(frameon=False, prop={"family": sheet.families, "size": 9})
    write_figure(sheet.figure, Path(path))


def attention_map(
    attention: NDArray[np.float32],
    source: Sequence[str],
    target: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str = "",
) -> None:
    """Draw how much of each source word was looked at when each target word was written: the darker, the more.

    Parameters
    ----------
    attention : ndarray, shape (n_target, n_source)
        Weights from 0 to 1.
    source, target : sequence of str
        Names of the columns and of the rows.
    path : path-like
        The picture; ``.png``, ``.svg`` or ``.pdf``.
    title : str, optional
        Heading.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    DataError
        When names and weights differ in number, or the picture cannot be written.
    """
    weights = np.asarray(attention, np.float64)
    if weights.shape != (len(target), len(source)) or not weights.size:
        got = f"{weights.shape}, {len(target)} and {len(source)} names"
        raise DataError("the weights do not fit the words", got=got)
    width, height = (min(2.0 + 0.34 * n, 40.0) for n in (len(source), len(target)))
    sheet = empty_sheet((width, height), title)
    axes = sheet.axes
    with one_warning_of_missing_glyphs():
        axes.imshow(weights, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
        style: dict[str, Any] = {"fontsize": 9, "family": sheet.families}
        axes.set_xticks(range(len(source)), [_plain(name) for name in source], rotation=60, ha="left", **style)
        axes.set_yticks(range(len(target)), [_plain(name) for name in target], **style)
        axes.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False, length=0)
        axes.set_xticks(np.arange(1, len(source)) - 0.5, minor=True)
        axes.set_yticks(np.arange(1, len(target)) - 0.5, minor=True)
        axes.tick_params(which="minor", length=0)
        axes.grid(which="minor", color="#eeeeee", linewidth=0.5)
        write_figure(sheet.figure, Path(path))


def _plain(text: str) -> str:
    """Return text that is drawn as it is: nothing unprintable, no mathematics, and no marks of pieces' blanks."""
    text = text.removeprefix("\u2581") or "\u2423"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text).replace("$", r"\$")


def sense_map(
    found: WordSenses,
    path: str | os.PathLike[str],
    *,
    title: str = "",
    labels: int = 4,
    size: tuple[float, float] = (11.0, 8.0),
) -> NDArray[np.float64]:
    """Draw the occurrences of a word on a plane, by the two principal components of their unit vectors.

    Parameters
    ----------
    found : WordSenses
        Each sense has a colour, and a line in the legend with its share and its words.
    path : path-like
        The picture; ``.png``, ``.svg`` or ``.pdf``.
    title : str, optional
        Heading.
    labels : int
        How many typical occurrences of each sense are written out.
    size : (float, float)
        Width and height in inches.

    Returns
    -------
    ndarray of float64, shape (n_places, 2)
        Where each occurrence stands.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    DataError
        When there are fewer than three occurrences, or the picture cannot be written.
    """
    if len(found.places) < 3:
        raise DataError("too few occurrences for a map", got=len(found.places), expected="at least 3")
    places = project(found.vectors).astype(np.float64)
    shares = places.var(axis=0) / max(float(found.vectors.var(axis=0).sum()), 1e-12)
    sheet = empty_sheet(size, title, shares)
    colours = [COLOURS[label % len(COLOURS)] for label in found.labels.tolist()]
    at = {id(place): row for row, place in enumerate(found.places)}
    named = [(at[id(each.place)], each.place) for sense in found.senses for each in sense.typical[:labels]]
    with one_warning_of_missing_glyphs():
        sheet.axes.scatter(places[:, 0], places[:, 1], c=colours, s=18, alpha=0.5, zorder=3, linewidths=0)
        _fit(sheet.axes, places)
        rows = [row for row, _ in named]
        texts = [_snippet(place) for _, place in named]
        place_labels(
            sheet.axes,
            texts,
            places[rows],
            [colours[row] for row in rows],
            sheet.families,
            avoid=np.delete(places, rows, 0),
        )
        _legend(sheet, [_sense_name(number, sense) for number, sense in enumerate(found.senses, 1)], columns=3)
        write_figure(sheet.figure, Path(path))
    return places


def _snippet(place: Place) -> str:
    """Return the word with three tokens of each side; ``$`` and the like are no mathematics here."""
    tokens = place.sentence[max(0, place.start - _SNIPPET) : place.end + _SNIPPET]
    text = joined([token if len(token) <= 20 else token[:19] + "…" for token in tokens])
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text).replace("$", r"\$")


def _sense_name(number: int, sense: Sense) -> str:
    words = ", ".join(word for word, _ in sense.words[:4]).replace("$", r"\$")
    return f"{number} ({100 * sense.share:.0f} %)" + (f": {words}" if words else "")


def _fit(axes: Axes, places: NDArray[np.float64]) -> None:
    """Leave room for labels around the outermost dots."""
    low, high = places.min(axis=0), places.max(axis=0)
    room = np.where(high > low, high - low, 1.0) * (0.12, 0.07)
    axes.set_xlim(low[0] - room[0], high[0] + room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])


def _legend(sheet: Sheet, names: Sequence[str], columns: int = 8) -> None:
    from matplotlib.lines import Line2D

    marks: list[Any] = [
        Line2D([], [], marker="o", linestyle="", markersize=6, color=COLOURS[n % len(COLOURS)], label=name)
        for n, name in enumerate(names)
        if name
    ]
    if marks:
        sheet.axes.legend(
            handles=marks, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=min(len(marks), columns),
            frameon=False, handletextpad=0.1, prop={"family": sheet.families, "size": 9},
        )  # fmt: skip
