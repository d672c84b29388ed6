"""Drives the native pass: feeds it files, bytes or tokens and writes the files of a corpus."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import DataError
from firth.text import store
from firth.text.sources import BOM, HEAD, TextFile, check_text, compression
from firth.text.tokenize import Tokenizer, encode_text
from firth.text.vocab import WordList

__all__ = ["Encoder"]

SLICE = 1 << 25  # bytes between two looks at signals


class Encoder:
    """Writes one corpus into ``folder``; a context manager that closes its files.

    Parameters
    ----------
    folder : Path
        An empty folder.
    how : Tokenizer
    threads : int
    """

    def __init__(self, folder: Path, how: Tokenizer, threads: int) -> None:
        self._folder, self._how, self._threads = folder, how, threads
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        self._files = [os.open(folder / store.ARRAYS[name][0], flags, 0o666) for name in ("ids", "ends")]
        native = {"zh": "fields", "custom": "fields"}.get(how.name, how.name)
        ids, ends = self._files
        flags_of_text = how.lower, how.fold_digits
        self._pass = _core.TextPass(native, *flags_of_text, threads, ids, ends, blank_lines=how.blank_lines)

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            os.close(file)

    @property
    def empty_tokens(self) -> int:
        """Tokens without a character, which were skipped."""
        return self._pass.empty_tokens

    def feed_plain_file(self, file: TextFile) -> bool:
        """Read a regular, uncompressed file with all threads; returns False, having read nothing, for any other."""
        if file.identity() is None:
            return False
        with file.open() as opened:
            descriptor = opened.fileno()
            head = os.pread(descriptor, HEAD, 0)
            if compression(head):
                return False
            check_text(head, file.name)
            offset = len(BOM) if head.startswith(BOM) else 0
            while n := self._pass.feed_file(descriptor, offset, SLICE):
                offset += n
        self._pass.end_text()
        return True

    def feed(self, pieces: Iterable[bytes]) -> None:
        """Take the pieces of one text."""
        for piece in pieces:
            view = memoryview(piece)
            for begin in range(0, len(piece), SLICE):
                self._pass.feed(np.frombuffer(view[begin : begin + SLICE], np.uint8))
        self._pass.end_text()

    def feed_sentences(self, sentences: Sequence[Sequence[str]]) -> None:
        """Take tokens as they are; a sentence without any is left out, unless blank lines are kept."""
        flat = list(chain.from_iterable(sentences))
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        data = encode_text("\n".join(flat))
        if data.count(b"\n") == max(len(flat) - 1, 0):
            ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
            ends = np.append(ends, len(data)) if flat else ends
        else:
            packed = [encode_text(token) for token in flat]
            data = b"\n".join(packed)
            ends = np.cumsum(np.fromiter(map(len, packed), np.int64, len(packed)) + 1) - 1
        self._pass.feed_tokens(
            np.frombuffer(data, np.uint8), 1, ends.astype(np.int64), np.cumsum(lengths, dtype=np.int64)
        )

    def number(self, words: WordList, more: WordList) -> None:
        """Number words from 0 for :meth:`feed_ids`, ``more`` after ``words``."""
        for part in (words, more):
            self._pass.add_words(np.ascontiguousarray(part.data), np.ascontiguousarray(part.ends))

    def feed_ids(self, ids: NDArray[np.int32], ends: NDArray[np.int64], phrases: _core.PairMap) -> None:
        """Take whole sentences by number, joining the pairs that are phrases."""
        self._pass.feed_ids(ids, ends, phrases)

    def finish(self, more: dict[str, Any]) -> dict[str, Any]:
        """Write everything; returns what ``config.json`` holds.

        Parameters
        ----------
        more : dict
            Added to the description of the tokenizer.

        Raises
        ------
        DataError
            When the text held no token.
        """
        vocabulary = self._pass.finish()
        if self._pass.tokens == 0:
            raise DataError("the text holds no words")
        for name in ("words", "word_ends", "counts"):
            file, kind, _ = store.ARRAYS[name]
            np.asarray(vocabulary[name]).astype(kind, copy=False).tofile(self._folder / file)
        config: dict[str, Any] = {
            "tokenizer": {**self._how.as_dict(), **more},
            "n_tokens": self._pass.tokens,
            "n_sentences": self._pass.sentences,
            "n_types": len(np.asarray(vocabulary["counts"])),
            "n_word_bytes": len(np.asarray(vocabulary["words"])),
            "n_invalid": vocabulary["invalid"],
            "n_letters": vocabulary["letters"],
            "n_han": vocabulary["han"],
        }
        arrays = {
            name: store.map_array(self._folder, name, int(config[key])) for name, (_, _, key) in store.ARRAYS.items()
        }
        config["digest"] = store.digest_of(arrays, self._threads)
        store.write_config(self._folder, config)
        return config
