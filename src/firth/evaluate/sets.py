"""Readers of evaluation sets: pairs of words with a human score, and analogy questions. Errors name the line."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from firth.errors import DataError

__all__ = ["Pair", "Paths", "Question", "read_pairs", "read_questions", "set_files"]

Paths: TypeAlias = str | Path | Iterable[str | Path]

_SET_SUFFIXES = (".txt", ".csv", ".tsv", ".tab")
_QUESTION_COLUMNS = ("word1", "word2", "word3", "target")


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two words and how similar people found them."""

    first: str
    second: str
    score: float


@dataclasses.dataclass(frozen=True)
class Question:
    """``a`` is to ``b`` as ``c`` is to ``answer``; ``section`` is the heading that the question stood under."""

    section: str
    a: str
    b: str
    c: str
    answer: str


def set_files(paths: Paths) -> list[Path]:
    """Return the files that ``paths`` names; a folder stands for its ``.txt``, ``.csv``, ``.tsv`` and ``.tab`` files.

    Raises
    ------
    DataError
        When a path does not exist or a folder holds no such file.
    """
    found: list[Path] = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        path = Path(path)
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in _SET_SUFFIXES and file.is_file())
        if not inside:
            raise DataError(
                "the folder holds no evaluation set", got=str(path), expected="files in " + ", ".join(_SET_SUFFIXES)
            )
        found += inside
    return found


def read_pairs(path: str | Path) -> list[Pair]:
    """Read a similarity set: two words and a score in each line.

    Fields are parted by tabs, semicolons, commas or blanks, whichever comes first in this list and is in the first
    line. The words are the first two columns; the score is the first number after them, so that a part of speech may
    stand between. A header, blank lines and lines that start with ``#`` are passed over; a header that names
    ``word1`` and ``word2`` says where the words are.

    Raises
    ------
    DataError
        When the file cannot be read, a line (named by its number) has no two words and a score, or no pair is left.
    """
    path = Path(path)
    pairs: list[Pair] = []
    separator: str | None = None
    start = -1
    for number, line in _lines(path):
        if start < 0:
            separator = next((mark for mark in "\t;," if mark in line), None)
            names = [name.lower().replace(" ", "") for name in _fields(line, separator)]
            start = names.index("word1") if "word1" in names else 0
            if _score(names[start + 2 :]) is None and len(names) > 2:
                continue
        fields = _fields(line, separator)[start:]
        score = _score(fields[2:])
        if score is None or not fields[0] or not fields[1]:
            raise DataError(f"{path}: line {number:,} is no pair", got=line, expected="two words and a score")
        pairs.append(Pair(fields[0], fields[1], score))
    if not pairs:
        raise DataError(f"{path}: no pairs in the file", expected="lines of two words and a score")
    return pairs


def read_questions(path: str | Path) -> list[Question]:
    """Read an analogy set in Google's format, or a table with the columns ``word1 word2 word3 target``.

    In Google's format each line has four words, and a line that starts with a colon names the section of those below
    it. In a table the sections come from the column ``type``, where there is one. Blank lines and lines that start
    with ``#`` are passed over.

    Raises
    ------
    DataError
        When the file cannot be read, a line (named by its number) is no question, or no question is left.
    """
    path = Path(path)
    lines = _lines(path)
    first = next(lines, None)
    if first is not None:
        separator = "\t" if "\t" in first[1] else ","
        names = [name.lower() for name in _fields(first[1], separator)]
        if set(_QUESTION_COLUMNS) <= set(names):
            questions = list(_from_table(path, lines, names, separator))
        else:
            questions = list(_from_google(path, first, lines))
    if first is None or not questions:
        raise DataError(f"{path}: no analogy questions in the file", expected="lines of four words")
    return questions


def _from_google(path: Path, first: tuple[int, str], rest: Iterable[tuple[int, str]]) -> Iterator[Question]:
    section = ""
    for number, line in (first, *rest):
        if line.startswith(":"):
            section = line[1:].strip()
            continue
        words = line.split()
        if len(words) != 4:
            raise DataError(f"{path}: line {number:,} is no analogy question", got=line, expected="four words")
        yield Question(section, *words)


def _from_table(
    path: Path, lines: Iterable[tuple[int, str]], names: Sequence[str], separator: str
) -> Iterator[Question]:
    columns = [names.index(name) for name in _QUESTION_COLUMNS]
    kind = names.index("type") if "type" in names else None
    for number, line in lines:
        fields = _fields(line, separator)
        if len(fields) != len(names) or not all(fields[column] for column in columns):
            raise DataError(
                f"{path}: line {number:,} does not fit the header", got=line, expected=f"{len(names)} filled columns"
            )
        yield Question("" if kind is None else fields[kind], *(fields[column] for column in columns))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line that is neither blank nor a comment."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"{path}: line {number:,} is not UTF-8 text", remedy="convert the file to UTF-8"
                    ) from error
                if line.strip() and not line.startswith("#"):
                    yield number, line
    except OSError as error:
        raise DataError(f"cannot read the evaluation set: {error.strerror}", got=str(path)) from error


def _fields(line: str, separator: str | None) -> list[str]:
    if separator is None:
        return line.split()
    fields = line.split(separator)
    if separator == "," and '"' in line:
        with contextlib.suppress(csv.Error):
            fields = next(csv.reader([line], skipinitialspace=True))
    return [field.strip() for field in fields]


def _score(fields: Sequence[str]) -> float | None:
    """Return the first field that is a finite number."""
    for field in fields:
        try:
            value = float(field)
        except ValueError:
            continue
        if math.isfinite(value):
            return value
    return None
