"""Load and search a large matrix with Firth and with gensim, in one run, on data made here; prints JSON.

python benchmarks/loading.py --rows 1000000 --dim 300 --folder /tmp/loading > benchmarks/results/loading.json
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import firth
from firth import _core


def alternating(jobs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, Any]:
    """Run all ``jobs`` in turn, ``repeats`` times over; the seconds of each, their median and least."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            gc.collect()
            begin = time.perf_counter()
            kept = job()
            seconds[name].append(round(time.perf_counter() - begin, 4))
            del kept
    return {
        name: {"seconds": taken, "median": statistics.median(taken), "least": min(taken)}
        for name, taken in seconds.items()
    }


def cpu() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    import gensim

    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": platform.platform(),
        "commit": commit,
        "cpu_level": _core.cpu_level(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "gensim": gensim.__version__,
    }


def make(folder: Path, rows: int, dim: int) -> None:
    """Write the files that are loaded, unless they are there."""
    rng = np.random.default_rng(0)
    words = [f"word{row:07d}" for row in range(rows)]
    matrix = rng.standard_normal((rows, dim), dtype=np.float32)
    vectors = firth.Vectors(words, matrix)
    few = vectors.limit(rows // 100)
    for name, what in (("v.bin", vectors), ("own", vectors), ("hundredth.txt", few), ("hundredth.bin.gz", few)):
        if not (folder / name).exists():
            firth.save(what, folder / name)


def loading(folder: Path, repeats: int) -> dict[str, Any]:
    """Time loading, Firth and gensim in turn; the files are in the system's cache."""
    from gensim.models import KeyedVectors

    def theirs(name: str, binary: bool) -> Callable[[], Any]:
        return lambda: KeyedVectors.load_word2vec_format(str(folder / name), binary=binary)

    def ours(name: str) -> Callable[[], Any]:
        return lambda: firth.load(folder / name)

    found: dict[str, Any] = {}
    for name, binary in (("v.bin", True), ("hundredth.txt", False), ("hundredth.bin.gz", True)):
        firth.load(folder / name, limit=1)
        found[name] = alternating({"firth": ours(name), "gensim": theirs(name, binary)}, repeats)
    found["own folder"] = alternating(
        {"load": ours("own"), "load and first word": lambda: firth.load(folder / "own")["word0000009"]}, repeats
    )
    return found


def searching(folder: Path, repeats: int) -> dict[str, Any]:
    """Time ten nearest words: one query, and a hundred at once; both search the same matrix in memory."""
    from gensim.models import KeyedVectors

    queries = [f"word{row:07d}" for row in range(0, 1000, 10)]
    ours = firth.load(folder / "own", mmap=False)
    theirs = KeyedVectors(ours.dim)
    theirs.vectors = ours.matrix
    theirs.index_to_key = list(ours.words)
    theirs.key_to_index = {word: row for row, word in enumerate(theirs.index_to_key)}
    answers = ours.nearest(queries[3]), theirs.most_similar(queries[3])
    found = alternating(
        {
            "firth, one query": lambda: ours.nearest(queries[3]),
            "gensim, one query": lambda: theirs.most_similar(queries[3]),
            "firth, a hundred queries": lambda: ours.nearest_many(queries),
        },
        3 * repeats,
    )
    per_query = found["firth, a hundred queries"]["median"] / len(queries)
    return {
        **found,
        "batch, seconds per query": per_query,
        "gensim's query over ours": found["gensim, one query"]["median"] / found["firth, one query"]["median"],
        "gensim's query over ours in a batch": found["gensim, one query"]["median"] / per_query,
        "same words": [word for word, _ in answers[0]] == [word for word, _ in answers[1]],
    }


def main() -> None:
    """Make the data, measure, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, required=True, help="made and, unless --keep, removed")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        make(options.folder, options.rows, options.dim)
        results = {
            "machine": machine(),
            "rows": options.rows,
            "dim": options.dim,
            "loading": loading(options.folder, options.repeats),
            "searching": searching(options.folder, options.repeats),
        }
        json.dump(results, sys.stdout, indent=2)
        print()
    finally:
        if not options.keep:
            shutil.rmtree(options.folder)


if __name__ == "__main__":
    main()
