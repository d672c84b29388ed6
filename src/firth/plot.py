"""Pictures, drawn by matplotlib (the extra ``plot``) without a screen."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError, MissingExtraError
from firth.evaluate.in_context import joined
from firth.plot_labels import place_labels
from firth.vectors.project import project

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from firth.evaluate.in_context import Place
    from firth.evaluate.senses import Sense, WordSenses
    from firth.vectors.static import Vectors

__all__ = ["gradient_norms", "sense_map", "word_map"]

# Told apart by people with any kind of colour vision (Okabe and Ito 2008), dark enough for text on white.
_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#007a5a",
    "#a6457e",
    "#8a6d00",
    "#3b8fc2",
    "#5a5a5a",
    "#7a3e00",
    "#4b3f92",
    "#9c2a2a",
)
_CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "PingFang SC",
    "Microsoft YaHei", "SimHei", "Hiragino Sans GB", "Droid Sans Fallback", "AR PL UMing CN", "Arial Unicode MS",
)  # fmt: skip
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
    colours = [_COLOURS[n % len(_COLOURS)] for n, members in enumerate(groups.values()) for _ in members]
    sheet = _empty(size, title, shares)
    with _one_warning_of_missing_glyphs():
        sheet.axes.scatter(places[:, 0], places[:, 1], c=colours, s=26, zorder=3, linewidths=0)
        _fit(sheet.axes, places)
        place_labels(sheet.axes, words, places, colours, sheet.families)
        _legend(sheet, list(groups))
        _write(sheet.figure, Path(path))
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
    sheet = _empty(size, title, None)
    axes = sheet.axes
    axes.set_yscale("log")
    for number, (name, norms) in enumerate(curves.items()):
        values = np.asarray(norms, np.float64)
        if not (np.isfinite(values) & (values > 0)).any():
            raise DataError("a curve has no positive number", got=name)
        colour = _COLOURS[number % len(_COLOURS)]
        axes.plot(np.arange(len(values)), np.where(values > 0, values, np.nan), color=colour, linewidth=2, label=name)
    axes.set_xlabel("steps back in time, k", fontsize=9, color="#555555")
    axes.set_ylabel("norm of the gradient of the last loss", fontsize=9, color="#555555")
    axes.grid(color="#eeeeee")
    axes.legend(frameon=False, prop={"family": sheet.families, "size": 9})
    _write(sheet.figure, Path(path))


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
    sheet = _empty(size, title, shares)
    colours = [_COLOURS[label % len(_COLOURS)] for label in found.labels.tolist()]
    at = {id(place): row for row, place in enumerate(found.places)}
    named = [(at[id(each.place)], each.place) for sense in found.senses for each in sense.typical[:labels]]
    with _one_warning_of_missing_glyphs():
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
        _write(sheet.figure, Path(path))
    return places


def _snippet(place: Place) -> str:
    """Return the word with three tokens of each side; ``$`` and the like are no mathematics here."""
    tokens = place.sentence[max(0, place.start - _SNIPPET) : place.end + _SNIPPET]
    text = joined([token if len(token) <= 20 else token[:19] + "…" for token in tokens])
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text).replace("$", r"\$")


def _sense_name(number: int, sense: Sense) -> str:
    words = ", ".join(word for word, _ in sense.words[:4]).replace("$", r"\$")
    return f"{number} ({100 * sense.share:.0f} %)" + (f": {words}" if words else "")


@dataclasses.dataclass(frozen=True)
class _Sheet:
    figure: Figure
    axes: Axes
    families: list[str]


def _empty(size: tuple[float, float], title: str, shares: NDArray[np.float64] | None) -> _Sheet:
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.font_manager import get_font_names
    except ImportError as error:
        raise MissingExtraError("drawing a picture", extra="plot") from error
    installed = set(get_font_names())
    families = ["DejaVu Sans", *(name for name in _CJK_FONTS if name in installed)]
    with matplotlib.rc_context({"font.family": families, "axes.unicode_minus": False}):
        figure = Figure(figsize=size, dpi=150, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=13, pad=10, family=families)
    for spine in axes.spines.values():
        spine.set_color("#cccccc")
    if shares is not None:
        _name_components(axes, shares)
    return _Sheet(figure, axes, families)


def _name_components(axes: Axes, shares: NDArray[np.float64]) -> None:
    for name, share, draw in (("first", shares[0], axes.set_xlabel), ("second", shares[1], axes.set_ylabel)):
        draw(f"{name} principal component ({100 * share:.0f} % of the variance)", fontsize=9, color="#555555")
    axes.tick_params(bottom=False, left=False, labelbottom=False, labelleft=False)
    axes.axhline(0, color="#eeeeee", linewidth=1, zorder=0)
    axes.axvline(0, color="#eeeeee", linewidth=1, zorder=0)


@contextlib.contextmanager
def _one_warning_of_missing_glyphs() -> Iterator[None]:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        yield
    if any("missing from" in str(warning.message) for warning in heard):
        warnings.warn("no installed font has all characters of the words; install Noto Sans CJK", stacklevel=4)


def _fit(axes: Axes, places: NDArray[np.float64]) -> None:
    """Leave room for labels around the outermost dots."""
    low, high = places.min(axis=0), places.max(axis=0)
    room = np.where(high > low, high - low, 1.0) * (0.12, 0.07)
    axes.set_xlim(low[0] - room[0], high[0] + room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])


def _legend(sheet: _Sheet, names: Sequence[str], columns: int = 8) -> None:
    from matplotlib.lines import Line2D

    marks: list[Any] = [
        Line2D([], [], marker="o", linestyle="", markersize=6, color=_COLOURS[n % len(_COLOURS)], label=name)
        for n, name in enumerate(names)
        if name
    ]
    if marks:
        sheet.axes.legend(
            handles=marks, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=min(len(marks), columns),
            frameon=False, handletextpad=0.1, prop={"family": sheet.families, "size": 9},
        )  # fmt: skip


def _write(figure: Figure, path: Path) -> None:
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        figure.savefig(part)
        part.replace(path)
    except (OSError, ValueError) as error:
        part.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"cannot write the picture: {reason}", got=str(path)) from error
