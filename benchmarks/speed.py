"""How fast Firth trains beside gensim and any peer program, on the same text, threads and settings, in one run.

The trainers take turns (A B C A B C ...), each time in a fresh process, so that a change of the machine's load meets
all of them; ratios are medians over the turns. ``--table`` writes tables made from kept results into a page.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from child import TRAINERS
from commandline import known_job, read_common, read_peers, run_script, show_tables, split_names
from jobs import JOBS, PEERS, Bench, Job, Settings
from record import describe_run, write_json
from tables import speed_table
from trainers import line_up, prepare_corpus, run_once

__all__ = ["summarise"]

HERE = Path(__file__).resolve().parent
QUICK_WORDS = 2_000_000


def summarise(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a line per job and trainer: medians, and the ratios of Firth's modes to it in the same turn.

    Parameters
    ----------
    runs : list of dict
        ``job trainer repeat`` and what :func:`trainers.run_once` returns; those with an ``error`` don't count.

    Examples
    --------
    >>> runs = [
    ...     {"job": "j", "trainer": "gensim", "repeat": 1, "train_s": 8.0, "words_per_s": 100, "peak_mib": 5},
    ...     {"job": "j", "trainer": "firth-racing", "repeat": 1, "train_s": 2.0, "words_per_s": 400, "peak_mib": 3},
    ... ]
    >>> summarise(runs)[0]["firth_faster"]
    {'firth-racing': 4.0}
    """
    lines = []
    good = [run for run in runs if "error" not in run]
    for job, trainer in dict.fromkeys((run["job"], run["trainer"]) for run in good):
        mine = [run for run in good if (run["job"], run["trainer"]) == (job, trainer)]
        line: dict[str, Any] = {"job": job, "trainer": trainer, "runs": len(mine)}
        for figure in ("train_s", "call_s", "call_cpu_s", "read_s", "process_s", "words_per_s", "peak_mib"):
            values = [run[figure] for run in mine if figure in run]
            if values:
                line[figure] = round(statistics.median(values), 3)
        line["firth_faster"] = {
            mode: ratio
            for mode in ("firth-deterministic", "firth-racing")
            if mode != trainer and (ratio := _ratio(good, job, mode, mine)) is not None
        }
        lines.append(line)
    return lines


def _ratio(runs: list[dict[str, Any]], job: str, mode: str, others: list[dict[str, Any]]) -> float | None:
    """Return the median over the turns of the other's seconds divided by Firth's."""
    firth = {run["repeat"]: _seconds(run) for run in runs if (run["job"], run["trainer"]) == (job, mode)}
    ratios = [_seconds(run) / firth[run["repeat"]] for run in others if run["repeat"] in firth]
    return round(statistics.median(ratios), 2) if ratios else None


def _seconds(run: dict[str, Any]) -> float:
    return float(run["train_s"] if "train_s" in run else run["read_s"])


def measure_all(jobs: list[Job], trainers: list[str], repeats: int, bench: Bench) -> list[dict[str, Any]]:
    """Run every trainer on every job ``repeats`` times in turn, telling of each run on standard error."""
    runs = []
    for job in jobs:
        for repeat in range(1, repeats + 1):
            for trainer in trainers:
                figures = run_once(trainer, job, bench)
                if figures is None:
                    continue
                runs.append({"job": job.name, "trainer": trainer, "repeat": repeat} | figures)
                told = " ".join(f"{key}={value}" for key, value in figures.items())
                print(f"{job.name} {repeat}/{repeats} {trainer}: {told}", file=sys.stderr, flush=True)
    return runs


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0] if __doc__ else None)
    parser.add_argument("--corpus", type=Path, help="text, words between blanks")
    parser.add_argument("--jobs", default=",".join(JOBS), help="of %(default)s")
    parser.add_argument("--trainers", default=",".join(TRAINERS), help="of %(default)s")
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help=f"a program to compare with; NAME is {', '.join(PEERS)}, or one of them with a label (word2vec:ofast)",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--words", type=int, help="take only the first so many words")
    parser.add_argument("--quick", action="store_true", help=f"1 epoch of {QUICK_WORDS:,} words, 1 repeat")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "speed.json", help="result (%(default)s)")
    parser.add_argument("--table", type=Path, nargs="+", metavar="JSON", help="no run: show a table of kept results")
    parser.add_argument("--into", type=Path, action="append", metavar="PAGE", help="with --table: write it there")
    return read_common(parser, arguments)


def main() -> int:
    """Run the benchmark, or make the table."""
    options = parse()
    if options.table:
        return show_tables(options.table, options.into or [], "speed", speed_table)
    peers = read_peers(options.peer)
    trainers = line_up(split_names(options.trainers), peers)
    jobs = [known_job(name) for name in split_names(options.jobs)]
    repeats, settings = options.repeats, Settings(threads=options.threads, epochs=options.epochs)
    if options.quick:
        repeats, settings = 1, dataclasses.replace(settings, epochs=1)
    result: dict[str, Any] = {"schema": 1, "kind": "speed"} | describe_run(options.corpus, peers)
    with tempfile.TemporaryDirectory(prefix="firth-bench-") as folder:
        corpus = Path(folder) / "corpus.txt"
        limit = options.words or (QUICK_WORDS if options.quick else None)
        size = prepare_corpus(options.corpus, corpus, limit)
        result["corpus"] |= size
        result["settings"] = dataclasses.asdict(settings) | {"repeats": repeats}
        runs = measure_all(jobs, trainers, repeats, Bench(corpus, size["words"], settings, peers))
    result |= {"summary": summarise(runs), "runs": runs}
    write_json(options.out, result)
    print(speed_table(result))
    return int(any("error" in run for run in runs))


if __name__ == "__main__":
    run_script(main)
