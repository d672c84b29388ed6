"""Sentences to the layers of a biLM: side by side, in bounded memory, and each with the same bits in any company.

Both directions read in chunks of steps and carry their state from one to the next, the backward direction from the
sentence's end: exactly what one long reading would give. Rows are padded to the net's grain, see there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from firth.contextual.bilm import BiLM
from firth.contextual.grain import Grain, padded
from firth.contextual.token_vectors import TokenVectors
from firth.protocols import Float32

__all__ = ["Encoder", "batches"]

_PIECE = 4096  # token vectors copied at a time


class Encoder:
    """What turns lists of sentences into their layers.

    Parameters
    ----------
    net : BiLM
    batch_tokens : int
        Tokens that go through an LSTM at a time, filler with them: memory is about this times 4 * cells * 4 bytes.
    grain : Grain
        How rows are given to the LSTMs.
    """

    def __init__(self, net: BiLM, batch_tokens: int, grain: Grain) -> None:
        self.net, self.batch_tokens, self.grain = net, batch_tokens, grain

    @torch.no_grad()
    def layers(self, sentences: Sequence[Sequence[str]], tokens: TokenVectors) -> list[Float32]:
        """Return all layers of each sentence, (n_layers, n_tokens, dim)."""
        shape = self.net.shape
        table, ids = tokens.table(sentences)
        found = [np.empty((shape.layers + 1, len(s), shape.dim), np.float32) for s in sentences]
        for array, sentence in zip(found, ids, strict=True):
            _put_tokens(table, sentence[1:-1], array[0])
        real = [place for place, sentence in enumerate(sentences) if len(sentence)]
        lengths = [len(ids[place]) for place in real]
        for group in batches(lengths, self.batch_tokens, self.grain.most):
            chosen = [ids[real[place]] for place in group]
            here = [found[real[place]] for place in group]
            self._read(table, chosen, here)
        return found

    def _read(self, table: Tensor, ids: list[Tensor], found: list[Float32]) -> None:
        """Fill in what the LSTMs give for sentences from the longest to the shortest."""
        lengths = [len(sentence) for sentence in ids]
        rows = padded(len(ids), self.grain.rows)
        ahead, back = self.net.start(rows)
        for begin, stop in self._chunks(lengths[0], rows):
            going = padded(sum(length > begin for length in lengths), self.grain.rows)
            ahead, back = ([(h[:going], c[:going]) for h, c in state] for state in (ahead, back))
            forward, backward = (
                table[_steps(ids, begin, stop, going, turned).to(table.device)] for turned in (False, True)
            )
            active = self._active(lengths, begin, stop, going)
            (outputs, ahead), (turned_outputs, back) = self.net.read_both(forward, backward, (ahead, back), active)
            for layer, (y, turned_y) in enumerate(zip(outputs, turned_outputs, strict=True), 1):
                into = [array[layer] for array in found]
                _put(y.cpu().numpy(), into, lengths, begin, backward=False)
                _put(turned_y.cpu().numpy(), into, lengths, begin, backward=True)

    def _chunks(self, longest: int, rows: int) -> Iterator[tuple[int, int]]:
        fixed = self.grain.steps
        size = fixed or max(1, self.batch_tokens // rows)
        for begin in range(0, longest, size):
            yield begin, begin + size if fixed else min(begin + size, longest)

    def _active(self, lengths: list[int], begin: int, stop: int, going: int) -> list[int] | None:
        """How many rows go on at each step, in whole blocks; rows that are over read on for nothing."""
        if self.grain.steps is not None:
            return None
        ascending = np.array(lengths[::-1])
        over = np.searchsorted(ascending, np.arange(begin, stop), side="right")  # lengths <= t
        return [min(going, padded(len(lengths) - int(n), self.grain.rows)) for n in over]


def batches(lengths: Sequence[int], batch_tokens: int, most: int | None = None) -> Iterator[list[int]]:
    """Yield the places of sentences that are read side by side, from the longest to the shortest, ``most`` at most.

    Examples
    --------
    >>> list(batches([3, 9, 4, 4], batch_tokens=10))
    [[1], [2, 3], [0]]
    """
    group: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if group and ((len(group) + 1) * lengths[group[0]] > batch_tokens or len(group) == most):
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _put_tokens(table: Tensor, ids: Tensor, found: Float32) -> None:
    """Put the vectors of a sentence's tokens where they belong, for both directions, some at a time."""
    projection = table.shape[1]
    for begin in range(0, len(ids), _PIECE):
        vectors = table[ids[begin : begin + _PIECE].to(table.device)].cpu().numpy()
        found[begin : begin + _PIECE, :projection] = found[begin : begin + _PIECE, projection:] = vectors


def _steps(ids: list[Tensor], begin: int, stop: int, rows: int, backward: bool) -> Tensor:
    """Return which row of the table each sentence reads at each step, (n_steps, rows); filler is row 0."""
    found = torch.zeros(stop - begin, rows, dtype=torch.int64)
    for row, sentence in enumerate(ids):
        piece = (sentence.flip(0) if backward else sentence)[begin:stop]
        if not len(piece):
            break
        found[: len(piece), row] = piece
    return found


def _put(outputs: Float32, found: list[Float32], lengths: list[int], begin: int, *, backward: bool) -> None:
    """Put the steps from ``begin`` on, (n_steps, rows, projection), where they belong, without begin and end."""
    projection = outputs.shape[2]
    for row, length in enumerate(lengths):
        first, last = max(begin, 1), min(begin + len(outputs), length - 1)  # steps of real tokens
        if last <= first:
            if length <= begin:
                break
            continue
        steps = outputs[first - begin : last - begin, row]
        if backward:  # step t reads token length - 1 - t, the mark of the begin counted
            found[row][length - 1 - last : length - 1 - first, projection:] = steps[::-1]
        else:
            found[row][first - 1 : last - 1, :projection] = steps
