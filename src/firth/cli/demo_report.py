"""What ``firth demo`` shows: neighbours, analogies, a table of scores; on the screen and as Markdown."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.cli.demo_sets import analogy_file, similarity_file
from firth.cli.output import print_table, shown
from firth.evaluate import analogies, similarity
from firth.evaluate.table import ANALOGY_COLUMNS, SIMILARITY_COLUMNS, analogy_rows, markdown, similarity_rows

if TYPE_CHECKING:
    from firth.vectors.static import Vectors

__all__ = ["MAP", "findings", "known", "markdown_report", "show", "side_by_side"]

BESIDE = ("list", "exception", "server")

PROBES = (
    "list", "argument", "exception", "encode", "server", "thread", "module", "first", "returns", "remove", "month",
    "coroutine",
)  # fmt: skip

# Examples that came out right for each of several seeds; the table of scores has the rest, right and wrong.
EXAMPLES = (
    ("open", "close", "encode"),
    ("open", "close", "start"),
    ("read", "write", "reader"),
    ("encode", "decode", "encoder"),
    ("int", "integer", "dict"),
    ("start", "end", "first"),
    ("minimum", "maximum", "min"),
    ("left", "right", "horizontal"),
    ("server", "servers", "client"),
    ("raise", "raised", "return"),
    ("read", "reading", "write"),
)

MAP = {
    "types": ("list", "tuple", "dict", "set", "int", "float", "bytes", "string", "integer", "dictionary", "sequence"),
    "files": ("file", "directory", "path", "filename", "folder", "files", "directories", "subdirectory"),
    "network": ("server", "client", "socket", "request", "response", "http", "connection", "host", "port"),
    "concurrency": ("thread", "process", "lock", "queue", "threads", "processes", "executor", "semaphore"),
    "time": ("month", "year", "day", "hour", "minute", "week", "date"),
    "verbs": ("open", "close", "read", "write", "encode", "decode", "send", "receive"),
    "errors": ("error", "exception", "raise", "raised", "traceback", "valueerror", "typeerror"),
    "windows": ("widget", "window", "button", "mouse", "cursor", "canvas", "color"),
}


def known(vectors: Vectors, words: Sequence[str]) -> list[str]:
    """Return those of ``words`` that are in the vocabulary (another Python has another text)."""
    return [word for word in words if word in vectors]


def findings(vectors: Vectors, folder: Path) -> dict[str, Any]:
    """Ask the vectors; the evaluation sets are left in ``folder``, for ``firth evaluate``."""
    (folder / "analogies.txt").write_text(analogy_file(), encoding="utf-8")
    (folder / "similarity.txt").write_text(similarity_file(), encoding="utf-8")
    [ranked] = similarity(vectors, folder / "similarity.txt")
    [asked] = analogies(vectors, folder / "analogies.txt")
    return {
        "neighbours": {word: _rounded(vectors.nearest(word, n=6)) for word in known(vectors, PROBES)},
        "analogies": [
            {"a": a, "b": b, "c": c, "answers": _rounded(vectors.analogy(a, b, c, n=3))}
            for a, b, c in EXAMPLES
            if len(known(vectors, (a, b, c))) == 3
        ],
        "scores": {
            "similarity": ranked.as_dict() | {"path": "similarity.txt"},
            "analogies": asked.as_dict() | {"path": "analogies.txt"},
        },
        "tables": {"similarity": similarity_rows([ranked]), "analogies": analogy_rows(asked)},
    }


def side_by_side(models: dict[str, Vectors], folder: Path, seconds: dict[str, float]) -> list[dict[str, Any]]:
    """Score every model on the sets in ``folder``; a line for each, with its nearest words to some probes."""
    lines = []
    for name, vectors in models.items():
        [ranked] = similarity(vectors, folder / "similarity.txt", resamples=1)
        [asked] = analogies(vectors, folder / "analogies.txt")
        lines.append(
            {
                "model": name,
                "similarity": None if math.isnan(ranked.spearman) else round(100 * ranked.spearman, 1),
                "analogies": round(100 * asked.total.correct / asked.total.asked, 1) if asked.total.asked else None,
                "seconds": seconds[name],
                "nearest": {word: _rounded(vectors.nearest(word, n=4)) for word in known(vectors, BESIDE)},
            }
        )
    return lines


def _rounded(found: Sequence[tuple[str, float]]) -> list[list[Any]]:
    return [[word, round(float(cosine), 4)] for word, cosine in found]


def _words(found: Sequence[Sequence[Any]]) -> str:
    return ", ".join(shown(word) for word, _ in found)


def _tables(report: dict[str, Any]) -> list[tuple[str, Sequence[str], list[list[str]]]]:
    """Return title, columns and rows of everything that is shown."""
    neighbours = [[word, _words(found)] for word, found in report["neighbours"].items()]
    asked = [[f"{q['a']} : {q['b']} = {q['c']} : ?", _words(q["answers"])] for q in report["analogies"]]
    beside = [
        [line["model"], _figure(line["similarity"]), _figure(line["analogies"]), f"{line['seconds']:.1f}"]
        + [_words(line["nearest"].get(word, [])) for word in BESIDE]
        for line in report["side_by_side"]
    ]
    return [
        ("Nearest words", ("word", "neighbours"), neighbours),
        ("Analogies", ("question", "answers"), asked),
        (
            "Score: a small set of analogies",
            ANALOGY_COLUMNS,
            report["tables"]["analogies"],
        ),
        ("Score: a small set of word pairs (correlation x 100)", SIMILARITY_COLUMNS, report["tables"]["similarity"]),
        (
            "Four models of the same text",
            ("model", "pairs", "analogies, %", "seconds", *(f"near {word}" for word in BESIDE)),
            beside,
        ),
    ]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _headline(report: dict[str, Any]) -> str:
    seconds = report["seconds"]
    return (
        f"{report['words']:,} words of docstrings and comments (Python {report['python']}), {report['vocabulary']:,} "
        f"words in the vocabulary; collected in {seconds['collecting']:.1f} s, trained in {seconds['training']:.1f} s."
    )


def markdown_report(report: dict[str, Any]) -> str:
    """Return the report as a Markdown page."""
    parts = ["# What Python's standard library says about itself", _headline(report)]
    if report["map"]:
        parts.append(f"![Words on a plane]({report['map']})")
    for title, columns, rows in _tables(report):
        parts += [f"## {title}", markdown(columns, rows)]
    options = ", ".join(f"{name} {value}" for name, value in report["options"].items())
    parts += ["## How it was made", f"word2vec: {options}."]
    return "\n\n".join(parts) + "\n"


def show(report: dict[str, Any], out: Path) -> None:
    """Print the report."""
    print(_headline(report))
    for title, columns, rows in _tables(report):
        if not sys.stdout.isatty():
            print(f"\n{title}")
        print_table(columns, rows, title=title)
    picture = f", {report['map']}" if report["map"] else ""
    print(f"\nAll of it is in {out}: report.md, report.json{picture}, text.txt and the model. Go on with")
    print(f"  firth nearest {out / 'model'} generator")
