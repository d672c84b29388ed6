"""A corpus as sequences of pieces of one length, filled without gaps, and batches of them with masks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firth.contextual.bert_masks import Masking, keys_of, masked
from firth.contextual.pieces import Pieces
from firth.text.corpus import Corpus

__all__ = ["Batch", "Sequences", "batch_of", "packed", "piece_counts", "running"]

_BLOCK = 1 << 20  # words that are cut at a time
_WINDOW = 1 << 13  # sentences among which those are looked for that fill a sequence


@dataclasses.dataclass(frozen=True)
class Sequences:
    """Pieces in a row, and the runs of them that are sequences.

    Attributes
    ----------
    coded : ndarray of int32, shape (n_pieces,)
        Twice a piece's number, and one more where it begins a word. Each sentence has its mark of the end behind it.
    runs : ndarray of int64, shape (n_runs, 2)
        Begin and end of each run.
    of : ndarray of int64, shape (n_sequences + 1,)
        Where each sequence's runs begin.
    length : int
        Places of a sequence.
    apart : bool
        Each run has a mark of its own before it, places of its own, and sees no other.
    """

    coded: NDArray[np.int32]
    runs: NDArray[np.int64]
    of: NDArray[np.int64]
    length: int
    apart: bool = False

    def __len__(self) -> int:
        return len(self.of) - 1

    def rows(
        self, numbers: Sequence[int], pieces: Pieces
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
        """Return sequences side by side: their pieces, where words begin, of which run each is; filler is of run -1.

        Returns
        -------
        ndarray of int64, of bool and of int64, shape (B, length) each
        """
        chosen = np.asarray(numbers, np.int64)
        ids = np.full((len(chosen), self.length), pieces.marks.pad, np.int64)
        begins, run = np.ones(ids.shape, bool), np.full(ids.shape, -1, np.int64)
        of, n_runs = self.of[chosen], self.of[chosen + 1] - self.of[chosen]
        row, k = np.repeat(np.arange(len(chosen)), n_runs), _counted(n_runs)
        begin, end = self.runs[np.repeat(of, n_runs) + k].T
        lead = (k == 0) | self.apart  # a mark stands before the run
        whole = end - begin + lead
        column = np.cumsum(whole) - whole
        column -= np.repeat(column[np.cumsum(n_runs) - n_runs], n_runs)
        ids[row[lead], column[lead]], run[row[lead], column[lead]] = pieces.marks.first, k[lead]
        sizes = end - begin
        inner = _counted(sizes)
        at = np.repeat(row, sizes), np.repeat(column + lead, sizes) + inner
        coded = self.coded[np.repeat(begin, sizes) + inner]
        ids[at], begins[at], run[at] = coded >> 1, coded & 1, np.repeat(k, sizes)
        return ids, begins, run


def _counted(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0, 1, 2, ... up to each size, one behind the other."""
    return np.asarray(np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes))


def _coded(corpus: Corpus, pieces: Pieces) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the coded pieces of a corpus and the end of each sentence in them."""
    flat, ends = pieces.table(corpus.vocab.words)
    flat = np.append(flat, np.int32(pieces.marks.last))  # one more word: the end of a sentence
    ends = np.append(ends, len(flat))
    starts = np.concatenate([[0], ends[:-1]])
    coded = flat << 1
    coded[starts] |= 1
    sizes = np.diff(ends, prepend=0)
    found, sentence_ends, done = [], [], 0
    filled = corpus.filled_ends()
    at = 0
    while at < len(filled):
        last = max(at + 1, int(np.searchsorted(filled, (filled[at - 1] if at else 0) + _BLOCK)))
        begin = int(filled[at - 1]) if at else 0
        words = np.insert(
            np.asarray(corpus.ids[begin : filled[last - 1]]), filled[at:last] - begin, len(corpus.vocab)
        )  # fmt: skip
        n = sizes[words]
        stops = np.cumsum(n)
        found.append(coded[np.repeat(starts[words] - (stops - n), n) + np.arange(stops[-1])])
        sentence_ends.append(done + stops[words == len(corpus.vocab)])
        done, at = done + int(stops[-1]), last
    return np.concatenate(found), np.concatenate(sentence_ends)


def running(corpus: Corpus, pieces: Pieces, length: int) -> Sequences:
    """Return a corpus as it runs, cut where a sequence is full; the last one is filled up."""
    coded, _ = _coded(corpus, pieces)
    room = length - 1
    begins = np.arange(0, len(coded), room)
    runs = np.stack([begins, np.minimum(begins + room, len(coded))], 1)
    return Sequences(coded, runs, np.arange(len(runs) + 1), length)


def packed(corpus: Corpus, pieces: Pieces, length: int, *, apart: bool = False) -> Sequences:
    """Return sequences of whole sentences: the longest first, each where the least room is left (best-fit decreasing).

    Sentences are packed among some thousands of their neighbours. One that is longer than a sequence is cut.
    """
    coded, ends = _coded(corpus, pieces)
    room = length - 1
    begins = np.concatenate([[0], ends[:-1]])
    runs = np.array([
        (place, min(place + room, end))
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
        for place in range(begin, end, room)
    ])  # fmt: skip
    order: list[int] = []
    of = [0]
    for first in range(0, len(runs), _WINDOW):
        sizes = runs[first : first + _WINDOW, 1] - runs[first : first + _WINDOW, 0] + apart
        for bin in _fitted(sizes, length if apart else room):
            order += [first + place for place in bin]
            of.append(len(order))
    return Sequences(coded, runs[order], np.array(of), length, apart)


def _fitted(sizes: NDArray[np.int64], room: int) -> list[list[int]]:
    """Return which items go together; bins are found by the room that is left in them, which is a small number."""
    bins: list[list[int]] = []
    by_left: list[list[int]] = [[] for _ in range(room + 1)]
    for item in np.argsort(-sizes, kind="stable").tolist():
        size = int(sizes[item])
        left = next((left for left in range(size, room + 1) if by_left[left]), None)
        if left is None:
            bins.append([])
            chosen, left = len(bins) - 1, room
        else:
            chosen = by_left[left].pop()
        bins[chosen].append(item)
        by_left[left - size].append(chosen)
    return bins


def piece_counts(sequences: Sequences, n_pieces: int) -> NDArray[np.int64]:
    """Return how often each piece stands in the text, ends of sentences with them."""
    counts = np.zeros(n_pieces, np.int64)
    for first in range(0, len(sequences.coded), _BLOCK):
        counts += np.bincount(sequences.coded[first : first + _BLOCK] >> 1, minlength=n_pieces)
    return counts


@dataclasses.dataclass(frozen=True)
class Batch:
    """Sequences side by side, with masks.

    Attributes
    ----------
    ids : ndarray of int64, shape (B, N)
    runs : ndarray of int64, shape (B, N), or None
        Of which run each place is, -1 for filler; None where every place may read every other.
    places : ndarray of int64, shape (B, N), or None
        Where each piece stands in its run, where runs are apart.
    at, pieces : ndarray of int64, shape (n_masked,)
        Masked places, counted over the rows, and what stood there.
    """

    ids: NDArray[np.int64]
    runs: NDArray[np.int64] | None
    places: NDArray[np.int64] | None
    at: NDArray[np.int64]
    pieces: NDArray[np.int64]


def batch_of(
    sequences: Sequences, numbers: Sequence[int], pieces: Pieces, how: Masking, seed: tuple[int, ...]
) -> Batch:
    """Return some sequences with masks that depend on the seed and each sequence's number alone."""
    marks = pieces.marks
    ids, begins, runs = sequences.rows(numbers, pieces)
    plain = (runs >= 0) & ~np.isin(ids, [marks.first, marks.last, marks.pad])
    seen, at = masked(ids, begins, plain, how, keys_of(seed, numbers))
    gaps = sequences.apart or bool((runs < 0).any())
    places = _places(runs) if sequences.apart else None
    return Batch(seen, runs if gaps else None, places, at, ids.reshape(-1)[at])


def _places(runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how far each place is from the begin of its run."""
    n = np.arange(runs.shape[1])
    changed = np.diff(runs, axis=1, prepend=-2) != 0
    return n - np.maximum.accumulate(np.where(changed, n, 0), axis=1)
