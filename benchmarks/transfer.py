"""The transfer report on CoNLL-2003 names, English parts of speech and SST-2; the orange farmer with real vectors.

python benchmarks/transfer.py --data ../shared/data --model vectors --model elmo --model both=vectors+elmo
python benchmarks/transfer.py --model vectors --farmer

A thin shell around ``firth compare tasks``: it names the files, and keeps what the report says with the machine and the
commit in ``--out``. The report itself lies in ``--work``; a rerun goes on.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from perplexity import firth
from record import describe_run, write_json
from tables import grid, update_page

# Two words of a name begin a sentence, of persons as of places: where a name stands does not tell which it is.
LESSONS = (
    ("Sally Johnson is an orange farmer", "B-PER I-PER O O O O"),
    ("Mary Smith is a pear grower", "B-PER I-PER O O O O"),
    ("the farmer met Tom Brown", "O O O B-PER I-PER"),
    ("London Bridge is an old crossing", "B-LOC I-LOC O O O O"),
    ("Rhine Valley is a green region", "B-LOC I-LOC O O O O"),
    ("Lake Como is a deep water", "B-LOC I-LOC O O O O"),
    ("the grower met Hyde Park", "O O O B-LOC I-LOC"),
)
ASKED = (
    ("Robert Lin is an apple farmer", "B-PER I-PER O O O O"),
    ("Robert Lin is a durian cultivator", "B-PER I-PER O O O O"),
    ("Mount Everest is a high mountain", "B-LOC I-LOC O O O O"),
)


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of conll2003, ud-en-ewt and classification-en")
    parser.add_argument("--model", action="append", default=[], help="as firth compare tasks takes it; repeatable")
    parser.add_argument("--tasks", default="ner,pos,classify")
    parser.add_argument("--options", default="", help="further options of firth compare tasks, in one string")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("transfer"), help="folder of the report")
    parser.add_argument(
        "--farmer", action="store_true", help="the orange farmer with the first model, and nothing else"
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT", help="print the tables of a kept result")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: write them into a page")
    return parser.parse_args()


def data_of(task: str, data: Path) -> list[object]:
    """Return the options that name a task's files."""
    if task == "ner":
        return ["--ner", data / "conll2003" / "eng.train.gz", data / "conll2003" / "eng.testb.gz"]
    if task == "pos":
        folder = data / "ud-en-ewt"
        return ["--pos", *(next(folder.glob(f"en_ewt-ud-{part}.conllu.*")) for part in ("train", "test"))]
    folder = data / "classification-en"
    return ["--classify", folder / "stsa.binary.train.gz", folder / "stsa.binary.test.gz", "--format", "first"]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run the comparison and return what is kept of it."""
    files = [word for task in options.tasks.split(",") for word in data_of(task, options.data)]
    own = [*shlex.split(options.options), "--threads", options.threads]
    printed, cost = firth("compare", "tasks", *options.model, *files, *own, "--out", options.work, "--json")
    found = json.loads(printed)
    names = [Path(str(word)).name if "/" in str(word) else str(word) for word in (*options.model, *files, *own)]
    kept = {key: found[key] for key in ("options", "tasks", "models", "curves", "layers")}
    about = describe_run(options.work / "report.json", {})
    return {"run": about, "command": ["firth", "compare", "tasks", *names], "cost": cost, **kept}


def farmer(path: str) -> dict[str, Any]:
    """Return what taggers say that learnt from eight sentences, with vectors and without, for three seeds."""
    from firth.formats.registry import load
    from firth.tasks.tagger import Tagger, train

    vectors = load(path)
    data = [(words.split(), labels.split()) for words, labels in LESSONS]
    found: dict[str, Any] = {}
    for name, representation in (("with vectors", vectors), ("without", ())):
        answers = []
        for seed in (1, 2, 3):
            options = Tagger(hidden=32, batch=4, epochs=60, rate=0.01, characters="none", casing=False, seed=seed)
            model = train(data, options, representation=representation, threads=1).model
            tagged = model.tag([words.split() for words, _ in ASKED])
            answers.append({
                words: {"labels": " ".join(labels), "right": labels == wanted.split()}
                for (words, wanted), labels in zip(ASKED, tagged, strict=True)
            })  # fmt: skip
        found[name] = answers
    return found


def table(result: dict[str, Any]) -> str:
    """Return a table for each task: means over seeds, those of words unseen in brackets."""
    parts = []
    for name, task in result["tasks"].items():
        lines = [line for line in result["curves"] if line["task"] == name]
        shares = sorted({line["share"] for line in lines})
        rows = []
        for one in dict.fromkeys(line["representation"] for line in lines):
            own = {line["share"]: line for line in lines if line["representation"] == one}
            rows.append([one, *(_cell(own.get(share)) for share in shares)])
        parts.append(grid([f"{name}, {task['measure']}", *(f"{100 * share:g} %" for share in shares)], rows))
    for entry in result["layers"]:
        if entry["share"] == max(result["options"]["shares"]):
            weights = ", ".join(f"{100 * weight:.0f}" for weight in entry["weights"])
            parts.append(f"Layers of {entry['representation']} for {entry['task']}: {weights} %.")
    machine = result["run"]["machine"]
    about = f"In brackets: words never seen in training. `{' '.join(result['command'])}`. {machine['cpu']}."
    return "\n\n".join([*parts, about])


def _cell(line: dict[str, Any] | None) -> str:
    if line is None:
        return ""
    spread = "" if line["score_interval"] is None else f" ± {100 * (line['score_interval'][1] - line['score']):.1f}"
    unseen = "" if line["unseen"] is None else f" ({100 * line['unseen']:.1f})"
    return f"{100 * line['score']:.1f}{spread}{unseen}"


def main() -> int:
    """Run the comparison, the farmer, or show a kept result."""
    options = arguments()
    if options.table:
        result = json.loads(options.table.read_text(encoding="utf-8"))
        if options.into:
            update_page(options.into, "transfer", table(result))
        else:
            print(table(result))
        return 0
    found = farmer(options.model[0]) if options.farmer else run(options)
    if options.out:
        write_json(options.out, found)
    print(json.dumps(found, indent=1) if options.farmer else table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
