"""Labelled lines as fastText reads them, from files larger than memory, standard input or Python values."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from firth import _core
from firth.errors import ConfigError, DataError
from firth.text.sources import chunks, find_files

__all__ = ["Labelled", "LabelledLines", "byte_pieces", "line_of"]

Labelled: TypeAlias = "tuple[str | Sequence[str], str]"
_BLANKS = str.maketrans(dict.fromkeys("\n\r\v\f\0", " "))
_BATCH = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledLines:
    """A text read once: every token as the number of its type, so that several trainings need not read it again.

    Attributes
    ----------
    native : firth._core.LabelledText
    prefix : str
        What labels begin with.
    digest : str
        Of the bytes.

    Examples
    --------
    >>> lines = LabelledLines.of([("good", "a fine film"), (["bad", "long"], "an endless film")])
    >>> sorted(lines.native.documents(1, 0, 1, 0, 0, 0, False)["labels"].tolist())
    [0, 1, 2]
    """

    native: _core.LabelledText
    prefix: str
    digest: str

    @classmethod
    def of(cls, data: Any, prefix: str = "__label__") -> LabelledLines:
        """Read ``data`` (itself where it is read already).

        Parameters
        ----------
        data : path, list of paths, ``"-"``, or iterable of (label or labels, text)
            Files and folders as for :func:`firth.text.corpus.as_corpus`, packed or not; tokens stand between blanks.
            A label of a pair gets the prefix where it lacks it; a text's line breaks count as blanks.
        prefix : str

        Raises
        ------
        DataError
            When a text cannot be read, or a label holds blanks or nothing.
        ConfigError
            When ``prefix`` is empty or holds blanks, or differs from that of lines read already.
        """
        check_prefix(prefix)
        if isinstance(data, LabelledLines):
            if data.prefix != prefix:
                raise ConfigError("the lines were read with another label prefix", got=prefix, expected=data.prefix)
            return data
        native, digest = _core.LabelledText(prefix), hashlib.blake2b(digest_size=16)
        for pieces in byte_pieces(data, prefix):
            for piece in pieces:
                digest.update(piece)
                native.feed(piece)
            native.end_text()
        return cls(native, prefix, digest.hexdigest())


def check_prefix(prefix: str) -> None:
    """Raise ConfigError where no label could begin with ``prefix``."""
    if not prefix or prefix.split() != [prefix]:
        raise ConfigError("the label prefix is empty or holds blanks", got=repr(prefix), expected="such as __label__")


def byte_pieces(data: Any, prefix: str) -> Iterator[Iterator[bytes]]:
    """Yield the bytes of each text of ``data``, piece by piece."""
    if isinstance(data, str | os.PathLike):
        data = [data]
    if isinstance(data, list | tuple) and data and all(isinstance(item, str | os.PathLike) for item in data):
        for file in [file for item in data for file in find_files(os.fspath(item))]:
            with file.open() as opened:
                yield chunks(opened, file.name)
        return
    if not isinstance(data, Iterable):
        raise DataError("no labelled text", got=type(data).__name__, expected="paths or (labels, text) pairs")
    yield _lines(data, prefix)


def _lines(pairs: Iterable[Any], prefix: str) -> Iterator[bytes]:
    lines = []
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[1], str):
            raise DataError("no labelled text", got=pair, expected="a (label or labels, text) pair")
        lines.append(line_of(pair[0], pair[1], prefix))
        if len(lines) == _BATCH:
            yield b"".join(lines)
            lines = []
    yield b"".join(lines)


def line_of(labels: str | Sequence[str], text: str, prefix: str) -> bytes:
    """Return one line of fastText's format.

    Raises
    ------
    DataError
        When a label holds blanks or nothing.

    Examples
    --------
    >>> line_of(["a", "__label__b"], "some\\ntext", "__label__")
    b'__label__a __label__b some text\\n'
    """
    marked = []
    for label in [labels] if isinstance(labels, str) else labels:
        if not isinstance(label, str) or label.translate(_BLANKS).split() != [label]:
            raise DataError("a label is empty or holds blanks", got=repr(label), expected="one word")
        marked.append(label if label.startswith(prefix) else prefix + label)
    return (" ".join([*marked, text.translate(_BLANKS)]) + "\n").encode("utf-8", "surrogateescape")


def text_lines(texts: Sequence[str]) -> bytes:
    """Return texts as lines, their own line breaks as blanks.

    Raises
    ------
    DataError
        When one is no ``str``.
    """
    try:
        joined = "\n".join(text if "\n" not in text else text.translate(_BLANKS) for text in texts)
    except TypeError as error:
        raise DataError("a text is not str") from error
    return (joined + "\n").encode("utf-8", "surrogateescape") if len(texts) else b""


def paths_of(data: Any) -> list[str]:
    """Return the paths that ``data`` names, for messages and for keeping them from being overwritten."""
    items = [data] if isinstance(data, str | Path) else data
    return [os.fspath(item) for item in items if isinstance(item, str | os.PathLike)]
