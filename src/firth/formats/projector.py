"""TensorBoard's projector: a table of numbers and one of labels beside it, in columns split by tabs.

A folder of ``vectors.tsv`` and ``metadata.tsv``, or a file of numbers with its labels beside it:
``NAME_tensor.tsv`` and ``NAME_metadata.tsv``, as gensim's script calls them, or ``metadata.tsv``. Labels of one
column have no header.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from firth import _core
from firth.errors import FormatError
from firth.formats.atomic import new_folder
from firth.formats.base import FileReport, Format, Reading
from firth.formats.checked import vectors_of
from firth.formats.rows import checked_words
from firth.formats.streams import Head, head_of, pieces
from firth.vectors.static import Vectors

__all__ = ["FORMATS"]

_TITLE = "TensorBoard projector: vectors.tsv and metadata.tsv"
_NAMES = ("word", "label", "token", "name", "text")
_COUNTS = ("count", "counts", "frequency", "freq")
_ROWS = 4096
_NO_LIMIT = 1 << 62
_LONGEST_ROW = 1 << 28


def _pair(path: Path) -> tuple[Path, Path] | None:
    """Return the files of numbers and of labels."""
    if path.is_dir():
        found = path / "vectors.tsv", path / "metadata.tsv"
        return found if all(file.is_file() for file in found) else None
    stem = path.name.removesuffix(".tsv").removesuffix("_tensor").removesuffix("_vectors")
    for name in (f"{stem}_metadata.tsv", "metadata.tsv"):
        if path.name != name and (path.parent / name).is_file():
            return path, path.parent / name
    return None


def _sniff(head: Head) -> float:
    if head.is_folder:
        return 0.9 if _pair(head.path) is not None else 0.0
    line = head.start.split(b"\n", 1)[0].strip()
    if b"\t" not in line or b" " in line or _pair(head.path) is None:
        return 0.0
    # The native counter takes the first part of a line for the word.
    return 0.9 if _core.trailing_numbers(_bytes(b"w\t" + line)) == line.count(b"\t") + 1 else 0.0


def _bytes(raw: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(raw, dtype=np.uint8)


def _labels(path: Path) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.int64]] | None]:
    raw = path.read_bytes().decode("utf-8", "surrogateescape")
    lines = raw.removesuffix("\n").split("\n") if raw else []
    if not lines or "\t" not in lines[0]:
        return [line.removesuffix("\r") for line in lines], None
    header, *rows = (line.removesuffix("\r").split("\t") for line in lines)
    named = [name.lower() for name in header]
    at = next((named.index(name) for name in _NAMES if name in named), 0)
    broken = next((row for row in rows if len(row) != len(header)), None)
    if broken is not None:
        expected = f"{len(header)}, as in the header"
        raise FormatError(
            "a row of labels has another number of columns", path=path, got=len(broken), expected=expected
        )
    counts = next((named.index(name) for name in _COUNTS if name in named), None)
    whole = counts is not None and all(row[counts].isdecimal() and len(row[counts]) < 19 for row in rows)
    numbers = np.array([int(row[counts]) for row in rows], np.int64) if counts is not None and whole else None
    return [row[at] for row in rows], numbers


def _read(head: Head, reading: Reading) -> Vectors:
    found = _pair(head.path)
    if found is None:
        raise head.fault("no vectors with labels beside them", expected="vectors.tsv and metadata.tsv")
    words, counts = _labels(found[1])
    numbers = head_of(found[0])
    dim = numbers.start.split(b"\n", 1)[0].count(b"\t") + 1
    rows = _core.Rows(dim, _NO_LIMIT)
    rest, at = b"w ", 0
    for piece in pieces(numbers):
        text = rest + piece.tobytes().replace(b"\n", b"\nw ").replace(b"\t", b" ")
        consumed, fault = rows.feed_text(_bytes(text), False)
        if fault:
            raise numbers.fault(fault, at)
        at += len(piece)
        rest = text[consumed:]
        if len(rest) > _LONGEST_ROW:
            raise numbers.fault("a row is longer than 256 MiB", at)
    _, fault = rows.feed_text(_bytes(rest), True) if rest.strip() not in (b"w", b"") else (0, "")
    if fault:
        raise numbers.fault(fault, at)
    matrix = rows.take()[0]
    return vectors_of(head, reading, words, matrix, counts=counts)


def _inspect(head: Head) -> FileReport:
    found = _pair(head.path)
    if found is None:
        raise head.fault("no vectors with labels beside them", expected="vectors.tsv and metadata.tsv")
    words, counts = _labels(found[1])
    dim = head_of(found[0]).start.split(b"\n", 1)[0].count(b"\t") + 1
    holds = () if counts is None else ("counts",)
    size = sum(file.stat().st_size for file in found)
    return FileReport(str(head.path), "projector", _TITLE, None, size, "vectors", len(words), dim, holds, {})


def _ours(path: Path) -> bool:
    return {file.name for file in path.iterdir()} == {"vectors.tsv", "metadata.tsv"}


def _write(vectors: Vectors, path: Path) -> None:
    checked_words(vectors, "projector", (b"\t", b"\n", b"\r"))
    words, counts, store = vectors.words, vectors.counts, vectors.store
    nothing, ends = np.zeros(0, np.uint8), np.zeros(_ROWS + 1, np.int64)
    with new_folder(path, replaceable=_ours) as temporary:
        with (temporary / "vectors.tsv").open("wb") as file:
            for start in range(0, len(vectors), _ROWS):
                block = np.ascontiguousarray(store[start : start + _ROWS], dtype=np.float32)
                text = _core.rows_as_text(block, nothing, ends[: len(block) + 1], 0, 0, len(block))
                file.write(b"\n".join(line.strip() for line in text.split(b"\n")).replace(b" ", b"\t"))
        with (temporary / "metadata.tsv").open("wb") as file:
            file.write(b"" if counts is None else b"word\tcount\n")
            for row in range(len(vectors)):
                file.write(words.raw(row) + (b"\n" if counts is None else b"\t%d\n" % counts[row]))


FORMATS = (
    Format(
        name="projector",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=_write,
        keeps=frozenset({"counts"}),
        folder=True,
    ),
)
