"""The vectors that a biLM's token layer gives to words: each word is computed once, and the same in any company."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from firth.contextual.bilm import BiLM
from firth.contextual.grain import Grain, padded
from firth.contextual.spelling import Spelling
from firth.contextual.word_table import WordTable

if TYPE_CHECKING:
    from firth.contextual.context_net import ContextNet

__all__ = ["TokenVectors"]

_BLOCK = 256  # words at a time through the token layer, at most


class TokenVectors:
    """Vectors of words, computed when first asked for and kept.

    Parameters
    ----------
    net : BiLM or ContextNet
    reader : Spelling or WordTable
    grain : Grain
        How words are given to the token layer.
    room : int, optional
        Bytes that kept vectors may take; those beyond are computed anew each time. By default no limit.
    base : TokenVectors, optional
        Where words are looked for first.
    """

    def __init__(
        self,
        net: BiLM | ContextNet,
        reader: Spelling | WordTable,
        grain: Grain,
        room: int | None = None,
        base: TokenVectors | None = None,
    ) -> None:
        self._net, self._reader, self._grain, self._base = net, reader, grain, base
        self._row_of: dict[str, int] = {}
        self._kept = net.tokens.embedding.new_zeros(0, net.shape.projection)
        self._most = None if room is None else room // (4 * net.shape.projection)
        self._bounds: Tensor
        if base is not None and base.fresh:
            self._bounds = base._bounds
        else:
            self._bounds = torch.cat([self._computed(row[None]) for row in reader.boundaries()])
        self._made_of = self._versions()

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def nbytes(self) -> int:
        """Bytes of the vectors that are kept."""
        return self._kept.numel() * self._kept.element_size()

    @property
    def fresh(self) -> bool:
        """Whether the token layer still has the weights, the place and the threads that the vectors were made with."""
        return self._made_of == self._versions() and self._kept.device == self._net.tokens.embedding.device

    def table(self, sentences: Sequence[Sequence[str]]) -> tuple[Tensor, list[Tensor]]:
        """Return the vectors of all words, and each sentence as rows of them.

        Returns
        -------
        Tensor, shape (n_words + 2, projection)
            Row 0 is the vector of a sentence's begin, row 1 that of its end.
        list of Tensor of int64, each (n_tokens + 2,)
            Begin and end are with the tokens.
        """
        row_of: dict[str, int] = {}
        ids = []
        for sentence in sentences:
            rows = [0, *(row_of.setdefault(word, len(row_of) + 2) for word in sentence), 1]
            ids.append(torch.tensor(rows, dtype=torch.int64))
        return torch.cat([self._bounds, self.of(list(row_of))]), ids

    def of(self, words: Sequence[str]) -> Tensor:
        """Return the vectors of distinct words, shape (n, projection)."""
        found = self._kept.new_empty(len(words), self._net.shape.projection)
        absent = self._look_up(words, range(len(words)), found)
        size = min(_BLOCK, self._grain.most or _BLOCK)
        for begin in range(0, len(absent), size):
            places = absent[begin : begin + size]
            block = [words[place] for place in places]
            vectors = self._computed(self._reader.rows(block))
            found[places] = vectors
            self._keep(block, vectors)
        return found

    def _look_up(self, words: Sequence[str], places: Iterable[int], found: Tensor) -> list[int]:
        """Fill in what is kept; return the places of what is not."""
        if self._base is not None and self._base.fresh:
            places = self._base._look_up(words, places, found)
        known, rows, absent = [], [], []
        for place in places:
            row = self._row_of.get(words[place])
            if row is None:
                absent.append(place)
            else:
                known.append(place)
                rows.append(row)
        if known:
            found[known] = self._kept[rows]
        return absent

    def _keep(self, words: Sequence[str], vectors: Tensor) -> None:
        n = len(words) if self._most is None else max(0, min(len(words), self._most - len(self._row_of)))
        start = len(self._row_of)
        if start + n > len(self._kept):
            size = max(start + n, min(2 * len(self._kept), self._most or start + n))
            self._kept = torch.cat([self._kept[:start], self._kept.new_empty(size - start, self._kept.shape[1])])
        self._kept[start : start + n] = vectors[:n]
        self._row_of.update(zip(words[:n], range(start, start + n), strict=True))

    @torch.no_grad()
    def _computed(self, rows: np.ndarray) -> Tensor:
        n = len(rows)
        filler = np.repeat(rows[:1], padded(n, self._grain.rows) - n, axis=0)
        spelled = torch.as_tensor(np.concatenate([rows, filler]), dtype=torch.int64)
        return torch.as_tensor(self._net.tokens(spelled.to(self._net.tokens.embedding.device))[:n])

    def _versions(self) -> tuple[object, ...]:
        """Return what changes when the weights do, and with the number of threads, which bits may depend on."""
        weights = self._net.tokens.parameters()
        return torch.get_num_threads(), *((each.data_ptr(), each.dtype, each._version) for each in weights)
