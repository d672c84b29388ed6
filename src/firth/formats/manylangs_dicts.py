"""``char.dic`` and ``word.dic`` of ELMoForManyLangs: a piece of text, a tab and its id on each line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.contextual.spelling import Marks, Spelling
from firth.contextual.word_table import WordTable
from firth.errors import FormatError

__all__ = ["read_dictionary", "spelling_of", "table_of"]

_LONGEST = 1 << 30
_SPACE = "\u3000"  # what is nothing after stripping was the ideographic space


def read_dictionary(path: Path) -> dict[str, int]:
    """Return the ids; of a repeated piece the last, as their code has it.

    Raises
    ------
    FormatError
        When the file cannot be read or a line has no id.
    """
    try:
        if path.stat().st_size > _LONGEST:
            raise FormatError("too long for a dictionary", path=path, got=f"{path.stat().st_size:,} bytes")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise FormatError(f"cannot read a part: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise FormatError("not UTF-8", path=path, offset=error.start) from error
    found = {}
    lines = text.split("\n")
    for number, line in enumerate(lines if lines[-1] else lines[:-1], 1):
        piece, _, told = line.strip().rpartition("\t")
        if not (told.isascii() and told.isdigit() and len(told) < 10) or "\t" in piece:
            raise FormatError("a line is no text, tab and id", path=path, got=f"line {number}: {line}")
        found[piece or _SPACE] = int(told)
    return found


def spelling_of(ids: dict[str, int], longest: int, n_rows: int, path: Path) -> Spelling:
    """Return the spelling by code points that a dictionary of characters tells.

    Their code takes the mark of a word's end for its begin and the other way round, in training as in use.
    """
    _check(ids, ("<bos>", "<eos>", "<bow>", "<eow>", "<oov>", "<pad>"), n_rows, path)
    marks = Marks(ids["<bos>"], ids["<eos>"], ids["<eow>"], ids["<bow>"], ids["<pad>"], ids["<oov>"])
    return Spelling("codepoints", longest, marks, {piece: row for piece, row in ids.items() if len(piece) == 1})


def table_of(ids: dict[str, int], longest: int, n_rows: int, path: Path) -> tuple[WordTable, NDArray[np.int64]]:
    """Return the table of a dictionary of words, and the row in the file of each of its rows.

    Words are cut, as their spelling is, before they are looked up.
    """
    _check(ids, ("<oov>", "<pad>"), n_rows, path)
    bounds = [ids.get(mark, ids["<oov>"]) for mark in ("<bos>", "<eos>")]
    words = [word for word in ids if word not in ("<oov>", "<bos>", "<eos>")]
    return WordTable(words, longest - 2), np.array([ids["<oov>"], *bounds, *(ids[word] for word in words)], np.int64)


def _check(ids: dict[str, int], marks: tuple[str, ...], n_rows: int, path: Path) -> None:
    lacking = [mark for mark in marks if mark not in ids]
    if lacking:
        raise FormatError("the dictionary lacks a mark", path=path, got=", ".join(lacking))
    if max(ids.values()) >= n_rows:
        raise FormatError("an id has no embedding", path=path, got=max(ids.values()), expected=f"under {n_rows:,}")
