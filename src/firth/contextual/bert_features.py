"""A BERT as a part of a task's net: sentences in, words' vectors with gradients out (Devlin et al. 2019, 3.2)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from firth.contextual.bert_reading import Cut, Stretch, cut, side_by_side, stretches
from firth.contextual.layer_features import LayerFeatures
from firth.contextual.layer_mix import LayerMix
from firth.contextual.sentences import checked
from firth.errors import ConfigError

if TYPE_CHECKING:
    from firth.contextual.bert_model import BertModel
    from firth.contextual.bert_net import BertNet

__all__ = ["BertFeatures"]


class BertFeatures(LayerFeatures):
    """Maps a batch of sentences to their words' vectors.

    ``module(sentences)`` takes ``Sequence[Sequence[str]]`` and gives a float32 Tensor ``(batch, n_longest, dim)`` on
    the module's device, zeros behind each sentence's end; :attr:`dim` is the length of a vector, and :meth:`mask` says
    which places hold words. Tasks may add ``module.mix.penalty(strength)`` to their loss.

    Made by :meth:`firth.contextual.bert_model.BertModel.module`. The mix is a copy and always learned, frozen net or
    not; ``module.mix.requires_grad_(False)`` stops that.

    Attributes
    ----------
    net : BertNet
        The model's own where it is frozen, else a copy, which has dropout while it is trained.
    mix : LayerMix
    """

    net: BertNet
    _model: list[BertModel]

    def __init__(
        self, model: BertModel, mix: LayerMix, *, freeze: bool, dropout: float, inner_dropout: float = 0.0
    ) -> None:
        super().__init__()
        for share in (dropout, inner_dropout):
            if not 0 <= share < 1:
                raise ConfigError("dropout is out of range", got=share, expected="at least 0, below 1")
        self.frozen = freeze
        self._model = [model if freeze else model.copied()]  # in a list: its net is no second part of this module
        self.net = self._model[0].net
        if not freeze:
            self.net.requires_grad_(True)
            self.net.set_dropout(inner_dropout)
        self.mix = copy.deepcopy(mix).requires_grad_(True)
        self.dropout = nn.Dropout(dropout)

    def model(self) -> BertModel:
        """Return a BERT of the net and the mix as they are now."""
        return self._model[0].with_mix(copy.deepcopy(self.mix))

    def train(self, mode: bool = True) -> BertFeatures:
        """Set training mode; a frozen net stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.net.eval()
        return self

    def _layers(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """Return the layers with their history, (n_layers, batch, n_longest, dim)."""
        given = list(checked(sentences))
        longest = max(map(len, given), default=0)
        if not longest:
            return torch.zeros(self.mix.n_layers, len(given), 0, self.dim, device=self.mix.gamma.device)
        model = self._model[0]
        cuts = cut(given, model.pieces)
        room = self.net.shape.longest - 2
        group = [some for number, each in enumerate(cuts) for some in stretches(len(each.ids), room, number)]
        ids, allowed = side_by_side(cuts, group, model.pieces, self.net.device)
        layers = self.net.layers(ids, allowed)  # (n_layers, n_stretches, N, dim)
        at, word, counts = _taken(cuts, group, ids.shape[1], longest, model.pooling)
        device = layers.device
        taken = layers.flatten(1, 2).index_select(1, at.to(device))
        sums = taken.new_zeros(len(layers), len(given) * longest, self.dim).index_add(1, word.to(device), taken)
        return (sums / counts.to(device)[:, None]).view(len(layers), len(given), longest, self.dim)


def _taken(
    cuts: Sequence[Cut], group: Sequence[Stretch], width: int, longest: int, pooling: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Return which places of the stretches are taken, for which word each, and how many for every word (at least 1)."""
    at, word = [], []
    for row, stretch in enumerate(group):
        whole = cuts[stretch.sentence]
        pieces = np.arange(stretch.first, stretch.last)
        of = np.searchsorted(whole.ends, pieces, side="right")
        if pooling != "mean":
            chosen = whole.starts[of] == pieces if pooling == "first" else whole.ends[of] - 1 == pieces
            pieces, of = pieces[chosen], of[chosen]
        at.append(row * width + 1 + pieces - stretch.begin)
        word.append(stretch.sentence * longest + of)
    places = np.concatenate(word)
    counts = np.maximum(np.bincount(places, minlength=len(cuts) * longest), 1)
    return (
        torch.from_numpy(np.concatenate(at)),
        torch.from_numpy(places),
        torch.from_numpy(counts.astype(np.float32)),
    )
