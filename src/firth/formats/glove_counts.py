"""The GloVe programs' co-occurrence files: records of row, column and value, with ``vocab.txt`` beside them.

A record is int32 row, int32 column (both from 1) and float64 value, 16 bytes, little-endian, without a header, as in
``cooccur.c`` and ``shuffle.c`` of https://github.com/stanfordnlp/GloVe. Its one-sided counts (``-symmetric 0``) have
the left word as row: in Firth's terms, contexts on the right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError, FormatError
from firth.formats.atomic import new_file
from firth.formats.base import FileReport, Format, Reading
from firth.formats.counts_folder import limited
from firth.formats.kinds import Parts
from firth.formats.streams import Head
from firth.static.counts import CooccurrenceMatrix
from firth.vectors.words import Words

__all__ = ["FORMATS"]

_RECORD = np.dtype([("row", "<i4"), ("column", "<i4"), ("value", "<f8")])
_BLOCK = 1 << 20  # records
_SEEN = 4096
_LONGEST_VOCABULARY = 1 << 32
_TITLE = "GloVe co-occurrences: binary records of row, column and value, with vocab.txt beside"
_SPACES = (b" ", b"\t", b"\n", b"\r")


def _sniff(head: Head) -> float:
    if head.is_folder or head.compression or head.size % _RECORD.itemsize or not head.start:
        return 0.0
    seen = np.frombuffer(head.start[: _SEEN * _RECORD.itemsize], _RECORD)
    likely = (seen["value"] > 1e-9) & (seen["value"] < 1e15) & (seen["row"] > 0) & (seen["column"] > 0)
    return 0.8 if likely.all() else 0.0


def _vocabulary(head: Head) -> tuple[Words, NDArray[np.int64]]:
    path = head.path.with_name("vocab.txt")
    try:
        if path.stat().st_size > _LONGEST_VOCABULARY:
            raise FormatError("the vocabulary is too large", path=path, got=path.stat().st_size)
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        remedy = "put the vocabulary that the counts were made with beside them, as vocab.txt"
        raise head.fault(f"no vocab.txt beside it: {error.strerror}", remedy=remedy) from error
    if lines and not lines[-1]:
        lines.pop()
    at, words, counts = 0, [], np.zeros(len(lines), np.int64)
    for number, line in enumerate(lines):
        word, _, count = line.rpartition(b" ")
        if not word or not count.isdigit() or len(count) > 18:
            raise FormatError("no line of a word and its count", path=path, offset=at, got=line[:80])
        words.append(word)
        counts[number] = int(count)
        at += len(line) + 1
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, words), np.int64, len(words)), out=offsets[1:])
    return Words(np.frombuffer(b"".join(words), np.uint8), offsets), counts


def _records(head: Head) -> NDArray[np.void]:
    if head.compression or head.is_folder:
        raise head.fault("compressed counts, or a folder", remedy="unpack the file first")
    if head.size % _RECORD.itemsize:
        whole = head.size // _RECORD.itemsize * _RECORD.itemsize
        raise head.fault("the last record is cut short", whole, expected="records of 16 bytes")
    return np.memmap(head.path, _RECORD, "r").view(np.ndarray)


def _read(head: Head, reading: Reading) -> CooccurrenceMatrix:
    words, counts = _vocabulary(head)
    records = _records(head)
    rows, columns = np.empty(len(records), np.int32), np.empty(len(records), np.int32)
    values = np.empty(len(records), np.float64)
    for begin in range(0, len(records), _BLOCK):
        block = records[begin : begin + _BLOCK]
        _check(head, block, begin, len(words))
        at = slice(begin, begin + len(block))
        rows[at], columns[at], values[at] = block["row"] - 1, block["column"] - 1, block["value"]
    indptr = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=len(words)), out=indptr[1:])
    if not _sorted(rows, columns):  # a shuffled file
        order = np.lexsort((columns, rows))
        rows, columns, values = rows[order], columns[order], values[order]
        if not _sorted(rows, columns):
            raise head.fault("a pair of words stands twice")
    model = CooccurrenceMatrix(words, counts, indptr, columns, values, {"model": "cooccurrence", "origin": "GloVe"})
    return limited(model, Parts({}, {}, {}, head.path), reading)


def _check(head: Head, block: NDArray[np.void], begin: int, n: int) -> None:
    right = (block["row"] > 0) & (block["row"] <= n) & (block["column"] > 0) & (block["column"] <= n)
    right &= np.isfinite(block["value"]) & (block["value"] > 0)
    if not right.all():
        at = int(np.flatnonzero(~right)[0])
        raise head.fault(
            "a record is broken, or vocab.txt is of other counts",
            (begin + at) * _RECORD.itemsize,
            got=str(block[at].tolist()),
            expected=f"two numbers from 1 to {n} and a positive value",
        )


def _sorted(rows: NDArray[np.int32], columns: NDArray[np.int32]) -> bool:
    later = rows[1:] > rows[:-1]
    return bool((later | ((rows[1:] == rows[:-1]) & (columns[1:] > columns[:-1]))).all())


def _inspect(head: Head) -> FileReport:
    records = _records(head)
    words, _ = _vocabulary(head)
    for begin in range(0, len(records), _BLOCK):
        _check(head, records[begin : begin + _BLOCK], begin, len(words))
    return FileReport(
        str(head.path), "glove-cooccurrence", _TITLE, None, head.size, "cooccurrence", len(words), None,
        ("counts", "values"), {"pairs": len(records)}, ("convert",),
    )  # fmt: skip


def _write(model: CooccurrenceMatrix, path: Path) -> None:
    listed = _listing(model)
    beside = path.with_name("vocab.txt")
    if beside.exists() and beside.read_bytes() != listed:
        remedy = "give the counts a folder of their own"
        raise DataError("another vocab.txt stands where the counts' own must", got=str(beside), remedy=remedy)
    rows = np.repeat(np.arange(1, len(model) + 1, dtype=np.int32), np.diff(model.indptr))
    with new_file(path) as temporary:
        with temporary.open("wb") as file:
            for begin in range(0, len(rows), _BLOCK):
                at = slice(begin, begin + _BLOCK)
                block = np.empty(len(rows[at]), _RECORD)
                block["row"], block["column"], block["value"] = rows[at], model.indices[at] + 1, model.values[at]
                file.write(block.tobytes())
        with new_file(beside) as vocabulary:
            vocabulary.write_bytes(listed)


def _listing(model: CooccurrenceMatrix) -> bytes:
    lines = []
    for row, count in enumerate(model.counts.tolist()):
        word = model.words.raw(row)
        if not word or any(space in word for space in _SPACES):
            raise DataError("a word cannot stand in GloVe's vocabulary", got=model.words[row], expected="no spaces")
        lines.append(b"%s %d\n" % (word, count))
    return b"".join(lines)


FORMATS = (
    Format(
        name="glove-cooccurrence",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=_write,
        models=(CooccurrenceMatrix,),
        suffixes=(".cooc",),
    ),
)
