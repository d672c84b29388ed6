"""Score texts with an n-gram model of ours and with KenLM's probing model, both by ids; writes JSON.

python benchmarks/queries.py --order 5 --model kn5 --binary kn5.bin --program kq --text text.txt --out queries.json

``--program`` is kenlm_queries.cpp, built; ``--binary`` is what ``build_binary probing`` made of the same model.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from record import describe_run, write_json
from tables import grid, update_page

TURNS = 3


def ours(folder: Path, text: Path, threads: int) -> dict[str, Any]:
    """Return predictions a second of one Python call over the whole text, and the sum of log10 probabilities."""
    import firth
    from firth.lm import ngram_model

    ngram_model._threads = lambda: threads
    model = firth.load(folder)
    stream = model.lexicon.whole(model.corpus_of(text))
    best, total = math.inf, 0.0
    for _ in range(TURNS):
        began = time.perf_counter()
        total = float(model.score(stream.ids, model.start())[0].sum()) / math.log(10)
        best = min(best, time.perf_counter() - began)
    return {"n": len(stream.ids), "per_second": round(len(stream.ids) / best), "log10": round(total, 3)}


def kenlm(program: Path, binary: Path, text: Path) -> dict[str, Any]:
    """Return the same of KenLM."""
    n, seconds, total = subprocess.run(
        [program, binary, text], capture_output=True, text=True, check=True
    ).stdout.split()
    return {"n": int(n), "per_second": round(int(n) / float(seconds)), "log10": round(float(total), 3)}


def table(kept: dict[str, Any]) -> str:
    """Return a line per order and text: millions of predictions a second."""
    rows = []
    for order, found in kept["orders"].items():
        for text, runs in found["texts"].items():
            rates = [f"{runs[name]['per_second'] / 1e6:.1f}" for name in ("kenlm-1", "firth-1", "firth-2")]
            rows.append([f"order {order}, {text}", *rates])
    run = next(iter(kept["orders"].values()))["run"]
    note = f"{run['machine']['cpu']}; Firth {run['commit']}, {run['date'][:10]}; best of {TURNS} turns."
    head = ["millions of predictions a second", "KenLM probing, C++", "Firth from Python, 1 thread", "2 threads"]
    return f"{grid(head, rows)}\n\n{note}"


def main() -> int:
    """Measure one model on each text and add it to the results, or write the kept ones into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--into", type=Path, metavar="PAGE", help="write the table of --out into a page, measure nothing"
    )
    parser.add_argument("--order", type=int)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--binary", type=Path)
    parser.add_argument("--program", type=Path)
    parser.add_argument("--text", type=Path, action="append", default=[])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    kept = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"orders": {}}
    if options.into:
        update_page(options.into, "queries", table(kept))
        return 0
    found = {}
    for text in options.text:
        theirs = kenlm(options.program, options.binary, text)
        mine = {f"firth-{threads}": ours(options.model, text, threads) for threads in (1, 2)}
        found[text.name] = {"kenlm-1": theirs, **mine}
        if not np.isclose(theirs["log10"], mine["firth-1"]["log10"], rtol=1e-6) or theirs["n"] != mine["firth-1"]["n"]:
            raise SystemExit(f"the two do not agree on {text}: {found[text.name]}")
        print(options.order, text.name, found[text.name], flush=True)
    kept["orders"][str(options.order)] = {
        "run": describe_run(options.text[0], {"kenlm": options.program}),
        "texts": found,
    }
    write_json(options.out, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
