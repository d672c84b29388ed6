"""fastText's classifier on IMDb: Firth and Facebook's program, each as whole processes from text to saved model.

python benchmarks/classify.py --data ../shared/data/imdb --rounds 3 > benchmarks/results/classify.json

Runs alternate. Besides seconds on the wall the seconds of processor time are told, which other work on the machine
changes less. The lines of the training text come in a random order, since its own has one label after the other.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from measure import Measurement, run
from record import describe_run


def prepare(data: Path, folder: Path) -> dict[str, Path]:
    """Write labelled lines, lower-cased, and return their paths."""
    paths = {}
    for part in ("train", "test"):
        command = ["zstd", "-dc", "--long=27", str(data / f"{part}.tsv.zst")]
        raw = subprocess.run(command, capture_output=True, check=True).stdout.decode()
        rows = [line.split("\t", 3) for line in raw.split("\n") if line]
        if part == "train":
            random.Random(7).shuffle(rows)
        paths[part] = folder / f"{part}.txt"
        paths[part].write_text("".join(f"__label__{row[0]} {row[3].lower()}\n" for row in rows))
    return paths


def commands(paths: dict[str, Path], threads: int) -> dict[str, dict[str, list[str]]]:
    """Return the command lines of each trainer: train, predict, and score."""
    train, test = str(paths["train"]), str(paths["test"])
    theirs = ["-dim", "100", "-wordNgrams", "2", "-epoch", "5", "-lr", "0.1", "-thread", str(threads), "-verbose", "0"]
    ours = [
        "--dim",
        "100",
        "--word-ngrams",
        "2",
        "--epochs",
        "5",
        "--rate",
        "0.1",
        "--threads",
        str(threads),
        "--quiet",
    ]
    firth = [sys.executable, "-m", "firth", "task"]
    return {
        "fasttext": {
            "train": ["fasttext", "supervised", "-input", train, "-output", "fb", *theirs],
            "predict": ["fasttext", "predict-prob", "fb.bin", test],
            "score": ["fasttext", "test", "fb.bin", test],
        },
        "firth": {
            "train": [*firth, "train", "classify", train, "--out", "model", "--overwrite", *ours],
            "predict": [*firth, "run", "model", test, "--threads", str(threads)],
            "score": [*firth, "evaluate", "model", test, "--json"],
        },
    }


def accuracy(name: str, output: str) -> float:
    """Return precision at 1 from what a program printed."""
    if name == "firth":
        return float(json.loads(output[output.index("{") :])["precision"])
    return float(output.split("P@1")[1].split(maxsplit=1)[0])


def measured(found: Measurement) -> dict[str, float]:
    """Return the figures of one process.

    Raises
    ------
    SystemExit
        When it failed.
    """
    if found.code:
        raise SystemExit(f"a program failed: {found.output[-500:]}")
    figures = {"wall_s": found.process_s, "cpu_s": found.cpu_s, "peak_mib": found.peak_mib}
    return {name: round(value, 2) for name, value in figures.items()}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of train.tsv.zst and test.tsv.zst")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    program = shutil.which("fasttext")
    if program is None:
        raise SystemExit("fasttext is not on this machine")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs = commands(prepare(arguments.data, folder), arguments.threads)
        runs: dict[str, Any] = {trainer: {"train": [], "predict": []} for trainer in jobs}
        for _ in range(arguments.rounds):
            for trainer, steps in jobs.items():
                for step in ("train", "predict"):
                    runs[trainer][step].append(measured(run(steps[step], folder)))
        for trainer, steps in jobs.items():
            runs[trainer]["precision_at_1"] = accuracy(trainer, run(steps["score"], folder).output)
        best = {
            kind: {
                step: round(
                    min(one[kind] for one in runs["fasttext"][step]) / min(one[kind] for one in runs["firth"][step]), 2
                )
                for step in ("train", "predict")
            }
            for kind in ("wall_s", "cpu_s")
        }
        about = describe_run(arguments.data / "train.tsv.zst", {"fasttext": Path(program)})
        print(json.dumps({**about, "runs": runs, "times_faster": best}, indent=2))


if __name__ == "__main__":
    main()
