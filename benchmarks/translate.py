"""Train translators, one command each, and keep BLEU and chrF, in all and by length of source; writes JSON.

python benchmarks/translate.py --data multi30k --job attention --out benchmarks/results/translate-de-en.json
python benchmarks/translate.py --table benchmarks/results/translate-de-en.json --into docs/translation.md

``--data`` is a folder with train, val and tests of two languages, such as train.de.gz and train.en.gz. Both sides are
lower-cased in training; scores do not look at case. Results of other jobs in the file stay as they are, so that long
jobs can be run one at a time.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import shlex
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from perplexity import curve, firth
from record import describe_run, write_json
from tables import grid, update_page

COMMON = "--lower --subwords 8000 --piece-dropout 0.1 --dropout 0.4 --word-dropout 0.1 --smoothing 0.1 --average 0.998"
JOBS = {
    "attention": ("attention from each layer, all steps at once", ""),
    "none": ("the same without attention", "--attention none"),
    "luong": ("Luong 2015: general, input feeding", "--place top --feeding input --decoder-layers 1"),
    "bahdanau": (
        "Bahdanau 2015: additive, GRU",
        "--cell gru --attention additive --feeding context --decoder-layers 1",
    ),
}
LENGTHS = (1, 8, 12, 16, 20)  # words of a source; each group ends where the next begins


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the pairs")
    parser.add_argument("--job", action="append", choices=list(JOBS), default=None)
    parser.add_argument("--source", default="de")
    parser.add_argument("--target", default="en")
    parser.add_argument("--test", action="append", default=None, help="names of the tests; test_2016_flickr by default")
    parser.add_argument("--minutes", type=float, default=90.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--options", default=COMMON, help="options of firth task train translate of every job")
    parser.add_argument("--search", default="--beam 5 --length-penalty 1", help="options of firth task evaluate")
    parser.add_argument("--kept", action="store_true", help="evaluate models and logs that lie in --models already")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder that the models are kept in")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT", help="print the tables of a kept result")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: write them into a page")
    return parser.parse_args()


def run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train and score one job."""
    sides = options.source, options.target
    train, val = ([options.data / f"{part}.{side}.gz" for side in sides] for part in ("train", "val"))
    model, log = options.models / f"{name}.{'-'.join(sides)}", options.models / f"{name}.{'-'.join(sides)}.jsonl"
    chosen = [*shlex.split(options.options), *shlex.split(JOBS[name][1])]
    running = ["--minutes", options.minutes, "--threads", options.threads]
    shown = [*(path.name for path in train), *chosen, *running]
    found: dict[str, Any] = {
        "run": describe_run(train[0], {}), "title": JOBS[name][0], "search": options.search,
        "command": ["firth", "task", "train", "translate", *map(str, shown)],
    }  # fmt: skip
    if not options.kept:
        log.unlink(missing_ok=True)
        held = ["--heldout-source", val[0], "--heldout-target", val[1]]
        _, found["training"] = firth("task", "train", "translate", *train, *held, *chosen, *running, "--overwrite",
                                     "--quiet", "--log", log, "--out", model)  # fmt: skip
    found["curve"] = curve(log)
    found["tests"] = {}
    for test in options.test or ["test_2016_flickr"]:
        source, target = (options.data / f"{test}.{side}.gz" for side in sides)
        printed, spent = firth("task", "run", model, source, *shlex.split(options.search), "--threads", options.threads)
        scored = by_length(lines(source), printed.splitlines(), lines(target))
        found["tests"][test] = {**scored, "seconds": spent}
    return found


def lines(path: Path) -> list[str]:
    """Return the lines of a packed file."""
    return gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()


def by_length(sources: list[str], found: list[str], wanted: list[str]) -> dict[str, Any]:
    """Return the scores of all texts, and of those whose sources have so many words."""
    from firth.tasks.translator_scores import scores

    told: dict[str, Any] = {"all": scores(found, wanted, lower=True), "lengths": {}}
    for low, high in zip(LENGTHS, (*LENGTHS[1:], 10**9), strict=True):
        rows = [row for row, source in enumerate(sources) if low <= len(source.split()) < high]
        if rows:
            some = scores([found[row] for row in rows], [wanted[row] for row in rows], lower=True)
            name = f"{low}-{high - 1}" if high < 10**9 else f"{low}+"
            told["lengths"][name] = {"n": len(rows), "bleu": some["bleu"], "chrf": some["chrf"]}
    return told


def table(result: dict[str, Any]) -> str:
    """Return a line per job: scores in all, and BLEU by length of source."""
    groups = [*(f"{low}-{high - 1}" for low, high in itertools.pairwise(LENGTHS)), f"{LENGTHS[-1]}+"]
    rows = []
    for found in result["results"].values():
        for test, scored in found["tests"].items():
            own = scored["all"]
            each = [f"{scored['lengths'][g]['bleu']:.1f}" if g in scored["lengths"] else "" for g in groups]
            rows.append([found["title"], test, f"{own['bleu']:.1f}", f"{own['chrf']:.1f}", *each])
    head = ["model", "test", "BLEU", "chrF", *(f"BLEU, {group} words" for group in groups)]
    last = next(iter(result["results"].values()))
    commands = "\n".join(f"- `{' '.join(found['command'])}`" for found in result["results"].values())
    signature = next(iter(last["tests"].values()))["all"]["bleu_signature"]
    machine = last["run"]["machine"]
    return f"{grid(head, rows)}\n\n{signature}; {machine['cpu']}, {machine['cores']} cores.\n\n{commands}"


def main() -> int:
    """Run the jobs, or show a kept result."""
    options = arguments()
    if options.table:
        result = json.loads(options.table.read_text(encoding="utf-8"))
        if options.into:
            update_page(options.into, "translate", table(result))
        else:
            print(table(result))
        return 0
    options.models.mkdir(parents=True, exist_ok=True)
    kept = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"results": {}}
    for name in options.job or ["attention"]:
        kept["results"][name] = found = run(name, options)
        for test, scored in found["tests"].items():
            print(f"{name}, {test}: BLEU {scored['all']['bleu']:.2f}, chrF {scored['all']['chrf']:.2f}", flush=True)
        write_json(options.out, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
