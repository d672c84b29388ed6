"""floret's text files: a header of eight fields, then the rows of a table by number; what spaCy reads."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np

from firth import _core
from firth.errors import ConfigError, DataError
from firth.formats.atomic import new_file
from firth.formats.base import FileReport, Format, Reading
from firth.formats.rows import read_rows
from firth.formats.streams import Head, compressed_writer
from firth.vectors.floret import FloretRows
from firth.vectors.subword import SubwordVectors, encoded
from firth.vectors.words import Words

__all__ = ["FORMATS"]

_TITLE = "floret text: a table of hashed words and n-grams, with the options of its hash in the header"
_HEADER = re.compile(rb"(\d+) (\d+) (\d+) (\d+) (\d+) (\d+) ([^ \n]*) ([^ \r\n]*)\r?\n")
_LONGEST_HEADER = 1024
_ROWS_AT_ONCE = 4096
_USES = ("similarity", "odd", "embed", "convert")


@dataclasses.dataclass(frozen=True)
class _Header:
    buckets: int
    dim: int
    minn: int
    maxn: int
    hashes: int
    seed: int
    begin: str
    end: str
    size: int


def _sniffed(head: Head) -> _Header | None:
    line = None if head.is_folder else _HEADER.match(head.start[:_LONGEST_HEADER])
    if line is None:
        return None
    buckets, dim, minn, maxn, hashes, seed = map(int, line.groups()[:6])
    begin, end = (mark.decode("utf-8", "surrogateescape") for mark in line.groups()[6:])
    return _Header(buckets, dim, minn, maxn, hashes, seed, begin, end, line.end())


def _checked(head: Head) -> _Header:
    header = _sniffed(head)
    if header is None:
        raise head.fault("no header of floret", 0, expected="bucket dim minn maxn hashes seed and the frame of a word")
    sane = (
        1 <= header.buckets < 1 << 31
        and 1 <= header.dim < 1 << 31
        and max(header.minn, header.maxn) <= 1000
        and 1 <= header.hashes <= 4
        and header.seed < 1 << 32
    )
    if not sane:
        raise head.fault("the header makes no sense", 0, got=str(dataclasses.astuple(header)))
    return header


def _sniff(head: Head) -> float:
    return 0.97 if _sniffed(head) is not None else 0.0


def _read(head: Head, reading: Reading) -> SubwordVectors:
    if reading.limit is not None and reading.limit > 0:
        raise ConfigError(
            "the rows of floret belong to no words, so that the first of them mean nothing",
            got=f"limit {reading.limit}",
        )
    header = _checked(head)
    whole = dataclasses.replace(reading, limit=None)
    table = read_rows(head, whole, dim=header.dim, start=header.size, promised=header.buckets, binary=False)
    numbers = table.words.blob.tobytes().decode("ascii", "replace")
    expected = [str(row) for row in range(header.buckets)]
    if len(table) != header.buckets or numbers != "".join(expected) or list(table.words) != expected:
        raise head.fault("the rows are not numbered from 0 on", header.size)
    grams = FloretRows(table.matrix, header.minn, header.maxn, header.hashes, header.seed, header.begin, header.end)
    return grams.vectors()


def _inspect(head: Head) -> FileReport:
    header = _checked(head)
    details = dataclasses.asdict(header)
    del details["size"], details["dim"]
    return FileReport(
        str(head.path), "floret", _TITLE, head.compression, head.size, "subword-vectors", 0, header.dim, ("ngrams",),
        details, _USES,
    )  # fmt: skip


def _write(model: SubwordVectors, path: Path) -> None:
    grams = model.subwords
    assert isinstance(grams, FloretRows)
    frame = [encoded(mark) for mark in (grams.begin, grams.end)]
    if any(set(mark) & set(b" \r\n") for mark in frame):
        raise DataError("a header of floret holds no frame with spaces or line ends", got=(grams.begin, grams.end))
    numbers = (grams.buckets, grams.rows.shape[1], grams.minn, grams.maxn, grams.hashes, grams.seed)
    with new_file(path) as temporary, compressed_writer(temporary, path.suffix) as file:
        file.write(b" ".join([*(str(number).encode() for number in numbers), *frame]) + b"\n")
        for start in range(0, grams.buckets, _ROWS_AT_ONCE):
            rows = np.ascontiguousarray(grams.rows[start : start + _ROWS_AT_ONCE])
            names = Words.of([str(start + row) for row in range(len(rows))])
            file.write(_core.rows_as_text(rows, names.blob, names.offsets, 0, 0, len(rows)))


def _is_table(model: Any) -> bool:
    return isinstance(model, SubwordVectors) and isinstance(model.subwords, FloretRows)


FORMATS = (
    Format(
        name="floret",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=_write,
        models=(SubwordVectors,),
        fits=_is_table,
        keeps=frozenset({"subwords"}),
        holds_words=False,
        options=frozenset({"model"}),
        suffixes=(".floret",),
    ),
)
