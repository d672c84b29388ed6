"""Classifiers over static vectors on SST-2 (sentences only), MR, Subj and IMDb: whole processes, kept as JSON.

python benchmarks/classify_texts.py --data ../shared/data --work models --out benchmarks/results/classify-texts.json
python benchmarks/classify_texts.py --table benchmarks/results/classify-texts.json --into docs/classification.md

Vectors are trained first, on the English wiki text and the training texts of IMDb, and kept in ``--work``. Each of
``MODELS`` then learns each set. MR and Subj go by ten folds, drawn once: a fold is the test, a tenth of the rest
chooses.
SST-2 has a set to choose by; of IMDb a tenth of the training texts is held out. What is done is not done again: a rerun
goes on, ``--again`` drops results.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from perplexity import firth
from record import describe_run, write_json
from tables import grid, update_page

SETS = {"sst2": 80.0, "mr": 77.0, "subj": 91.0, "imdb": 89.0}  # and the accuracy to reach
FOLDS = 10
MODELS = {
    "average": "--model average",
    "average, n-grams": "--model average --ngrams 2",
    "cnn": "--model cnn --epochs 6 --finetune both",
    "lstm": "--model lstm --epochs 5 --finetune static",
}
VECTORS = "--lower --dim 100 --epochs 3"
Rows = list[tuple[str, str]]


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of classification-en, imdb and en-wiki-2014-cased")
    parser.add_argument("--set", action="append", choices=list(SETS), help="repeatable; all by default")
    parser.add_argument("--model", action="append", choices=list(MODELS), help="repeatable; all by default")
    parser.add_argument("--options", default="", help="further options of firth task train classify, in one string")
    parser.add_argument("--vectors", type=Path, help="vectors to use, in the place of those trained here")
    parser.add_argument("--vector-options", default=VECTORS, help="of firth train word2vec, in one string")
    parser.add_argument("--folds", type=int, default=FOLDS, help="of MR and Subj, so many of the ten")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("models"), help="folder for texts, vectors and models")
    parser.add_argument("--again", action="store_true", help="do again what --out has results of")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT", help="print the table of a kept result")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: write it into a page")
    return parser.parse_args()


def read_first(path: Path) -> Rows:
    """Return label and text of lines that begin with their label; MR and Subj are in Latin-1."""
    raw = gzip.decompress(path.read_bytes())
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    rows = [line.strip().partition(" ") for line in text.split("\n") if line.strip()]
    return [(label, text) for label, _, text in rows]


def read_imdb(path: Path) -> Rows:
    """Return label and text of IMDb's columns: label, stars, number, text."""
    raw = subprocess.run(["zstd", "-dc", "--long=27", str(path)], capture_output=True, check=True).stdout.decode()
    rows = [line.split("\t", 3) for line in raw.split("\n") if line]
    return [(row[0], row[3]) for row in rows]


def splits(name: str, data: Path) -> Iterator[tuple[Rows, Rows, Rows]]:
    """Yield training, held-out and test texts: ten times where there are folds."""
    classic = data / "classification-en"
    if name == "sst2":
        yield tuple(read_first(classic / f"stsa.binary.{part}.gz") for part in ("train", "dev", "test"))  # type: ignore
        return
    rows = read_imdb(data / "imdb" / "train.tsv.zst") if name == "imdb" else read_first(
        classic / {"mr": "rt-polarity.all.gz", "subj": "subj.all.gz"}[name]
    )  # fmt: skip
    random.Random(7).shuffle(rows)
    if name == "imdb":
        cut = len(rows) // 10
        yield rows[cut:], rows[:cut], read_imdb(data / "imdb" / "test.tsv.zst")
        return
    for fold in range(FOLDS):
        rest = [row for number, row in enumerate(rows) if number % FOLDS != fold]
        yield [row for n, row in enumerate(rest) if n % 10], rest[::10], rows[fold::FOLDS]


def train_vectors(options: argparse.Namespace) -> dict[str, Any]:
    """Train the vectors, unless they are there; return command and seconds."""
    options.vectors = options.work / "vectors"
    note = options.work / "vectors.json"
    if note.exists() and options.vectors.exists():
        return dict(json.loads(note.read_text(encoding="utf-8")))
    texts = options.work / "imdb.txt"
    texts.write_text("".join(text + "\n" for _, text in read_imdb(options.data / "imdb" / "train.tsv.zst")), "utf-8")
    wiki = options.data / "en-wiki-2014-cased" / "en_wiki.train.txt.zst"
    own = [*shlex.split(options.vector_options), "--threads", options.threads]
    _, cost = firth("train", "word2vec", wiki, texts, *own, "--quiet", "--overwrite", "--out", options.vectors)
    found = {"command": ["firth", "train", "word2vec", wiki.name, texts.name, *map(str, own)], "training": cost}
    write_json(note, found)
    return found


def write_lines(path: Path, rows: Rows) -> Path:
    """Write texts as lines with their label in front."""
    path.write_text("".join(f"__label__{label} {text}\n" for label, text in rows), encoding="utf-8")
    return path


def run(name: str, model: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train and evaluate a model on a set, fold by fold."""
    own = [*shlex.split(MODELS[model]), *shlex.split(options.options), "--threads", options.threads]
    found: dict[str, Any] = {
        "command": ["firth", "task", "train", "classify", *map(str, own), "--vectors", options.vectors.name],
        "scores": [], "seconds": [],
    }  # fmt: skip
    for fold, parts in enumerate(splits(name, options.data)):
        if fold == options.folds:
            break
        train, heldout, test = (
            write_lines(options.work / f"{name}.{part}", rows)
            for part, rows in zip(("train", "heldout", "test"), parts, strict=True)
        )
        place = options.work / f"{name}.model"
        _, cost = firth("task", "train", "classify", train, "--heldout", heldout, "--vectors", options.vectors, *own,
                        "--out", place, "--overwrite", "--quiet")  # fmt: skip
        printed, _ = firth("task", "evaluate", place, test, "--threads", options.threads, "--json")
        scores = json.loads(printed)
        found["scores"].append({key: scores[key] for key in ("n", "accuracy", "log_loss", "ece", "macro")})
        found["seconds"].append(cost["seconds"])
    n = sum(score["n"] for score in found["scores"])
    found["accuracy"] = sum(score["accuracy"] * score["n"] for score in found["scores"]) / n
    found["run"] = describe_run(options.work / f"{name}.train", {})
    return found


def table(result: dict[str, Any]) -> str:
    """Return a line per model: accuracies, and seconds of one training."""
    results = result["results"]
    sets = [name for name in SETS if any(name in found for found in results.values())]
    rows = []
    for model, found in results.items():
        cells = [f"{100 * found[name]['accuracy']:.1f}" if name in found else "" for name in sets]
        means = [sum(one["seconds"]) / len(one["seconds"]) for one in (found[name] for name in sets if name in found)]
        rows.append([model, *cells, " / ".join(f"{mean:.0f}" for mean in means), f"`{MODELS.get(model, '')}`"])
    targets = [f"{SETS[name]:.0f}" for name in sets]
    machine = next(iter(next(iter(results.values())).values()))["run"]["machine"]
    head = ["model", *(f"{name} ({target})" for name, target in zip(sets, targets, strict=True)), "seconds", "options"]
    about = f"Accuracy, with what was to be reached in brackets. {machine['cpu']}, {machine['cores']} cores."
    vectors = f"Vectors: `{' '.join(result['vectors']['command'])}`." if "command" in result["vectors"] else ""
    return f"{grid(head, rows)}\n\n{about} {vectors}".rstrip()


def main() -> int:
    """Run sets and models, or show a kept result."""
    options = arguments()
    if options.table:
        result = json.loads(options.table.read_text(encoding="utf-8"))
        if options.into:
            update_page(options.into, "classify-texts", table(result))
        else:
            print(table(result))
        return 0
    options.work.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = {"results": {}}
    if options.out.exists():
        kept = json.loads(options.out.read_text(encoding="utf-8"))
    kept["vectors"] = {"name": options.vectors.name} if options.vectors else train_vectors(options)
    for model in options.model or MODELS:
        for name in options.set or SETS:
            results = kept["results"].setdefault(model, {})
            if name in results and not options.again:
                continue
            results[name] = run(name, model, options)
            print(f"{model}, {name}: {100 * results[name]['accuracy']:.2f}", flush=True)
            write_json(options.out, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
