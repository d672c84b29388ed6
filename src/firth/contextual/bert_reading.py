"""Sentences of words to the layers of a BERT: cut into pieces, read side by side in bounded memory, pooled to words.

A sentence of more pieces than the net has places is read in stretches that overlap by half: each piece's vectors are
those of the stretch in whose middle it stands best, so that every piece but the sentence's own first and last ones has
at least a quarter of a stretch on either side of it. No word is left out, whatever its length.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firth.contextual.bert_net import BertNet
from firth.contextual.encoder import batches
from firth.contextual.pieces import Pieces
from firth.protocols import Float32

__all__ = ["POOLINGS", "Cut", "Stretch", "cut", "read_layers", "side_by_side", "stretches"]

POOLINGS = ("first", "mean", "last")


@dataclasses.dataclass(frozen=True)
class Cut:
    """A sentence in pieces.

    Attributes
    ----------
    ids : ndarray of int64, shape (n_pieces,)
    ends : ndarray of int64, shape (n_words,)
        Where each word's pieces end; no word is without any.
    """

    ids: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each word's pieces begin."""
        return np.concatenate([[0], self.ends[:-1]]).astype(np.int64) if len(self.ends) else self.ends


def cut(sentences: Sequence[Sequence[str]], pieces: Pieces) -> list[Cut]:
    """Return sentences in pieces."""
    pieces.rows(list({word for sentence in sentences for word in sentence}))  # all new words in one call
    found = []
    for sentence in sentences:
        rows = pieces.rows(sentence)
        ids = np.fromiter((piece for row in rows for piece in row), np.int64)
        found.append(Cut(ids, np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)))))
    return found


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Pieces ``begin`` to ``stop`` of a sentence are read together, and the vectors of ``first`` to ``last`` taken."""

    sentence: int
    begin: int
    stop: int
    first: int
    last: int


def stretches(n: int, room: int, sentence: int = 0) -> list[Stretch]:
    """Return the stretches in which a sentence of ``n`` pieces is read, ``room`` pieces at a time.

    Examples
    --------
    >>> [(s.begin, s.stop, s.first, s.last) for s in stretches(10, 4)]
    [(0, 4, 0, 3), (2, 6, 3, 5), (4, 8, 5, 7), (6, 10, 7, 10)]
    """
    if n <= room:
        return [Stretch(sentence, 0, n, 0, n)] if n else []
    begins = [*range(0, n - room, max(1, room // 2)), n - room]
    seams = [0, *((a + room + b) // 2 for a, b in itertools.pairwise(begins)), n]
    return [
        Stretch(sentence, begin, begin + room, first, last)
        for begin, (first, last) in zip(begins, itertools.pairwise(seams), strict=True)
    ]


def side_by_side(
    cuts: Sequence[Cut], group: Sequence[Stretch], pieces: Pieces, device: torch.device
) -> tuple[Tensor, Tensor | None]:
    """Return stretches with a mark at each end as rows of numbers, and what may be read of them.

    Returns
    -------
    Tensor of int64, shape (B, N)
    Tensor of bool, shape (B, 1, 1, N), or None
        None where no row has filler.
    """
    marks = pieces.marks
    lengths = [stretch.stop - stretch.begin + 2 for stretch in group]
    ids = np.full((len(group), max(lengths)), marks.pad, np.int64)
    for row, stretch in zip(ids, group, strict=True):
        n = stretch.stop - stretch.begin
        row[0], row[n + 1] = marks.first, marks.last
        row[1 : n + 1] = cuts[stretch.sentence].ids[stretch.begin : stretch.stop]
    allowed = None
    if min(lengths) < max(lengths):
        there = torch.arange(ids.shape[1]) < torch.tensor(lengths)[:, None]
        allowed = there[:, None, None].to(device)
    return torch.from_numpy(ids).to(device), allowed


@torch.no_grad()
def read_layers(
    net: BertNet, pieces: Pieces, sentences: Sequence[Sequence[str]], pooling: str, batch_tokens: int
) -> list[Float32]:
    """Return all layers of each sentence's words, (layers + 1, n_words, dim) each.

    Parameters
    ----------
    net : BertNet
    pieces : Pieces
    sentences : sequence of sequences of str
    pooling : {"first", "mean", "last"}
        Which of a word's pieces stands for it.
    batch_tokens : int
        Places that are read side by side at most, filler with them; a single stretch may have more.
    """
    cuts = cut(sentences, pieces)
    shape = net.shape
    found = [np.zeros((shape.layers + 1, len(each.ends), shape.dim), np.float32) for each in cuts]
    todo = [
        stretch for number, each in enumerate(cuts) for stretch in stretches(len(each.ids), shape.longest - 2, number)
    ]
    for places in batches([stretch.stop - stretch.begin + 2 for stretch in todo], batch_tokens):
        group = [todo[place] for place in places]
        ids, allowed = side_by_side(cuts, group, pieces, net.device)
        for layer, vectors in enumerate(net.layers(ids, allowed)):
            rows = vectors.float().cpu().numpy()
            for row, stretch in zip(rows, group, strict=True):
                taken = row[1 + stretch.first - stretch.begin : 1 + stretch.last - stretch.begin]
                _put(taken, stretch, cuts[stretch.sentence], found[stretch.sentence][layer], pooling)
    if pooling == "mean":
        for array, each in zip(found, cuts, strict=True):
            array /= (each.ends - each.starts).astype(np.float32)[:, None]
    return found


def _put(vectors: Float32, stretch: Stretch, whole: Cut, found: Float32, pooling: str) -> None:
    """Put the vectors of pieces, (last - first, dim), where their words are: sums of them for the mean."""
    if pooling == "mean":
        low, high = np.searchsorted(whole.ends, [stretch.first, stretch.last - 1], side="right")
        begins = np.maximum(whole.starts[low : high + 1], stretch.first) - stretch.first
        found[low : high + 1] += np.add.reduceat(vectors, begins, axis=0)
        return
    chosen = whole.starts if pooling == "first" else whole.ends - 1
    low, high = np.searchsorted(chosen, [stretch.first, stretch.last])
    found[low:high] = vectors[chosen[low:high] - stretch.first]
