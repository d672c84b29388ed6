"""The transfer report: ``report.json``, and ``report.html``, one page with its pictures in it."""

from __future__ import annotations

import html
import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from firth.compare.curves import COLOURS, Curve, bars, chart
from firth.compare.summary import layers, summary
from firth.compare.tasks import Task
from firth.compare.transfer import Transfer
from firth.config import to_dict
from firth.formats.atomic import new_file

__all__ = ["page", "report", "write_report"]

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:right}"
    "td:first-child,th:first-child{text-align:left}svg text{font:11px system-ui,sans-serif;fill:#555}"
    "svg .grid{stroke:#e5e5e5}.row{display:flex;flex-wrap:wrap;gap:1em}figure{margin:0}figcaption{color:#555}"
    ".key span{display:inline-block;margin-right:1.2em}.key i{display:inline-block;width:.8em;height:.8em;"
    "border-radius:50%;margin-right:.35em}svg{max-width:100%;height:auto}.best{font-weight:600}"
)


def report(
    rows: Sequence[Mapping[str, Any]], tasks: Sequence[Task], config: Transfer, models: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all that the report says, as JSON values.

    Parameters
    ----------
    rows : sequence of mapping
        As :func:`firth.compare.transfer.compare_tasks` gives them.
    tasks : sequence of Task
    config : Transfer
    models : mapping from str to JSON value
        What each representation is, by name.
    """
    return {
        "report": "transfer", "schema": 1, "firth": importlib.metadata.version("firth"),
        "python": platform.python_version(), "options": to_dict(config),
        "tasks": {task.name: {"measure": task.measure, "train": task.n, "digest": task.digest} for task in tasks},
        "models": dict(models), "curves": summary(rows), "layers": layers(rows), "cells": [dict(row) for row in rows],
    }  # fmt: skip


def write_report(found: Mapping[str, Any], folder: Path) -> None:
    """Write ``report.json`` and ``report.html``, each whole or not at all."""
    for name, text in (("report.json", json.dumps(found, indent=1) + "\n"), ("report.html", page(found))):
        with new_file(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def page(found: Mapping[str, Any]) -> str:
    """Return the report as a page of HTML that needs nothing beside itself."""
    names = list(dict.fromkeys(line["representation"] for line in found["curves"]))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    key = "".join(f'<span><i style="background:{colours[name]}"></i>{html.escape(name)}</span>' for name in names)
    seeds = found["options"]["seeds"]
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Transfer report</title>',
        f"<style>{_STYLE}</style><h1>What representations are worth where labels are few</h1>",
        f"<p>Each curve is the mean of {seeds} trainings on as many samples of the labels; bars are 95 % intervals of "
        "the mean by Student's t. All representations get the same samples, net and number of updates.</p>",
        f'<p class="key">{key}</p>',
    ]
    for name, task in found["tasks"].items():
        parts += _task(name, task, found, names, colours)
    parts.append(f"<p>Firth {html.escape(found['firth'])}, Python {html.escape(found['python'])}; options "
                 f"<code>{html.escape(json.dumps(found['options']))}</code></p></html>\n")  # fmt: skip
    return "\n".join(parts)


def _task(
    name: str, task: Mapping[str, Any], found: Mapping[str, Any], names: Sequence[str], colours: Mapping[str, str]
) -> list[str]:
    lines = [line for line in found["curves"] if line["task"] == name]
    parts = [
        f"<h2>{html.escape(name)}</h2>",
        f"<p>{task['train']:,} labelled sentences in all.</p>",
        '<div class="row">',
    ]
    for what, title in (("score", task["measure"]), ("unseen", f"{task['measure']} on words never seen in training")):
        curves = [Curve(one, _points(lines, one, what), colours[one]) for one in names]
        picture = chart(curves, x_title="share of the labels", y_title=title)
        parts.append(f"<figure>{picture}<figcaption>{html.escape(title)}, %</figcaption></figure>")
    parts += ["</div>", _table(lines, names, "score"), "<p>Words never seen in training:</p>",
              _table(lines, names, "unseen")]  # fmt: skip
    own = [entry for entry in found["layers"] if entry["task"] == name]
    if own:
        parts.append("<p>Weights of the layers that the task learnt, the layer without context first:</p><table>")
        for entry in own:
            picture = bars(entry["weights"], colours[entry["representation"]])
            share = f"{100 * entry['share']:g} %"
            parts.append(f"<tr><td>{html.escape(entry['representation'])}</td><td>{share}</td><td>{picture}</td></tr>")
        parts.append("</table>")
    return parts


def _points(
    lines: Sequence[Mapping[str, Any]], name: str, what: str
) -> list[tuple[float, float, float | None, float | None]]:
    return [
        (line["share"], line[what], *(line[f"{what}_interval"] or (None, None)))
        for line in lines
        if line["representation"] == name and line[what] is not None
    ]


def _table(lines: Sequence[Mapping[str, Any]], names: Sequence[str], what: str) -> str:
    """Return a table with a row for each representation and a column for each share; the best of a column is bold."""
    shares = sorted({line["share"] for line in lines})
    at = {(line["representation"], line["share"]): line for line in lines}
    counts = {line["share"]: line["n"] for line in lines}
    head = "".join(f"<th>{100 * share:g} %<br>{counts[share]:,}</th>" for share in shares)
    parts = [f"<table><tr><th></th>{head}</tr>"]
    best = {share: max(at[name, share][what] or 0.0 for name in names if (name, share) in at) for share in shares}
    for name in names:
        cells = []
        for share in shares:
            line = at.get((name, share))
            if line is None or line[what] is None:
                cells.append("<td></td>")
                continue
            mean, bounds = line[what], line[f"{what}_interval"]
            spread = "" if bounds is None else f" ± {100 * (bounds[1] - mean):.1f}"
            mark = ' class="best"' if mean == best[share] else ""
            cells.append(f"<td{mark}>{100 * mean:.1f}{spread}</td>")
        parts.append(f"<tr><td>{html.escape(name)}</td>{''.join(cells)}</tr>")
    return "".join([*parts, "</table>"])
