"""Estimate n-gram models with Firth and KenLM's lmplz in turn, on one text; writes JSON.

python benchmarks/ngrams.py wiki8.txt --heldout heldout.txt --kenlm kenlm/build/bin --out benchmarks/results/ngrams.json

Whole processes, from text to file: seconds on the clock and of processor time, peak memory, size, and the perplexity of
the held-out text. KenLM reserves <unk>, <s> and </s>: the text must not hold them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from record import describe_run, write_json
from tables import grid, update_page

TITLES = {"firth": "Firth, own format", "firth-arpa": "Firth, ARPA", "lmplz": "KenLM's lmplz, ARPA"}


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, nargs="?")
    parser.add_argument("--heldout", type=Path)
    parser.add_argument("--kenlm", type=Path, help="folder of the built KenLM programs")
    parser.add_argument("--order", type=int, action="append")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT")
    parser.add_argument("--into", type=Path, metavar="PAGE")
    return parser.parse_args()


def measured(command: list[str], source: Path | None = None, sink: Path | None = None) -> dict[str, float]:
    """Run a command; return its seconds, processor seconds and peak memory in MiB."""
    began = time.perf_counter()
    with open(source or os.devnull, "rb") as reading, open(sink or os.devnull, "wb") as writing:
        process = subprocess.Popen(command, stdin=reading, stdout=writing, stderr=subprocess.PIPE)
        said = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{command[0]} failed: {said.decode(errors='replace')[-500:]}")
    processor = usage.ru_utime + usage.ru_stime
    return {"seconds": round(seconds, 2), "processor": round(processor, 2), "peak_mib": round(usage.ru_maxrss / 1024)}


def size_mb(path: Path) -> float:
    """Return the size of a file or folder in MB."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return round(sum(file.stat().st_size for file in files) / 1e6, 1)


def firth_run(options: argparse.Namespace, order: int, target: Path) -> dict[str, Any]:
    """Estimate with Firth, nothing cached from before."""
    command = [sys.executable, "-m", "firth", "train", "ngram", str(options.text), "--out", str(target), "--quiet"]
    command += ["--order", str(order), "--tokenizer", "whitespace", "--threads", str(options.threads)]
    os.environ["FIRTH_CACHE"] = tempfile.mkdtemp(dir=target.parent)
    try:
        found = measured(command)
    finally:
        shutil.rmtree(os.environ.pop("FIRTH_CACHE"), ignore_errors=True)
    return {**found, "size_mb": size_mb(target)}


def lmplz_run(options: argparse.Namespace, order: int, target: Path) -> dict[str, Any]:
    """Estimate with KenLM."""
    command = [str(options.kenlm / "lmplz"), "-o", str(order), "-T", str(target.parent)]
    return {**measured(command, options.text, target), "size_mb": size_mb(target)}


def perplexities(options: argparse.Namespace, ours: Path, theirs: Path) -> dict[str, float]:
    """Return the perplexity of the held-out text by both, unknown words counted."""
    command = [sys.executable, "-m", "firth", "evaluate", str(ours), "--text", str(options.heldout), "--json"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    [score] = json.loads(printed).values()
    with options.heldout.open("rb") as source:
        done = subprocess.run(
            [options.kenlm / "query", "-v", "summary", theirs], stdin=source, capture_output=True, check=True, text=True
        )
    line = next(line for line in done.stdout.splitlines() if "including OOVs" in line)
    return {"firth": score["perplexity"], "kenlm": float(line.split()[-1])}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run every order, the programs in turn."""
    result: dict[str, Any] = {"run": describe_run(options.text, {"lmplz": options.kenlm / "lmplz"}), "orders": {}}
    for order in options.order or (3, 5):
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in TITLES}
        with tempfile.TemporaryDirectory(dir=options.out.parent) as place:
            folder = Path(place)
            ours, arpa, theirs = folder / "model", folder / "model.arpa", folder / "lmplz.arpa"
            for turn in range(options.repeats):
                for path in (ours, arpa, theirs):
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
                runs["firth"].append(firth_run(options, order, ours))
                runs["firth-arpa"].append(firth_run(options, order, arpa))
                runs["lmplz"].append(lmplz_run(options, order, theirs))
                print(f"order {order}, turn {turn + 1}: { ({name: of[-1] for name, of in runs.items()}) }", flush=True)
            scores = perplexities(options, ours, theirs) if options.heldout else {}
        result["orders"][str(order)] = {"runs": runs, "heldout": scores}
    return result


def table(result: dict[str, Any]) -> str:
    """Return a line per order and program: the best of its turns."""
    rows = []
    for order, found in result["orders"].items():
        least = {name: min(turn["seconds"] for turn in turns) for name, turns in found["runs"].items()}
        for name, turns in found["runs"].items():
            peak, size = max(turn["peak_mib"] for turn in turns), turns[0]["size_mb"]
            scored = found["heldout"].get("kenlm" if name == "lmplz" else "firth")
            cells = [f"{least[name]:.1f}", f"{least['lmplz'] / least[name]:.1f}", f"{peak:,.0f}", f"{size:,.0f}"]
            rows.append([f"order {order}: {TITLES[name]}", *cells, f"{scored:.2f}" if scored else ""])
    head = ["modified Kneser-Ney, whole process", "s", "faster than lmplz by", "peak MiB", "size, MB", "perplexity"]
    machine, commit = result["run"]["machine"], result["run"]["commit"]
    note = (
        f"{machine['cpu']}, {machine['cores']} cores; Firth {commit}, {result['run']['date'][:10]}; best of the turns."
    )
    return f"{grid(head, rows)}\n\n{note}"


def main() -> int:
    """Measure, or show a kept result."""
    options = arguments()
    if options.table is None:
        write_json(options.out, run(options))
        return 0
    text = table(json.loads(options.table.read_text(encoding="utf-8")))
    if options.into:
        update_page(options.into, "ngrams", text)
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
