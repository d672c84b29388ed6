"""GloVe's text: word and numbers a line, without a header, and in the large files with words that hold spaces."""

from __future__ import annotations

import collections
from pathlib import Path

import numpy as np

from firth import _core
from firth.formats.atomic import new_file
from firth.formats.base import FileReport, Format, Reading
from firth.formats.rows import checked_words, read_rows, write_rows
from firth.formats.streams import Head, pieces
from firth.formats.word2vec import header_of
from firth.vectors.static import Vectors

__all__ = ["FORMATS", "dim_of"]

_BOM = b"\xef\xbb\xbf"
_LINES_SEEN = 2000
_TITLE = "GloVe text: word and numbers a line, no header"


def _start(head: Head) -> int:
    return len(_BOM) if head.start.startswith(_BOM) else 0


def dim_of(head: Head) -> int:
    """Return how many numbers most of the first lines end in; 0 where most end in none.

    A word may hold spaces and even numbers (``at 3``), so no single line can tell; among equals the smaller wins.
    """
    lines = head.start[_start(head) :].split(b"\n")
    if not head.whole and len(lines) > 1:
        lines.pop()
    seen = collections.Counter(
        _core.trailing_numbers(np.frombuffer(line, dtype=np.uint8)) for line in lines[:_LINES_SEEN] if line.strip()
    )
    return max(seen, key=lambda dim: (seen[dim], -dim)) if seen else 0


def _sniff(head: Head) -> float:
    if head.is_folder or b"\x00" in head.start[:4096]:
        return 0.0
    if header_of(head) is not None:
        return 0.05
    return 0.6 if dim_of(head) > 0 else 0.0


def _read(head: Head, reading: Reading) -> Vectors:
    dim = dim_of(head)
    if not dim:
        raise head.fault("the first lines end in no numbers", 0, expected="word and numbers a line")
    return read_rows(head, reading, dim=dim, start=_start(head), promised=None, binary=False)


def _inspect(head: Head) -> FileReport:
    rows, last = 0, 10
    for piece in pieces(head):
        rows += int(np.count_nonzero(piece == 10))
        last = int(piece[-1])
    rows += last != 10
    return FileReport(
        str(head.path), "glove", _TITLE, head.compression, head.size, "vectors", rows, dim_of(head), (), {}
    )


def _write(vectors: Vectors, path: Path) -> None:
    checked_words(vectors, "glove", (b"\n",))
    checked_words(vectors.limit(1), "glove", (), leading=(_BOM,))
    with new_file(path) as temporary:
        write_rows(vectors, temporary, path.suffix, header=False, binary=False)


FORMATS = (
    Format(name="glove", title=_TITLE, sniff=_sniff, read=_read, inspect=_inspect, write=_write, suffixes=(".glove",)),
)
