"""A tagger at work: sentences from texts, with their labels on standard output, and its scores."""

from __future__ import annotations

import dataclasses
import itertools
import json as jsons
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from firth.cli.output import note, print_json, print_table
from firth.cli.task_column import read_labelled
from firth.cli.texts import TextOptions, token_lines
from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.tasks.tagger_model import TaggerModel
    from firth.text.conll import ConllSentence

__all__ = ["evaluate_tagger", "run_tagger"]

_TOGETHER = 1024  # sentences that are tagged before they are printed


def run_tagger(  # noqa: PLR0917
    model: TaggerModel,
    texts: list[str],
    format: str,
    tokenizer: Literal["whitespace", "words", "chars", "zh"] | None,
    column: str | None,
    threads: int | None,
    json: bool,
) -> None:
    """Print the words of texts with their labels."""
    if tokenizer is not None and format != "text":
        raise ConfigError("the words of such a file are given", got=f"--tokenizer {tokenizer}", remedy="leave it out")
    if column is not None and format != "conllu":
        raise ConfigError("--column goes with --format conllu", got=format)
    if "-" in texts and len(texts) > 1:
        raise DataError("standard input cannot be mixed with files", got=" ".join(texts))
    _refuse_rows(model)
    from firth.nn.loop import settled

    with settled("cpu", threads, seed=1, deterministic=True):
        if format == "conllu":
            _run_conllu(model, texts, column or "upos", json)
            return
        for some in _blocks(_sentences(texts, format, tokenizer)):
            _print(some, model.tag(some), json)


def _sentences(texts: list[str], format: str, tokenizer: Any) -> Iterator[list[str]]:
    if format == "text":
        yield from token_lines(texts, TextOptions(tokenizer=tokenizer or "whitespace"))
        return
    from firth.text.columns import read_columns

    for text in texts:
        for sentence in read_columns(text, column=None):
            yield sentence.words


def _run_conllu(model: TaggerModel, texts: list[str], column: str, json: bool) -> None:
    from firth.text.columns import CONLLU_COLUMNS
    from firth.text.conll import conllu_lines, read_conllu

    if column not in CONLLU_COLUMNS:
        raise ConfigError("no such column of labels", got=column, expected="one of " + ", ".join(CONLLU_COLUMNS))
    for some in _blocks(sentence for text in texts for sentence in read_conllu(text)):
        words = [sentence.forms for sentence in some]
        labels = model.tag(words)
        if json:
            _print(words, labels, json)
            continue
        for sentence, row in zip(some, labels, strict=True):
            sys.stdout.write(conllu_lines(_filled(sentence, column, row)))


def _filled(sentence: ConllSentence, column: str, labels: list[str]) -> ConllSentence:
    words = (
        dataclasses.replace(word, **{column: label})  # type: ignore[arg-type]
        for word, label in zip(sentence.words, labels, strict=True)
    )
    return dataclasses.replace(sentence, words=tuple(words))


def _print(sentences: list[list[str]], labels: list[list[str]], json: bool) -> None:
    from firth.text.columns import tagged_lines
    from firth.text.spans import spans_of

    for words, row in zip(sentences, labels, strict=True):
        if not json:
            sys.stdout.write(tagged_lines(words, row))
            continue
        spans = [
            {"first": first, "end": end, "type": kind, "text": " ".join(words[first:end])}
            for first, end, kind in (spans_of(row) if all(x == "O" or x[1:2] == "-" for x in row) else [])
        ]
        print(jsons.dumps({"words": words, "labels": row, "spans": spans}))


def _blocks(sentences: Iterable[Any]) -> Iterator[list[Any]]:
    waiting = iter(sentences)
    while some := list(itertools.islice(waiting, _TOGETHER)):
        yield some


def evaluate_tagger(  # noqa: PLR0917
    model: TaggerModel, texts: list[str], format: str | None, column: str | None, threads: int | None, json: bool
) -> None:
    """Print how often the labels of files are found."""
    _refuse_rows(model)
    from firth.nn.loop import settled
    from firth.text.spans import plain

    data = [sentence for sentence in read_labelled(texts, format, column) if not sentence.is_document_mark]
    if not data:
        raise DataError("there are no labelled words", got=" ".join(texts))
    with settled("cpu", threads, seed=1, deterministic=True):
        scores = model.evaluate((sentence.words, sentence.labels) for sentence in data)
    given = {plain(label).partition("-")[2] or label for sentence in data for label in sentence.labels}
    known = {label.partition("-")[2] or label for label in model.labels}
    if (model.scheme != "none" and given - known - {"O"}) or (model.scheme == "none" and given - known):
        note("labels unseen in training: " + ", ".join(sorted(given - known)[:8]))
    if json:
        print_json({"sentences": len(data), **scores})
        return
    if "f1" not in scores:
        print_table(("words", "accuracy"), [(scores["n"], f"{scores['accuracy']:.4f}")])
        return
    rows = [("all", scores), *scores["types"].items()]
    names = ("precision", "recall", "f1")
    columns = ("type", "gold", "found", *names)
    print_table(columns, [(kind, row["gold"], row["found"], *(f"{row[n]:.4f}" for n in names)) for kind, row in rows])


def _refuse_rows(model: TaggerModel) -> None:
    if model.reads_rows:
        raise DataError("this tagger reads matrices of features, not words", remedy="use it from Python")
