"""How fast and how good GloVe is here and in its authors' C programs: from the text to the vectors, step by step.

Each build of the C programs counts and shuffles once; then the trainers take turns (A B C A B C ...) of an iteration or
two, each turn in a fresh process. What a whole run takes is the sum of the steps, with the median time of an iteration
times ``--epochs``. With ``--score`` every trainer also runs all its epochs once, and its vectors are scored.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from commandline import read_common, run_script
from quality import ANALOGIES, DATA, SIMILARITY, score_vectors
from record import describe_run, write_json
from trainers import prepare_corpus

__all__ = ["Settings", "iteration_seconds", "summarise", "table"]

HERE = Path(__file__).resolve().parent
FIRTH = "firth"
PROGRAMS = ("vocab_count", "cooccur", "shuffle", "glove")
_ITERATION = re.compile(r"iter: (\d+), cost: (\S+)")


@dataclasses.dataclass(frozen=True)
class Settings:
    """The same for every trainer."""

    dim: int = 100
    window: int = 15
    x_max: float = 10.0
    min_count: int = 5
    epochs: int = 15
    threads: int = 2
    memory_gb: float = 4.0


# ---------------------------------------------------------------- the C programs
def timed_lines(
    command: list[str], folder: Path, stdin: Path | None = None, stdout: Path | None = None
) -> Iterator[tuple[float, str]]:
    """Yield what a program says on its error stream, with the seconds since its start; fail where it fails."""
    began = time.perf_counter()
    with (stdin or Path(os.devnull)).open("rb") as source, (stdout or Path(os.devnull)).open("wb") as target:
        process = subprocess.Popen(command, cwd=folder, stdin=source, stdout=target, stderr=subprocess.PIPE)
        assert process.stderr is not None
        try:
            for line in process.stderr:
                yield time.perf_counter() - began, line.decode(errors="replace")
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
    if process.returncode:
        raise SystemExit(f"{Path(command[0]).name} ended with {process.returncode}")
    yield time.perf_counter() - began, f"peak {usage.ru_maxrss / 1024:.0f} MiB"


def iteration_seconds(lines: list[tuple[float, str]]) -> list[float]:
    """Return the time of each iteration, from the moments at which the glove program spoke.

    Examples
    --------
    >>> iteration_seconds([(1.0, "alpha: 0.75"), (4.0, "x, iter: 001, cost: 0.1"), (6.5, "x, iter: 002, cost: 0.1")])
    [3.0, 2.5]
    """
    moments = [at for at, line in lines if _ITERATION.search(line)]
    before = [at for at, line in lines if at <= moments[0] and not _ITERATION.search(line)] if moments else []
    return [after - start for start, after in zip([*before[-1:], *moments], moments, strict=False)]


def prepare(build: Path, corpus: Path, folder: Path, settings: Settings) -> dict[str, float]:
    """Count, collect and shuffle with a build of the programs; return the seconds of each."""
    memory = ["-memory", str(settings.memory_gb), "-verbose", "0"]
    steps = {
        "vocab_count": (["-min-count", str(settings.min_count), "-verbose", "0"], corpus, "vocab.txt"),
        "cooccur": (["-vocab-file", "vocab.txt", "-window-size", str(settings.window), *memory], corpus, "cooc.bin"),
        "shuffle": (memory, folder / "cooc.bin", "shuf.bin"),
    }
    seconds = {}
    for name, (options, source, target) in steps.items():
        seconds[name] = list(timed_lines([str(build / name), *options], folder, source, folder / target))[-1][0]
    (folder / "cooc.bin").unlink()
    return seconds


def run_program(build: Path, folder: Path, settings: Settings, epochs: int) -> dict[str, Any]:
    """Train with the glove program for some iterations."""
    options = {
        "save-file": "vectors", "threads": settings.threads, "input-file": "shuf.bin", "x-max": settings.x_max,
        "iter": epochs, "vector-size": settings.dim, "binary": 0, "vocab-file": "vocab.txt", "seed": 1,
    }  # fmt: skip
    command = [str(build / "glove"), *(str(part) for key, value in options.items() for part in (f"-{key}", value))]
    lines = list(timed_lines(command, folder))
    costs = [found[2] for _, line in lines if (found := _ITERATION.search(line))]
    return {"iteration_s": iteration_seconds(lines), "losses": [float(cost) for cost in costs], "peak": lines[-1][1]}


# ---------------------------------------------------------------- Firth
def train_firth(corpus: Path, settings: Settings, epochs: int, out: Path) -> dict[str, Any]:
    """Train in this process; the corpus is read anew, no cache is used."""
    import firth
    from firth.events import EpochEnd, Event
    from firth.static import glove
    from firth.static.cooccurrence import train as count

    marks, ends = [time.perf_counter()], [0.0]
    config = glove.GloVe(
        dim=settings.dim, window=settings.window, x_max=settings.x_max, min_count=settings.min_count, epochs=epochs,
        memory=int(settings.memory_gb * 1024),
    )  # fmt: skip
    read = firth.as_corpus(corpus, tokenizer="whitespace", threads=settings.threads, cache=False)
    marks.append(time.perf_counter())
    counts = count(read, config.counting(), threads=settings.threads).model
    marks.append(time.perf_counter())

    def listen(event: Event) -> None:
        if isinstance(event, EpochEnd):
            ends.append(event.seconds)

    trained = glove.train(counts, config, threads=settings.threads, listen=listen)
    marks.append(time.perf_counter())
    firth.save(trained.vectors, out)
    return {
        "read": marks[1] - marks[0],
        "count": marks[2] - marks[1],
        "cut": marks[3] - marks[2] - trained.seconds,
        "iteration_s": [after - before for before, after in itertools.pairwise(ends)],
        "losses": trained.losses,
        "pairs": len(counts.indices),
        "peak": f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB",
    }


def run_firth(corpus: Path, settings: Settings, epochs: int, out: Path) -> dict[str, Any]:
    """Train in a fresh process."""
    job = json.dumps([str(corpus), dataclasses.asdict(settings), epochs, str(out)])
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "src")}
    done = subprocess.run(
        [sys.executable, __file__, "--child", job], env=environment, stdout=subprocess.PIPE, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


# ---------------------------------------------------------------- what comes of it
def summarise(steps: dict[str, dict[str, float]], turns: list[dict[str, Any]], epochs: int) -> list[dict[str, Any]]:
    """Return a line per trainer: its steps, the median iteration, the whole, and how much faster Firth is.

    Examples
    --------
    >>> turns = [{"trainer": "firth", "iteration_s": [2.0]}, {"trainer": "stock", "iteration_s": [30.0, 34.0]}]
    >>> lines = summarise({"firth": {"count": 10.0}, "stock": {"cooccur": 40.0}}, turns, epochs=10)
    >>> [(line["trainer"], line["whole_s"], line["firth_faster"]) for line in lines]
    [('firth', 30.0, 1.0), ('stock', 360.0, 12.0)]
    """
    lines = []
    for trainer in dict.fromkeys(turn["trainer"] for turn in turns):
        times = [seconds for turn in turns if turn["trainer"] == trainer for seconds in turn["iteration_s"]]
        median = statistics.median(times)
        whole = sum(steps[trainer].values()) + epochs * median
        lines.append(
            {
                "trainer": trainer,
                "steps_s": {name: round(seconds, 2) for name, seconds in steps[trainer].items()},
                "iteration_s": round(median, 3),
                "best_iteration_s": round(min(times), 3),
                "whole_s": round(whole, 1),
            }
        )
    firth = next((line["whole_s"] for line in lines if line["trainer"] == FIRTH), None)
    return [line | {"firth_faster": round(line["whole_s"] / firth, 1) if firth else None} for line in lines]


def table(result: dict[str, Any]) -> str:
    """Return the summary as a table in Markdown."""
    rows = [
        "| trainer | steps before, s | an iteration, s | in all, s | Firth is faster by |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for line in result["summary"]:
        steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in line["steps_s"].items())
        rows.append(
            f"| {line['trainer']} | {steps} | {line['iteration_s']} | {line['whole_s']} | {line['firth_faster']} |"
        )
    for trainer, scores in result.get("scores", {}).items():
        rows.append(f"\n{trainer}: " + ", ".join(f"{name} {score['score']:.1f}" for name, score in scores.items()))
    return "\n".join(rows)


def measure(corpus: Path, builds: dict[str, Path], settings: Settings, turns: int, folder: Path) -> dict[str, Any]:
    """Run the steps of every trainer once and its iterations in turns of one."""
    steps: dict[str, dict[str, float]] = {}
    done: list[dict[str, Any]] = []
    for name, build in builds.items():
        (folder / name).mkdir()
        steps[name] = prepare(build, corpus, folder / name, settings)
        print(f"{name}: {steps[name]}", file=sys.stderr, flush=True)
    for turn in range(1, turns + 1):
        runs = {name: run_program(build, folder / name, settings, 1) for name, build in builds.items()}
        runs[FIRTH] = run_firth(corpus, settings, 2, folder / f"firth-{turn}")
        own = {step: runs[FIRTH].pop(step) for step in ("read", "count", "cut")}
        steps[FIRTH] = {step: min(seconds, steps.get(FIRTH, own)[step]) for step, seconds in own.items()}
        for name, run in runs.items():
            done.append({"trainer": name, "turn": turn} | run)
            print(f"turn {turn} {name}: {run}", file=sys.stderr, flush=True)
    return {"steps": steps, "turns": done, "summary": summarise(steps, done, settings.epochs)}


def score_all(corpus: Path, builds: dict[str, Path], settings: Settings, folder: Path) -> dict[str, Any]:
    """Run all epochs of every trainer and score the vectors."""
    paths = {}
    for name, build in builds.items():
        run_program(build, folder / name, settings, settings.epochs)
        paths[name] = folder / name / "vectors.txt"
    paths[FIRTH] = folder / "firth-all"
    run_firth(corpus, settings, settings.epochs, paths[FIRTH])
    similarity, analogies = ([DATA / name for name in sets["en"]] for sets in (SIMILARITY, ANALOGIES))
    return {name: score_vectors(path, similarity, analogies, 30_000) for name, path in paths.items()}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0] if __doc__ else None)
    parser.add_argument("--corpus", type=Path, help="text, words between blanks")
    parser.add_argument(
        "--build", action="append", default=[], metavar="NAME=FOLDER", help="of the C programs; repeatable"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=3, help="turns of one iteration (Firth: two)")
    parser.add_argument("--words", type=int, help="take only the first so many words")
    parser.add_argument("--score", action="store_true", help="run all epochs too and score the vectors")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "glove.json", help="result (%(default)s)")
    parser.set_defaults(table=None)
    return read_common(parser, arguments)


def read_builds(entries: list[str]) -> dict[str, Path]:
    """Return the builds given as ``NAME=FOLDER``; a folder without the four programs ends the run."""
    builds = {name: Path(path) for name, _, path in (entry.partition("=") for entry in entries)}
    for name, path in builds.items():
        missing = [program for program in PROGRAMS if not os.access(path / program, os.X_OK)]
        if missing or name == FIRTH:
            raise SystemExit(f"--build {name}={path}: expected a folder with {', '.join(PROGRAMS)}")
    return {name: path.resolve() for name, path in builds.items()}


def main() -> int:
    """Run the benchmark."""
    if sys.argv[1:2] == ["--child"]:
        corpus, settings, epochs, out = json.loads(sys.argv[2])
        print(json.dumps(train_firth(Path(corpus), Settings(**settings), epochs, Path(out))))
        return 0
    options = parse()
    builds, settings = read_builds(options.build), Settings(epochs=options.epochs, threads=options.threads)
    result: dict[str, Any] = {"schema": 1, "kind": "glove"}
    result |= describe_run(options.corpus, {name: path / "glove" for name, path in builds.items()})
    with tempfile.TemporaryDirectory(prefix="firth-bench-") as name:
        folder = Path(name)
        result["corpus"] |= prepare_corpus(options.corpus, folder / "corpus.txt", options.words)
        result["settings"] = dataclasses.asdict(settings) | {"repeats": options.repeats}
        result |= measure(folder / "corpus.txt", builds, settings, options.repeats, folder)
        if options.score:
            result["scores"] = score_all(folder / "corpus.txt", builds, settings, folder)
    write_json(options.out, result)
    print(table(result))
    return 0


if __name__ == "__main__":
    run_script(main)
