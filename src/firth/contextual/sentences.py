"""Sentences as they come: checked, gathered into windows of bounded size, and what of their words is not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from firth.contextual.spelling import Spelling
from firth.contextual.word_table import WordTable
from firth.errors import DataError
from firth.protocols import Sentence

__all__ = ["Misread", "checked", "windows"]


def checked(sentences: Iterable[Sentence]) -> Iterator[list[str]]:
    """Yield each sentence as a list.

    Raises
    ------
    DataError
        When one is a str, which would be read letter by letter, or holds something else than str.
    """
    remedy = "split it into tokens first"
    if isinstance(sentences, str):
        raise DataError(
            "sentences are lists of tokens", got=sentences, expected="a list of lists of str", remedy=remedy
        )
    for number, sentence in enumerate(sentences):
        if isinstance(sentence, str | bytes) or not isinstance(sentence, Iterable):
            raise DataError(f"sentence {number:,} is no list of tokens", got=sentence, expected="list", remedy=remedy)
        tokens = list(sentence)
        wrong = next((token for token in tokens if not isinstance(token, str)), None)
        if wrong is not None or None in tokens:
            raise DataError(f"a token of sentence {number:,} is no str", got=repr(wrong), expected="str")
        yield tokens


def windows(sentences: Iterable[list[str]], n_tokens: int) -> Iterator[list[list[str]]]:
    """Yield sentences in groups of about ``n_tokens``, their marks of begin and end counted.

    Examples
    --------
    >>> list(windows([["a"], ["b", "c"], []], 6))
    [[['a'], ['b', 'c']], [[]]]
    """
    held: list[list[str]] = []
    size = 0
    for sentence in sentences:
        held.append(sentence)
        size += len(sentence) + 2
        if size >= n_tokens:
            yield held
            held, size = [], 0
    if held:
        yield held


class Misread:
    """Counts tokens that the token layer does not see as they are: cut ones, or ones without a vector."""

    def __init__(self, reader: Spelling | WordTable) -> None:
        self._reader = reader
        self._n = self._tokens = 0

    def look_at(self, sentences: Sequence[Sequence[str]]) -> None:
        """Count those of some sentences."""
        words = [word for sentence in sentences for word in sentence]
        self._tokens += len(words)
        if isinstance(self._reader, WordTable):
            self._n += int(np.count_nonzero(self._reader.rows(words) == 0))
        else:  # a word has at most four bytes a character
            most = self._reader.longest - 2
            self._n += self._reader.cut([word for word in words if 4 * len(word) > most])

    def __str__(self) -> str:
        if not self._n:
            return ""
        if isinstance(self._reader, WordTable):
            return f"{self._n:,} of {self._tokens:,} tokens have no vector: read as unknown words"
        what = "bytes" if self._reader.scheme == "bytes" else "characters"
        return (
            f"{self._n:,} of {self._tokens:,} tokens are longer than {self._reader.longest - 2} {what}: "
            "read by their first ones"
        )
