"""The sheet that pictures are drawn on: colours, fonts with Chinese characters, writing."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "Sheet", "empty_sheet", "one_warning_of_missing_glyphs", "write_figure"]

# Told apart by people with any kind of colour vision (Okabe and Ito 2008), dark enough for text on white.
COLOURS = (
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


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A figure with one pair of axes, and the fonts that its texts are looked for in."""

    figure: Figure
    axes: Axes
    families: list[str]


def empty_sheet(size: tuple[float, float], title: str, shares: NDArray[np.float64] | None = None) -> Sheet:
    """Return an empty sheet, drawn without a screen.

    Parameters
    ----------
    size : (float, float)
        Width and height in inches.
    title : str
    shares : ndarray of float64, optional
        Of the variance in two principal components, which are the axes then.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
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
    return Sheet(figure, axes, families)


def _name_components(axes: Axes, shares: NDArray[np.float64]) -> None:
    for name, share, draw in (("first", shares[0], axes.set_xlabel), ("second", shares[1], axes.set_ylabel)):
        draw(f"{name} principal component ({100 * share:.0f} % of the variance)", fontsize=9, color="#555555")
    axes.tick_params(bottom=False, left=False, labelbottom=False, labelleft=False)
    axes.axhline(0, color="#eeeeee", linewidth=1, zorder=0)
    axes.axvline(0, color="#eeeeee", linewidth=1, zorder=0)


@contextlib.contextmanager
def one_warning_of_missing_glyphs() -> Iterator[None]:
    """Warn once, not for each character, where no font has one."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        yield
    if any("missing from" in str(warning.message) for warning in heard):
        warnings.warn("no installed font has all characters of the words; install Noto Sans CJK", stacklevel=4)


def write_figure(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all.

    Raises
    ------
    DataError
        When it cannot be written.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        figure.savefig(part)
        part.replace(path)
    except (OSError, ValueError) as error:
        part.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"cannot write the picture: {reason}", got=str(path)) from error
