"""Text of sparse vectors, as Chinese-Word-Vectors gives PPMI: rows and columns, then ``word column:value`` a line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.formats.atomic import new_file
from firth.formats.base import FileReport, Format, Reading
from firth.formats.checked import vectors_of
from firth.formats.rows import checked_words
from firth.formats.streams import Head, compressed_writer, pieces
from firth.formats.word2vec import header_of
from firth.vectors.sparse import SparseRows
from firth.vectors.static import Vectors
from firth.vectors.storage import BLOCK_VALUES, Rows, dense

__all__ = ["FORMATS"]

_TITLE = "sparse text: rows and columns, then word and column:value a line"
_PAIR = re.compile(rb"\d+:[-+0-9.eEinfa]+\Z")
_LONGEST_LINE = 1 << 28
_WIDEST = 1 << 31


def _sniff(head: Head) -> float:
    header = None if head.is_folder else header_of(head)
    if header is None:
        return 0.0
    line, newline, _ = head.start[header[2] :].partition(b"\n")
    values = line.rstrip().split(b" ")[1:]
    values = values if newline or head.whole else values[:-1]
    return 0.97 if values and all(map(_PAIR.match, values)) else 0.0


def _shape(head: Head) -> tuple[int, int, int]:
    header = header_of(head)
    if header is None or header[0] < 0 or not 1 <= header[1] < _WIDEST:
        raise head.fault("no header that makes sense", 0, expected="a first line of rows and columns")
    if head.compression is None and header[0] > head.size:
        raise head.fault("the header promises more than the file can hold", 0, got=f"{header[0]:,} rows")
    return header


def _lines(head: Head, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its place."""
    at, rest = start, b""
    for piece in pieces(head, start):
        *lines, rest = (rest + piece.tobytes()).split(b"\n")
        for line in lines:
            yield at, line
            at += len(line) + 1
        if len(rest) > _LONGEST_LINE:
            raise head.fault("a line is longer than 256 MiB", at)
    if rest:
        yield at, rest


def _read(head: Head, reading: Reading) -> Vectors:
    n, dim, start = _shape(head)
    wanted = n if reading.limit is None else min(n, reading.limit)
    words: list[str] = []
    columns: list[NDArray[np.int32]] = []
    values: list[NDArray[np.float32]] = []
    for at, line in _lines(head, start):
        if len(words) == wanted:
            if reading.limit is not None:
                break
            if line.strip():
                raise head.fault("lines follow the last row that the header promises", at)
            continue
        word, _, rest = line.rstrip(b" \r\t").partition(b" ")
        places, found = _pairs(head, at, rest, dim)
        words.append(word.decode("utf-8", "surrogateescape"))
        columns.append(places)
        values.append(found)
    if len(words) < wanted:
        raise head.fault(f"only {len(words):,} of {wanted:,} rows are there")
    return vectors_of(head, reading, words, _store(columns, values, dim))


def _pairs(head: Head, at: int, text: bytes, dim: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    expected = 2 * text.count(b":")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            flat = np.fromstring(text.replace(b":", b" ").decode("ascii"), dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise head.fault("a row is not made of column:value", at) from error
    places = flat[::2]
    if len(flat) != expected or bool((places != np.floor(places)).any()):
        raise head.fault("a row is not made of column:value", at)
    if len(places) and not 0 <= places.min() <= places.max() < dim:
        raise head.fault("a column is out of range", at, got=f"{places.max():.0f}", expected=f"0 to {dim - 1}")
    with np.errstate(over="ignore"):
        return places.astype(np.int32), flat[1::2].astype(np.float32)


def _store(columns: list[NDArray[np.int32]], values: list[NDArray[np.float32]], dim: int) -> Rows:
    """Return the rows: as a matrix where it is small, else sparse."""
    from scipy.sparse import csr_array

    ends = np.zeros(len(columns) + 1, dtype=np.int64)
    np.cumsum([len(part) for part in columns], out=ends[1:])
    joined = [np.concatenate(parts) if parts else np.zeros(0, kind) for parts, kind in (
        (values, np.float32), (columns, np.int32),
    )]  # fmt: skip
    store = SparseRows(csr_array((joined[0], joined[1], ends), shape=(len(columns), dim)))
    return dense(store) if len(columns) * dim <= BLOCK_VALUES else store


def _inspect(head: Head) -> FileReport:
    n, dim, _ = _shape(head)
    return FileReport(
        str(head.path), "sparse-text", _TITLE, head.compression, head.size, "vectors", n, dim, (), {"sparse": True}
    )


def _write(vectors: Vectors, path: Path) -> None:
    checked_words(vectors, "sparse-text", (b" ", b"\n", b"\r", b"\t"))
    store = vectors.store
    step = max(1, BLOCK_VALUES // vectors.dim)
    with new_file(path) as temporary, compressed_writer(temporary, path.suffix) as file:
        file.write(f"{len(vectors)} {vectors.dim}\n".encode())
        for start in range(0, len(vectors), step):
            block = np.ascontiguousarray(store[start : start + step], dtype=np.float32)
            for row, values in enumerate(block, start):
                places = np.flatnonzero(values.view(np.uint32))  # the zero below zero is written too
                pairs = (f"{c}:{v}" for c, v in zip(places.tolist(), map(repr, _shortest(values[places])), strict=True))
                file.write(vectors.words.raw(row) + b" " + " ".join(pairs).encode() + b"\n")


def _shortest(values: NDArray[np.float32]) -> list[float]:
    """Return values whose shortest decimal form gives the float32 back."""
    return [float(str(value)) for value in values]


FORMATS = (
    Format(name="sparse-text", title=_TITLE, sniff=_sniff, read=_read, inspect=_inspect, write=_write),
)  # fmt: skip
