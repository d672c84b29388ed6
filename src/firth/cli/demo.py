"""``firth demo``: from text to vectors, scores and a picture, offline, in a minute."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from firth.cli.cpu import check_cpu_level
from firth.cli.display import listening
from firth.cli.options import JsonFlag
from firth.cli.output import note, print_json
from firth.cli.target import check_target, make_parents
from firth.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from firth.events import Listener
    from firth.text.corpus import Corpus
    from firth.vectors.static import Vectors

__all__ = ["demo"]

# A text of half a million words is small: CBOW, many passes, words met ten times or more.
OPTIONS: dict[str, Any] = {
    "architecture": "cbow", "dim": 100, "window": 5, "negative": 10, "sample": 3e-3, "epochs": 30, "min_count": 10,
}  # fmt: skip

# The same text for the other static models: the command that trains each, and options for a text this small.
OTHERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "GloVe": ("firth.static.glove", "GloVe", {"min_count": 10, "epochs": 25}),
    "fastText": (
        "firth.static.fasttext", "FastText", {"min_count": 10, "epochs": 15, "sample": 3e-3, "buckets": 100_000},
    ),
    "PPMI-SVD": ("firth.static.svd", "SVD", {"min_count": 10, "window": 5}),
}  # fmt: skip

_REPORT = "report.json"


def demo(
    *,
    out: Annotated[Path, Parameter(help="Folder to write to; the folder of an earlier demo is replaced.")] = Path(
        "firth-demo"
    ),
    threads: Annotated[int | None, Parameter(help="Number of threads; all cores by default.")] = None,
    seed: Annotated[int, Parameter(help="Seed of the training.")] = 1,
    quiet: Annotated[bool, Parameter(negative="", help="Show nothing but errors.")] = False,
    json: JsonFlag = False,
) -> None:
    """Train on the docstrings and comments of Python's standard library, and show what was learnt.

    word2vec is asked for neighbours and analogies; GloVe, fastText and PPMI-SVD of the same text stand beside it.
    Writes text.txt, model/, analogies.txt, similarity.txt, report.md, report.json and map.png into the folder.
    """
    from firth.cli.demo_report import findings, markdown_report, show, side_by_side

    check_cpu_level()
    check_target(out, overwrite=_is_demo(out))
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    make_parents(part)
    part.mkdir()
    try:
        with listening(quiet=quiet or json) as listen:
            vectors, facts, others = _learn(part, seed, threads, listen)
        report = facts | findings(vectors, part)
        report["side_by_side"] = side_by_side({"word2vec": vectors} | others, part, report["seconds"]["models"])
        report["map"] = _draw(vectors, part)
        (part / "report.md").write_text(markdown_report(report), encoding="utf-8")
        _write_json(part / _REPORT, report)
        if out.exists():
            shutil.rmtree(out)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    if json:
        print_json(report | {"folder": str(out)})
    elif not quiet:
        show(report, out)


def _is_demo(out: Path) -> bool:
    if not out.exists():
        return False
    if (out / _REPORT).is_file() and (out / "model").is_dir():
        return True
    raise DataError(f"{out} exists and is not the folder of a demo", remedy="choose another place with --out")


def _learn(
    folder: Path, seed: int, threads: int | None, listen: Listener
) -> tuple[Vectors, dict[str, Any], dict[str, Vectors]]:
    """Write the text and the model; return its vectors, what there is to say about them, and the others' vectors."""
    from firth.cli.demo_text import collect
    from firth.config import to_dict
    from firth.events import Notice
    from firth.formats.registry import save
    from firth.static.word2vec import Word2Vec, train
    from firth.text.corpus import as_corpus

    began = time.perf_counter()
    listen(Notice("collecting docstrings and comments of the standard library"))
    text = folder / "text.txt"
    text.write_text("\n".join(collect()) + "\n", encoding="utf-8")
    collected = time.perf_counter()
    corpus = as_corpus(text, lower=True, threads=threads)
    config = Word2Vec(**OPTIONS, seed=seed)
    vectors = train(corpus, config, threads=threads, listen=listen).vectors
    trained = time.perf_counter()
    save(vectors, folder / "model")
    others, seconds = _learn_others(corpus, seed, threads, listen)
    facts: dict[str, Any] = {
        "python": sys.version.split()[0],
        "words": corpus.n_tokens,
        "sentences": corpus.n_sentences,
        "vocabulary": len(vectors),
        "options": to_dict(config),
        "seconds": {"collecting": round(collected - began, 2), "training": round(trained - collected, 2)},
    }
    facts["seconds"]["models"] = {"word2vec": facts["seconds"]["training"]} | seconds
    return vectors, facts, others


def _learn_others(
    corpus: Corpus, seed: int, threads: int | None, listen: Listener
) -> tuple[dict[str, Vectors], dict[str, float]]:
    """Train the other models; return their vectors and their seconds, by name."""
    import importlib

    from firth.events import Notice

    found: dict[str, Vectors] = {}
    seconds: dict[str, float] = {}
    for name, (place, config, options) in OTHERS.items():
        listen(Notice(f"training {name} beside it"))
        module, began = importlib.import_module(place), time.perf_counter()
        made = module.train(corpus, getattr(module, config)(**options, seed=seed), threads=threads, listen=listen)
        found[name], seconds[name] = made.vectors, round(time.perf_counter() - began, 2)
    return found, seconds


def _draw(vectors: Vectors, folder: Path) -> str | None:
    from firth.cli.demo_report import MAP, known
    from firth.plot import word_map

    groups = {name: known(vectors, words) for name, words in MAP.items()}
    try:
        word_map(vectors, groups, folder / "map.png", title="What Python's standard library says about itself")
    except MissingExtraError as missing:
        note(str(missing))
        return None
    return "map.png"


def _write_json(path: Path, value: Any) -> None:
    import json

    path.write_text(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n", encoding="utf-8")
