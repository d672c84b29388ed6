"""Train a BERT on a text, and hold it against piece frequencies and an n-gram model's cloze; results as JSON.

python benchmarks/bert_train.py --data corpora --language en --models models --out benchmarks/results/bert-train.json
python benchmarks/bert_train.py --table benchmarks/results/bert-train.json --into docs/bert.md

``--data`` holds corpora (``firth corpus``) named en.train, en.valid and en.test, and so for zh. Kept are: the loss at
15 % of the test text's pieces, whole words behind masks, and that of piece frequencies there; and at ``--places``
single pieces the BERT's loss, that piece alone masked in its sentence, beside that of a modified Kneser-Ney model of
the same pieces, whose sentence probability is renormalised over the vocabulary at the place (``firth.evaluate.cloze``).
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from elmo_train import progress
from perplexity import firth
from record import describe_run, write_json
from tables import grid, show_table

LANGUAGES = ("en", "zh")


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the corpora")
    parser.add_argument("--language", action="append", choices=list(LANGUAGES), default=None)
    parser.add_argument("--options", default="", help="further options of firth train bert, in one string")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--order", type=int, default=5, help="of the n-gram")
    parser.add_argument("--places", type=int, default=2000, help="single pieces of the test text that are guessed")
    parser.add_argument("--kept", action="store_true", help="evaluate models and logs that lie in --models already")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder that the models are kept in")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT", help="print the table of a kept result")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: write it into a page")
    return parser.parse_args()


def run(language: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train and evaluate both models of a language."""
    text = {part: options.data / f"{language}.{part}" for part in ("train", "valid", "test")}
    bert, log = options.models / f"bert.{language}", options.models / f"bert.{language}.jsonl"
    own = [*shlex.split(options.options), "--minutes", options.minutes, "--threads", options.threads]
    made = json.loads((text["train"] / "config.json").read_text(encoding="utf-8"))
    corpus = {"name": text["train"].name, "words": made["n_tokens"], "digest": made["digest"]}
    found: dict[str, Any] = {"run": {**describe_run(text["train"] / "config.json", {}), "corpus": corpus}}
    found["command"] = ["firth", "train", "bert", text["train"].name, *map(str, own)]
    if not options.kept:
        log.unlink(missing_ok=True)
        _, found["training"] = firth("train", "bert", text["train"], "--heldout", text["valid"], *own, "--overwrite",
                                     "--quiet", "--log", log, "--out", bert)  # fmt: skip
    found |= progress(log)
    printed, found["evaluation"] = firth("evaluate", bert, "--text", text["test"], "--json")
    found["masked"] = next(iter(json.loads(printed).values()))
    found["cloze"] = cloze(bert, text["train"], text["test"], options)
    return found


def cloze(bert: Path, train: Path, test: Path, options: argparse.Namespace) -> dict[str, float]:
    """Return the mean loss of both models at single places of the test text."""
    import firth as library
    from firth.evaluate.cloze import cloze_places, cloze_scores, masked_cloze_scores, piece_sentences
    from firth.text.corpus import Corpus

    model = library.load(bert)
    pieces, ngram = options.models / f"{bert.name}.pieces.txt", options.models / f"{bert.name}.kn{options.order}"
    if not (options.kept and ngram.exists()):
        with pieces.open("w", encoding="utf-8") as file:
            file.writelines(" ".join(sentence) + "\n" for sentence in piece_sentences(model, Corpus(train)))
        firth("train", "ngram", pieces, "--tokenizer", "whitespace", "--order", options.order, "--overwrite", "--quiet",
              "--out", ngram)  # fmt: skip
    sentences = list(piece_sentences(model, Corpus(test)))
    places = cloze_places(sentences, options.places)
    scores = {
        "bert": masked_cloze_scores(model, sentences, places),
        "ngram": cloze_scores(library.load(ngram), sentences, places),
    }
    apart = scores["ngram"] - scores["bert"]
    return {
        **{name: -float(each.mean()) for name, each in scores.items()},
        "places": len(places),
        "error": float(apart.std() / math.sqrt(len(places))),
    }


def table(result: dict[str, Any]) -> str:
    """Return a line per language: losses of the test text, and how they came about."""
    rows = []
    for language, found in result["results"].items():
        masked, single = found["masked"], found["cloze"]
        scores = [masked["loss"], masked["unigram"], single["bert"], single["ngram"]]
        read = [f"{found['tokens']:,}", f"{found['tokens_per_second']:,.0f}", f"`{' '.join(found['command'][1:])}`"]
        rows.append([language, *(f"{score:.3f}" for score in scores), *read])
    head = ["text", "15 % masked", "by frequencies", "one masked", "Kneser-Ney's cloze", "words read", "a second",
            "command"]  # fmt: skip
    machine = next(iter(result["results"].values()))["run"]["machine"]
    return (
        f"{grid(head, rows)}\n\nLosses at hidden pieces of the test text. {machine['cpu']}, {machine['cores']} cores."
    )


def main() -> int:
    """Run the languages, or show a kept result."""
    options = arguments()
    if options.table:
        show_table(options.table, options.into, "bert-train", table)
        return 0
    options.models.mkdir(parents=True, exist_ok=True)
    kept = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"results": {}}
    for language in options.language or LANGUAGES:
        found = run(language, options)
        kept["results"][language] = found
        masked, single = found["masked"], found["cloze"]
        print(f"{language}: masked {masked['loss']:.3f}, by frequencies {masked['unigram']:.3f}", flush=True)
        print(f"one masked {single['bert']:.3f}, Kneser-Ney of order {options.order} {single['ngram']:.3f}", flush=True)
        write_json(options.out, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
