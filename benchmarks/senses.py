"""What a contextual model knows of senses: every set of words in context, and the tutorials' sentences; writes JSON.

python benchmarks/senses.py models/en --language en --text en.train --wordnet /usr/share/wordnet --static glove=models/g
python benchmarks/senses.py --table benchmarks/results/senses-elmo-en.json --into docs/elmo.md

Sets that are not there are left out, and that is said. Results of other parts in the file stay as they are, so that
long parts can be run one at a time (``--part``).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from record import describe_run, write_json
from sense_sentences import ASKED, EXAMPLES
from tables import grid, update_page

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("FIRTH_DATA", HERE.parents[1] / "shared" / "data"))
SEMCOR = "semcor3.0/semcor3.0.tar.zst"
WSD = ("senseval2", "senseval3", "semeval2007", "semeval2013", "semeval2015")
WIC = {  # name: language, test set, set that the threshold is fitted on
    "MCL-WiC en": ("en", "mcl-wic/test/multilingual/test.en-en.data.gz", "mcl-wic/training/training.en-en.data.gz"),
    "MCL-WiC zh": ("zh", "mcl-wic/test/multilingual/test.zh-zh.data.gz", "mcl-wic/dev/multilingual/dev.zh-zh.data.gz"),
    "WiC dev": ("en", "wic/dev/dev.data.txt", "wic/train/train.data.txt"),
}
WORDS = {"en": ("apple", "play", "bank", "rock", "cell"), "zh": ("苹果", "包袱", "小米", "长城", "杜鹃")}


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", help="a contextual model")
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only these; all by default")
    parser.add_argument("--text", type=Path, help="text or corpus in which the senses of some words are looked for")
    parser.add_argument("--wordnet", type=Path, help="folder of WordNet's database files")
    parser.add_argument("--static", action="append", default=[], metavar="NAME=PATH", help="vectors beside it on SCWS")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT", help="print the table of a kept result")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: write it into a page")
    options = parser.parse_args()
    if options.table is None and (options.model is None or options.out is None):
        parser.error("a model and --out are missing")
    return options


def there(*names: str) -> bool:
    """Tell whether the data sets are on this machine, and say which one is not."""
    missing = [name for name in names if not (DATA / name).exists()]
    for name in missing:
        print(f"left out: no data set at {DATA / name}", file=sys.stderr)
    return not missing


def disambiguate(model: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the scores of word sense disambiguation."""
    from firth.evaluate.wsd import disambiguation

    sets = [f"wsd-raganato-eval/{name}" for name in WSD]
    if options.language != "en" or not there(SEMCOR, *sets):
        return []
    scores = disambiguation(model, DATA / SEMCOR, [DATA / name for name in sets], wordnet=options.wordnet)
    return [score.as_dict() for score in scores]


def similarity(model: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the scores on SCWS, of the model and of static vectors."""
    import firth
    from firth.evaluate.similarity_in_context import similarity_in_context

    if options.language != "en" or not there("scws/ratings.txt.gz"):
        return []
    named = [entry.partition("=") for entry in options.static]
    models = [("", model), *((name, firth.load(path)) for name, _, path in named)]
    scores = []
    for name, each in models:
        for score in similarity_in_context(each, DATA / "scws/ratings.txt.gz"):
            scores.append(score.as_dict() | {"system": name or score.system})
    return scores


def same_meaning(model: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the scores of words in context."""
    from firth.evaluate.word_in_context import word_in_context

    scores = []
    for name, (language, test, fit) in WIC.items():
        if language == options.language and there(test, fit):
            found = word_in_context(model, DATA / test, DATA / fit)
            scores += [score.as_dict() | {"name": name} for score in found]
    return scores


def tutorials(model: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return for each layer and word what :func:`told_apart` finds."""
    from firth.evaluate.in_context import model_tokenizer
    from firth.text.tokenize import Tokenizer

    how = model_tokenizer(model) or Tokenizer("zh" if options.language == "zh" else "words")
    layers: list[Any] = [*range(model.encode_layers([["x"]])[0].shape[0]), "mix"]
    words = EXAMPLES[options.language]
    return [told_apart(model, word, options.language, how, layer) for layer in layers for word in words]


def told_apart(model: Any, word: str, language: str, how: Any, layer: Any) -> dict[str, Any]:
    """Return the sense whose examples each sentence is nearest to, and of the examples how many to their own sense."""
    from firth.evaluate.in_context import place_of_word
    from firth.evaluate.nearer import nearer_sense

    places = {
        sense: [place_of_word(text, word if word in text else word.title(), how) for text in texts]
        for sense, texts in EXAMPLES[language][word].items()
    }
    asked = []
    for form, text, sense in ASKED[language]:
        if form.lower() == word:
            answer = nearer_sense(model, places, place_of_word(text, form, how), layer=layer)
            asked.append({"text": text, "sense": sense, "answer": answer.sense, "cosines": answer.cosines})
    right = 0
    for sense, own in places.items():
        for place in own:
            rest = places | {sense: [each for each in own if each is not place]}
            right += nearer_sense(model, rest, place, layer=layer).sense == sense
    examples = {"right": right, "of": sum(map(len, places.values()))}
    return {"layer": layer, "word": word, "asked": asked, "examples": examples}


def words(model: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the senses of some words in a text."""
    from firth.errors import DataError
    from firth.evaluate.senses import senses
    from firth.text.corpus import Corpus

    if options.text is None:
        return []
    text = Corpus(options.text) if options.text.is_dir() else options.text
    found = []
    for word in WORDS[options.language]:
        try:
            found.append(senses(model, text, word, n=4).as_dict())
        except DataError as error:
            print(f"{word}: {error}", file=sys.stderr)
    return found


PARTS: dict[str, Callable[[Any, argparse.Namespace], list[dict[str, Any]]]] = {
    "tutorials": tutorials,
    "words": words,
    "wic": same_meaning,
    "scws": similarity,
    "wsd": disambiguate,
}


def percent(share: float | None) -> str:
    """Return a share in hundredths."""
    return "" if share is None else f"{100 * share:.1f}"


def row(part: str, score: dict[str, Any]) -> list[str]:
    """Return a row of :data:`HEADS`."""
    if part == "wsd":
        counts = [f"{score[name]:,}" for name in ("answered", "instances")]
        return [score["name"], score["system"], percent(score["f1"]), *counts]
    if part == "scws":
        return [score["system"], percent(score["spearman"]), f"{score['found']:,}"]
    if part == "wic":
        shares = [percent(score[name]) for name in ("accuracy", "fit_accuracy")]
        return [score["name"], score["system"], *shares, "yes" if score["chosen"] else ""]
    if part == "tutorials":
        right = sum(each["sense"] == each["answer"] for each in score["asked"])
        examples = f"{score['examples']['right']} of {score['examples']['of']}"
        return [score["word"], str(score["layer"]), f"{right} of {len(score['asked'])}", examples]
    about = [
        f"{100 * sense['share']:.0f} %: {', '.join(each['word'] for each in sense['words']) or '-'}"
        for sense in score["senses"]
    ]
    return [score["word"], f"{score['used']:,} of {score['found']:,}", str(len(score["senses"])), "; ".join(about)]


HEADS = {
    "wsd": ["set", "system", "F1", "answered", "instances"],
    "scws": ["SCWS", "Spearman x 100", "pairs"],
    "wic": ["set", "system", "accuracy, %", "where fitted, %", "chosen there"],
    "tutorials": ["word", "layer", "sentences asked, right", "examples, right"],
    "words": ["word", "used of found", "senses", "words around each"],
}


def table(result: dict[str, Any]) -> str:
    """Return the tables of a result."""
    parts = {name: part["scores"] for name, part in result["parts"].items()}
    texts = [grid(HEADS[name], [row(name, score) for score in parts[name]]) for name in HEADS if name in parts]
    machine = result["machine"]
    texts.append(
        f"{result['model']['name']}. {machine['cpu']}, {machine['cores']} cores. "
        f"Firth {result['commit']}, {result['date'][:10]}."
    )
    return "\n\n".join(texts)


def described(model: Path) -> dict[str, Any]:
    """Return the facts of the run, with the model in the place of a corpus."""
    weights = model / "model.safetensors" if (model / "model.safetensors").is_file() else model
    facts = describe_run(weights, {}) if weights.is_file() else describe_run(Path(__file__), {})
    return facts | {"model": facts.pop("corpus") | {"name": model.name}}


def main() -> int:
    """Run the parts, or show a kept result."""
    options = arguments()
    if options.table:
        result = json.loads(options.table.read_text(encoding="utf-8"))
        text = table(result)
        if options.into:
            update_page(options.into, f"senses-{result['language']}", text)
        else:
            print(text)
        return 0
    import firth

    model = firth.load(options.model)
    kept = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"parts": {}}
    kept = kept | {"schema": 1, "kind": "senses", "language": options.language} | described(options.model)
    for name in options.part or PARTS:
        began = time.perf_counter()
        scores = PARTS[name](model, options)
        if scores:
            kept["parts"][name] = {"seconds": round(time.perf_counter() - began, 1), "scores": scores}
            write_json(options.out, kept)
            print(
                f"{name}: {len(scores)} scores in {kept['parts'][name]['seconds']:.0f} s", file=sys.stderr, flush=True
            )
    print(table(kept))
    return 0


if __name__ == "__main__":
    sys.exit(main())
