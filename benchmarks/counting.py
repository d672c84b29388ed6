"""Co-occurrence counts against GloVe's cooccur, and truncated SVD against SciPy's svds, in one run; writes JSON.

python benchmarks/counting.py wiki8.txt --glove GloVe/build --out benchmarks/results/counting.json
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from record import describe_run, write_json


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--glove", type=Path, help="folder of the built GloVe programs")
    parser.add_argument("--window", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dim", type=int, default=300)
    parser.add_argument("--svds", action="store_true", help="run SciPy's svds as well (minutes)")
    parser.add_argument("--similarity", type=Path, help="a set such as EN-WS-353-ALL.txt")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def timed(job: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return what a job gives, and its seconds: on the clock, and of processor time, its child processes' included."""

    def spent() -> float:
        uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(use.ru_utime + use.ru_stime for use in uses)

    began, before = time.perf_counter(), spent()
    made = job()
    return made, {"seconds": round(time.perf_counter() - began, 3), "processor": round(spent() - before, 3)}


def glove_job(build: Path, text: Path, window: int, folder: Path) -> Callable[[], int]:
    """Return a job that runs cooccur on a vocabulary made here, and gives its number of records."""
    vocabulary, target = folder / "vocab.txt", folder / "cooccurrence.bin"
    with text.open("rb") as source, vocabulary.open("wb") as sink:
        subprocess.run(
            [build / "vocab_count", "-min-count", "5", "-verbose", "0"], stdin=source, stdout=sink, check=True
        )
    command = [build / "cooccur", "-memory", "4", "-verbose", "0", "-window-size", str(window)]
    command += ["-vocab-file", vocabulary, "-overflow-file", folder / "overflow"]

    def job() -> int:
        with text.open("rb") as source, target.open("wb") as sink:
            subprocess.run(command, stdin=source, stdout=sink, check=True, stderr=subprocess.DEVNULL)
        return target.stat().st_size // 16

    return job


def count(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Count with both programs in turn."""
    from firth.static.cooccurrence import Cooc, train
    from firth.text.corpus import as_corpus

    corpus, reading = timed(lambda: as_corpus(options.text, cache=folder / "cache", threads=options.threads))

    def ours() -> int:
        return len(train(corpus, Cooc(window=options.window), threads=options.threads).model.indices)

    jobs: dict[str, Callable[[], int]] = {"firth": ours}
    if options.glove:
        jobs["glove"] = glove_job(options.glove, options.text, options.window, folder)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in jobs}
    pairs = {}
    for _ in range(options.repeats):
        for name, job in jobs.items():
            pairs[name], taken = timed(job)
            runs[name].append(taken)
            print(name, pairs[name], taken, flush=True)
    return {"window": options.window, "threads": options.threads, "reading": reading, "pairs": pairs, "runs": runs}


def factorise(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Factorise PPMI with Firth's solver and with svds."""
    from firth.evaluate.similarity import similarity
    from firth.static.krylov import largest_singular
    from firth.static.ppmi import PPMI, train
    from firth.static.svd import SVD
    from firth.static.svd import train as vectors_of
    from firth.text.corpus import as_corpus

    corpus = as_corpus(options.text, cache=folder / "cache", threads=options.threads)
    matrix = train(corpus, PPMI(), threads=options.threads).model
    found, taken = timed(lambda: largest_singular(matrix, options.dim, threads=options.threads))
    made: dict[str, Any] = {"dim": options.dim, "pairs": len(matrix.indices)}
    made["firth"] = {**taken, "energy": float((found.values**2).sum())}
    print("firth", made["firth"], flush=True)
    if options.svds:
        from scipy.sparse.linalg import svds

        theirs, taken = timed(lambda: svds(matrix.matrix, k=options.dim, random_state=1))
        made["svds"] = {**taken, "energy": float((theirs[1].astype(np.float64) ** 2).sum())}
        print("svds", made["svds"], flush=True)
    if options.similarity:
        vectors = vectors_of(corpus, SVD(dim=options.dim), threads=options.threads).vectors
        made["similarity"] = similarity(vectors, [options.similarity])[0].spearman
    return made


def main() -> None:
    """Run everything and write the result."""
    options = arguments()
    peers = {"cooccur": options.glove / "cooccur"} if options.glove else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = {
            "run": describe_run(options.text, peers),
            "load": os.getloadavg()[0],
            "counting": count(options, folder),
            "factorising": factorise(options, folder),
        }
    runs = result["counting"]["runs"]
    least = {name: min(run["seconds"] for run in found) for name, found in runs.items()}
    result["counting"]["least"] = least
    result["counting"]["median"] = {n: statistics.median(run["seconds"] for run in found) for n, found in runs.items()}
    if "glove" in least:
        result["counting"]["times_faster"] = round(least["glove"] / least["firth"], 2)
    write_json(options.out, result)


if __name__ == "__main__":
    main()
