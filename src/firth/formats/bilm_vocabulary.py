"""The vocabulary file of a bilm-tf model that reads words: one a line, ``<S>``, ``</S>`` and ``<UNK>`` among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.contextual.word_table import WordTable
from firth.errors import FormatError

__all__ = ["read_vocabulary", "vocabulary_lines"]

_MARKS = ("<UNK>", "<S>", "</S>")  # in the order of our rows 0, 1 and 2
_LONGEST = 1 << 30


def read_vocabulary(path: Path) -> tuple[WordTable, NDArray[np.int64]]:
    """Return the table of words, and the row in the file of each of its rows.

    Raises
    ------
    FormatError
        When the file cannot be read or lacks a mark.
    """
    try:
        if path.stat().st_size > _LONGEST:
            raise FormatError("too long for a vocabulary", path=path, got=f"{path.stat().st_size:,} bytes")
        lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    except OSError as error:
        raise FormatError(f"cannot read a part: {error.strerror}", path=path) from error
    words = [line.strip() for line in (lines if lines[-1] else lines[:-1])]
    words = [word for word in words if word != "!!!MAXTERMID"]
    row_of = {word: row for row, word in enumerate(words)}
    lacking = [mark for mark in _MARKS if mark not in row_of]
    if lacking:
        raise FormatError("the vocabulary lacks a mark", path=path, got=", ".join(lacking), expected="<S>, </S>, <UNK>")
    marks = [row_of[mark] for mark in _MARKS]
    rest = [row for row in range(len(words)) if row not in set(marks)]
    return WordTable([words[row] for row in rest]), np.array(marks + rest, np.int64)


def vocabulary_lines(table: WordTable) -> bytes:
    """Return the file of a table, its rows in order."""
    return "".join(word + "\n" for word in (*_MARKS, *table.words)).encode("utf-8", "surrogateescape")
