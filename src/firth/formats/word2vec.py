"""The formats of word2vec: a header line with rows and columns, then one row per word, as text or binary."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from firth import _core
from firth.formats.atomic import new_file
from firth.formats.base import FileReport, Format, Reading
from firth.formats.rows import checked_words, read_rows, write_rows
from firth.formats.streams import Head
from firth.vectors.static import Vectors

__all__ = ["FORMATS", "header_of"]

_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*([+-]?\d+)[ \t]+([+-]?\d+)[ \t\r]*\n")
_LONGEST_HEADER = 256
_NO_HEADER = 'format="glove" reads text without one'


def header_of(head: Head) -> tuple[int, int, int] | None:
    """Return rows, columns and the length of the header line, or None where there is none."""
    line = _HEADER.match(head.start[:_LONGEST_HEADER])
    if line is None and head.whole:
        line = _HEADER.match(head.start[:_LONGEST_HEADER] + b"\n")
    return (int(line[1]), int(line[2]), line.end()) if line else None


def _checked_header(head: Head) -> tuple[int, int, int]:
    header = header_of(head)
    if header is None:
        raise head.fault("no word2vec header", 0, expected="a first line of two whole numbers", remedy=_NO_HEADER)
    rows, dim, _ = header
    if rows < 0 or dim < 1:
        raise head.fault("the header makes no sense", 0, got=f"{rows} rows of {dim} values", expected="dim at least 1")
    if dim >= 1 << 40 or rows >= 1 << 60:
        raise head.fault("the header promises more than any file holds", 0, got=f"{rows} rows of {dim} values")
    return header


def _looks_like_text(head: Head, dim: int, start: int) -> bool:
    """Whether the first row reads as numbers in digits."""
    line, newline, _ = head.start[start : start + (1 << 18)].partition(b"\n")
    if not line.strip():
        return True
    whole = bool(newline) or head.whole
    numbers = _core.trailing_numbers(np.frombuffer(line if whole else line[: line.rfind(b" ")], dtype=np.uint8))
    return numbers >= dim if whole else numbers > 0


def _sniff(head: Head, binary: bool) -> float:
    header = None if head.is_folder else header_of(head)
    if header is None:
        return 0.0
    _, dim, start = header
    return 0.9 if _looks_like_text(head, dim, start) != binary else 0.1


def _sniff_text(head: Head) -> float:
    # A broken text file is better called text than binary: its characters say so.
    sure = _sniff(head, binary=False)
    printable = b"\x00" not in head.start[:4096] and sure == 0.1 and _mostly_text(head.start[:4096])
    return 0.95 if printable else sure


def _mostly_text(start: bytes) -> bool:
    control = sum(byte < 32 and byte not in b"\t\n\r" for byte in start)
    numeric = sum(byte in b"0123456789.- \n" for byte in start)
    return control == 0 and numeric * 2 > len(start)


def _sniff_binary(head: Head) -> float:
    return _sniff(head, binary=True)


def _read(head: Head, reading: Reading, binary: bool) -> Vectors:
    rows, dim, start = _checked_header(head)
    return read_rows(head, reading, dim=dim, start=start, promised=rows, binary=binary)


def _read_text(head: Head, reading: Reading) -> Vectors:
    return _read(head, reading, binary=False)


def _read_binary(head: Head, reading: Reading) -> Vectors:
    return _read(head, reading, binary=True)


def _inspect(head: Head, name: str, title: str) -> FileReport:
    rows, dim, _ = _checked_header(head)
    return FileReport(str(head.path), name, title, head.compression, head.size, "vectors", rows, dim, (), {})


def _write_text(vectors: Vectors, path: Path) -> None:
    checked_words(vectors, "word2vec-text", (b"\n",))
    with new_file(path) as temporary:
        write_rows(vectors, temporary, path.suffix, header=True, binary=False)


def _write_binary(vectors: Vectors, path: Path) -> None:
    checked_words(vectors, "word2vec-binary", (b" ", b"\n"))
    with new_file(path) as temporary:
        write_rows(vectors, temporary, path.suffix, header=True, binary=True)


_TEXT_TITLE = "word2vec text (.vec of fastText as well): header, then word and numbers a line"
_BINARY_TITLE = "word2vec binary: header, then word, space and float32 values"

FORMATS = (
    Format(
        name="word2vec-text",
        title=_TEXT_TITLE,
        sniff=_sniff_text,
        read=_read_text,
        inspect=lambda head: _inspect(head, "word2vec-text", _TEXT_TITLE),
        write=_write_text,
        suffixes=(".txt", ".vec"),
    ),
    Format(
        name="word2vec-binary",
        title=_BINARY_TITLE,
        sniff=_sniff_binary,
        read=_read_binary,
        inspect=lambda head: _inspect(head, "word2vec-binary", _BINARY_TITLE),
        write=_write_binary,
        suffixes=(".bin", ".w2v"),
    ),
)
