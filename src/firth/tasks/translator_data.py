"""Pairs of a source and a target: read from files side by side or from one of columns, and checked."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firth.errors import DataError, FormatError
from firth.events import Listener, Notice
from firth.protocols import Float32
from firth.text.lines import lines_of
from firth.text.sources import chunks, find_files

__all__ = ["Pair", "Pairs", "checked_pairs", "read_columns", "read_lines", "read_parallel", "rows_of"]

Pair = tuple[Any, str]


def read_lines(path: str | Path) -> Iterator[str]:
    """Yield the lines of a text file, packed or not, a folder, a pattern, or ``-``, without their ends.

    Raises
    ------
    DataError
        When it cannot be read.
    FormatError
        When a line is not UTF-8.
    """
    for file in find_files(str(path)):
        with file.open() as opened:
            for number, raw in enumerate(lines_of(chunks(opened, file.name)), 1):
                try:
                    yield raw.removesuffix(b"\r").decode("utf-8")
                except UnicodeDecodeError as error:
                    raise FormatError(
                        f"line {number:,} is not UTF-8", path=file.name, offset=error.start,
                        remedy="convert the file: iconv -f ... -t UTF-8",
                    ) from error  # fmt: skip


def read_parallel(source: str | Path, target: str | Path) -> Iterator[tuple[str, str]]:
    """Yield the pairs of two files: line by line, a text and its translation.

    Raises
    ------
    DataError
        When one has more lines than the other.
    """
    lines = itertools.zip_longest(read_lines(source), read_lines(target), fillvalue=None)
    n = [0, 0]
    for one, other in lines:
        n[0] += one is not None
        n[1] += other is not None
        if one is not None and other is not None:
            yield one, other
    if n[0] != n[1]:
        raise DataError(
            "the files differ in length, so their lines are no pairs", got=f"{n[0]:,} lines and {n[1]:,} lines",
            expected=f"as many in {source} as in {target}",
        )  # fmt: skip


def read_columns(path: str | Path, columns: tuple[int, int] = (1, 2)) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a file with tabs between its columns, such as tatoeba's.

    Parameters
    ----------
    path : path-like
    columns : tuple of int
        The source's and the target's, from 1. Others are not looked at; lines without any character are left out.

    Raises
    ------
    FormatError
        When a line has too few columns.
    """
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) < max(columns):
            raise FormatError(
                f"line {number:,} has too few columns", path=path, got=f"{len(fields)}: {line[:60]!r}",
                expected=f"at least {max(columns)}, with tabs between them",
            )  # fmt: skip
        yield fields[columns[0] - 1], fields[columns[1] - 1]


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs that can be learnt from.

    Attributes
    ----------
    sources : list
        Texts, or matrices of float32.
    targets : list of str
    """

    sources: list[Any]
    targets: list[str]

    @property
    def of_rows(self) -> bool:
        """Whether sources are matrices."""
        return isinstance(self.sources[0], np.ndarray)


def checked_pairs(data: Iterable[Any], listen: Listener, *, of_words: bool = False) -> Pairs:
    """Return the pairs with something on either side.

    Parameters
    ----------
    data : iterable of (source, target)
    listen : callable
    of_words : bool
        Whether each source is one word, which may hold blanks.

    Raises
    ------
    DataError
        When there are none, or one is no pair.
    """
    sources: list[Any] = []
    targets: list[str] = []
    empty = 0
    for number, pair in enumerate(data, 1):
        source, target = _pair(pair, number)
        if not isinstance(source, str):
            source = rows_of(source, number)
        if (not source.strip() if isinstance(source, str) else not len(source)) or not target.strip():
            empty += 1
            continue
        sources.append(source)
        targets.append(target)
    if empty:
        listen(Notice(f"{empty:,} pairs with an empty side are left out"))
    if not sources:
        raise DataError("there are no pairs of texts", remedy="give pairs with something on either side")
    widths = {source.shape[1] if isinstance(source, np.ndarray) else -1 for source in sources}
    if len(widths) > 1:
        raise DataError("the sources are of several kinds", got=sorted(widths), expected="all text, or rows as long")
    if of_words and widths != {-1}:
        raise DataError("with vectors the sources are words", got="numbers")
    return Pairs(sources, targets)


def _pair(pair: Any, number: int) -> tuple[Any, str]:
    if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
        raise DataError(f"item {number:,} is no pair", got=pair, expected="a source and a target")
    source, target = pair
    if isinstance(target, list | tuple) and all(isinstance(word, str) for word in target):
        target = " ".join(target)
    if isinstance(source, list | tuple) and all(isinstance(word, str) for word in source):
        source = " ".join(source)
    if not isinstance(target, str):
        raise DataError(f"the target of pair {number:,} is no text", got=target)
    return source, target


def rows_of(source: Any, number: int = 0) -> Float32:
    """Return a given vector, or matrix, as rows of float32.

    Raises
    ------
    DataError
        When it is none, or holds what is no number.
    """
    try:
        array = np.asarray(source)
        array = array[None] if array.ndim == 1 and array.dtype.kind in "fiu" else array
        fits = array.ndim == 2 and array.dtype.kind in "fiu" and array.shape[1] > 0
    except ValueError:
        array, fits = np.zeros(0), False
    if not fits:
        where = f"the source of pair {number:,}" if number else "a source"
        raise DataError(f"{where} is neither text nor a vector nor a matrix", got=source)
    found = array.astype(np.float32)
    if not np.isfinite(found).all():
        raise DataError("a feature is not a finite number")
    return found
