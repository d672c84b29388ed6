"""How an ELMo reads words, as parts of its folder: marks and scheme in the options, an alphabet or words as a list."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from firth.contextual.shape import Shape
from firth.contextual.spelling import Marks, Spelling
from firth.contextual.word_table import WordTable
from firth.formats.kinds import Parts
from firth.vectors.words import Words

__all__ = ["reader_apart", "reader_together"]


def reader_apart(reader: Spelling | WordTable) -> tuple[dict[str, Any], dict[str, Any], dict[str, Words]]:
    """Return options, tensors and lists of words."""
    if isinstance(reader, WordTable):
        return {"kind": "words"}, {}, {"reader": Words.of(reader.words)}
    told = {
        "kind": "characters",
        "scheme": reader.scheme,
        "longest": reader.longest,
        **dataclasses.asdict(reader.marks),
    }
    if reader.scheme == "bytes":
        return told, {}, {}
    ids = np.array(list(reader.ids_of.values()), np.int32)
    return told, {"reader.ids": ids}, {"reader": Words.of(reader.ids_of)}


def reader_together(parts: Parts, shape: Shape) -> Spelling | WordTable:
    """Return the reader of the parts.

    Raises
    ------
    FormatError
        When it is broken, or gives rows that the token layer has no embeddings for.
    """
    told = parts.config.get("reader")
    told = told if isinstance(told, dict) else {}
    kind = told.get("kind")
    if kind == "words" and shape.characters is None and "reader" in parts.words:
        table = WordTable(list(parts.words["reader"]))
        if len(table) != shape.words:
            raise parts.fault("words and their vectors don't match", got=len(table), expected=f"{shape.words:,} rows")
        return table
    if kind != "characters" or shape.characters is None:
        raise parts.fault("how words are read does not fit the token layer", got=told)
    marks: dict[str, Any] = {field.name: told.get(field.name) for field in dataclasses.fields(Marks)}
    most = shape.characters.n_ids
    if any(type(mark) is not int or not 0 <= mark < most for mark in marks.values()):
        raise parts.fault("the marks of words and sentences are broken", got=marks, expected=f"0 to {most - 1}")
    if told.get("longest") != shape.characters.longest or told.get("scheme") not in ("bytes", "codepoints"):
        raise parts.fault("the spelling is broken", got=told)
    ids_of = _alphabet(parts, most) if told["scheme"] == "codepoints" else {}
    spelling = Spelling(told["scheme"], shape.characters.longest, Marks(**marks), ids_of)
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
