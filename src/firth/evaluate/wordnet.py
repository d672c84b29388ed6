"""The first sense that WordNet lists of each lemma, from its database files (wndb(5WN), senseidx(5WN))."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from firth.errors import DataError, FormatError

__all__ = ["first_senses"]

_FILES = {"noun": "NOUN", "verb": "VERB", "adj": "ADJ", "adv": "ADV"}
_TYPES = {"n": 1, "v": 2, "a": 3, "r": 4, "s": 5}
_LONGEST = 1 << 17  # of a line


def first_senses(folder: str | Path, wanted: Collection[tuple[str, str]] | None = None) -> dict[tuple[str, str], str]:
    """Return the sense key of the first sense of each lemma and part of speech.

    Parameters
    ----------
    folder : path-like
        Holds ``index.noun``, ``data.noun`` and so on (Debian: ``/usr/share/wordnet`` of ``wordnet-base``).
    wanted : collection of (lemma, pos), optional
        Leave out others; pos is NOUN, VERB, ADJ or ADV.

    Raises
    ------
    DataError
        When a file is not there.
    FormatError
        When a line is not as it should be.
    """
    found = {}
    for suffix, pos in _FILES.items():
        with contextlib.ExitStack() as stack:
            index, data = (
                stack.enter_context(_opened(Path(folder) / f"{part}.{suffix}")) for part in ("index", "data")
            )
            while line := index.readline(_LONGEST):
                if line.startswith(b"  "):  # the licence
                    continue
                fields = line.decode("utf-8", "replace").split()
                lemma = fields[0] if fields else ""
                if wanted is None or (lemma, pos) in wanted:
                    found[lemma, pos] = _key(lemma, _first_offset(fields, index.name), data)
    return found


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DataError(f"WordNet cannot be read: {error.strerror}", got=str(path)) from error


def _first_offset(fields: list[str], name: str) -> int:
    """Return where the first synset stands: behind lemma, pos, two counts, the pointers and two more counts."""
    try:
        return int(fields[6 + int(fields[3])])
    except (ValueError, IndexError) as error:
        raise FormatError("a line of WordNet's index is broken", path=name, got=" ".join(fields)) from error


def _synset(data: BinaryIO, offset: int) -> list[str]:
    data.seek(max(offset, 0))
    fields = data.readline(_LONGEST).decode("utf-8", "replace").split()
    if not fields or fields[0] != f"{offset:08d}":
        raise FormatError("WordNet's index points to no synset", path=data.name, offset=offset)
    return fields


def _key(lemma: str, offset: int, data: BinaryIO) -> str:
    """Return ``lemma%ss_type:lex_filenum:lex_id:head_word:head_id``; the head is that of adjective satellites."""
    fields = _synset(data, offset)
    try:
        words = _words(fields)
        head = ":"
        if fields[2] == "s":
            at = 4 + 2 * len(words)
            pointers = [fields[at + 1 + 4 * n : at + 5 + 4 * n] for n in range(int(fields[at]))]
            target = next(int(pointer[1]) for pointer in pointers if pointer[0] == "&")
            name, number = next(iter(_words(_synset(data, target)).items()))
            head = f"{name}:{number:02d}"
        return f"{lemma}%{_TYPES[fields[2]]}:{int(fields[1]):02d}:{words[lemma]:02d}:{head}"
    except (ValueError, IndexError, KeyError, StopIteration) as error:
        raise FormatError(f"WordNet's synset of {lemma} is broken", path=data.name, offset=offset) from error


def _words(fields: list[str]) -> dict[str, int]:
    """Return the words of a synset, in lower case and without markers such as ``(a)``, with their lex_id."""
    n = int(fields[3], 16)
    pairs = [(fields[4 + 2 * i].partition("(")[0].lower(), int(fields[5 + 2 * i], 16)) for i in range(n)]
    return dict(reversed(pairs)) if len({word for word, _ in pairs}) < len(pairs) else dict(pairs)
