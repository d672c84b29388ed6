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
    from firth.vectors.static import Vectors

__all__ = ["demo"]

# A text of half a million words is small: CBOW, many passes, words met ten times or more.
OPTIONS: dict[str, Any] = {
    "architecture": "cbow", "dim": 100, "window": 5, "negative": 10, "sample": 3e-3, "epochs": 30, "min_count": 10,
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

    Writes text.txt, model/, analogies.txt, similarity.txt, report.md, report.json and map.png into the folder.
    """
    from firth.cli.demo_report import findings, markdown_report, show

    check_cpu_level()
    check_target(out, overwrite=_is_demo(out))
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    make_parents(part)
    part.mkdir()
    try:
        with listening(quiet=quiet or json) as listen:
            vectors, facts = _learn(part, seed, threads, listen)
        report = facts | findings(vectors, part)
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


def _learn(folder: Path, seed: int, threads: int | None, listen: Listener) -> tuple[Vectors, dict[str, Any]]:
    """Write the text and the model; return the vectors and what there is to say about them."""
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
    return vectors, {
        "python": sys.version.split()[0],
        "words": corpus.n_tokens,
        "sentences": corpus.n_sentences,
        "vocabulary": len(vectors),
        "options": to_dict(config),
        "seconds": {"collecting": round(collected - began, 2), "training": round(trained - collected, 2)},
    }


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
