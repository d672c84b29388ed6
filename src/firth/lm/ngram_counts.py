"""The n-grams of a text with their counts, as the levels of a trie; made by ``native/ngram_count``."""

from __future__ import annotations

import dataclasses
import tempfile
import time

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import DataError
from firth.events import Listener, Progress
from firth.lm.lexicon import Lexicon
from firth.lm.ngram_room import Room, disk_error
from firth.text.corpus import Corpus

__all__ = ["Counting", "NGramCounts", "count"]

_SHORTEST_PIECE, _LONGEST_PIECE = 1 << 10, (1 << 31) - 1
_SLICE = 1 << 25  # places of a piece that is written out; Ctrl-C is heard after each
_MOST = (1 << 32) - 1


@dataclasses.dataclass
class NGramCounts:
    """A trie as :class:`firth.lm.ngram_table.NGramTable` has it, with counts.

    Attributes
    ----------
    words, suffixes : list of ndarray of int32, shape (n,)
        By level. ``suffixes[0]`` has length 0.
    firsts : list of ndarray of int64, shape (n + 1,)
        By level, but for the last.
    counts : list of ndarray of uint32, shape (n,)
        By level, how often each n-gram occurs.
    bos : list of int
        By level, the first node whose n-gram begins with ``<bos>``; they are the last of each level.
    spilled : int
        Bytes of sorted pieces that were written to a file.
    """

    words: list[NDArray[np.int32]]
    suffixes: list[NDArray[np.int32]]
    firsts: list[NDArray[np.int64]]
    counts: list[NDArray[np.uint32]]
    bos: list[int]
    spilled: int

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return len(self.words)

    def to_left_counts(self, threads: int) -> None:
        """Replace the counts of all but the longest n-grams by the number of words seen before each.

        What begins with ``<bos>`` has nothing before it and keeps its count (Heafield et al. 2013, section 3.2).
        """
        for k in range(self.order - 1):
            self.counts[k][: self.bos[k]] = 0
            _core.ngram_left_counts(self.suffixes[k + 1], self.counts[k], threads)


@dataclasses.dataclass(frozen=True)
class Counting:
    """How to count.

    Attributes
    ----------
    order : int
    threads : int
    memory : int
        Bytes for the text's n-grams while they are sorted, half of what there is.
    listen : callable
    """

    order: int
    threads: int
    memory: int
    listen: Listener

    def piece(self, n_words: int, places: int) -> int:
        """Return how many places are sorted at a time."""
        width = -(-self.order * n_words.bit_length() // 64)
        room = min(max(self.memory // (8 * width), _SHORTEST_PIECE), _LONGEST_PIECE)
        return room if places <= room else min(room, _SLICE)


def count(corpus: Corpus, lexicon: Lexicon, how: Counting, room: Room) -> NGramCounts:
    """Count the n-grams of a text, each sentence between ``<bos>`` and ``<eos>``; none crosses them.

    Parameters
    ----------
    corpus : Corpus
    lexicon : Lexicon
        Words out of it count as ``<unk>``.
    how : Counting
        The result does not depend on threads or memory.
    room : Room
        Where the levels go.

    Raises
    ------
    DataError
        When the text is too large, or the disk is full.
    FormatError
        When the corpus is broken.
    """
    ids, ends, word_of = _prepared(corpus, lexicon)
    places = len(ids) + 2 * len(ends)
    if places > _MOST:
        raise DataError(
            "the text is too long for an n-gram model", got=f"{places:,} words", expected=f"at most {_MOST:,}"
        )
    piece = how.piece(len(lexicon), places)
    try:
        with tempfile.TemporaryFile(prefix="firth-ngrams-") as spill:
            counter = _core.NGramCounter(how.order, len(lexicon), lexicon.eos, how.threads, spill.fileno())
            began = time.monotonic()
            for begin in range(0, places, piece):
                end = min(begin + piece, places)
                try:
                    counter.add(ids, ends, word_of, begin, end)
                except ValueError:
                    corpus.verify()
                    raise
                if places > piece:
                    counter.spill()
                how.listen(_progress(end, places, corpus.n_tokens, time.monotonic() - began))
            return _levels(counter, lexicon, how, room)
    except OSError as error:
        raise disk_error(error) from error


def _prepared(corpus: Corpus, lexicon: Lexicon) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Return ids of types, ends of sentences, and the word of each type.

    An ``<eos>`` in the text ends a sentence there, as it does in a :class:`firth.lm.lexicon.Stream`.
    """
    word_of = lexicon.ids_of(corpus.vocab)
    at = np.flatnonzero(word_of == lexicon.eos)
    word_of[word_of < 0] = lexicon.unk
    if not len(at):
        return corpus.ids, corpus.ends, word_of
    marks = np.flatnonzero(np.isin(corpus.ids, at))
    ends = corpus.ends - np.searchsorted(marks, corpus.ends)
    return np.delete(corpus.ids, marks), np.sort(np.concatenate([ends, marks - np.arange(len(marks))])), word_of


def _progress(place: int, places: int, words: int, seconds: float) -> Progress:
    done = words * place // places
    speed = done / seconds if seconds > 0 else 0.0
    eta = (words - done) / speed if speed else 0.0
    return Progress(done, words, epoch=1, epochs=1, words_per_second=speed, loss=None, rate=0.0, eta=eta)


def _levels(counter: _core.NGramCounter, lexicon: Lexicon, how: Counting, room: Room) -> NGramCounts:
    sizes = counter.close()
    if max(sizes) >= 1 << 31:
        remedy = "lower --order, raise --min-count, or give less text"
        raise DataError("too many n-grams of one order", got=f"{max(sizes):,}", expected="below 2^31", remedy=remedy)
    words = [np.arange(sizes[0], dtype=np.int32), *(room.empty(n, np.int32) for n in sizes[1:])]
    firsts = [room.empty(n + 1, np.int64) for n in sizes[:-1]]
    counts = [room.zeros(n, np.uint32) for n in sizes]
    counter.fill(words, firsts, counts)
    while not len(words[-1]):  # no sentence is so long
        words.pop(), counts.pop(), firsts.pop()
    bos = [lexicon.bos]
    for first in firsts:
        bos.append(int(first[bos[-1]]))
    suffixes = _suffixes(words, firsts, how.threads, room)
    return NGramCounts(words, suffixes, firsts, counts, bos, counter.spilled)


def _suffixes(
    words: list[NDArray[np.int32]], firsts: list[NDArray[np.int64]], threads: int, room: Room
) -> list[NDArray[np.int32]]:
    """Return the node of each n-gram's last words; for two words that is the second."""
    suffixes = [np.zeros(0, np.int32), *words[1:2]]
    for k in range(2, len(words)):
        found = room.empty(len(words[k]), np.int32)
        _core.ngram_suffixes(firsts[k - 1], words[k], suffixes[k - 1], firsts[k - 2], words[k - 1], found, threads)
        suffixes.append(found)
    return suffixes
