"""Train taggers on labelled sets, one command each, and keep their scores on the test part; writes JSON.

python benchmarks/tagging.py --data data --vectors en=models/w2v --job conll --out benchmarks/results/tagging.json
python benchmarks/tagging.py --table benchmarks/results/tagging.json --into docs/tagging.md

``--vectors`` names representations by what jobs call them: ``en`` and ``zh`` are static vectors of words and of
characters, ``elmo`` is a contextual model of English. Results of other jobs in the file stay as they are.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from perplexity import firth
from record import describe_run, write_json
from tables import grid, show_table


@dataclasses.dataclass(frozen=True)
class Job:
    """A set, and what its words are known by.

    Attributes
    ----------
    title : str
    folder : str
        Below ``--data``.
    train, heldout, test : str
        Files in it. Where there is no held-out part, ``heldout`` is empty.
    vectors : tuple of str
        Names in ``--vectors``.
    target : float
        Score to reach, in percent.
    options : str
        Of ``firth task train tag``.
    """

    title: str
    folder: str
    train: str
    heldout: str
    test: str
    vectors: tuple[str, ...]
    target: float
    options: str = ""


_CONLL = ("conll2003", "eng.train.gz", "eng.testa.gz", "eng.testb.gz")
_EWT = ("ud-en-ewt", "en_ewt-ud-train.conllu.zst", "en_ewt-ud-dev.conllu.gz", "en_ewt-ud-test.conllu.gz")
_MSRA = ("ner-zh/MSRA", "msra_train_bio.txt.zst", "", "msra_test_bio.txt.gz")
JOBS = {
    "conll": Job("CoNLL-2003, names", *_CONLL, ("en",), 86.0),
    "conll-elmo": Job("the same with ELMo", *_CONLL, ("en", "elmo"), 87.5, "--batch 32"),
    "ewt": Job("UD English EWT, parts of speech", *_EWT, ("en",), 95.5),
    "msra": Job("MSRA, names, by characters", *_MSRA, ("zh",), 88.0, "--characters none --batch 32"),
}


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the sets' folders")
    parser.add_argument("--vectors", action="append", default=[], metavar="NAME=MODEL")
    parser.add_argument("--job", action="append", choices=list(JOBS), default=None)
    parser.add_argument("--minutes", type=float, default=55.0, help="of training, each")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder that the taggers are kept in")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT", help="print the table of a kept result")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: write it into a page")
    return parser.parse_args()


def run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train and score one job."""
    job, named = JOBS[name], dict(pair.split("=", 1) for pair in options.vectors)
    folder = options.data / job.folder
    words: list[object] = ["tag", folder / job.train]
    for vectors in job.vectors:
        words += ["--vectors", named[vectors]]
    words += ["--heldout", folder / job.heldout] if job.heldout else []
    words += [*shlex.split(job.options), "--minutes", options.minutes, "--threads", options.threads]
    log, model = options.models / f"tag-{name}.jsonl", options.models / f"tag-{name}"
    log.unlink(missing_ok=True)
    found: dict[str, Any] = {"title": job.title, "target": job.target, "run": describe_run(folder / job.test, {})}
    found["command"] = ["firth", "task", "train", *(Path(str(w)).name if "/" in str(w) else str(w) for w in words)]
    _, found["training"] = firth("task", "train", *words, "--overwrite", "--quiet", "--log", log, "--out", model)
    epochs = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    found["heldout"] = [event.get("heldout") for event in epochs if event["event"] == "EpochEnd"]
    for part in ("heldout", "test"):
        if file := getattr(job, part):
            printed, _ = firth("task", "evaluate", model, folder / file, "--json")
            scores = json.loads(printed)
            kept = ("f1", "precision", "recall", "accuracy", "n", "sentences", "types")
            found[f"{part}_scores"] = {key: scores[key] for key in kept if key in scores}
    return found


def score_of(found: dict[str, Any], part: str) -> str:
    """Return F1, or accuracy where labels mark no spans, in percent."""
    scores = found.get(f"{part}_scores")
    return "" if scores is None else f"{100 * scores.get('f1', scores['accuracy']):.1f}"


def table(result: dict[str, Any]) -> str:
    """Return a line per job."""
    rows = [
        [found["title"], score_of(found, "heldout"), score_of(found, "test"), f"{found['target']:g}",
         str(len(found["heldout"])), f"`{' '.join(found['command'][1:])}`"]
        for found in result["results"].values()
    ]  # fmt: skip
    head = ["set", "held-out", "test", "wanted", "epochs", "command"]
    machine = next(iter(result["results"].values()))["run"]["machine"]
    return (
        f"{grid(head, rows)}\n\nF1 of whole spans, or accuracy, in percent. {machine['cpu']}, {machine['cores']} cores."
    )


def main() -> int:
    """Run the jobs, or show a kept result."""
    options = arguments()
    if options.table:
        show_table(options.table, options.into, "tagging", table)
        return 0
    options.models.mkdir(parents=True, exist_ok=True)
    kept = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"results": {}}
    for name in options.job or JOBS:
        found = run(name, options)
        kept["results"][name] = found
        print(f"{name}: {score_of(found, 'test')} (wanted {found['target']:g})", flush=True)
        write_json(options.out, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
