"""How an ELMo reads words, as parts of its folder: marks and scheme in the options, an alphabet or words as a list."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Marks, Spelling
from firth.contextual.word_spelling import WordSpelling
from firth.contextual.word_table import WordTable
from firth.formats.kinds import Parts
from firth.vectors.words import Words

__all__ = ["Reader", "pad_of", "reader_apart", "reader_together"]


Reader = Spelling | WordTable


def reader_apart(reader: Reader) -> tuple[dict[str, Any], dict[str, Any], dict[str, Words]]:
    """Return options, tensors and lists of words."""
    if isinstance(reader, WordTable):
        return {"kind": "words", "kept": reader.kept}, {}, {"reader": Words.of(reader.words)}
    told = {"scheme": reader.scheme, "longest": reader.longest, **dataclasses.asdict(reader.marks)}
    words: dict[str, Words] = {}
    told["kind"] = "characters"
    if isinstance(reader, WordSpelling):
        told |= {"kind": "both", "kept": reader.table.kept}
        words["reader_words"] = Words.of(reader.table.words)
    if reader.scheme == "bytes":
        return told, {}, words
    ids = np.array(list(reader.ids_of.values()), np.int32)
    return told, {"reader.ids": ids}, {**words, "reader": Words.of(reader.ids_of)}


def reader_together(parts: Parts, shape: Shape) -> Reader:
    """Return the reader of the parts.

    Raises
    ------
    FormatError
        When it is broken, or gives rows that the token layer has no embeddings for.
    """
    told = parts.config.get("reader")
    kind = told.get("kind") if isinstance(told, dict) else None
    wanted = "words" if shape.characters is None else "both" if shape.words else "characters"
    if not isinstance(told, dict) or kind != wanted:
        raise parts.fault("how words are read does not fit the token layer", got=told, expected=wanted)
    if shape.characters is None:
        return _table(parts, told, shape, "reader")
    spelling = _spelling(parts, told, shape.characters)
    return WordSpelling.of(_table(parts, told, shape, "reader_words"), spelling) if kind == "both" else spelling


def pad_of(reader: Reader) -> int:
    """Return the character id of the filler behind words, 0 where there are no characters."""
    return reader.marks.pad if isinstance(reader, Spelling) else 0


def _table(parts: Parts, told: dict[str, Any], shape: Shape, name: str) -> WordTable:
    kept = told.get("kept", 0)
    if type(kept) is not int or not 0 <= kept < 1 << 31:
        raise parts.fault("words are cut to no proper length", got=kept)
    if name not in parts.words:
        raise parts.fault("the words that are read are missing", expected=f"{name}.txt")
    table = WordTable(list(parts.words[name]), kept)
    if len(table) != shape.words:
        raise parts.fault("words and their vectors don't match", got=len(table), expected=f"{shape.words:,} rows")
    return table


def _spelling(parts: Parts, told: dict[str, Any], inner: CharacterShape) -> Spelling:
    marks: dict[str, Any] = {field.name: told.get(field.name) for field in dataclasses.fields(Marks)}
    most = inner.n_ids
    if any(type(mark) is not int or not 0 <= mark < most for mark in marks.values()):
        raise parts.fault("the marks of words and sentences are broken", got=marks, expected=f"0 to {most - 1}")
    if told.get("longest") != inner.longest or told.get("scheme") not in ("bytes", "codepoints"):
        raise parts.fault("the spelling is broken", got=told)
    ids_of = _alphabet(parts, most) if told["scheme"] == "codepoints" else {}
    spelling = Spelling(told["scheme"], inner.longest, Marks(**marks), ids_of)
    if spelling.n_ids > most:
        raise parts.fault("the spelling has more ids than there are embeddings", got=spelling.n_ids, expected=str(most))
    return spelling


def _alphabet(parts: Parts, most: int) -> dict[str, int]:
    if "reader" not in parts.words:
        raise parts.fault("the alphabet is missing")
    characters = list(parts.words["reader"])
    ids = parts.tensor("reader.ids", np.int32, (len(characters),))
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= most):
        raise parts.fault("an id of the alphabet is out of range", expected=f"0 to {most - 1}")
    return dict(zip(characters, ids.tolist(), strict=True))
