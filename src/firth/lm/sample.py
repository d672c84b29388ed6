"""Drawing sentences from a language model: temperature, top-k, top-p (Holtzman et al. 2020, section 3.1)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from firth.config import Config, option
from firth.protocols import Float64, Sentence

if TYPE_CHECKING:
    from firth.lm.base import BaseLanguageModel

__all__ = ["Sampling", "draw", "weights"]


@dataclasses.dataclass(frozen=True)
class Sampling(Config):
    """How words are drawn.

    Examples
    --------
    >>> Sampling(top_k=10).temperature
    1.0
    """

    temperature: float = option(1.0, "power 1 / T of the probabilities; 0 takes the likeliest word", minimum=0)
    top_k: int | None = option(None, "draw among the k likeliest words", minimum=1)
    top_p: float | None = option(None, "draw among the likeliest words that make up this much", minimum=0, maximum=1)
    longest: int = option(100, "words of a sentence at most", minimum=1)
    unknown: bool = option(False, "let <unk> be drawn")
    seed: int = option(1, "seed of the draws", minimum=0)


def weights(log_probs: Float64, sampling: Sampling) -> Float64:
    """Return the probabilities that a word is drawn with, shape ``(n_outputs,)``, summing to one.

    Examples
    --------
    >>> weights(np.log([0.5, 0.3, 0.2]), Sampling(top_p=0.6)).round(3).tolist()
    [0.625, 0.375, 0.0]
    """
    if sampling.temperature == 0:
        best = np.zeros(len(log_probs))
        best[int(np.argmax(log_probs))] = 1.0
        return best
    scaled = np.exp((log_probs - log_probs.max()) / sampling.temperature)
    order = np.argsort(-scaled, kind="stable")
    kept = len(order) if sampling.top_k is None else min(sampling.top_k, len(order))
    if sampling.top_p is not None:
        before = np.cumsum(scaled[order]) - scaled[order]
        kept = min(kept, max(int(np.count_nonzero(before < sampling.top_p * scaled.sum())), 1))
    scaled[order[kept:]] = 0.0
    return np.asarray(scaled / scaled.sum())


def draw(model: BaseLanguageModel, n: int, sampling: Sampling, context: Sentence) -> list[list[str]]:
    """Draw ``n`` sentences that go on from ``context``; sentence i has a stream of random numbers of its own."""
    start, words, lexicon = model.read(context), model.vocab.words, model.lexicon
    found = []
    for generator in np.random.default_rng(sampling.seed).spawn(n):
        sentence, state = list(context), start
        while len(sentence) < sampling.longest:
            log_probs = model.next_log_probs(state).copy()
            if not sampling.unknown:
                log_probs[lexicon.unk] = -np.inf
            word = int(generator.choice(len(log_probs), p=weights(log_probs, sampling)))
            if word == lexicon.eos:
                break
            sentence.append(words[word])
            state = model.score(np.array([word], np.int32), state)[1]
        found.append(sentence)
    return found
