"""The neural cache: words that followed a like state a while ago are likelier now (Grave, Joulin and Usunier 2017)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from firth.config import Config, option
from firth.lm.base import BaseLanguageModel
from firth.lm.net_model import NetModel, NetState
from firth.protocols import Float64, Int32

__all__ = ["CacheState", "CachedModel", "NeuralCache"]

_BLOCK = 256  # predictions that are held against the cache together


@dataclasses.dataclass(frozen=True)
class NeuralCache(Config):
    """Settings of the cache; choose them on held-out text.

    Examples
    --------
    >>> NeuralCache(window=500).share
    0.1
    """

    window: int = option(2000, "predictions that are kept", minimum=1)
    share: float = option(0.1, "lambda: what the cache has of the probability", minimum=0, maximum=1)
    flatness: float = option(0.3, "theta: how much likeness of states counts", minimum=0)


@dataclasses.dataclass(frozen=True)
class CacheState:
    """What was read.

    Attributes
    ----------
    inner : NetState
    keys : Tensor, shape (n, n_out)
        States from which the last words were predicted, the latest at the end.
    words : Tensor of int64, shape (n,)
        What followed each.
    """

    inner: NetState
    keys: Tensor
    words: Tensor


class CachedModel(BaseLanguageModel):
    """A recurrent language model with a cache of its own states.

    p(w) = (1 - lambda) p_model(w) + lambda p_cache(w), where p_cache(w) is proportional to the sum of
    exp(theta h_t . h_i) over the kept i that w followed (equations 3 to 5). An empty cache leaves the model alone.

    Parameters
    ----------
    model : NetModel
    settings : NeuralCache, optional
    """

    carries = True

    def __init__(self, model: NetModel, settings: NeuralCache | None = None) -> None:
        super().__init__(model.lexicon, model.metadata)
        self.model, self.settings = model, settings or NeuralCache()

    def start(self) -> CacheState:
        """Return the state before a text: nothing is in the cache."""
        hidden, inner = self.model.hidden(np.zeros(0, np.int32), self.model.start())
        return CacheState(inner, hidden, self.model.tensor([]))

    def score(self, ids: Int32, state: CacheState) -> tuple[Float64, CacheState]:
        """Return the log probability of each id, and the state after the last."""
        (plain, cached), state = self.score_each(ids, state, [self.settings.flatness])
        share = self.settings.share
        with np.errstate(divide="ignore"):
            return np.logaddexp(plain + np.log(1 - share), cached + np.log(share)), state

    @torch.no_grad()
    def score_each(self, ids: Int32, state: CacheState, flatness: Sequence[float]) -> tuple[Float64, CacheState]:
        """Return the log probabilities by the model, then by the cache of each flatness, and the state after the last.

        They have the shape (1 + n_flatness, n). Where the cache is empty it says what the model says; a word that it
        does not hold has -inf.
        """
        found = []
        for first in range(0, len(ids), _BLOCK):
            piece = ids[first : first + _BLOCK]
            hidden, inner = self.model.hidden(piece, state.inner)
            words = self.model.tensor(piece)
            keys, followed = torch.cat([state.keys, hidden]), torch.cat([state.words, words])
            plain = self.model.net.softmax.picked(hidden, words).double()
            likeness, seen, filled = self._likeness(hidden, keys, len(state.keys))
            rows = [plain]
            for theta in flatness:
                cached = (_weights(theta * likeness, seen, filled) * (followed == words[:, None])).sum(1)
                rows.append(torch.where(filled, cached.log(), plain))
            found.append(torch.stack(rows).cpu().numpy())
            window = self.settings.window
            state = CacheState(inner, keys[-window:].clone(), followed[-window:].clone())
        return np.concatenate(found, axis=1) if found else np.zeros((1 + len(flatness), 0)), state

    def _likeness(self, hidden: Tensor, keys: Tensor, before: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return h_t . h_i of each prediction and key, which keys it may look at, and where there are any.

        Prediction t may look at the ``window`` keys before its own, whose place is ``before + t``.
        """
        own = before + torch.arange(len(hidden), device=hidden.device)[:, None]
        places = torch.arange(len(keys), device=hidden.device)
        seen = (places < own) & (places >= own - self.settings.window)
        return (hidden @ keys.t()).double(), seen, seen.any(1)

    def _mixed(self, plain: Tensor, cached: Tensor, filled: Tensor) -> Tensor:
        share = self.settings.share
        return torch.where(filled, ((1 - share) * plain.exp() + share * cached).log(), plain)

    @torch.no_grad()
    def next_log_probs(self, state: CacheState) -> Float64:
        """Return the log probability of each possible next id."""
        plain = torch.as_tensor(self.model.next_log_probs(state.inner))
        if not len(state.keys):
            return plain.numpy()
        hidden, _ = self.model.hidden(np.array([self.lexicon.eos], np.int32), state.inner)
        likeness, seen, filled = self._likeness(hidden, torch.cat([state.keys, hidden]), len(state.keys))
        weights = _weights(self.settings.flatness * likeness, seen, filled)
        cached = torch.zeros(len(plain), dtype=torch.double, device=hidden.device)
        cached.index_add_(0, state.words, weights[0, :-1])
        return np.asarray(self._mixed(plain, cached.cpu(), filled.cpu()).numpy())


def _weights(scores: Tensor, seen: Tensor, filled: Tensor) -> Tensor:
    """Return what each key weighs for each prediction, (n, n_keys), of sum one where any is seen."""
    return scores.masked_fill(~seen, -torch.inf).masked_fill(~filled[:, None], 0.0).softmax(1) * seen
