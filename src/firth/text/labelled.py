"""Texts with a label each: fastText's lines, columns, CSV and JSON lines, read strictly.

======== ========================================================================================
format   a text
======== ========================================================================================
lines    ``__label__good a fine film``
first    ``good a fine film``: the first word is the label
tsv      columns parted by tabs; by default the label is the first and the text the last
csv      the columns ``label`` and ``text`` of a header line; columns by number need no header
jsonl    the fields ``label`` and ``text`` of an object
======== ========================================================================================
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from firth.errors import ConfigError, FormatError
from firth.text.conll import bounded
from firth.text.lines import lines_of
from firth.text.sources import chunks, find_files

__all__ = ["FORMATS", "PREFIX", "LabelledText", "read_labelled"]

FORMATS = ("lines", "first", "tsv", "csv", "jsonl")
PREFIX = "__label__"
_SUFFIXES = {".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_PACKED = {".gz", ".bz2", ".xz", ".zst"}
_LONGEST = 1 << 24  # of a field of CSV; a line is bounded by as much


@dataclasses.dataclass(frozen=True)
class LabelledText:
    """A text and its label.

    Attributes
    ----------
    text : str or list of str
        A list holds tokens.
    label : str
    path : str
    line : int
        From 1.
    """

    text: str | list[str]
    label: str
    path: str = ""
    line: int = 0


@dataclasses.dataclass(frozen=True)
class _Where:
    """A file's name, and the columns or fields of label and text."""

    name: str
    label: str | None
    text: str | None

    def fault(self, line: int, what: str, **facts: Any) -> FormatError:
        return FormatError(f"line {line:,}: {what}", path=self.name, **facts)


def read_labelled(
    path: str | Path, format: str | None = None, *, label: str | int | None = None, text: str | int | None = None
) -> Iterator[LabelledText]:
    """Yield the texts of a file with their labels.

    Parameters
    ----------
    path : path-like
        A file, packed or not, a folder, a pattern, or ``-``.
    format : str, optional
        One of :data:`FORMATS`; by default as the name tells (``.tsv .csv .jsonl``), else as the first line does.
    label, text : str or int, optional
        Where they stand: a column's number from 1, or from -1 backwards, or a name in the header or the objects.

    Raises
    ------
    FormatError
        When a line breaks the format, with its number.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = path.write_text("__label__good a fine film\\n")
    >>> [(found.label, found.text) for found in read_labelled(path)]
    [('good', 'a fine film')]
    """
    if format is not None and format not in FORMATS:
        raise ConfigError("no such format of labelled texts", got=format, expected="one of " + ", ".join(FORMATS))
    where = [None if value is None else str(value) for value in (label, text)]
    for file in find_files(str(path)):
        with file.open() as opened:
            lines = _decoded(bounded(chunks(opened, file.name), file.name), file.name)
            yield from _read(lines, format or _by_name(file.name), _Where(file.name, *where))


def _by_name(name: str) -> str | None:
    path = Path(name)
    path = path.with_suffix("") if path.suffix in _PACKED else path
    return _SUFFIXES.get(path.suffix.lower())


def _decoded(pieces: Iterable[bytes], name: str) -> Iterator[str]:
    offset = 0
    for raw in lines_of(pieces):
        try:
            yield raw.decode("utf-8").removesuffix("\r")
        except UnicodeDecodeError as error:
            place, remedy = offset + error.start, "convert the file: iconv -f ENCODING -t UTF-8"
            raise FormatError("the line is not UTF-8", path=name, offset=place, got=raw[:40], remedy=remedy) from error
        offset += len(raw) + 1


def _read(lines: Iterator[str], format: str | None, where: _Where) -> Iterator[LabelledText]:
    numbered: Iterator[tuple[int, str]] = enumerate(lines, 1)
    if format is None:
        numbered, format = _told_by_first(numbered, where)
    if format in ("lines", "first") and (where.label is not None or where.text is not None):
        raise ConfigError("such lines have no columns", got=format, expected="the format tsv, csv or jsonl")
    yield from _READERS[format](numbered, where)


def _told_by_first(numbered: Iterator[tuple[int, str]], where: _Where) -> tuple[Iterator[tuple[int, str]], str]:
    """Return all lines, and the format that the first one with anything in it shows."""
    before: list[tuple[int, str]] = []
    for number, line in numbered:
        before.append((number, line))
        if not line.strip():
            continue
        if line.startswith(PREFIX):
            return _chained(before, numbered), "lines"
        if "\t" in line:
            return _chained(before, numbered), "tsv"
        raise where.fault(
            number, "there is no label", got=line[:60], expected=f"{PREFIX}NAME TEXT, or LABEL, a tab and TEXT",
            remedy="or name the format: " + ", ".join(FORMATS),
        )  # fmt: skip
    return iter(before), "lines"


def _chained(before: list[Any], rest: Iterator[Any]) -> Iterator[Any]:
    yield from before
    yield from rest


def _lines(numbered: Iterator[tuple[int, str]], where: _Where) -> Iterator[LabelledText]:
    for number, line in numbered:
        if not line.strip():
            continue
        first, _, text = line.lstrip().partition(" ")
        if not first.startswith(PREFIX) or len(first) == len(PREFIX):
            raise where.fault(number, "there is no label", got=line[:60], expected=f"{PREFIX}NAME TEXT")
        if text.lstrip().startswith(PREFIX):
            remedy = "only --model fasttext takes several labels"
            raise where.fault(number, "a text has more than one label", got=line[:60], remedy=remedy)
        yield LabelledText(text, first.removeprefix(PREFIX), where.name, number)


def _first(numbered: Iterator[tuple[int, str]], where: _Where) -> Iterator[LabelledText]:
    for number, line in numbered:
        if line.strip():
            label, _, text = line.strip().partition(" ")
            yield LabelledText(text, label, where.name, number)


def _tsv(numbered: Iterator[tuple[int, str]], where: _Where) -> Iterator[LabelledText]:
    rows = ((number, line.split("\t")) for number, line in numbered if line.strip())
    yield from _columns(rows, dataclasses.replace(where, label=where.label or "1", text=where.text or "-1"))


def _csv(numbered: Iterator[tuple[int, str]], where: _Where) -> Iterator[LabelledText]:
    csv.field_size_limit(_LONGEST)
    reader = csv.reader((line + "\n" for _, line in numbered), strict=True)

    def rows() -> Iterator[tuple[int, list[str]]]:
        try:
            yield from ((reader.line_num, row) for row in reader if row)
        except csv.Error as error:
            raise where.fault(reader.line_num, f"no CSV: {error}") from error

    where = dataclasses.replace(where, label=where.label or "label", text=where.text or "text")
    yield from _columns(rows(), where)


def _columns(rows: Iterator[tuple[int, list[str]]], where: _Where) -> Iterator[LabelledText]:
    """Yield texts of rows that have as many columns each as the first."""
    width, places = 0, list[int]()
    for number, row in rows:
        if not width:
            width = len(row)
            named = [name for name in (where.label, where.text) if not _is_number(name)]
            places = [_place(name, row, where, number) for name in (where.label, where.text)]
            if len(set(places)) < 2:
                raise where.fault(number, "label and text are one column", got=f"{width} columns")
            if named:
                continue  # the header
        if len(row) != width:
            raise where.fault(number, "another number of columns than before", got=len(row), expected=str(width))
        label = row[places[0]].strip()
        if not label:
            raise where.fault(number, "the label is empty")
        yield LabelledText(row[places[1]], label, where.name, number)


def _is_number(name: str | None) -> bool:
    return name is not None and name.removeprefix("-").isdecimal()


def _place(name: str | None, row: list[str], where: _Where, line: int) -> int:
    """Return the column of a name or a number."""
    if not _is_number(name):
        header = [cell.strip() for cell in row]
        if name not in header:
            raise where.fault(line, f"the header has no column {name!r}", expected="one of " + ", ".join(header)[:200])
        return header.index(name)
    number = int(name or 0)
    if not 1 <= abs(number) <= len(row):
        raise where.fault(line, "there is no such column", got=number, expected=f"1 to {len(row)}, or -1 backwards")
    return number - 1 if number > 0 else len(row) + number


def _jsonl(numbered: Iterator[tuple[int, str]], where: _Where) -> Iterator[LabelledText]:
    names = where.label or "label", where.text or "text"
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise where.fault(number, "no JSON", got=line[:60]) from error
        if not isinstance(record, dict) or not all(name in record for name in names):
            got = ", ".join(map(str, record))[:200] if isinstance(record, dict) else line[:60]
            raise where.fault(number, "an object lacks a field", got=got, expected=" and ".join(names))
        label, text = (record[name] for name in names)
        if isinstance(label, bool | int):
            label = str(label)
        if not isinstance(label, str) or not label:
            raise where.fault(number, "the label is no text", got=label)
        if not isinstance(text, str) and not (isinstance(text, list) and all(isinstance(w, str) for w in text)):
            raise where.fault(number, "the text is none", got=text)
        yield LabelledText(text, label, where.name, number)


_READERS: dict[str, Callable[[Iterator[tuple[int, str]], _Where], Iterator[LabelledText]]] = {
    "lines": _lines, "first": _first, "tsv": _tsv, "csv": _csv, "jsonl": _jsonl,
}  # fmt: skip
