"""The twin of :mod:`firth.seq2seq.search`: beam search in plain Python, one source at a time, written to be read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

__all__ = ["beam_search", "every_sequence", "score"]

Said = Callable[[tuple[int, ...]], tuple[Sequence[float], Sequence[float]]]


def score(log_prob: float, length: int, coverage: Sequence[float], alpha: float, beta: float) -> float:
    """Return s(Y) of Wu et al. 2016, equation 14."""
    penalty = math.pow(5 + length, alpha) / math.pow(5 + 1, alpha)
    return log_prob / penalty + beta * sum(math.log(min(max(each, 1e-30), 1.0)) for each in coverage)


def beam_search(  # noqa: PLR0917
    said: Said, end: int, beam: int, longest: int, alpha: float = 0.0, beta: float = 0.0
) -> list[tuple[float, float, tuple[int, ...]]]:
    """Return (score, log probability, words) of the finished sequences, best first.

    Parameters
    ----------
    said : callable
        From a beginning to the log probability of each next word, and the weight of each source step.
    end : int
        The word that ends a sequence.
    beam, longest : int
    alpha, beta : float

    Examples
    --------
    >>> coin = [math.log(0.5), math.log(0.5)]
    >>> [words for _, _, words in beam_search(lambda words: (coin, [1.0]), end=0, beam=2, longest=5)]
    [(0,), (1, 0)]
    """
    beginnings: list[tuple[float, tuple[int, ...], list[float]]] = [(0.0, (), [])]
    finished: list[tuple[float, float, tuple[int, ...]]] = []
    for _ in range(longest):
        extended = []
        for log_prob, words, coverage in beginnings:
            log_probs, weights = said(words)
            sums = [a + b for a, b in zip(coverage or [0.0] * len(weights), weights, strict=True)]
            extended += [
                (log_prob + own, (*words, word), sums) for word, own in enumerate(log_probs) if own > -math.inf
            ]
        extended = sorted(extended, key=lambda each: -each[0])[: 2 * beam]
        for log_prob, words, coverage in extended[:beam]:
            if words[-1] == end:
                finished.append((score(log_prob, len(words), coverage, alpha, beta), log_prob, words))
        beginnings = [each for each in extended if each[1][-1] != end][:beam]
        if len(finished) >= beam or not beginnings:
            break
    for log_prob, words, coverage in beginnings[: max(beam - len(finished), 0)]:
        finished.append((score(log_prob, len(words), coverage, alpha, beta), log_prob, words))
    return sorted(finished, key=lambda each: -each[0])


def every_sequence(said: Said, end: int, longest: int) -> list[tuple[float, tuple[int, ...]]]:
    """Return (log probability, words) of every sequence that ends within ``longest`` words, likeliest first."""
    found: list[tuple[float, tuple[int, ...]]] = []
    waiting: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    while waiting:
        log_prob, words = waiting.pop()
        for word, own in enumerate(said(words)[0]):
            if own == -math.inf:
                continue
            longer = (log_prob + own, (*words, word))
            if word == end:
                found.append(longer)
            elif len(words) + 1 < longest:
                waiting.append(longer)
    return sorted(found, key=lambda each: -each[0])
