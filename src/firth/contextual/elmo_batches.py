"""A text as both directions of a biLM read it: with marks around each sentence, at several places side by side.

A sentence is ``<bos> w1 .. wn <eos>``, and a text is its sentences one after another; the backward direction reads the
same run of tokens from its end. So each direction sees what it will see when sentences are encoded, and carries its
state through the whole text in its own sense. The forward direction predicts w1 .. wn and ``<eos>``, the backward one
wn .. w1 and, at the sentence's other end, ``<eos>`` again: the sentence's boundary is one output. What follows a
boundary, the next sentence's mark, is read and never predicted. Both directions thus predict each word and one end of
each sentence (:class:`firth.lm.lexicon.Stream`), so that their perplexities compare with any other model's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firth.lm.lexicon import Lexicon
from firth.protocols import Int32
from firth.text.corpus import Corpus

__all__ = ["NOTHING", "Reader", "Side", "Types", "both_sides", "marked", "stream_of"]

NOTHING = -1  # in the place of a target, where none is predicted


class Reader(Protocol):
    """From words to the rows that a token layer reads: a Spelling or a WordTable."""

    def rows(self, words: Sequence[str]) -> Int32: ...
    def boundaries(self) -> Int32: ...


class Types:
    """The types of a text: how each is read, and what it is as a prediction.

    Parameters
    ----------
    words : iterable of str
        By id.
    reader : Reader
    lexicon : Lexicon

    Attributes
    ----------
    rows : ndarray of int16 or int32, shape (n_types + 2, length of a row)
        What the token layer reads; the begin and the end of a sentence stand behind the types.
    targets : ndarray of int32, shape (n_types + 2,)
        Ids in the lexicon: ``<unk>`` for words out of it, ``<eos>`` for both marks.
    unknown : ndarray of bool, shape (n_types + 2,)
        Where a type is out of the lexicon.
    bos, eos : int
        Ids of the marks.
    """

    def __init__(self, words: Iterable[str], reader: Reader, lexicon: Lexicon) -> None:
        found = list(words)
        rows = np.concatenate([reader.rows(found), reader.boundaries()])
        small = bool(rows.max(initial=0) < np.iinfo(np.int16).max)
        self.rows: NDArray[np.int16] | Int32 = rows.astype(np.int16) if small else rows
        known = np.array([*(lexicon.vocab.get(word, -1) for word in found), lexicon.eos, lexicon.eos], np.int32)
        self.unknown = known < 0
        self.targets = np.where(self.unknown, np.int32(lexicon.unk), known)
        self.bos, self.eos = len(found), len(found) + 1


def marked(ids: Int32, ends: NDArray[np.int64], bos: int, eos: int) -> Int32:
    """Return sentences with their marks, end to end.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_tokens,)
    ends : ndarray of int64, shape (n_sentences,)
        Exclusive end of each sentence in ``ids``.
    bos, eos : int

    Examples
    --------
    >>> marked(np.array([5, 6, 7], np.int32), np.array([2, 3]), 8, 9).tolist()
    [8, 5, 6, 9, 8, 7, 9]
    """
    found = np.empty(len(ids) + 2 * len(ends), np.int32)
    places = np.asarray(ends) + 2 * np.arange(1, len(ends) + 1)  # behind each sentence's <eos>
    words = np.ones(len(found), bool)
    begins = np.concatenate([[0], places[:-1]]).astype(np.int64) if len(ends) else places
    words[begins] = words[places - 1] = False
    found[begins], found[places - 1] = bos, eos
    found[words] = ids
    return found


def stream_of(corpus: Corpus, types: Types) -> Int32:
    """Return a corpus as one run of ids of types, its marks with it; 4 bytes a token."""
    return marked(corpus.ids, np.asarray(corpus.ends), types.bos, types.eos)


class Side:
    """One direction's text at several places side by side.

    Nothing is left out: where the parts cannot be of one length, the shorter ones go on with the first prediction of
    the next.

    Parameters
    ----------
    stream : ndarray of int32, shape (n,)
        As this direction reads it: reversed for the backward one.
    types : Types
    last : int
        The mark that closes a sentence in this sense, behind which nothing is predicted.
    batch : int
        Fewer where the text is shorter.

    Attributes
    ----------
    n_steps, batch : int

    Examples
    --------
    >>> from firth.text.vocab import Vocab
    >>> from firth.contextual.word_table import WordTable
    >>> types = Types(["a", "b"], WordTable(["a", "b"]), Lexicon.of(Vocab(["a", "b"], [2, 1])))
    >>> text = marked(np.array([0, 1, 0], np.int32), np.array([2, 3]), types.bos, types.eos)
    >>> read, wanted = Side(text, types, types.eos, 1).stretch(0, 6)
    >>> read.T.tolist(), wanted.T.tolist()
    ([[2, 0, 1, 3, 2, 0]], [[0, 1, 3, -1, 0, 3]])
    """

    def __init__(self, stream: Int32, types: Types, last: int, batch: int) -> None:
        n = max(len(stream) - 1, 0)  # the last token of all is predicted and not read
        self.stream, self.types, self.last = stream, types, last
        self.batch = max(1, min(batch, n))
        self.n_steps = -(-n // self.batch)
        self.starts = np.minimum(np.arange(self.batch) * n // self.batch, n - self.n_steps)

    def stretch(self, first: int, last: int) -> tuple[Int32, Int32]:
        """Return ids of types that are read, and lexicon ids that are predicted, shape (n_steps, batch) each."""
        places = self.starts + np.arange(first, last)[:, None]
        read = self.stream[places]
        wanted = np.where(read == self.last, np.int32(NOTHING), self.types.targets[self.stream[places + 1]])
        return read, wanted.astype(np.int32)


def both_sides(stream: Int32, types: Types, batch: int) -> tuple[Side, Side]:
    """Return the forward and the backward direction of a text."""
    return Side(stream, types, types.eos, batch), Side(stream[::-1], types, types.bos, batch)
