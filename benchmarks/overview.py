"""One table of speed and quality for the front page: a line per trainer, made from kept results."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tables import TITLES, grid, origin, update_page

__all__ = ["overview"]

SHORT = {"EN-WS-353-ALL": "WordSim-353", "EN-SIMLEX-999": "SimLex-999", "questions-words": "analogies, %"}


def overview(speed: dict[str, Any], quality: dict[str, Any]) -> str:
    """Return the table: words/s of every job, then the scores, of each trainer.

    Parameters
    ----------
    speed, quality : dict
        What ``speed.py`` and ``quality.py`` wrote. The peak memory of training is left to the longer tables.
    """
    rates = {(line["job"], line["trainer"]): line["words_per_s"] for line in speed["summary"] if "words_per_s" in line}
    scores = {line["trainer"]: line["scores"] for line in quality["summary"]}
    jobs = list(dict.fromkeys(job for job, _ in rates))
    names = [name for name in SHORT if any(name in line for line in scores.values())]
    rows = []
    for trainer in dict.fromkeys([trainer for _, trainer in rates] + list(scores)):
        speeds = [f"{rates[job, trainer]:,.0f}" if (job, trainer) in rates else "" for job in jobs]
        means = [f"{scores[trainer][name]['mean']:.1f}" if name in scores.get(trainer, {}) else "" for name in names]
        rows.append([trainer, *speeds, *means])
    head = ["trainer", *(f"{TITLES.get(job, job)}, words/s" for job in jobs), *(SHORT[name] for name in names)]
    trained = TITLES.get(quality["job"]["name"], quality["job"]["name"])
    runs = ", ".join(f"{line['trainer']} {line['runs']}" for line in quality["summary"])
    note = f"Scores: {trained}, {quality['settings']['epochs']} epochs, means (runs: {runs}). Speed: {origin(speed)}"
    return f"{grid(head, rows)}\n\n{note}"


def main() -> int:
    """Print the table, or write it into a page between ``<!-- overview table -->`` and its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speed", type=Path, help="a result of speed.py")
    parser.add_argument("quality", type=Path, help="a result of quality.py")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="page to write the table into")
    options = parser.parse_args()
    table = overview(*(json.loads(path.read_text(encoding="utf-8")) for path in (options.speed, options.quality)))
    if options.into:
        update_page(options.into, "overview", table)
    else:
        print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
