"""A classifier's net at work, with the word features that it reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from firth.protocols import Float64
from firth.tasks.classifier_module import ClassifierNet
from firth.tasks.sentence_batches import groups
from firth.tasks.tagger_batches import inputs_of
from firth.tasks.word_features import Source, Steps

__all__ = ["NetScorer"]

_TOGETHER = 128


class NetScorer:
    """Scores of labels by a net.

    Parameters
    ----------
    net : ClassifierNet
        In evaluation mode from here on.
    sources : list of Source
    """

    def __init__(self, net: ClassifierNet, sources: list[Source]) -> None:
        self.net, self.sources = net.eval(), sources

    @property
    def mixes(self) -> list[list[float]]:
        """The learnt weight of each layer, of each source that has several; each sums to 1."""
        return [mix.weights.detach().softmax(0).tolist() for mix in self.net.mixes]  # type: ignore[operator]

    @torch.no_grad()
    def scores(self, texts: Sequence[Steps]) -> Float64:
        """Return the score of each label before the softmax, shape (n, n_labels); of an empty text the constants."""
        bias = self.net.output.bias.detach().cpu().numpy().astype(np.float64)
        found = np.tile(bias, (len(texts), 1))
        for group in groups([len(text) for text in texts], _TOGETHER):
            some = [texts[number] for number in group]
            arrays = [source.arrays(some) for source in self.sources]
            scores = self.net(inputs_of(some, arrays, None, False, self.net.output.weight.device))
            found[group] = scores.double().cpu().numpy()
        return found
