"""The text in one field of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from firth.errors import DataError, FormatError
from firth.text.lines import lines_of
from firth.text.tokenize import encode_text

__all__ = ["field_texts"]


def field_texts(chunks: Iterable[bytes], field: str, name: str) -> Iterator[bytes]:
    """Yield the text of ``field`` in every line that is not blank, each ending in a line feed.

    Parameters
    ----------
    chunks : iterable of bytes
        A file in pieces.
    field : str
        A key of every object. Its value is a str, or a list of str which are lines.
    name : str
        What to call the file in messages.

    Raises
    ------
    FormatError
        When a line is not JSON.
    DataError
        When a line lacks the field or it holds no text.

    Examples
    --------
    >>> list(field_texts([b'{"t": "one"}\\n{"t": ', b'"two"}'], "t", "x.jsonl"))
    [b'one\\n', b'two\\n']
    """
    for number, line in enumerate(lines_of(chunks), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"line {number:,} is not JSON ({error})", path=name, got=_shown(line)) from error
        yield encode_text(_text(record, field, number, name)) + b"\n"


def _text(record: Any, field: str, number: int, name: str) -> str:
    if not isinstance(record, dict):
        raise DataError(f"line {number:,} of {name} is no JSON object", got=record)
    if field not in record:
        fields = ", ".join(map(str, record)) or "none"
        raise DataError(f"line {number:,} of {name} has no field {field!r}", expected=f"one of its fields: {fields}")
    value = record[field]
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    if not isinstance(value, str):
        raise DataError(f"field {field!r} in line {number:,} of {name} is no text", got=value)
    return value


def _shown(line: bytes) -> str:
    return line[:200].decode("utf-8", "replace")
