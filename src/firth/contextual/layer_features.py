"""A model in layers as a part of a task's net, whatever its net is: a batch of sentences to vectors with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from firth.contextual.layer_mix import LayerMix

__all__ = ["LayerFeatures"]


class LayerFeatures(nn.Module):
    """Mixes the layers of sentences side by side.

    Attributes
    ----------
    net : nn.Module
    mix : LayerMix
    frozen : bool
        Whether the net's layers are as the model gives them, without history.
    dropout : nn.Dropout
        Of the mixed vectors.
    """

    net: Any
    mix: LayerMix
    frozen: bool
    dropout: nn.Dropout
    _model: list[Any]  # one; in a list, so that its net is no second part of this module

    def _layers(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """Return the layers with their history, (n_layers, batch, n_longest, dim)."""
        raise NotImplementedError

    @property
    def dim(self) -> int:
        """Length of a token's vector."""
        return int(self.net.shape.dim)

    def forward(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """Return the vectors of sentences side by side, (batch, n_longest, dim), zeros behind their ends."""
        mask = self.mask(sentences)
        layers = self._frozen_layers(sentences) if self.frozen else self._layers(sentences)
        mixed = self.mix(layers, mask)
        return torch.as_tensor(self.dropout(mixed * mask[..., None]))

    def mask(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """Return which places hold tokens, bool (batch, n_longest)."""
        lengths = torch.tensor([len(sentence) for sentence in sentences], dtype=torch.int64)
        longest = int(lengths.max()) if len(lengths) else 0
        return (torch.arange(longest) < lengths[:, None]).to(self.mix.gamma.device)

    def _frozen_layers(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """Return what the model gives, (n_layers, batch, n_longest, dim)."""
        found = [torch.from_numpy(layers).transpose(0, 1) for layers in self._model[0].encode_layers(sentences)]
        if not found:
            return torch.zeros(self.mix.n_layers, 0, 0, self.dim, device=self.mix.gamma.device)
        side = nn.utils.rnn.pad_sequence(found, batch_first=True)  # (batch, n_longest, n_layers, dim)
        return side.permute(2, 0, 1, 3).to(self.mix.gamma.device)
