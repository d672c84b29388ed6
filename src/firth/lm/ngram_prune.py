"""Dropping n-grams from a model, so that what is left stays a model.

The table stays closed: an n-gram is dropped only where no longer one that is kept begins or ends with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from firth.lm.ngram_table import Level, NGramTable
from firth.protocols import Float64

__all__ = ["keep_only", "prune_by_entropy"]

_LN10 = np.log(10.0)
_BLOCK = 1 << 20  # n-grams that are weighed together


def keep_only(table: NGramTable, keep: list[NDArray[np.uint8]]) -> NGramTable:
    """Return a table of some of the n-grams.

    Parameters
    ----------
    table : NGramTable
    keep : list of ndarray of uint8, shape (n,)
        By level, 1 for those that stay; closed under first words and last words.
    """
    levels: list[Level] = []
    places = [np.concatenate([np.zeros(1, np.int32), np.cumsum(level, dtype=np.int32)]) for level in keep]
    for k, level in enumerate(table.levels):
        stay = keep[k].view(np.bool_)
        suffix = places[k - 1][level.suffix[stay]] if k else level.suffix
        last = k + 1 == table.order
        first = (
            level.first if last else places[k + 1][np.append(level.first[:-1][stay], level.first[-1])].astype(np.int64)
        )
        backoff = level.backoff if last else level.backoff[stay]
        levels.append(Level(level.word[stay], suffix, level.log_prob[stay], backoff, first))
    return NGramTable(tuple(levels))


def prune_by_entropy(table: NGramTable, threshold: float, *, bos: int, eos: int) -> NGramTable:
    """Drop n-grams whose loss changes the model little, and mend the back-off weights.

    The change is the relative entropy between the model with and without one n-gram (Stolcke 1998, "Entropy-based
    Pruning of Backoff Language Models", equation 3), each alone; it is dropped where the perplexity over the model's
    own text would rise by a share below ``threshold``. The longest n-grams are tried first. ``<bos>`` is as probable
    as ``<eos>``.

    Parameters
    ----------
    table : NGramTable
    threshold : float
        1e-8 is mild, 1e-6 strong.
    bos, eos : int
        Nodes of level 0.

    Returns
    -------
    NGramTable
    """
    keep = [np.ones(len(level), np.uint8) for level in table.levels]
    backoffs = [level.backoff.copy() for level in table.levels]
    contexts = _context_log_probs(table, bos, eos)
    for k in range(table.order - 1, 0, -1):
        needed = _needed(table, keep, k)
        for family in _families(table, k):
            change = _weigh(family, contexts[k - 1])
            dropped = (change < threshold) & ~needed[family.children]
            keep[k][family.children] = ~dropped
            _mend(family, dropped, backoffs[k - 1])
    levels = (dataclasses.replace(level, backoff=own) for level, own in zip(table.levels, backoffs, strict=True))
    return keep_only(NGramTable(tuple(levels)), keep)


def _context_log_probs(table: NGramTable, bos: int, eos: int) -> list[Float64]:
    """Return the natural log probability of each n-gram as a run of words, of all levels but the last."""
    found: list[Float64] = []
    for k, level in enumerate(table.levels[:-1]):
        own = level.log_prob.astype(np.float64) * _LN10
        if k:
            own += np.repeat(found[-1], np.diff(table.levels[k - 1].first))
        else:
            own[bos] = own[eos]
        found.append(own)
    return found


def _needed(table: NGramTable, keep: list[NDArray[np.uint8]], k: int) -> NDArray[np.bool_]:
    """Return which n-grams of a level a kept one of the level above begins or ends with."""
    level = table.levels[k]
    if k + 1 == table.order:
        return np.zeros(len(level), np.bool_)
    kept = np.flatnonzero(keep[k + 1])
    found: NDArray[np.bool_] = np.diff(np.searchsorted(kept, level.first)) > 0
    found[table.levels[k + 1].suffix[kept]] = True
    return found


@dataclasses.dataclass(frozen=True)
class _Family:
    """Some contexts of one length, which all have continuations, and these.

    ``prob`` and ``lower`` are p(w | h) and p(w | h') of each continuation. ``left`` and ``left_lower`` are what the
    continuations of each context leave of 1 of the two: their quotient is the context's back-off weight.
    """

    contexts: NDArray[np.int64]
    children: slice
    starts: NDArray[np.int64]
    prob: Float64
    lower: Float64
    left: Float64
    left_lower: Float64

    def spread(self, values: Float64) -> Float64:
        """Return a number of each context for each of its continuations."""
        return np.repeat(values, np.diff(np.append(self.starts, len(self.prob))))


def _families(table: NGramTable, k: int) -> Iterator[_Family]:
    below, level = table.levels[k - 1], table.levels[k]
    begin = 0
    while begin < len(below):
        end = int(np.searchsorted(below.first, below.first[begin] + _BLOCK, side="right")) - 1
        end = min(max(end, begin + 1), len(below))
        first = below.first[begin : end + 1]
        children = slice(int(first[0]), int(first[-1]))
        full = np.flatnonzero(np.diff(first))
        if len(full):
            starts = first[full] - first[0]
            prob = np.power(10.0, level.log_prob[children].astype(np.float64))
            lower = np.power(10.0, below.log_prob[level.suffix[children]].astype(np.float64))
            left_lower = np.maximum(1 - np.add.reduceat(lower, starts), 0)
            left = np.power(10.0, below.backoff[begin + full].astype(np.float64)) * left_lower
            yield _Family(begin + full, children, starts, prob, lower, left, left_lower)
        begin = end


def _weigh(family: _Family, contexts: Float64) -> Float64:
    """Return by what share the perplexity rises for the loss of each continuation."""
    left, left_lower = family.spread(family.left), family.spread(family.left_lower)
    log_new = np.log(left + family.prob) - np.log(left_lower + family.lower)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_old = np.where(left > 0, np.log(left) - np.log(left_lower), 0.0)
    own = family.prob * (np.log(family.lower) + log_new - np.log(family.prob))
    divergence = -np.exp(family.spread(contexts[family.contexts])) * (own + left * (log_new - log_old))
    change: Float64 = np.expm1(divergence)
    return change


def _mend(family: _Family, dropped: NDArray[np.bool_], backoff: NDArray[np.float32]) -> None:
    """Give what the dropped had to the back-off weights of their contexts."""
    changed = np.add.reduceat(dropped.astype(np.int64), family.starts) > 0
    left = family.left + np.add.reduceat(np.where(dropped, family.prob, 0.0), family.starts)
    left_lower = family.left_lower + np.add.reduceat(np.where(dropped, family.lower, 0.0), family.starts)
    backoff[family.contexts[changed]] = np.log10(left[changed] / left_lower[changed])
