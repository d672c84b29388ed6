"""Train a biLM on a text, and keep its perplexities beside a modified Kneser-Ney bigram's of the same words; JSON.

python benchmarks/elmo_train.py --data corpora --language en --models models --out benchmarks/results/elmo-train.json
python benchmarks/elmo_train.py --table benchmarks/results/elmo-train.json --into docs/elmo.md

``--data`` holds corpora (``firth corpus``) named en.train, en.valid and en.test, and so for zh. Both models predict the
``--max-vocab`` most frequent words of the training text, an unknown word as ``<unk>``, and one end of each sentence.
The biLM's perplexity is by the full softmax: each direction's, and that of their mean log probability.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from perplexity import curve, firth
from record import describe_run, write_json
from tables import grid, show_table

LANGUAGES = {"en": "", "zh": "--characters codepoints"}
PARTS = ("valid", "test")


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with the corpora")
    parser.add_argument("--language", action="append", choices=list(LANGUAGES), default=None)
    parser.add_argument("--options", default="", help="further options of firth train elmo, in one string")
    parser.add_argument("--max-vocab", type=int, default=40_000)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--order", type=int, default=2, help="of the n-gram")
    parser.add_argument("--kept", action="store_true", help="evaluate models and logs that lie in --models already")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder that the models are kept in")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT", help="print the table of a kept result")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: write it into a page")
    return parser.parse_args()


def run(language: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train and evaluate both models of a language."""
    text = {part: options.data / f"{language}.{part}" for part in ("train", *PARTS)}
    elmo, kn = options.models / language, options.models / f"kn{options.order}.{language}"
    log = options.models / f"{language}.jsonl"
    cut = ["--max-vocab", options.max_vocab]
    own = [*shlex.split(LANGUAGES[language]), *shlex.split(options.options), "--minutes", options.minutes]
    made = json.loads((text["train"] / "config.json").read_text(encoding="utf-8"))
    corpus = {"name": text["train"].name, "words": made["n_tokens"], "digest": made["digest"]}
    found: dict[str, Any] = {"run": {**describe_run(text["train"] / "config.json", {}), "corpus": corpus}}
    shown = [*cut, *own, "--threads", options.threads]
    found["command"] = ["firth", "train", "elmo", text["train"].name, *map(str, shown)]
    if not options.kept:
        log.unlink(missing_ok=True)
        running = ["--threads", options.threads, "--overwrite", "--quiet"]
        _, found["ngram_training"] = firth("train", "ngram", text["train"], "--order", options.order, *cut, *running,
                                           "--out", kn)  # fmt: skip
        _, found["training"] = firth("train", "elmo", text["train"], "--heldout", text["valid"], *cut, *own, *running,
                                     "--log", log, "--out", elmo)  # fmt: skip
    found |= progress(log)
    for name, model in (("ngram", kn), ("elmo", elmo)):
        printed, found[f"{name}_evaluation"] = firth("evaluate", model, "--text", *(text[part] for part in PARTS),
                                                     "--json")  # fmt: skip
        scores = {Path(path).suffix[1:]: score for path, score in json.loads(printed).items()}
        found[name] = {part: scores[part] for part in PARTS}
    same = [found[name]["test"][count] for count in ("n_predictions", "n_unknown") for name in ("ngram", "elmo")]
    assert same[0] == same[1]
    assert same[2] == same[3]
    return found


def progress(log: Path) -> dict[str, Any]:
    """Return what the log of training says: the way of the held-out loss, tokens read, and their number a second."""
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    told = [event for event in events if event["event"] == "Progress"] or [{"done": 0, "words_per_second": 0.0}]
    speed = round(told[-1]["words_per_second"], 1)
    return {"curve": curve(log), "tokens": told[-1]["done"], "tokens_per_second": speed}


def table(result: dict[str, Any]) -> str:
    """Return a line per language: perplexities of the test text, and how they came about."""
    rows = []
    for language, found in result["results"].items():
        elmo, kn = found["elmo"]["test"], found["ngram"]["test"]
        scores = [elmo["forward"]["perplexity"], elmo["backward"]["perplexity"], elmo["perplexity"], kn["perplexity"]]
        read = [f"{found['tokens']:,}", f"{found['tokens_per_second']:,.0f}", f"`{' '.join(found['command'][1:])}`"]
        rows.append([language, *(f"{score:.1f}" for score in scores), *read])
    head = ["text", "forward", "backward", "mean", "Kneser-Ney", "tokens read", "a second", "command"]
    machine = next(iter(result["results"].values()))["run"]["machine"]
    return f"{grid(head, rows)}\n\nPerplexity of the test text. {machine['cpu']}, {machine['cores']} cores."


def main() -> int:
    """Run the languages, or show a kept result."""
    options = arguments()
    if options.table:
        show_table(options.table, options.into, "elmo-train", table)
        return 0
    options.models.mkdir(parents=True, exist_ok=True)
    kept = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"results": {}}
    for language in options.language or LANGUAGES:
        found = run(language, options)
        kept["results"][language] = found
        ours, theirs = (found[name]["test"]["perplexity"] for name in ("elmo", "ngram"))
        print(f"{language}: biLM {ours:.1f}, Kneser-Ney of order {options.order} {theirs:.1f}", flush=True)
        write_json(options.out, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
