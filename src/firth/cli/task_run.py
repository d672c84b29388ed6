"""``firth task run`` and ``firth task evaluate``: a classifier at work, and how often it is right."""

from __future__ import annotations

import json as jsons
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from firth.cli.cpu import check_cpu_level
from firth.cli.options import JsonFlag, Texts
from firth.cli.output import note, note_event, print_json, print_table, shown
from firth.errors import DataError

if TYPE_CHECKING:
    from firth.tasks.fasttext import FastTextClassifier

__all__ = ["evaluate", "run"]

Model = Annotated[Path, Parameter(help="A classifier: a folder of ours or a file that 'firth inspect' knows.")]
Answers = Annotated[
    int, Parameter(name=["-k", "--labels"], help="Labels for each text; -1 for all.", allow_leading_hyphen=True)
]
Threshold = Annotated[float, Parameter(help="Leave out labels less probable than this.")]
Threads = Annotated[int | None, Parameter(help="Number of threads; all cores by default.")]


def _load(path: Path) -> FastTextClassifier:
    from firth.formats.registry import load
    from firth.tasks.fasttext import FastTextClassifier

    check_cpu_level()
    model = load(path, listen=note_event)
    if not isinstance(model, FastTextClassifier):
        raise DataError(f"{path} holds no text classifier", got=type(model).__name__)
    return model


def run(
    model: Model,
    texts: Texts,
    /,
    *,
    k: Answers = 1,
    threshold: Threshold = 0.0,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Print the likeliest labels of every line: label and probability, one line of text a line, blanks between.

    A line of which the model knows nothing gives an empty line. With --json each line is an object.
    """
    from firth.static.loop import cpu_threads
    from firth.tasks.fasttext_data import byte_pieces
    from firth.tasks.fasttext_predict import Predictor, check_answers, whole_lines

    check_answers(k, threshold)
    predictor = Predictor.of(_load(model))
    for pieces in byte_pieces(texts, "-"):
        for lines in whole_lines(pieces):
            found = predictor.answer(lines, k, threshold, threads=cpu_threads(threads))
            sys.stdout.write("".join(_line(answers, json) for answers in predictor.named(found)))


def _line(answers: list[tuple[str, float]], json: bool) -> str:
    if json:
        return jsons.dumps({"labels": [label for label, _ in answers], "probabilities": [p for _, p in answers]}) + "\n"
    return " ".join(f"{shown(label)} {chance:.6g}" for label, chance in answers) + "\n"


def evaluate(
    model: Model,
    texts: Texts,
    /,
    *,
    k: Answers = 1,
    threshold: Threshold = 0.0,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Print precision and recall at k on labelled lines, for all and for each label."""
    from firth.static.loop import cpu_threads
    from firth.tasks.fasttext_predict import test

    tested = test(_load(model), texts, k, threshold, threads=cpu_threads(threads))
    if tested.skipped:
        note(f"{tested.skipped:,} lines have no label or no word that the model knows and are left out")
    if json:
        print_json(tested.as_dict())
        return
    rows: list[Any] = [("all", tested.n, tested.precision, tested.recall, tested.f1)]
    rows += [(label.label, label.gold, label.precision, label.recall, label.f1) for label in tested.labels]
    columns = ("label", "n", f"precision@{k}", f"recall@{k}", "f1")
    print_table(columns, [(name, f"{n}", *(f"{value:.4f}" for value in values)) for name, n, *values in rows])
