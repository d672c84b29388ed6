"""From words and rows of a stranger's file to vectors: repeated words, values that are no numbers, the limit."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np

from firth.errors import ConfigError, DataError
from firth.formats.base import Reading
from firth.formats.streams import Head, pieces
from firth.vectors.compressed import Gathered
from firth.vectors.static import Vectors
from firth.vectors.storage import BLOCK_VALUES, Rows, first_rows
from firth.vectors.subword import Subwords, SubwordVectors
from firth.vectors.words import Words

__all__ = ["bytes_of", "refuse_undecodable", "vectors_of"]


_RATIO = 200  # what a compressed file may unfold to, to be read whole


def bytes_of(head: Head) -> bytes | mmap.mmap:
    """Return all of a file, mapped where it is not compressed.

    Raises
    ------
    FormatError
        When it unfolds to more than 200 times its size.
    """
    if head.compression is None:
        with head.path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    found = bytearray()
    for piece in pieces(head):
        found += piece.tobytes()
        if len(found) > _RATIO * head.size + (1 << 24):
            raise head.fault("the file unfolds to too much", got=f"{len(found):,} bytes and more")
    return bytes(found)


def vectors_of(
    head: Head,
    reading: Reading,
    words: Sequence[str],
    rows: Rows,
    *,
    subwords: Subwords | None = None,
    **others: Any,
) -> Vectors:
    """Return vectors of what a file holds.

    Parameters
    ----------
    head, reading : Head, Reading
        The file and how to read it.
    words : sequence of str
        One per row; of repeated ones the first is kept, and that is told.
    rows : float32, shape (n, dim), or a store of rows
        The vectors.
    subwords : Subwords, optional
        Character n-grams.
    **others
        ``counts``, ``output`` and ``metadata`` of :class:`firth.vectors.static.Vectors`.

    Raises
    ------
    FormatError
        When words and rows don't match, or a value is not finite (unless ``reading`` keeps those).
    """
    if reading.nonfinite not in ("error", "keep"):
        raise ConfigError("no such policy for NaN", got=reading.nonfinite, expected="error or keep")
    words = _told_words(head, words)
    if len(words) != rows.shape[0] or not rows.shape[1]:
        raise head.fault("words and vectors don't match", got=f"{len(words):,} words", expected=f"rows {rows.shape}")
    if reading.limit is not None and reading.limit < len(words):
        words, rows = Words.of(words[: reading.limit]), first_rows(rows, reading.limit)
        others = {
            key: value if key == "metadata" or value is None else value[: reading.limit]
            for key, value in others.items()
        }
    if reading.nonfinite == "error":
        _refuse_nonfinite(head, words, rows)
    twice = words.index.duplicates
    if twice:
        reading.tell(
            f"{head.path}: {len(twice):,} rows repeat a word that stands earlier "
            f"(the first is {words[twice[0]]!r}); the first row of each word was kept"
        )
        kept = np.setdiff1d(np.arange(len(words)), np.asarray(twice))
        words = Words.of([words[row] for row in kept.tolist()])
        rows = rows[kept] if isinstance(rows, np.ndarray) else Gathered(rows, kept)
        others = {k: v if k == "metadata" or v is None else np.asarray(v)[kept] for k, v in others.items()}
    if subwords is not None:
        return SubwordVectors(words, rows, subwords=subwords, **others)
    return Vectors(words, rows, **others)


def _told_words(head: Head, words: Sequence[str]) -> Words:
    try:
        return Words.of(words)
    except DataError as error:
        raise head.fault(error.what, got=error.got, expected=error.expected) from error


def _refuse_nonfinite(head: Head, words: Words, rows: Rows) -> None:
    step = max(1, BLOCK_VALUES // rows.shape[1])
    for start in range(0, len(words), step):
        block = rows[start : start + step]
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            row = start + int(np.argmin(finite))
            raise head.fault(
                "rows hold values that are not finite float32 numbers",
                got=f"row {row + 1}, word {words[row]!r}",
                remedy='nonfinite="keep" loads them as they are',
            )


def refuse_undecodable(vectors: Vectors, format: str) -> None:
    """Raise DataError where a word is not UTF-8, for formats that hold text only."""
    try:
        # With their ends, since two words that are none may make text when joined.
        vectors.words.spread(1, ord("\n"))[0].tobytes().decode("utf-8")
    except UnicodeDecodeError:
        for row in range(len(vectors)):
            try:
                vectors.words.raw(row).decode("utf-8")
            except UnicodeDecodeError:
                raise DataError(
                    f"the format {format} cannot hold this word, which is not UTF-8",
                    got=ascii(vectors.words[row]),
                    remedy="Firth's own folder format holds any word",
                ) from None
