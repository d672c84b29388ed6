"""The neural cache's share and flatness, chosen on held-out text."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from firth.errors import DataError
from firth.lm.mixture import fit_shares
from firth.lm.net_model import NetModel
from firth.lm.neural_cache import CachedModel, NeuralCache

__all__ = ["FittedCache", "fit_cache"]

_FLATNESS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)


@dataclasses.dataclass(frozen=True)
class FittedCache:
    """What fitting found: settings, and the perplexity of the held-out text with them."""

    settings: NeuralCache
    perplexity: float


def fit_cache(model: NetModel, text: Any, window: int = 2000) -> FittedCache:
    """Choose the flatness from a grid (0.05 to 1), and the share for each by EM.

    Parameters
    ----------
    model : NetModel
    text : Corpus, path, or iterable of str or token lists
        Held-out text, neither that of training nor that of the measurement.
    window : int
        Predictions that the cache keeps.

    Raises
    ------
    DataError
        When the text is empty.
    """
    ids = model.lexicon.whole(model.corpus_of(text)).ids
    if not len(ids):
        raise DataError("there is nothing to fit the cache on", got="an empty text")
    cached = CachedModel(model, NeuralCache(window=window))
    plain, *each = cached.score_each(ids, cached.start(), _FLATNESS)[0]
    found = []
    for flatness, scores in zip(_FLATNESS, each, strict=True):
        fitted = fit_shares(np.stack([plain, scores]))
        settings = NeuralCache(window=window, share=fitted.shares[1], flatness=flatness)
        found.append(FittedCache(settings, fitted.perplexity))
    return min(found, key=lambda one: one.perplexity)
