"""Files of one row per word: the loop that feeds the native readers, and what is checked afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import ConfigError, DataError
from firth.formats import streams
from firth.formats.base import Reading
from firth.formats.streams import Head, Source, compressed_writer
from firth.vectors.static import Vectors
from firth.vectors.words import Words

__all__ = ["checked_words", "read_rows", "write_rows"]

_LONGEST_ROW = 1 << 28
_ROWS_AT_ONCE = 4096
_NO_LIMIT = 1 << 62


def read_rows(head: Head, reading: Reading, *, dim: int, start: int, promised: int | None, binary: bool) -> Vectors:
    """Read the rows that begin at byte ``start``.

    Parameters
    ----------
    head, reading : Head, Reading
        The file and how to read it.
    dim : int
        Values per row.
    start : int
        Offset of the first row in the decompressed bytes.
    promised : int or None
        Rows that the header tells of; fewer or more are a fault.
    binary : bool
        Whether values are float32 rather than text.

    Raises
    ------
    FormatError
        When rows are broken, missing or too many, or a value is not finite (unless ``reading`` keeps those).
    """
    if reading.nonfinite not in ("error", "keep"):
        raise ConfigError("no such policy for NaN", got=reading.nonfinite, expected="error or keep")
    limit = _NO_LIMIT if reading.limit is None else reading.limit
    wanted = limit if promised is None else min(limit, promised)
    smallest = 1 + 4 * dim if binary else 2 * dim
    if head.compression is None and promised is not None and start + wanted * smallest > head.size + 1:
        raise head.fault(
            "the header promises more than the file can hold",
            start,
            got=f"{promised:,} rows of {dim:,} values in {head.size:,} bytes",
        )
    try:
        rows = _core.Rows(dim, wanted)
        if head.compression is None and promised is not None:
            rows.reserve(wanted)
        _feed(head, rows, start, wanted, binary, whole=reading.limit is None or reading.limit >= wanted != limit)
        if promised is not None and rows.n < wanted:
            raise head.fault(f"only {rows.n:,} of {wanted:,} rows are there")
        return _checked(head, reading, rows)
    except MemoryError as error:
        raise DataError(
            "the vectors don't fit into memory", got=str(head.path), remedy="read fewer: limit=N"
        ) from error


def _feed(head: Head, rows: _core.Rows, start: int, wanted: int, binary: bool, *, whole: bool) -> None:
    feed = rows.feed_binary if binary else rows.feed_text
    buffer, kept, at = np.empty(streams.PIECE, dtype=np.uint8), 0, start  # kept: bytes of a row that is not whole yet
    with Source(head, start) as source:
        while rows.n < wanted:
            n = source.read_into(buffer[kept:])
            consumed, fault = feed(buffer[: kept + n], not n)
            if fault:
                raise head.fault(fault, at + consumed)
            at, kept = at + consumed, kept + n - consumed
            buffer[:kept] = buffer[consumed : consumed + kept]
            if not n:
                break
            if kept > _LONGEST_ROW:
                raise head.fault("a row is longer than 256 MiB", at)
            if kept > len(buffer) // 2:
                buffer = np.concatenate([buffer, np.empty_like(buffer)])
        while whole:
            if _is_garbage(buffer[:kept]):
                remedy = f"limit={wanted} reads just those rows"
                raise head.fault("bytes follow the last row that the header promises", at, remedy=remedy)
            at += kept
            kept = source.read_into(buffer)
            whole = kept > 0


def _is_garbage(left: NDArray[np.uint8]) -> bool:
    return bool(left.tobytes().strip(b" \t\r\n\x00"))


def _checked(head: Head, reading: Reading, rows: _core.Rows) -> Vectors:
    bad, bad_rows = rows.first_nonfinite, rows.nonfinite_rows
    matrix, blob, offsets = rows.take()
    words = Words(blob, offsets)
    if bad >= 0 and reading.nonfinite == "error":
        raise head.fault(
            f"{bad_rows:,} rows hold values that are not finite float32 numbers",
            got=f"row {bad + 1}, word {words[bad]!r}",
            remedy='nonfinite="keep" loads them as they are',
        )
    twice = words.index.duplicates
    if twice:
        reading.tell(
            f"{head.path}: {len(twice):,} rows repeat a word that stands earlier "
            f"(the first is {words[twice[0]]!r}); the first row of each word was kept"
        )
        kept = np.ones(len(words), dtype=bool)
        kept[np.asarray(twice)] = False
        matrix = matrix[kept]
        words = Words.of([words[row] for row in np.flatnonzero(kept).tolist()])
    return Vectors(words, matrix)


def checked_words(vectors: Vectors, format: str, refused: Iterable[bytes], *, leading: Iterable[bytes] = ()) -> None:
    """Check that every word can be told from what surrounds it in a file of rows.

    Raises
    ------
    DataError
        When a word holds one of the byte strings ``refused``, or begins with one of ``leading``.
    """
    refused, leading = tuple(refused), tuple(leading)
    raw = vectors.words.blob.tobytes()
    if vectors.words.gap == 0 and not leading and not any(part in raw for part in refused):
        return
    for row in range(len(vectors)):
        word = vectors.words.raw(row)
        if word.startswith(leading) or any(part in word for part in refused):
            raise DataError(
                f"the format {format} cannot hold this word",
                got=repr(vectors.words[row]),
                remedy="Firth's own folder format holds any word",
            )


def write_rows(vectors: Vectors, temporary: Path, suffix: str, *, header: bool, binary: bool) -> None:
    """Write words and vectors, compressed as ``suffix`` says."""
    words = vectors.words
    offsets = np.ascontiguousarray(words.offsets)
    write = _core.rows_as_binary if binary else _core.rows_as_text
    with compressed_writer(temporary, suffix) as file:
        if header:
            file.write(f"{len(vectors)} {vectors.dim}\n".encode())
        for start in range(0, len(vectors), _ROWS_AT_ONCE):
            stop = min(start + _ROWS_AT_ONCE, len(vectors))
            file.write(
                write(vectors.matrix[start:stop], words.blob, offsets[start : stop + 1], words.gap, 0, stop - start)
            )
