"""One table of Firth against whole programs: counting, SVD, GloVe and the text classifier, from kept results."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tables import grid, update_page

__all__ = ["programs_table"]

RESULTS = Path(__file__).resolve().parent / "results"


def programs_table(counting: dict[str, Any], glove: dict[str, Any], classify: dict[str, Any]) -> str:
    """Return the table: seconds of each job by Firth and by its peer, and how many times faster Firth is.

    Parameters
    ----------
    counting, glove, classify : dict
        What the scripts of these names wrote.
    """
    rows = []
    least, parts = counting["counting"]["least"], counting["factorising"]
    rows.append(["co-occurrences, window 15", "GloVe's cooccur", least["firth"], least["glove"]])
    if "svds" in parts:
        name = (
            f"SVD of PPMI, dim {parts['dim']} ({parts['firth']['energy'] / parts['svds']['energy']:.2%} of the energy)"
        )
        rows.append([name, "SciPy's svds", parts["firth"]["seconds"], parts["svds"]["seconds"]])
    ours = next(line for line in glove["summary"] if line["trainer"] == "firth")
    for line in glove["summary"]:
        if line is not ours:
            what = f"GloVe, {glove['settings']['epochs']} iterations, reckoned from steps and one iteration"
            rows.append([what, f"its programs, {line['trainer']}", ours["whole_s"], line["whole_s"]])
    runs = classify["runs"]
    for job in ("train", "predict"):
        of = {name: min(run["wall_s"] for run in runs[name][job]) for name in ("firth", "fasttext")}
        rows.append([f"classifier on IMDb, bigrams: {job}, whole process", "fasttext", of["firth"], of["fasttext"]])
    cells = [[job, peer, f"{mine:,.1f}", f"{theirs:,.1f}", f"{theirs / mine:.1f}"] for job, peer, mine, theirs in rows]
    shares = ", ".join(f"{name} {100 * run['precision_at_1']:.1f} %" for name, run in runs.items())
    sources = (("counting", counting["run"]), ("glove", glove), ("classify", classify))
    origins = "; ".join(f"{name}.json: Firth {run['commit']}, {run['date'][:10]}" for name, run in sources)
    machine = counting["run"]["machine"]
    note = f"Accuracy on IMDb: {shares}. {machine['cpu']}, {machine['cores']} cores. {origins}."
    return grid(["job", "peer", "Firth, s", "peer, s", "Firth faster by"], cells) + "\n\n" + note


def main() -> int:
    """Print the table, or write it into a page between ``<!-- programs table -->`` and its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, metavar="PAGE", help="page to write the table into")
    options = parser.parse_args()
    names = ("counting", "glove", "classify")
    table = programs_table(*(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in names))
    if options.into:
        update_page(options.into, "programs", table)
    else:
        print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
