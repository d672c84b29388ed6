"""Brings texts to the encoder in the form that the tokenizer needs: bytes, or lists of tokens."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from firth.errors import DataError
from firth.text.encode import Encoder
from firth.text.jsonl import field_texts
from firth.text.lines import lines_of
from firth.text.request import Request
from firth.text.sources import TextFile, chunks
from firth.text.tokenize import encode_text, tokens_of

__all__ = ["feed"]

BATCH_BYTES = 1 << 22
BATCH_TOKENS = 1 << 16


def feed(encoder: Encoder, files: Sequence[TextFile] | None, items: Iterator[Any], request: Request) -> None:
    """Feed the files, or where there are none the items.

    Raises
    ------
    DataError, FormatError
        When a text cannot be read or an item is of the wrong type.
    """
    if files is None:
        _feed_items(encoder, items, request)
        return
    for file in files:
        if request.field is None and ".jsonl" in os.path.basename(file.path):
            raise DataError("a file of JSON lines needs field=", got=file.name, remedy="name the field of the text")
        named = request.how.name not in ("zh", "custom")
        if named and request.field is None and encoder.feed_plain_file(file):
            continue
        with file.open() as opened:
            pieces = chunks(opened, file.name)
            if request.field is not None:
                pieces = field_texts(pieces, request.field, file.name)
            _feed_pieces(encoder, pieces, request)


def _feed_pieces(encoder: Encoder, pieces: Iterable[bytes], request: Request) -> None:
    """Feed one text; the pieces of a field are lines and may be short, so they are gathered."""
    how = request.how
    if how.name == "zh":
        from firth.text.zh import segment_all

        encoder.feed(segments + b"\x1f" for segments in segment_all(_gathered(pieces), request.n_threads))
    elif how.function is not None:
        function = how.function
        lines = (line.decode("utf-8", "surrogateescape") for line in lines_of(pieces))
        _feed_token_lists(encoder, (tokens_of(function, line) for line in lines))
    else:
        encoder.feed(_gathered(pieces))


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    ready: list[bytes] = []
    size = 0
    for piece in pieces:
        ready.append(piece)
        size += len(piece)
        if size >= BATCH_BYTES:
            yield b"".join(ready)
            ready, size = [], 0
    if ready:
        yield b"".join(ready)


def _feed_items(encoder: Encoder, items: Iterator[Any], request: Request) -> None:
    first = next(items, None)
    if first is None:
        return
    items = chain([first], items)
    if isinstance(first, str | bytes):
        _feed_pieces(encoder, _texts(items), request)
    else:
        _feed_token_lists(encoder, _token_lists(items))


def _texts(items: Iterable[Any]) -> Iterator[bytes]:
    for number, item in enumerate(items):
        if isinstance(item, str):
            yield encode_text(item) + b"\n"
        elif isinstance(item, bytes):
            yield item + b"\n"
        else:
            raise DataError(f"item {number:,} is no str as those before it", got=item)


def _token_lists(items: Iterable[Any]) -> Iterator[list[str]]:
    for number, item in enumerate(items):
        if isinstance(item, str | bytes | Mapping) or not isinstance(item, Iterable):
            raise DataError(f"item {number:,} is no list of tokens", got=item, expected="a list of str")
        tokens = list(item)
        wrong = next((token for token in tokens if not isinstance(token, str)), None)
        if wrong is not None:
            raise DataError(f"a token of item {number:,} is no str", got=wrong, expected="str")
        yield tokens


def _feed_token_lists(encoder: Encoder, sentences: Iterable[list[str]]) -> None:
    batch: list[list[str]] = []
    size = 0
    for sentence in sentences:
        batch.append(sentence)
        size += len(sentence) + 1
        if size >= BATCH_TOKENS:
            encoder.feed_sentences(batch)
            batch, size = [], 0
    if batch:
        encoder.feed_sentences(batch)
