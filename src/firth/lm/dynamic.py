"""Dynamic evaluation: the model goes on learning from the text that it is measured on (Krause et al. 2018).

Each stretch of the text is predicted first, and learnt from afterwards: no word is seen before it is predicted.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from firth.config import Config, option
from firth.errors import ConfigError
from firth.lm.base import BaseLanguageModel
from firth.lm.lexicon import Lexicon
from firth.lm.net_model import NetModel, NetState
from firth.lm.rnn_batches import side_by_side
from firth.protocols import Float64, Int32
from firth.text.corpus import Corpus

__all__ = ["Dynamic", "DynamicModel", "DynamicState", "mean_squares"]

Tensors = Mapping[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Dynamic(Config):
    """Settings of dynamic evaluation; choose them on held-out text.

    Examples
    --------
    >>> Dynamic(update="sgd", rate=0.1).stretch
    5
    """

    update: str = option("rms", "sgd; or rms, which divides by the gradient's size in training", choices=("sgd", "rms"))
    rate: float = option(1e-4, "eta: learning rate; for sgd some 0.01 to 1", minimum=0)
    decay: float = option(1e-3, "lambda: pull back to the trained parameters", minimum=0, maximum=1)
    epsilon: float = option(1e-5, "summand below the line (rms)", minimum=0)
    stretch: int = option(5, "predictions between two updates", minimum=1)
    clip: float = option(0.0, "longest gradient; 0 is no limit", minimum=0)


@dataclasses.dataclass(frozen=True)
class DynamicState:
    """What was read, and what was learnt of it.

    Attributes
    ----------
    before : NetState
        At the start of the stretch at work.
    pending : ndarray of int32
        The stretch's words so far.
    parameters : mapping from str to Tensor, or None
        Those changed so far; None before the first update.
    """

    before: NetState
    pending: Int32
    parameters: Tensors | None


class DynamicModel(BaseLanguageModel):
    """A recurrent language model under dynamic evaluation.

    After each stretch, with g the gradient of its mean loss, t0 the trained parameters:
    t <- t - eta g + lambda (t0 - t) (sgd), or t <- t - eta g / (r + epsilon) + min(lambda r / mean(r), 1) (t0 - t)
    (rms), where r is the root of g's mean square in training (section 4 of the paper).

    Parameters
    ----------
    model : NetModel
        It is left as it is.
    settings : Dynamic, optional
    squares : mapping from str to Tensor, optional
        Mean squares of the gradients, as :func:`mean_squares` finds them; rms needs them.
    """

    carries = True

    def __init__(self, model: NetModel, settings: Dynamic | None = None, squares: Tensors | None = None) -> None:
        super().__init__(model.lexicon, model.metadata)
        self.settings = settings or Dynamic()
        self.trained = {name: value.detach().clone() for name, value in model.net.named_parameters()}
        self._work = NetModel(model.lexicon, copy.deepcopy(model.net), model.metadata)
        self._roots: dict[str, Tensor] = {}
        if self.settings.update == "rms":
            if squares is None:
                raise ConfigError("update rms needs the gradients' mean squares", remedy="give squares, or update sgd")
            self._roots = {name: squares[name].sqrt() for name in self.trained}
            mean = torch.cat([root.flatten() for root in self._roots.values()]).mean()
            self._pull = {
                name: (self.settings.decay * root / mean).clamp_(max=1.0) for name, root in self._roots.items()
            }

    def start(self) -> DynamicState:
        """Return the state before a text: nothing was learnt."""
        return DynamicState(self._work.start(), np.zeros(0, np.int32), None)

    def score(self, ids: Int32, state: DynamicState) -> tuple[Float64, DynamicState]:
        """Return the log probability of each id, and the state after the last."""
        found, before, pending, stretch = [], state.before, state.pending, self.settings.stretch
        self._put(state.parameters)
        changed, at = state.parameters is not None, 0
        while at < len(ids):
            piece = ids[at : at + stretch - len(pending)]
            whole = np.concatenate([pending, piece])
            full = len(whole) == stretch
            with torch.set_grad_enabled(full):
                hidden, after = self._work.hidden(whole, before)
            scores = self._work.net.softmax.picked(hidden.detach(), self._work.tensor(whole))
            found.append(scores[len(pending) :].detach().cpu().double().numpy())
            at += len(piece)
            if full:
                self._learn(hidden, whole)
                before = NetState(tuple(layer.detach() for layer in after.layers), after.last)
                pending, changed = np.zeros(0, np.int32), True
            else:
                pending = whole
        parameters = self._taken() if changed else None
        return np.concatenate(found) if found else np.zeros(0), DynamicState(before, pending, parameters)

    def next_log_probs(self, state: DynamicState) -> Float64:
        """Return the log probability of each possible next id."""
        self._put(state.parameters)
        inner = state.before
        if len(state.pending):
            with torch.no_grad():
                inner = self._work.hidden(state.pending, inner)[1]
        return self._work.next_log_probs(inner)

    def _put(self, parameters: Tensors | None) -> None:
        with torch.no_grad():
            for name, value in self._work.net.named_parameters():
                value.copy_((parameters or self.trained)[name])

    def _taken(self) -> Tensors:
        return {name: value.detach().clone() for name, value in self._work.net.named_parameters()}

    def _learn(self, hidden: Tensor, words: Int32) -> None:
        net, settings = self._work.net, self.settings
        net.zero_grad(set_to_none=True)
        (net.softmax.loss(hidden, self._work.tensor(words)) / len(words)).backward()
        if settings.clip:
            torch.nn.utils.clip_grad_norm_(net.parameters(), settings.clip)
        with torch.no_grad():
            for name, value in net.named_parameters():
                gradient = torch.zeros_like(value) if value.grad is None else value.grad
                back = self.trained[name] - value
                if self._roots:
                    gradient = gradient / (self._roots[name] + settings.epsilon)
                    back = back * self._pull[name]
                else:
                    back = back * settings.decay
                value.sub_(gradient, alpha=settings.rate).add_(back)


def mean_squares(model: NetModel, text: Any, *, batch: int = 100, stretch: int = 5) -> dict[str, Tensor]:
    """Return the mean square of each parameter's gradient over a text, normally that of training.

    Parameters
    ----------
    model : NetModel
    text : Corpus, path, or iterable of str or token lists
    batch : int
        Places that are read side by side; the gradient of their mean is squared, and multiplied by ``batch`` then, so
        that squares are of the size of a single stretch's.
    stretch : int
        As in :class:`Dynamic`.
    """
    corpus = model.corpus_of(text)
    net, lexicon = copy.deepcopy(model.net), model.lexicon
    read, predicted = _places(lexicon, corpus, batch, model.device)
    squares = {name: torch.zeros_like(value) for name, value in net.named_parameters()}
    state, count = net.start(read.shape[1]), 0
    for words, wanted in zip(torch.split(read, stretch), torch.split(predicted, stretch), strict=True):
        net.zero_grad(set_to_none=True)
        hidden, _, after = net(words, state)
        loss = net.softmax.loss(hidden.flatten(0, 1), wanted.reshape(-1)) / wanted.numel()
        loss.backward()
        state, count = [layer.detach() for layer in after], count + 1
        for name, value in net.named_parameters():
            if value.grad is not None:
                squares[name].addcmul_(value.grad, value.grad)
    return {name: value.mul_(read.shape[1] / max(count, 1)) for name, value in squares.items()}


def _places(lexicon: Lexicon, corpus: Corpus, batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
    read, predicted = side_by_side(lexicon.whole(corpus).ids, batch, lexicon.eos)
    return torch.as_tensor(read, device=device), torch.as_tensor(predicted, device=device)
