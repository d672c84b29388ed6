"""How good the vectors of Firth, gensim and peer programs are: the same text, the same settings, the same scores.

Trains each trainer once per seed (or takes vectors that lie there: ``--vectors``), scores them on similarity and
analogy sets with :mod:`firth.evaluate`, and keeps every score with the time and the memory of its training.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from child import TRAINERS
from commandline import known_job, read_common, read_peers, run_script, show_tables, split_names
from jobs import JOBS, PEERS, Bench, Job, Settings
from record import describe_run, write_json
from tables import quality_table
from trainers import line_up, prepare_corpus, run_once

__all__ = ["score_vectors", "summarise"]

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("FIRTH_DATA", HERE.parents[1] / "shared" / "data"))
SIMILARITY = {
    "en": ("similarity-en/EN-WS-353-ALL.txt", "similarity-en/EN-SIMLEX-999.txt"),
    "zh": ("similarity-zh/wordsim-240.txt", "similarity-zh/wordsim-297.txt"),
}
ANALOGIES = {
    "en": ("analogy-en/questions-words.txt",),
    "zh": ("analogy-zh/CA8/morphological.txt", "analogy-zh/CA8/semantic.txt"),
}


def score_vectors(path: Path, similarity: Sequence[Path], analogies: Sequence[Path], restrict: int) -> dict[str, Any]:
    """Return the scores of a vector file, in percent.

    Parameters
    ----------
    path : Path
        Anything that ``firth.load`` reads.
    similarity, analogies : sequence of Path
        Sets. Pairs and questions with unknown words are left out; analogies by 3CosAdd.
    restrict : int
        Analogies are asked among the first so many words.

    Returns
    -------
    dict
        Name of the set to ``score asked total``: 100 times Spearman's rank correlation, or percent right.
    """
    import firth
    from firth import evaluate
    from firth.vectors.subword import SubwordVectors

    vectors = firth.load(path)
    scores: dict[str, Any] = {}
    for pairs in evaluate.similarity(vectors, list(similarity)) if similarity else []:
        scores[pairs.name] = {"score": 100 * pairs.spearman, "asked": pairs.found, "total": pairs.pairs}
    if isinstance(vectors, SubwordVectors):
        for pairs in evaluate.similarity(vectors, list(similarity), missing="compose") if similarity else []:
            asked = pairs.found + pairs.composed
            scored = {"score": 100 * pairs.spearman, "asked": asked, "total": pairs.pairs}
            scores[f"{pairs.name} composed"] = scored
    for questions in evaluate.analogies(vectors, list(analogies), restrict=restrict) if analogies else []:
        parts = {"": questions.total, " semantic": questions.semantic, " syntactic": questions.syntactic}
        for name, part in parts.items():
            if part.asked and (not name or part.asked < questions.total.asked):
                scored = {"score": 100 * part.correct / part.asked, "asked": part.asked, "total": part.questions}
                scores[questions.name + name] = scored
    return {name: score | {"score": round(score["score"], 3)} for name, score in scores.items()}


def summarise(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a line per trainer: mean and sample standard deviation of each score over the seeds.

    Examples
    --------
    >>> runs = [{"trainer": "gensim", "scores": {"set": {"score": score}}} for score in (34.0, 36.0)]
    >>> summarise(runs)[0]["scores"]["set"]
    {'mean': 35.0, 'sd': 1.414, 'runs': 2}
    """
    lines = []
    good = [run for run in runs if "scores" in run]
    for trainer in dict.fromkeys(run["trainer"] for run in good):
        mine = [run for run in good if run["trainer"] == trainer]
        scores = {}
        for name in dict.fromkeys(name for run in mine for name in run["scores"]):
            values = [run["scores"][name]["score"] for run in mine if name in run["scores"]]
            values = [value for value in values if math.isfinite(value)]
            if values:
                spread = round(statistics.stdev(values), 3) if len(values) > 1 else None
                scores[name] = {"mean": round(statistics.fmean(values), 3), "sd": spread, "runs": len(values)}
        lines.append({"trainer": trainer, "runs": len(mine), "scores": scores})
    return lines


@dataclasses.dataclass(frozen=True)
class Sets:
    """The sets to score on, as the parameters of :func:`score_vectors`."""

    similarity: tuple[Path, ...]
    analogies: tuple[Path, ...]
    restrict: int

    def score(self, path: Path) -> dict[str, Any]:
        """Return the scores of the vectors in ``path``."""
        return score_vectors(path, self.similarity, self.analogies, self.restrict)


def train_and_score(
    trainers: list[str], job: Job, bench: Bench, *, seeds: list[int], sets: Sets, keep: Path
) -> list[dict[str, Any]]:
    """Train each trainer with each seed, in turn, and score the vectors that it leaves in ``keep``."""
    runs = []
    for seed in seeds:
        seeded = dataclasses.replace(bench, settings=dataclasses.replace(bench.settings, seed=seed))
        for trainer in trainers:
            path = keep / f"{job.name}-{trainer.replace(':', '-')}-{seed}"
            figures = run_once(trainer, job, seeded, path)
            if figures is None:
                print(f"{trainer} cannot do {job.name}", file=sys.stderr)
                continue
            if "error" not in figures:
                figures["scores"] = sets.score(path)
            runs.append({"trainer": trainer, "seed": seed} | figures)
            tell(runs[-1])
    return runs


def tell(run: dict[str, Any]) -> None:
    """Print a run's scores to standard error."""
    told = run.get("error") or " ".join(f"{name}={score['score']:.2f}" for name, score in run["scores"].items())
    print(f"{run['trainer']} seed {run['seed']}: {told}", file=sys.stderr, flush=True)


def read_vectors(entries: list[str]) -> list[tuple[str, Path]]:
    """Return the vector files given as ``NAME=PATH``."""
    named = []
    for entry in entries:
        name, equals, path = entry.partition("=")
        if not equals or not Path(path).exists():
            raise SystemExit(f"--vectors {entry}: expected NAME=PATH with a file or folder that exists")
        named.append((name, Path(path)))
    return named


def read_sets(options: argparse.Namespace) -> Sets:
    """Return the sets named, or those of the language; each must exist."""
    similarity = options.similarity or [DATA / name for name in SIMILARITY[options.language]]
    analogies = options.analogies or [DATA / name for name in ANALOGIES[options.language]]
    for path in [*similarity, *analogies]:
        if not path.exists():
            raise SystemExit(f"no evaluation set at {path}: name sets, or set FIRTH_DATA to the folder that holds them")
    return Sets(tuple(similarity), tuple(analogies), options.restrict)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0] if __doc__ else None)
    parser.add_argument("--corpus", type=Path, help="text, words between blanks")
    parser.add_argument("--job", default="skipgram-negative-100", help=f"one of {', '.join(JOBS)} (%(default)s)")
    parser.add_argument("--trainers", default=",".join(TRAINERS), help="of %(default)s; empty for none")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PATH", help=f"of {', '.join(PEERS)}")
    parser.add_argument(
        "--vectors", action="append", default=[], metavar="NAME=PATH", help="score these too; a name may come again"
    )
    parser.add_argument("--seeds", default="1,2,3", help="(%(default)s); the peers have none, they only run so often")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--words", type=int, help="take only the first so many words")
    parser.add_argument("--language", choices=sorted(ANALOGIES), default="en", help="whose sets by default")
    parser.add_argument("--similarity", type=Path, nargs="+", help="similarity sets in place of the default ones")
    parser.add_argument("--analogies", type=Path, nargs="+", help="analogy sets in place of the default ones")
    parser.add_argument("--restrict", type=int, default=30_000, help="analogies among so many words (%(default)s)")
    parser.add_argument("--keep", type=Path, help="folder for the vectors; without it they are not kept")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "quality.json", help="result (%(default)s)")
    parser.add_argument("--table", type=Path, nargs="+", metavar="JSON", help="no run: show a table of kept results")
    parser.add_argument("--into", type=Path, action="append", metavar="PAGE", help="with --table: write it there")
    return read_common(parser, arguments)


def main() -> int:
    """Run the benchmark, or make the table."""
    options = parse()
    if options.table:
        return show_tables(options.table, options.into or [], "quality", quality_table)
    sets, job, peers = read_sets(options), known_job(options.job), read_peers(options.peer)
    trainers, given = line_up(split_names(options.trainers), peers), read_vectors(options.vectors)
    settings = Settings(threads=options.threads, epochs=options.epochs)
    seeds = [int(seed) for seed in split_names(options.seeds)]
    result: dict[str, Any] = {"schema": 1, "kind": "quality"} | describe_run(options.corpus, peers)
    result |= {"job": dataclasses.asdict(job), "settings": dataclasses.asdict(settings) | {"seeds": seeds}}
    result["settings"]["restrict"] = sets.restrict
    with tempfile.TemporaryDirectory(prefix="firth-bench-") as folder:
        corpus = Path(folder) / "corpus.txt"
        result["corpus"] |= (size := prepare_corpus(options.corpus, corpus, options.words))
        bench = Bench(corpus, size["words"], settings, peers)
        keep = options.keep or Path(folder)
        runs = train_and_score(trainers, job, bench, seeds=seeds, sets=sets, keep=keep)
    for number, (name, path) in enumerate(given, 1):
        runs.append({"trainer": name, "seed": f"given {number}", "scores": sets.score(path)})
        tell(runs[-1])
    result |= {"summary": summarise(runs), "runs": runs}
    write_json(options.out, result)
    print(quality_table(result))
    return int(any("error" in run for run in runs))


if __name__ == "__main__":
    run_script(main)
