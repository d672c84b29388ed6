"""A biLM that carries its state from batch to batch, as bilm-tf and AllenNLP 0.9 did; by name only."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from firth.contextual.bilm import BiLM, DirectionState
from firth.contextual.grain import Grain
from firth.contextual.sentences import Misread, checked
from firth.contextual.spelling import Spelling
from firth.contextual.token_vectors import TokenVectors
from firth.contextual.word_table import WordTable
from firth.protocols import Float32, Sentence

__all__ = ["ElmoSession"]

Both = tuple[DirectionState, DirectionState]


class ElmoSession:
    """Batches of sentences in a row, each read from where the batch before ended.

    The sentence in row i goes on from the state that row i was left in, in both directions. A smaller batch takes the
    first rows, and the others keep theirs; a larger one begins new rows at zero. An empty sentence in a batch is read
    as a begin and an end and moves its row's state; a batch of nothing but one empty sentence does not (AllenNLP 0.9,
    ``_EncoderBase`` and ``ElmoEmbedder``).

    Parameters
    ----------
    net : BiLM
    reader : Spelling or WordTable
    """

    def __init__(self, net: BiLM, reader: Spelling | WordTable) -> None:
        self._net = net
        self._tokens = TokenVectors(net, reader, Grain(1), room=1 << 26)
        self._state = net.start(0)
        self.misread = Misread(reader)

    @torch.no_grad()
    def encode_layers(self, batch: Iterable[Sentence]) -> list[Float32]:
        """Return all layers of each sentence of one batch, ``(n_layers, n_tokens, dim)``, and move the state on."""
        sentences = list(checked(batch))
        self.misread.look_at(sentences)
        shape = self._net.shape
        if not any(sentences) and len(sentences) <= 1:
            return [torch.zeros(shape.layers + 1, 0, shape.dim).numpy() for _ in sentences]
        order = sorted(range(len(sentences)), key=lambda place: -len(sentences[place]))
        tokens, lengths = self._side_by_side([sentences[place] for place in order])
        layers, after = self._net(tokens, lengths, self._rows(order))
        self._keep(order, after)
        found = layers.cpu().numpy()
        inverse = {place: row for row, place in enumerate(order)}
        return [found[:, 1 : 1 + len(s), inverse[place]].copy() for place, s in enumerate(sentences)]

    def reset(self) -> None:
        """Forget what was read."""
        self._state = self._net.start(0)

    def _side_by_side(self, sentences: list[list[str]]) -> tuple[Tensor, list[int]]:
        """Return the vectors of tokens, (n_steps, batch, projection), and the sentences' lengths with their marks."""
        table, ids = self._tokens.table(sentences)
        steps = torch.nn.utils.rnn.pad_sequence(ids)  # filler is row 0
        return table[steps.to(table.device)], [len(sentence) for sentence in ids]

    def _rows(self, order: list[int]) -> Both:
        """Return the state of these rows; rows that were never used begin at zero."""
        new = max(0, len(order) - len(self._state[0][0][0]))
        fresh = self._net.start(new)
        self._state = tuple(  # type: ignore[assignment]
            [
                (torch.cat([h, more_h]), torch.cat([c, more_c]))
                for (h, c), (more_h, more_c) in zip(old, more, strict=True)
            ]
            for old, more in zip(self._state, fresh, strict=True)
        )
        return tuple([(h[order], c[order]) for h, c in way] for way in self._state)  # type: ignore[return-value]

    def _keep(self, order: list[int], after: Both) -> None:
        for way, new_way in zip(self._state, after, strict=True):
            for (h, c), (new_h, new_c) in zip(way, new_way, strict=True):
                h[order], c[order] = new_h, new_c
