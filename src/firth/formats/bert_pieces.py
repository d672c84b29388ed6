"""The vocabulary of a published checkpoint: ``tokenizer.json``, or ``vocab.txt`` with what is told beside it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from firth.contextual.pieces import MARKS, Pieces, wordpiece_json
from firth.errors import DataError, FormatError
from firth.formats.base import Reading
from firth.formats.json_parts import read_json

__all__ = ["has_pieces", "read_pieces"]

_LONGEST = 1 << 28
_SMALL = 1 << 24
_CASED_SHARE = 0.005  # of the pieces that have an upper-case letter: an uncased vocabulary has none


def has_pieces(folder: Path) -> bool:
    """Return whether a folder has a vocabulary."""
    return (folder / "tokenizer.json").is_file() or (folder / "vocab.txt").is_file()


def read_pieces(folder: Path, reading: Reading) -> Pieces:
    """Return the vocabulary of a folder.

    Raises
    ------
    FormatError
        When there is none, or it is broken.
    """
    path = folder / "tokenizer.json"
    if path.is_file():
        text = _text(path)
    else:
        path = folder / "vocab.txt"
        if not path.is_file():
            raise FormatError("no vocabulary in the folder", path=folder, expected="tokenizer.json or vocab.txt")
        text = _from_lines(path, reading)
    try:
        return Pieces(text)
    except DataError as error:
        raise FormatError(error.what, path=path, got=error.got, expected=error.expected) from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LONGEST:
            raise FormatError("too long for a vocabulary", path=path, got=f"{path.stat().st_size:,} bytes")
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise FormatError(f"cannot read the vocabulary: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise FormatError("the vocabulary is no UTF-8", path=path, offset=error.start) from error


def _from_lines(path: Path, reading: Reading) -> str:
    lines = _text(path).split("\n")
    pieces = [line.rstrip("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
    if len(set(pieces)) < len(pieces):
        twice = Counter(pieces).most_common(1)[0][0]
        raise FormatError("a piece stands twice in the vocabulary", path=path, got=twice)
    options = _options(path.parent)
    lower = options.get("do_lower_case")
    if not isinstance(lower, bool):
        lower = _is_uncased(pieces)
        reading.tell(f"{path}: nothing says whether text is lower-cased; by its pieces, it is{'' if lower else ' not'}")
    chinese, accents = options.get("tokenize_chinese_chars"), options.get("strip_accents")
    return wordpiece_json(
        pieces, lower=lower, chinese=chinese if isinstance(chinese, bool) else True,
        accents=accents if isinstance(accents, bool) else None,
    )  # fmt: skip


def _options(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    found = read_json(path, _SMALL) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def _is_uncased(pieces: list[str]) -> bool:
    marks = {name for names in MARKS.values() for name in names}
    upper = sum(piece != piece.lower() for piece in pieces if piece not in marks and not piece.startswith("[unused"))
    return upper <= _CASED_SHARE * len(pieces)
