"""Readers of words in context: WiC (Pilehvar and Camacho-Collados 2019) and MCL-WiC (Martelli et al. 2021)."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from firth.errors import DataError, FormatError
from firth.evaluate.in_context import Place, place_of, retokenised
from firth.text.sources import TextFile, chunks
from firth.text.tokenize import Tokenizer

__all__ = ["WordPair", "read_word_pairs"]

_LARGEST = 1 << 28  # bytes of a set
_FOLDERS = (".", "..", "../test-gold", "../../test-gold", "test-gold")


@dataclasses.dataclass(frozen=True)
class WordPair:
    """A word in two sentences, and whether it means the same. Of a place that is None the tokenizer leaves nothing."""

    places: tuple[Place | None, Place | None]
    same: bool


def read_word_pairs(
    path: str | Path, gold: str | Path | None = None, tokenizer: Tokenizer | None = None
) -> list[WordPair]:
    """Read a set with its labels: the JSON of MCL-WiC (``.data``) or the table of WiC (``.data.txt``).

    Parameters
    ----------
    path : path-like
    gold : path-like, optional
        The labels; by default the file of the same name with ``.gold``, beside it or in a folder ``test-gold`` near.
    tokenizer : Tokenizer, optional
        Cuts the sentences; by default ``words`` for MCL-WiC, and the tokens as they stand for WiC.

    Raises
    ------
    DataError
        When a file is not there, or labels are missing.
    FormatError
        When a file is not of the format.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("there is no such set", got=str(path), expected="a file of WiC or MCL-WiC")
    gold = _gold_beside(path) if gold is None else Path(gold)
    if path.name.partition(".data")[2].startswith(".txt"):
        return _table_pairs(path, gold, tokenizer)
    labels = _labels(gold)
    pairs = []
    for record in _records(path):
        if (name := record.get("id")) not in labels:
            raise DataError("a pair has no label", got=name, expected=f"an entry in {gold}")
        try:
            first, second = (
                place_of(
                    record[f"sentence{n}"], int(record[f"start{n}"]), int(record[f"end{n}"]), tokenizer or Tokenizer()
                )
                for n in (1, 2)
            )
        except (KeyError, ValueError, TypeError) as error:
            raise FormatError(f"the pair {name} lacks {error}", path=path) from error
        except DataError as error:
            raise FormatError(f"the pair {name}: {error.what}", path=path, got=error.got) from error
        pairs.append(WordPair((first, second), labels[str(name)]))
    return pairs


def _gold_beside(path: Path) -> Path:
    name = path.name.partition(".data")
    plain = f"{name[0]}.gold" + (".txt" if name[2].startswith(".txt") else "")
    for folder in _FOLDERS:
        for suffix in ("", ".gz", ".zst"):
            if (found := path.parent / folder / (plain + suffix)).is_file():
                return found
    raise DataError("the set's labels are not beside it", got=str(path), expected=plain)


def _content(path: Path) -> str:
    file, pieces, size = TextFile(str(path)), [], 0
    with file.open() as opened:
        for piece in chunks(opened, file.name):
            pieces.append(piece)
            size += len(piece)
            if size > _LARGEST:
                raise FormatError("the set is too large", path=path, expected=f"at most {_LARGEST:,} bytes")
    return b"".join(pieces).decode("utf-8", "replace")


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(_content(path))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"this is no JSON ({error})", path=path) from error
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise FormatError("this is no list of pairs", path=path, got=type(found).__name__)
    return found


def _labels(path: Path) -> dict[str, bool]:
    labels = {str(record.get("id")): record.get("tag") for record in _records(path)}
    wrong = next((tag for tag in labels.values() if tag not in ("T", "F")), None)
    if wrong is not None or None in labels.values():
        raise FormatError("a label is neither T nor F", path=path, got=wrong)
    return {name: tag == "T" for name, tag in labels.items()}


def _table_pairs(path: Path, gold: Path, tokenizer: Tokenizer | None) -> list[WordPair]:
    lines = [line for line in _content(path).splitlines() if line.strip()]
    tags = _content(gold).split()
    if len(tags) != len(lines) or not lines or not set(tags) <= {"T", "F"}:
        raise FormatError(
            "the labels don't fit the pairs", path=gold, got=f"{len(tags)} labels", expected=f"{len(lines)}, T or F"
        )
    pairs = []
    for number, (line, tag) in enumerate(zip(lines, tags, strict=True), 1):
        try:
            _, _, positions, *sentences = line.split("\t")
            first, second = (
                _token_place(sentence.split(), int(at), tokenizer)
                for sentence, at in zip(sentences, positions.split("-"), strict=True)
            )
        except (ValueError, IndexError) as error:
            raise FormatError(f"line {number:,} is no pair in context", path=path, got=line) from error
        pairs.append(WordPair((first, second), tag == "T"))
    return pairs


def _token_place(tokens: list[str], at: int, tokenizer: Tokenizer | None) -> Place | None:
    if not 0 <= at < len(tokens):
        raise IndexError(at)
    tokens, [(start, end)] = retokenised(tokens, [(at, at + 1)], tokenizer)
    return Place(tuple(tokens), start, end) if start < end else None
