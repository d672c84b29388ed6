"""A classifier over representations at work: a label for each line of texts, and how often it is right."""

from __future__ import annotations

import contextlib
import itertools
import json as jsons
import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.cli.output import note, print_json, print_table, shown
from firth.cli.task_classify import read_texts
from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.cli.task_scoring import Scoring
    from firth.protocols import Float64
    from firth.tasks.classifier_model import ClassifierModel

__all__ = ["evaluate_classifier", "run_classifier"]

_TOGETHER = 512
_WIDEST = 20  # labels of a table of confusions
_PICTURES = (".png", ".svg", ".pdf")


def run_classifier(  # noqa: PLR0917
    model: ClassifierModel,
    texts: list[str],
    k: int,
    threshold: float,
    tokenizer: str | None,
    threads: int | None,
    json: bool,
) -> None:
    """Print the likeliest labels of each line."""
    from firth.tasks.fasttext_predict import check_answers
    from firth.text.tokenize import Tokenizer

    check_answers(k, threshold)
    if model.reads_rows:
        raise DataError("this classifier reads rows of features, not words", remedy="use it from Python")
    if tokenizer is not None:
        model.tokenizer = Tokenizer.of(tokenizer, lower=model.tokenizer.lower)
    if "-" in texts and len(texts) > 1:
        raise DataError("standard input cannot be mixed with files", got=" ".join(texts))
    empty, lines = 0, _lines(texts)
    with _ready(model, threads):
        while some := list(itertools.islice(lines, _TOGETHER)):
            words = [[word for part in model.tokenizer.sentences(line) for word in part] for line in some]
            empty += sum(not text for text in words)
            for law in model.probabilities(words):
                sys.stdout.write(_line(model, law, k, threshold, json))
    if empty:
        note(f"{empty:,} lines have no words: what is said of them is said of any text")


def _lines(texts: list[str]) -> Iterator[str]:
    from firth.text.lines import lines_of
    from firth.text.sources import chunks, find_files

    for file in [file for text in texts for file in find_files(text)]:
        with file.open() as opened:
            for line in lines_of(chunks(opened, file.name)):
                yield line.decode("utf-8", "surrogateescape")


def _line(model: ClassifierModel, law: Float64, k: int, threshold: float, json: bool) -> str:
    best = np.argsort(-law, kind="stable")[: None if k < 0 else k]
    answers = [(model.labels[place], float(law[place])) for place in best if law[place] >= threshold]
    if json:
        return jsons.dumps({"labels": [label for label, _ in answers], "probabilities": [p for _, p in answers]}) + "\n"
    return " ".join(f"{shown(label)} {chance:.6g}" for label, chance in answers) + "\n"


@contextlib.contextmanager
def _ready(model: ClassifierModel, threads: int | None) -> Iterator[None]:
    """Set torch up, where the model has a net."""
    if not hasattr(model.scorer, "net"):
        yield
        return
    from firth.nn.loop import settled

    with settled("cpu", threads, seed=1, deterministic=True):
        yield


def evaluate_classifier(  # noqa: PLR0917
    model: ClassifierModel, texts: list[str], format: str | None, scoring: Scoring, threads: int | None, json: bool
) -> None:
    """Print how often the labels of texts are found, and draw what is asked for."""
    for path in (scoring.confusion, scoring.calibration):
        if path is not None and path.suffix not in _PICTURES:
            raise ConfigError("no such kind of picture", got=path.name, expected="one of " + ", ".join(_PICTURES))
    if not 1 <= scoring.bins <= 1000:
        raise ConfigError("--bins is out of range", got=scoring.bins, expected="1 to 1000")
    if model.reads_rows:
        raise DataError("this classifier reads rows of features, not words", remedy="use it from Python")
    data = read_texts(texts, format, scoring.label, scoring.text)
    if not data:
        raise DataError("there are no labelled texts", got=" ".join(texts))
    with _ready(model, threads):
        found = model.evaluate(((one.text, one.label) for one in data), scoring.bins)
    if found["empty"]:
        note(f"{found['empty']:,} of {found['n']:,} texts have no words")
    if found["unseen"]:
        names = ", ".join(found["names"][len(model.labels) :][:8])
        note(f"{found['unseen']:,} texts have labels unseen in training: {names}")
    if json:
        print_json({name: None if isinstance(x, float) and math.isnan(x) else x for name, x in found.items()})
    else:
        _print(found)
    _draw(found, scoring)


def _print(found: dict[str, Any]) -> None:
    names = ("precision", "recall", "f1")
    rows = [(kind, found["n"], found["n"], *(f"{found[kind][n]:.4f}" for n in names)) for kind in ("micro", "macro")]
    rows += [
        (label, row["gold"], row["found"], *(f"{row[n]:.4f}" for n in names)) for label, row in found["labels"].items()
    ]
    facts = ("accuracy", "log_loss", "brier", "ece")
    print_table(("n", *facts), [(found["n"], *(f"{found[name]:.4f}" for name in facts))])
    print()
    print_table(("label", "gold", "found", *names), rows)
    if len(found["names"]) <= _WIDEST:
        print()
        table = zip(found["names"], found["confusion"], strict=True)
        print_table(("gold \\ found", *found["names"]), [(label, *counts) for label, counts in table])


def _draw(found: dict[str, Any], scoring: Scoring) -> None:
    if scoring.confusion is None and scoring.calibration is None:
        return
    from firth.plot_scores import confusion_matrix, reliability

    if scoring.confusion is not None:
        confusion_matrix(found["confusion"], found["names"], scoring.confusion)
    if scoring.calibration is not None:
        reliability(found["bins"], scoring.calibration, error=found["ece"])
