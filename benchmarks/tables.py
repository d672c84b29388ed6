"""Markdown tables made from kept results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["TITLES", "grid", "origin", "quality_table", "show_table", "speed_table", "update_page"]

TITLES = {
    "skipgram-negative-100": "skip-gram, negative sampling, dim 100",
    "skipgram-negative-300": "skip-gram, negative sampling, dim 300",
    "cbow-negative-100": "CBOW, negative sampling, dim 100",
    "skipgram-hierarchical-100": "skip-gram, hierarchical softmax, dim 100",
    "fasttext-skipgram-100": "fastText skip-gram, n-grams of 3 to 6, dim 100",
    "fasttext-cbow-100": "fastText CBOW, n-grams of 3 to 6, dim 100",
    "vocabulary": "read, count and encode",
}


def origin(result: dict[str, Any]) -> str:
    """Return the line under a table: machine, versions, settings."""
    machine, versions, settings = result["machine"], result["versions"], result["settings"]
    corpus = result["corpus"]
    epochs = "1 epoch" if settings["epochs"] == 1 else f"{settings['epochs']} epochs"
    return (
        f"{corpus['name']}: {corpus['words']:,} words; {settings['threads']} threads, {epochs},"
        f" window {settings['window']}, {settings['negative']} negatives, sample {settings['sample']:g},"
        f" min-count {settings['min_count']}. {machine['cpu']}, {machine['cores']} cores,"
        f" {machine['memory_gib']:g} GiB. Firth {result['commit']}, gensim {versions['gensim']}, {result['date'][:10]}."
    )


def grid(head: list[str], rows: list[list[str]]) -> str:
    """Return a markdown table; the first column to the left, the others to the right."""
    align = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, align, *rows])


def speed_table(result: dict[str, Any]) -> str:
    """Return the table of a speed run: a line per job and trainer, and how many times faster Firth is.

    Parameters
    ----------
    result : dict
        What ``speed.py`` wrote.
    """
    rows = []
    for line in result["summary"]:
        faster = line["firth_faster"]
        rate = f"{line['words_per_s']:,.0f}" if "words_per_s" in line else f"{line['read_s']:.2f} s"
        ratios = [f"{faster[mode]:.1f}" if mode in faster else "" for mode in ("firth-deterministic", "firth-racing")]
        name = TITLES.get(line["job"], line["job"])
        rows.append([name, line["trainer"], rate, f"{line['peak_mib']:,.0f}", *ratios])
    head = ["job", "trainer", "words/s", "peak MiB", "Firth deterministic is faster by", "Firth racing"]
    return f"{grid(head, rows)}\n\n{origin(result)}"


def quality_table(result: dict[str, Any]) -> str:
    """Return the table of a quality run: a line per trainer, mean and standard deviation over the seeds.

    Parameters
    ----------
    result : dict
        What ``quality.py`` wrote.
    """
    names = list(dict.fromkeys(name for line in result["summary"] for name in line["scores"]))
    rows = []
    for line in result["summary"]:
        cells = []
        for name in names:
            score = line["scores"].get(name)
            spread = f" ± {score['sd']:.1f}" if score and score["sd"] is not None else ""
            cells.append(f"{score['mean']:.1f}{spread}" if score else "")
        rows.append([line["trainer"], str(line["runs"]), *cells])
    job = TITLES.get(result["job"]["name"], result["job"]["name"])
    return f"{job}\n\n{grid(['trainer', 'seeds', *names], rows)}\n\n{origin(result)}"


def update_page(page: Path, name: str, text: str) -> None:
    """Put ``text`` between the lines ``<!-- name table -->`` and ``<!-- end of name table -->`` of a page.

    Raises
    ------
    SystemExit
        When the page lacks one of the two lines.
    """
    content = page.read_text(encoding="utf-8")
    start, end = f"<!-- {name} table -->", f"<!-- end of {name} table -->"
    before, found, rest = content.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{page} has no place for the table: expected the lines {start} and {end}")
    page.write_text(f"{before}{start}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def show_table(kept: Path, page: Path | None, name: str, make: Callable[[dict[str, Any]], str]) -> None:
    """Print the table of a kept result, or put it into a page, at the place of that name."""
    text = make(json.loads(kept.read_text(encoding="utf-8")))
    if page is None:
        print(text)
    else:
        update_page(page, name, text)
