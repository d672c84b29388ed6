"""``tokenizer.json`` of Hugging Face's tokenizers, as far as vectors need it: which string each row belongs to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firth.errors import FormatError
from firth.formats.json_parts import read_json

__all__ = ["UNKNOWN", "tokens_of", "word_level"]

UNKNOWN = "[UNK]"
_KINDS = ("WordLevel", "WordPiece", "BPE", "Unigram")


def tokens_of(path: Path) -> tuple[dict[int, str], str]:
    """Return the string of each number, and the kind of tokenizer.

    Strings are those of the vocabulary: a piece inside a word keeps its mark (``##ing``, ``Ġking``, ``▁king``).

    Raises
    ------
    FormatError
        When the file is missing, broken or of another kind.
    """
    whole = read_json(path)
    model = whole.get("model") if isinstance(whole, dict) else None
    if not isinstance(model, dict):
        raise FormatError("not a tokenizer", path=path, expected="an object with a model")
    vocab, kind = model.get("vocab"), model.get("type")
    if isinstance(vocab, list):  # Unigram: pairs of string and score, in order
        found = {number: pair[0] for number, pair in enumerate(vocab) if isinstance(pair, list) and pair}
    elif isinstance(vocab, dict):
        found = {number: token for token, number in vocab.items() if type(number) is int}
    else:
        found = {}
    found |= _added(whole.get("added_tokens"))
    if not found or not all(isinstance(token, str) for token in found.values()):
        raise FormatError(
            "the tokenizer has no vocabulary", path=path, got=kind, expected="one of " + ", ".join(_KINDS)
        )
    return found, kind if isinstance(kind, str) else "unknown"


def _added(tokens: Any) -> dict[int, str]:
    entries = [token for token in tokens if isinstance(token, dict)] if isinstance(tokens, list) else []
    return {token["id"]: token["content"] for token in entries if type(token.get("id")) is int and "content" in token}


def word_level(words: Sequence[str]) -> str:
    """Return the JSON of a tokenizer that splits at white space and looks whole words up; :data:`UNKNOWN` is one."""
    vocab = {word: row for row, word in enumerate(words)}
    unknown = {
        "id": vocab[UNKNOWN], "content": UNKNOWN, "single_word": False, "lstrip": False, "rstrip": False,
        "normalized": False, "special": True,
    }  # fmt: skip
    whole = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [unknown], "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": UNKNOWN},
    }  # fmt: skip
    return json.dumps(whole, ensure_ascii=False)
