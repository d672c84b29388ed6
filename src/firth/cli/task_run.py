"""``firth task run`` and ``firth task evaluate``: classifiers, taggers, translators at work, and how good they are."""

from __future__ import annotations

import json as jsons
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from firth.cli.cpu import check_cpu_level
from firth.cli.options import JsonFlag, Texts
from firth.cli.output import note, note_event, print_json, print_table, shown
from firth.cli.task_column import Column
from firth.cli.task_scoring import Scoring
from firth.cli.task_translate_run import DEFAULTS, TranslateOptions
from firth.errors import ConfigError, DataError

__all__ = ["evaluate", "run"]

Model = Annotated[
    Path,
    Parameter(help="Classifier, tagger or translator: a folder of ours or a file that 'firth inspect' knows."),
]
Answers = Annotated[
    int, Parameter(name=["-k", "--labels"], help="Labels for each text; -1 for all.", allow_leading_hyphen=True)
]
Threshold = Annotated[float, Parameter(help="Leave out labels less probable than this.")]
Threads = Annotated[int | None, Parameter(help="Number of threads; all cores by default.")]


def _load(path: Path) -> Any:
    from firth.formats.registry import load
    from firth.tasks.fasttext import FastTextClassifier

    check_cpu_level()
    model = load(path, listen=note_event)
    fitting = "ClassifierModel", "TaggerModel", "TranslatorModel"
    if isinstance(model, FastTextClassifier) or type(model).__name__ in fitting:
        return model
    raise DataError(f"{path} holds no text classifier, no tagger and no translator", got=type(model).__name__)


def _refuse(given: Mapping[str, bool], what: str) -> None:
    """Refuse options that the model has no use for."""
    for option, present in given.items():
        if present:
            raise ConfigError(f"{what} takes no {option}", remedy="leave it out")


def run(
    model: Model,
    texts: Texts,
    /,
    *,
    k: Answers = 1,
    threshold: Threshold = 0.0,
    format: Annotated[
        Literal["text", "columns", "conllu"] | None,
        Parameter(help="Taggers: a sentence a line (the default), a word a line, or CoNLL-U."),
    ] = None,
    tokenizer: Annotated[
        Literal["whitespace", "words", "chars", "zh"] | None,
        Parameter(help="How a line becomes words; by default as a classifier was trained, of taggers at blanks."),
    ] = None,
    column: Column = None,
    translating: TranslateOptions = DEFAULTS,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Print what a model says of each text.

    A classifier prints the likeliest labels of every line: label and probability, one line of text a line, blanks
    between; a line of which it knows nothing gives an empty line. A tagger prints each word with its label, a tab
    between, and an empty line behind each sentence; CoNLL-U goes out as it came in, with the column --column filled.
    A translator prints a line of text for each line, or --n-best of them.
    With --json each line or sentence is an object.
    """
    loaded = _load(model)
    from firth.static.loop import cpu_threads
    from firth.tasks.classifier_model import ClassifierModel
    from firth.tasks.fasttext import FastTextClassifier
    from firth.tasks.fasttext_data import byte_pieces
    from firth.tasks.fasttext_predict import Predictor, check_answers, whole_lines

    if type(loaded).__name__ == "TranslatorModel":
        from firth.cli.task_translate_run import run_translator

        others = {"-k": k != 1, "--threshold": threshold != 0, "--format": format is not None}
        _refuse({**others, "--tokenizer": tokenizer is not None, "--column": column is not None}, "a translator")
        run_translator(loaded, texts, translating, threads, json)
        return
    _refuse({"option of translators": translating != DEFAULTS}, "this model")
    if isinstance(loaded, ClassifierModel):
        from firth.cli.task_classify_run import run_classifier

        _refuse({"--format": format not in (None, "text"), "--column": column is not None}, "a classifier")
        run_classifier(loaded, texts, k, threshold, tokenizer, threads, json)
        return
    if not isinstance(loaded, FastTextClassifier):
        from firth.cli.task_tag_run import run_tagger

        _refuse({"-k": k != 1, "--threshold": threshold != 0}, "a tagger")
        run_tagger(loaded, texts, format or "text", tokenizer, column, threads, json)
        return
    _refuse({"--format": format is not None, "--tokenizer": tokenizer is not None, "--column": column is not None},
            "a classifier")  # fmt: skip
    check_answers(k, threshold)
    predictor = Predictor.of(loaded)
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
    format: Annotated[
        Literal["columns", "conllu", "lines", "first", "tsv", "csv", "jsonl"] | None,
        Parameter(help="Of the data: columns or conllu for taggers, the others for classifiers; found out else."),
    ] = None,
    column: Column = None,
    scoring: Annotated[Scoring, Parameter(name="*")] = Scoring(),  # noqa: B008
    translating: TranslateOptions = DEFAULTS,
    threads: Threads = None,
    json: JsonFlag = False,
) -> None:
    """Print how often a model is right.

    Of fastText's classifier precision and recall at k on labelled lines, for all and for each label; of others
    accuracy, scores of each label, log loss and calibration. Of a tagger precision, recall and F1 of spans, for all and
    for each type, or the accuracy of labels that mark no spans. Of a translator BLEU and chrF against the texts beside
    the sources: two files line by line, or one with tabs.
    """
    from firth.static.loop import cpu_threads
    from firth.tasks.classifier_model import ClassifierModel
    from firth.tasks.fasttext import FastTextClassifier
    from firth.tasks.fasttext_predict import test

    loaded = _load(model)
    if type(loaded).__name__ == "TranslatorModel":
        from firth.cli.task_translate_run import evaluate_translator

        others = {"-k": k != 1, "--threshold": threshold != 0, "--format": format is not None}
        scored = {"--label, --text, --confusion or --calibration": scoring != Scoring()}
        _refuse({**others, "--column": column is not None, **scored}, "a translator")
        evaluate_translator(loaded, texts, translating, threads, json)
        return
    _refuse({"option of translators": translating != DEFAULTS}, "this model")
    if isinstance(loaded, ClassifierModel):
        from firth.cli.task_classify_run import evaluate_classifier

        of_tags = format in ("columns", "conllu")
        _refuse({"-k": k != 1, "--threshold": threshold != 0, "--column": column is not None,
                 f"--format {format}": of_tags}, "this classifier")  # fmt: skip
        evaluate_classifier(loaded, texts, format, scoring, threads, json)
        return
    _refuse({"--label, --text, --confusion or --calibration": scoring != Scoring()}, "this model")
    if not isinstance(loaded, FastTextClassifier):
        from firth.cli.task_tag_run import evaluate_tagger

        _refuse({"-k": k != 1, "--threshold": threshold != 0}, "a tagger")
        evaluate_tagger(loaded, texts, format, column, threads, json)
        return
    _refuse({"--format": format is not None, "--column": column is not None}, "a classifier")
    tested = test(loaded, texts, k, threshold, threads=cpu_threads(threads))
    if tested.skipped:
        note(f"{tested.skipped:,} lines have no label or no word that the model knows and are left out")
    if json:
        print_json(tested.as_dict())
        return
    rows: list[Any] = [("all", tested.n, tested.precision, tested.recall, tested.f1)]
    rows += [(label.label, label.gold, label.precision, label.recall, label.f1) for label in tested.labels]
    columns = ("label", "n", f"precision@{k}", f"recall@{k}", "f1")
    print_table(columns, [(name, f"{n}", *(f"{value:.4f}" for value in values)) for name, n, *values in rows])
