"""A model in layers as a part of a task's net: sentences in, vectors with gradients out (Peters et al. 2018, 3.3)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from firth.contextual.layer_features import LayerFeatures
from firth.contextual.layer_mix import LayerMix
from firth.contextual.sentences import checked
from firth.errors import ConfigError

if TYPE_CHECKING:
    from firth.contextual.layered_model import LayeredModel

__all__ = ["ElmoFeatures"]


class ElmoFeatures(LayerFeatures):
    """Maps a batch of sentences to their tokens' vectors.

    ``module(sentences)`` takes ``Sequence[Sequence[str]]`` and gives a float32 Tensor ``(batch, n_longest, dim)`` on
    the module's device, zeros behind each sentence's end; :attr:`dim` is the length of a vector, and :meth:`mask` says
    which places hold tokens. Tasks add ``module.mix.penalty(strength)`` to their loss.

    Made by :meth:`firth.contextual.layered_model.LayeredModel.module`. The mix is a copy and always learned, frozen net
    or not; ``module.mix.requires_grad_(False)`` stops that.

    Attributes
    ----------
    net : BiLM or ContextNet
        The model's own where it is frozen, else a copy.
    mix : LayerMix
    """

    _model: list[LayeredModel[Any]]

    def __init__(self, model: LayeredModel[Any], mix: LayerMix, *, freeze: bool, dropout: float) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ConfigError("dropout is out of range", got=dropout, expected="at least 0, below 1")
        self._model = [model if freeze else _copied(model)]  # in a list: its net is no second part of this module
        self.net = self._model[0].net
        if freeze:
            self.frozen = True
        else:
            self.frozen = False
            self.net.requires_grad_(True)
        self.mix = copy.deepcopy(mix).requires_grad_(True)
        self.dropout = nn.Dropout(dropout)

    def model(self) -> LayeredModel[Any]:
        """Return a model of the net and the mix as they are now."""
        return self._model[0].with_mix(copy.deepcopy(self.mix))

    def train(self, mode: bool = True) -> ElmoFeatures:
        """Set training mode: of the dropout; the net has none."""
        super().train(mode)
        self.net.eval()
        return self

    def _layers(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """Return the layers with their history, (n_layers, batch, n_longest, dim)."""
        given = list(checked(sentences))
        if not given:
            return torch.zeros(self.mix.n_layers, 0, 0, self.dim, device=self.mix.gamma.device)
        reader = self._model[0].reader
        row_of: dict[str, int] = {}
        ids = [
            torch.tensor([0, *(row_of.setdefault(word, len(row_of) + 2) for word in sentence), 1]) for sentence in given
        ]
        rows = torch.cat([torch.as_tensor(reader.boundaries()), torch.as_tensor(reader.rows(list(row_of)))])
        table = self.net.tokens(rows.long().to(self.mix.gamma.device))
        order = sorted(range(len(ids)), key=lambda place: -len(ids[place]))
        steps = nn.utils.rnn.pad_sequence([ids[place] for place in order]).to(table.device)
        layers, _ = self.net(table[steps], [len(ids[place]) for place in order])
        inverse = sorted(range(len(order)), key=order.__getitem__)
        longest = max(map(len, given))
        return torch.as_tensor(layers[:, 1 : 1 + longest, inverse].transpose(1, 2))


def _copied(model: LayeredModel[Any]) -> LayeredModel[Any]:
    return type(model)(copy.deepcopy(model.net), model.reader, model.lexicon, model.mix, model.metadata)
