"""ARPA files: n-gram models as text, as SRILM, KenLM and most toolkits write and read them.

A header counts the n-grams of each order; a section for each order has a line per n-gram: the log probability to base
10, the words, and the weight of backing off from it. The format is described in SRILM's ngram-format(5).
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import DataError
from firth.formats.atomic import new_file
from firth.formats.base import FileReport, Format, Reading
from firth.formats.checked import bytes_of
from firth.formats.streams import PIECE, Head, compressed_writer
from firth.lm.lexicon import MARKS, Lexicon
from firth.lm.ngram_model import NGramModel
from firth.lm.ngram_table import Level, NGramTable
from firth.text.vocab import Vocab, WordList
from firth.vectors.words import Words

__all__ = ["FORMATS"]

_TITLE = "ARPA: n-grams as text, with log probabilities and back-off weights"
_COUNT = re.compile(rb"ngram +(\d{1,18}) *= *(\d{1,18})\s")
_SPELT = {"<bos>": "<s>", "<eos>": "</s>"}
_BLANKS = np.zeros(256, bool)
_BLANKS[[0, 9, 10, 11, 12, 13, 32]] = True


def _sniff(head: Head) -> float:
    return 1.0 if head.start.lstrip().startswith(b"\\data\\") else 0.0


def _read(head: Head, reading: Reading) -> NGramModel:
    if reading.limit is not None:
        raise head.fault("an n-gram model cannot be read in part", got=f"limit {reading.limit}")
    text: NDArray[np.uint8] = np.frombuffer(bytes_of(head), np.uint8)
    try:
        found = _core.read_arpa(text, secrets.randbits(64), os.cpu_count() or 1)
    except ValueError as error:
        what, offset = error.args
        raise head.fault(what, offset, got=_line(text, offset)) from None
    if found["lacks_unk"]:
        reading.tell("the file has no <unk>: unknown words are given the log probability -100 (base 10)")
    if found["inserted"]:
        told = f"{found['inserted']:,} n-grams that others begin or end with are lacking: they back off"
        reading.tell(told)
    words = WordList(found["words"], found["ends"])
    lexicon = Lexicon(Vocab(words, np.zeros(len(words), np.int64), special=MARKS))
    levels = tuple(
        Level(word, suffix, log_prob, backoff, first) for word, suffix, log_prob, backoff, first in found["levels"]
    )
    return NGramModel(lexicon, NGramTable(levels), {"model": "ngram", "origin": "ARPA"})


def _line(text: NDArray[np.uint8], offset: int) -> str:
    """Return the line of an offset, for an error."""
    begin = text[max(0, offset - 200) : offset].tobytes().rpartition(b"\n")[2]
    end = text[offset : offset + 80].tobytes().partition(b"\n")[0]
    return (begin + end).decode("utf-8", "backslashreplace")


def _inspect(head: Head) -> FileReport:
    counts = [int(count) for _, count in _COUNT.findall(head.start.partition(b"-grams:")[0])]
    if not counts:
        raise head.fault("no counts of n-grams", 0)
    details = {"order": len(counts), "ngrams": counts}
    return FileReport(
        str(head.path), "arpa", _TITLE, head.compression, head.size, "ngram", counts[0], None, ("backoff",),
        details, ("score", "generate", "evaluate", "convert"),
    )  # fmt: skip


def _write(model: NGramModel, path: Path) -> None:
    words = _spelt(model.lexicon)
    levels = [
        (level.word, level.log_prob, level.backoff, level.first.astype(np.int64, copy=False))
        for level in model.plain().levels
    ]
    suffix = path.suffix if path.suffix in (".gz", ".bz2", ".xz", ".zst") else ""
    with new_file(path) as temporary:
        plain = temporary.with_name(temporary.name + "-plain") if suffix else temporary
        try:
            with plain.open("wb") as file:
                bos, threads = model.lexicon.bos, os.cpu_count() or 1
                _core.write_arpa(levels, words.blob, words.offsets, bos, file.fileno(), threads)
            if suffix:
                _pack(plain, temporary, suffix)
        finally:
            if suffix:
                plain.unlink(missing_ok=True)


def _pack(plain: Path, target: Path, suffix: str) -> None:
    with plain.open("rb") as source, compressed_writer(target, suffix) as packed:
        while piece := source.read(PIECE):
            packed.write(piece)


def _spelt(lexicon: Lexicon) -> Words:
    """Return the words as ARPA spells them."""
    for name in _SPELT.values():
        if name in lexicon.vocab:
            raise DataError(
                "a word is spelt as a mark of ARPA files", got=name, remedy="spell it otherwise in the text"
            )
    words = Words.of(lexicon.vocab.words)
    bad = np.flatnonzero((np.diff(words.offsets) == 0) | _holds_blank(words))
    if len(bad):
        got = repr(words[int(bad[0])])
        raise DataError("a word cannot stand in an ARPA file", got=got, expected="at least one byte and no blanks")
    marks = {lexicon.bos: b"<s>", lexicon.eos: b"</s>"}
    pieces, begin = [], 0
    for row in sorted(marks):
        pieces += [words.blob[words.offsets[begin] : words.offsets[row]].tobytes(), marks[row]]
        begin = row + 1
    pieces.append(words.blob[words.offsets[begin] : words.offsets[-1]].tobytes())
    lengths = np.diff(words.offsets)
    lengths[list(marks)] = [len(mark) for mark in marks.values()]
    return Words(np.frombuffer(b"".join(pieces), np.uint8), np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]))


def _holds_blank(words: Words) -> NDArray[np.bool_]:
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(_BLANKS[words.blob])])
    return before[words.offsets[1:]] > before[words.offsets[:-1]]


def _dropped(model: Any) -> list[str]:
    counts = ["the word counts"] if model.lexicon.vocab.counts.any() else []
    kept = {"model", "origin"}
    return counts + (["the metadata"] if set(model.metadata) - kept else [])


FORMATS = (
    Format(
        name="arpa",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=_write,
        models=(NGramModel,),
        suffixes=(".arpa", ".lm"),
        drops=_dropped,
    ),
)
