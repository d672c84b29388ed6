"""A trained ELMo: sentences to the layers of its biLM (Peters et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from firth.contextual.bilm import BiLM
from firth.contextual.layer_mix import LayerMix
from firth.contextual.spelling import Spelling
from firth.contextual.word_table import WordTable
from firth.protocols import Float32, Sentence

if TYPE_CHECKING:
    from firth.lm.lexicon import Lexicon

__all__ = ["ElmoModel"]


class ElmoModel:
    """A biLM and what it needs to read words: a contextual :class:`~firth.protocols.Representation`.

    Parameters
    ----------
    net : BiLM
        In evaluation mode from here on.
    reader : Spelling or WordTable
        From words to the rows that the token layer reads.
    lexicon : Lexicon, optional
        The words that are predicted, where the net has an output layer.
    mix : LayerMix, optional
        What :meth:`encode` gives; by default the mean of the layers.
    metadata : mapping, optional
        What the model's folder says of its making.
    """

    def __init__(
        self,
        net: BiLM,
        reader: Spelling | WordTable,
        lexicon: Lexicon | None = None,
        mix: LayerMix | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.net, self.reader, self.lexicon = net.eval(), reader, lexicon
        self.mix = mix or LayerMix(self.n_layers)
        self.metadata = dict(metadata or {})

    @property
    def dim(self) -> int:
        """Length of a token's vector."""
        return self.net.shape.dim

    @property
    def n_layers(self) -> int:
        """Layers of each token: the token layer and the LSTMs."""
        return self.net.shape.layers + 1

    def encode(self, sentences: Iterable[Sentence]) -> list[Float32]:
        """Return the mixed layers of each sentence, ``(n_tokens, dim)``."""
        with torch.no_grad():
            return [self.mix(torch.from_numpy(layers)).numpy() for layers in self.encode_layers(sentences)]

    def encode_layers(self, sentences: Iterable[Sentence]) -> list[Float32]:
        """Return all layers of each sentence, ``(n_layers, n_tokens, dim)``, the token layer first."""
        return [self._layers(sentence) for sentence in sentences]

    @torch.no_grad()
    def _layers(self, sentence: Sequence[str]) -> Float32:
        bounds = self.reader.boundaries()
        rows = np.concatenate([bounds[:1], self.reader.rows(list(sentence)), bounds[1:]])
        tokens = self.net.tokens(torch.as_tensor(rows, dtype=torch.int64))
        layers, _ = self.net(tokens[:, None], [len(rows)])
        found: Float32 = layers[:, 1:-1, 0].numpy()
        return found
