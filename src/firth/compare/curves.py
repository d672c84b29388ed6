"""Learning curves as SVG, written by hand so that a report needs nothing beside itself."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Iterator, Sequence

__all__ = ["COLOURS", "Curve", "bars", "chart"]

# Told apart by people with any kind of colour vision (Okabe and Ito 2008).
COLOURS = ("#5a5a5a", "#0072b2", "#d55e00", "#007a5a", "#a6457e", "#8a6d00", "#3b8fc2", "#7a3e00", "#4b3f92", "#9c2a2a")
_WIDTH, _HEIGHT = 560, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 16, 46  # margins


@dataclasses.dataclass(frozen=True)
class Curve:
    """A line of a chart.

    Attributes
    ----------
    name : str
    points : sequence of (x, y, low, high)
        x above 0; the bounds may be None.
    colour : str
    """

    name: str
    points: Sequence[tuple[float, float, float | None, float | None]]
    colour: str


@dataclasses.dataclass(frozen=True)
class _Frame:
    """Where values stand: the ticks of y, and the least and the greatest x."""

    ticks: Sequence[float]
    xs: Sequence[float]

    def across(self, x: float) -> float:
        least, most = math.log(self.xs[0]), math.log(self.xs[-1])
        share = 0.5 if most == least else (math.log(x) - least) / (most - least)
        return _LEFT + 12 + share * (_WIDTH - _LEFT - _RIGHT - 24)

    def down(self, y: float) -> float:
        bottom, top = self.ticks[0], self.ticks[-1]
        return _TOP + (top - min(max(y, bottom), top)) / (top - bottom) * (_HEIGHT - _TOP - _BOTTOM)


def chart(curves: Sequence[Curve], *, x_title: str, y_title: str) -> str:
    """Return a chart with a logarithmic x axis in percent and a y axis in percent; bars show intervals.

    Examples
    --------
    >>> chart([Curve("a", [(0.01, 0.5, None, None), (1.0, 0.8, 0.7, 0.9)], "#000")], x_title="x", y_title="y")[:4]
    '<svg'
    """
    points = [point for curve in curves for point in curve.points]
    if not points:
        return ""
    heights = [value for _, y, low, high in points for value in (y, low, high) if value is not None]
    bottom, top = max(0.0, min(heights)), min(1.0, max(heights))
    room = max(0.05 * (top - bottom), 0.01)
    frame = _Frame(_ticks(max(0.0, bottom - room), min(1.0, top + room)), sorted({x for x, *_ in points}))
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" aria-label="{html.escape(y_title)}">']
    parts += _axes(frame, html.escape(x_title), html.escape(y_title))
    for number, curve in enumerate(curves):
        parts += _line(frame, curve, 3.0 * (number - (len(curves) - 1) / 2))  # intervals beside each other
    return "".join([*parts, "</svg>"])


def _axes(frame: _Frame, x_title: str, y_title: str) -> Iterator[str]:
    for y, place in ((y, frame.down(y)) for y in frame.ticks):
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{place:.1f}" y2="{place:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{place + 4:.1f}" text-anchor="end">{100 * y:g}</text>'
    for x in frame.xs:
        yield f'<text x="{frame.across(x):.1f}" y="{_HEIGHT - 26}" text-anchor="middle">{100 * x:g} %</text>'
    yield f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{x_title}</text>'
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    yield f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{y_title}</text>'


def _line(frame: _Frame, curve: Curve, shift: float) -> Iterator[str]:
    colour, name = curve.colour, html.escape(curve.name)
    places = [(frame.across(x) + shift, frame.down(y), low, high) for x, y, low, high in sorted(curve.points)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in places)
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y, low, high in places:
        if low is not None and high is not None:
            ends = f'y1="{frame.down(low):.1f}" y2="{frame.down(high):.1f}"'
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" {ends} stroke="{colour}" stroke-width="1.2"/>'
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"><title>{name}</title></circle>'


def _ticks(low: float, high: float) -> list[float]:
    """Return 3 to 8 round numbers that reach from below ``low`` to above ``high``.

    Examples
    --------
    >>> _ticks(0.42, 0.87)
    [0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    """
    step = next((step for step in (0.005, 0.01, 0.02, 0.05, 0.1) if (high - low) / step <= 6), 0.2)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 4) for number in range(first, max(last, first + 1) + 1)]


def bars(weights: Sequence[float], colour: str) -> str:
    """Return shares that sum to 1 as one bar, darker for higher layers, with the numbers in it.

    Examples
    --------
    >>> bars([0.25, 0.75], "#0072b2").count("<rect")
    2
    """
    width, height, at = 300, 22, 0.0
    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="weights of layers">']
    for layer, weight in enumerate(weights):
        side = max(weight, 0.0) * width
        strength = 0.25 + 0.75 * (layer + 1) / len(weights)
        shade = f'fill="{colour}" fill-opacity="{strength:.2f}"'
        title = f"<title>layer {layer}: {100 * weight:.0f} %</title>"
        parts.append(f'<rect x="{at:.1f}" y="0" width="{side:.1f}" height="{height}" {shade}>{title}</rect>')
        if side > 34:
            ink = "white" if strength > 0.6 else "#222"
            parts.append(f'<text x="{at + side / 2:.1f}" y="15" text-anchor="middle" style="fill:{ink}">'
                         f"{layer}: {100 * weight:.0f} %</text>")  # fmt: skip
        at += side
    return "".join([*parts, "</svg>"])
