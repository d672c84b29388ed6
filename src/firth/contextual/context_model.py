"""A language model of AllenNLP's as a representation: sentences to the layers of its token layer and contextualizer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from firth.contextual.context_net import ContextNet
from firth.contextual.encoder import batches
from firth.contextual.grain import Grain, context_grain
from firth.contextual.layered_model import LayeredModel
from firth.contextual.rowwise import Rowwise
from firth.contextual.token_vectors import TokenVectors
from firth.protocols import Float32

__all__ = ["ContextModel"]


class ContextModel(LayeredModel[ContextNet]):
    """A net that reads whole sentences, and what it needs to read words: as for its base.

    Each sentence is read between its marks of begin and end, whose own vectors are left out.
    """

    def _layer_grain(self) -> Grain:
        return context_grain(self.net)

    def _encoder(self, batch_tokens: int, grain: Grain) -> _Encoder:
        return _Encoder(self.net, batch_tokens, grain)


class _Encoder:
    def __init__(self, net: ContextNet, batch_tokens: int, grain: Grain) -> None:
        self._net, self._batch_tokens, self._by = net, batch_tokens, Rowwise(grain)

    @torch.no_grad()
    def layers(self, sentences: Sequence[Sequence[str]], tokens: TokenVectors) -> list[Float32]:
        """Return all layers of each sentence, (n_layers, n_tokens, dim)."""
        shape = self._net.shape
        table, ids = tokens.table(sentences)
        found = [np.empty((shape.n_layers, len(sentence), shape.dim), np.float32) for sentence in sentences]
        real = [place for place, sentence in enumerate(sentences) if len(sentence)]
        for group in batches([len(ids[place]) for place in real], self._batch_tokens):
            chosen = [ids[real[place]] for place in group]
            lengths = [len(sentence) for sentence in chosen]
            rows = table[torch.cat(chosen).to(table.device)]
            for number, layer in enumerate(self._net.read(rows, lengths, self._by)):
                for place, vectors in zip(group, torch.split(layer.cpu(), lengths), strict=True):
                    found[real[place]][number] = vectors[1:-1].numpy()
        return found
