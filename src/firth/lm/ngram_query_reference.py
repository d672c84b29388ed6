"""What ``native/ngram_query.cpp`` computes, written to be read: the oracle of its tests."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from firth.lm.ngram_table import NGramTable

__all__ = ["as_dicts", "reference_scores"]

Gram = tuple[int, ...]


def as_dicts(table: NGramTable) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """Return log probability and back-off weight (base 10) of each n-gram, by its words.

    Examples
    --------
    >>> from firth.lm.ngram_table import Level
    >>> none, word = np.zeros(0, np.int32), np.arange(2, dtype=np.int32)
    >>> logs = np.float32([-0.5, -99])
    >>> table = NGramTable((Level(word, none, logs, none.astype(np.float32), none.astype(np.int64)),))
    >>> as_dicts(table)
    ({(0,): -0.5, (1,): -99.0}, {})
    """
    log_probs: dict[Gram, float] = {}
    backoffs: dict[Gram, float] = {}
    below: list[Gram] = [()]
    starts = np.array([0, len(table.levels[0])])
    for level in table.levels:
        parents = np.repeat(np.arange(len(below)), np.diff(starts))
        grams = [(*below[parent], int(word)) for parent, word in zip(parents, level.word, strict=True)]
        log_probs |= zip(grams, map(float, level.log_prob), strict=True)
        if len(level.backoff):
            backoffs |= zip(grams, map(float, level.backoff), strict=True)
        below, starts = grams, level.first
    return log_probs, backoffs


def reference_scores(
    table: NGramTable, ids: Iterable[int], *, bos: int, eos: int, context: Gram | None = None
) -> tuple[list[float], list[int]]:
    """Return the natural log probability of each id and the length of the n-gram that gave it.

    Parameters
    ----------
    table : NGramTable
    ids : iterable of int
        Any number of sentences.
    bos, eos : int
        Ids of the marks.
    context : tuple of int, optional
        The words before; by default ``<bos>``.
    """
    log_probs, backoffs = as_dicts(table)
    scores, lengths = [], []
    before: Gram = (bos,) if context is None else context
    for word in ids:
        seen = before[max(0, len(before) - table.order + 1) :] if table.order > 1 else ()
        paid = 0.0
        while (*seen, word) not in log_probs:
            paid += backoffs.get(seen, 0.0)
            seen = seen[1:]
        scores.append((paid + log_probs[(*seen, word)]) * float(np.log(10)))
        lengths.append(len(seen) + 1)
        before = (bos,) if word == eos else (*before, word)
    return scores, lengths
