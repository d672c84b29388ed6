"""Corpora among the files that Firth knows: ``firth inspect`` tells what one holds, ``firth.load`` opens it."""

from __future__ import annotations

import json
from pathlib import Path

from firth.formats.base import FileReport, Format, Reading
from firth.formats.streams import Head
from firth.text.corpus import Corpus

__all__ = ["FORMATS"]

_TITLE = "Firth corpus: a tokenised text, mapped on load"
_LONGEST_CONFIG = 1 << 24


def _is_corpus(folder: Path) -> bool:
    try:
        with (folder / "config.json").open("rb") as file:
            config = json.loads(file.read(_LONGEST_CONFIG))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(config, dict) and config.get("kind") == "firth-corpus"


def _sniff(head: Head) -> float:
    return 1.0 if head.is_folder and _is_corpus(head.path) else 0.0


def _read(head: Head, reading: Reading) -> Corpus:
    if reading.limit is not None:
        raise head.fault("a corpus cannot be read in part", got=f"limit {reading.limit}")
    return Corpus(head.path)


def _inspect(head: Head) -> FileReport:
    corpus = Corpus(head.path)
    details = {
        "tokens": len(corpus.ids), "sentences": len(corpus.ends), "tokenizer": corpus.tokenizer,
        "invalid": corpus.n_invalid, "digest": corpus.digest,
    }  # fmt: skip
    return FileReport(
        str(head.path), "corpus", _TITLE, None, head.size, "corpus", len(corpus.vocab), None, ("counts",), details,
        ("train", "evaluate"),
    )  # fmt: skip


FORMATS = (Format("corpus", _TITLE, _sniff, _read, _inspect, models=(), folder=True),)
