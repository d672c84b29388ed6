"""From counts of n-grams to probabilities and back-off weights, by the methods that :data:`SMOOTHINGS` lists.

Each is read off :mod:`firth.lm.ngram_reference`, which says them as equations; the passes over the levels are those
of ``native/ngram_estimate``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import DataError
from firth.events import Listener, Notice
from firth.lm.ngram_counts import NGramCounts
from firth.lm.ngram_room import Room
from firth.lm.ngram_table import Level, NGramTable
from firth.protocols import Float32

__all__ = ["SMOOTHINGS", "Discounts", "Smoothing", "estimate", "estimate_discounts"]

SMOOTHINGS = ("mle", "add-k", "witten-bell", "absolute", "kneser-ney", "modified-kneser-ney")
_KINDS = {"mle": "additive", "add-k": "additive", "witten-bell": "witten-bell"}

Discounts = tuple[float, float, float]
"""What is taken from counts of 1, of 2, and of 3 or more."""

ZERO = -99.0
"""Base-10 logarithm that stands for a probability of 0, as in ARPA files."""


@dataclasses.dataclass(frozen=True)
class Smoothing:
    """A method with its numbers.

    Attributes
    ----------
    name : str
        One of :data:`SMOOTHINGS`.
    k : float
        Of ``add-k``.
    fallback : tuple of float
        Discounts in the place of those that cannot be estimated; empty: that is an error.
    """

    name: str
    k: float = 1.0
    fallback: tuple[float, ...] = ()

    @property
    def kind(self) -> str:
        """The rule of ``native/ngram_estimate``."""
        return _KINDS.get(self.name, "discount")

    @property
    def continuation(self) -> bool:
        """Whether shorter n-grams count by the words before them."""
        return self.name.endswith("kneser-ney")


def estimate_discounts(smoothing: Smoothing, counts: NDArray[np.uint32], order: int, listen: Listener) -> Discounts:
    """Return the discounts of one order from how many n-grams have counts of 1, 2, 3 and 4.

    One discount n1 / (n1 + 2 n2) (Ney, Essen and Kneser 1994), or three (Chen and Goodman 1999, equation 26).

    Raises
    ------
    DataError
        When there are none of a count that is needed, or a discount comes out outside its range.
    """
    n = [int(np.count_nonzero(counts == c)) for c in range(1, 5)]
    wanted = 3 if smoothing.name == "modified-kneser-ney" else 2
    lacking = next((c for c in range(1, wanted + 1) if not n[c - 1]), None)
    found: Discounts | None = None
    what = f"no {order}-gram has a count of {lacking}, so its discount cannot be estimated"
    if lacking is None:
        y = n[0] / (n[0] + 2 * n[1])
        found = (
            (1 - 2 * y * n[1] / n[0], 2 - 3 * y * n[2] / n[1], 3 - 4 * y * n[3] / n[2]) if wanted == 3 else (y, y, y)
        )
        bad = next((c for c in range(3) if not 0 <= found[c] <= c + 1), None)
        if bad is None:
            return found
        what = f"the discount of {order}-grams with a count of {bad + 1} is out of range: {found[bad]:.3g}"
    if not smoothing.fallback:
        remedy = "give more natural text, --fallback-discounts 0.5 1 1.5, or another --smoothing, such as witten-bell"
        raise DataError(what, remedy=remedy)
    a, b, c = smoothing.fallback if len(smoothing.fallback) == 3 else smoothing.fallback * 3
    listen(Notice(f"{what}; {a:g} {b:g} {c:g} taken"))
    return a, b, c


@dataclasses.dataclass(frozen=True)
class _Passes:
    """The passes over the levels of one trie."""

    counts: NGramCounts
    smoothing: Smoothing
    n_outputs: int
    discounts: list[Discounts]
    keep: list[NDArray[np.uint8]]
    threads: int
    room: Room

    @property
    def real(self) -> Any:
        """What probabilities are kept in on the way: differences are taken of those of the additive rule."""
        return np.float64 if self.smoothing.kind == "additive" else np.float32

    def unigrams(self) -> NDArray[Any]:
        """Return the probabilities of single words, whose shorter context is: all are alike."""
        counts = self.counts.counts[0][: self.n_outputs].astype(np.float64)
        total, types = counts.sum(), np.count_nonzero(counts)
        found: NDArray[Any] = np.ones(len(self.counts.counts[0]), self.real)  # <bos> is sure
        if self.smoothing.kind == "additive":
            found[: self.n_outputs] = (counts + self.smoothing.k) / (total + self.smoothing.k * self.n_outputs)
            return found
        if self.smoothing.kind == "witten-bell":
            own, rest, total = counts, float(types), total + types
        else:
            less = np.array([0.0, *self.discounts[0]])[np.minimum(counts, 3).astype(np.int64)]
            own, rest = counts - less, float(less.sum())
        found[: self.n_outputs] = own / total + rest / total / self.n_outputs
        return found

    def above(self, k: int, lower: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the probabilities of level ``k`` and the weights of level ``k - 1``, given its probabilities."""
        c, room = self.counts, self.room
        out, gamma = room.empty(len(c.words[k]), self.real), room.empty(len(lower), self.real)
        keep = self.keep[k] if self.keep else np.zeros(0, np.uint8)
        rule = self.smoothing.kind, list(self.discounts[k]), self.smoothing.k, float(self.n_outputs)
        _core.ngram_estimate(c.firsts[k - 1], c.suffixes[k], c.counts[k], keep, *rule, lower, out, gamma, self.threads)
        room.give_back(c.counts[k])
        c.counts[k] = np.zeros(0, np.uint32)
        return out, gamma

    def logs(self, values: NDArray[Any]) -> Float32:
        found = values if values.dtype == np.float32 else self.room.empty(len(values), np.float32)
        _core.ngram_logs(values, found, self.threads)
        if found is not values:
            self.room.give_back(values)
        return found


def estimate(
    counts: NGramCounts,
    smoothing: Smoothing,
    *,
    n_outputs: int,
    thresholds: tuple[int, ...] = (),
    threads: int,
    room: Room,
    listen: Listener,
) -> tuple[NGramTable, list[NDArray[np.uint8]], list[Discounts]]:
    """Estimate a model.

    Parameters
    ----------
    counts : NGramCounts
        Used up: its arrays become those of the table, or are dropped.
    smoothing : Smoothing
    n_outputs : int
        Words that are predicted: ids below.
    thresholds : tuple of int
        By order: n-grams that occur so often or less get no probability of their own. Empty: all do.
    threads, room, listen
        As for counting.

    Returns
    -------
    NGramTable
        With all n-grams; those under a threshold are still to be dropped.
    list of ndarray of uint8
        By level, which are to be kept; empty where all are.
    list of (float, float, float)
        The discounts of each order; zeros for a method without.
    """
    keep = [(level > least).astype(np.uint8) for level, least in zip(counts.counts, thresholds, strict=False)]
    if keep:
        keep[0][:] = 1
    if smoothing.continuation:
        counts.to_left_counts(threads)
    discounts: list[Discounts] = [(0.0, 0.0, 0.0)] * counts.order
    if smoothing.kind == "discount":
        levels = [counts.counts[0][:n_outputs], *counts.counts[1:]]
        discounts = [estimate_discounts(smoothing, level, k + 1, listen) for k, level in enumerate(levels)]
    passes = _Passes(counts, smoothing, n_outputs, discounts, keep, threads, room)
    lower, found = passes.unigrams(), []
    none = np.zeros(0, np.float32)
    for k in range(1, counts.order):
        out, gamma = passes.above(k, lower)
        found.append((passes.logs(lower), passes.logs(gamma)))
        lower = out
    found.append((passes.logs(lower), none))
    found[0][0][n_outputs:] = ZERO
    firsts = [*counts.firsts, np.zeros(0, np.int64)]
    arrays = zip(counts.words, counts.suffixes, found, firsts, strict=True)
    return NGramTable(tuple(Level(w, s, p, b, f) for w, s, (p, b), f in arrays)), keep, discounts
