"""N-gram models spelt out with dicts: slow, written to be read, and what the native estimation is tested against.

An n-gram is a tuple of words. c(g) is how often g occurs, each sentence standing between ``<bos>`` and ``<eos>``;
V is the number of words that are predicted (all, ``<unk>`` and ``<eos>``, but not ``<bos>``); h' is h without its first
word, and for a single word the shorter distribution is the uniform one, 1 / V. N(h) is the number of different words
after h.

=====================  ========================================================================================
mle                    p(w | h) = c(hw) / c(h.)
add-k                  p(w | h) = (c(hw) + k) / (c(h.) + k V) where hw occurs (Lidstone). The other words share what
                       is left, k (V - N(h)) / (c(h.) + k V), in proportion to p(w | h'); for single words evenly,
                       which is add-k itself.
witten-bell            p(w | h) = (c(hw) + N(h) p(w | h')) / (c(h.) + N(h))
                       (Witten and Bell 1991, method C; Chen and Goodman 1999, section 2.5)
absolute               p(w | h) = max(c(hw) - D, 0) / c(h.) + D N(h) / c(h.) p(w | h')   (the same, section 2.6)
kneser-ney             the same, but an n-gram shorter than the longest counts by the number of different words
                       before it, unless it begins with ``<bos>`` (Kneser and Ney 1995; section 2.7)
modified-kneser-ney    with D1, D2, D3 for counts of 1, 2, and more (section 4.1.1, equations 24 to 26)
=====================  ========================================================================================

All are back-off models: where hw does not occur, p(w | h) = b(h) p(w | h'). With mle, b(h) is 0: what was not seen
after a context that was is impossible.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

__all__ = ["BackoffModel", "count_ngrams", "discounts_of", "estimate", "left_counts"]

Gram = tuple[str, ...]
Counts = dict[int, dict[Gram, int]]
Discounts = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class BackoffModel:
    """Probabilities of n-grams, and back-off weights of those that are contexts."""

    prob: dict[Gram, float]
    backoff: dict[Gram, float]
    order: int

    def p(self, word: str, context: Gram) -> float:
        """Return p(word | context)."""
        context = context[max(0, len(context) - self.order + 1) :]
        if (*context, word) in self.prob:
            return self.prob[*context, word]
        return self.backoff.get(context, 1.0) * self.p(word, context[1:])


def count_ngrams(sentences: Iterable[Sequence[str]], order: int) -> Counts:
    """Return how often each n-gram of each order occurs; a lone ``<bos>`` is none."""
    found: Counts = {}
    texts = [("<bos>", *sentence, "<eos>") for sentence in sentences]
    for n in range(1, order + 1):
        found[n] = Counter(words[i : i + n] for words in texts for i in range(len(words) - n + 1))
    found[1].pop(("<bos>",), None)
    return found


def left_counts(counts: Counts) -> Counts:
    """Return the counts of Kneser-Ney."""
    order = max(counts)
    found: Counts = {order: counts[order]}
    for n in range(1, order):
        before = Counter(gram[1:] for gram in counts[n + 1])
        found[n] = {gram: count if gram[0] == "<bos>" else before[gram] for gram, count in counts[n].items()}
    return found


def discounts_of(counts: Iterable[int], smoothing: str, fallback: Discounts | None = None) -> Discounts:
    """Return the discounts of counts of 1, 2, and 3 or more; ``fallback`` where they cannot be estimated."""
    n = Counter(counts)
    if smoothing in ("absolute", "kneser-ney"):
        found = (n[1] / (n[1] + 2 * n[2]),) * 3 if n[1] and n[2] else fallback
    elif n[1] and n[2] and n[3]:
        y = n[1] / (n[1] + 2 * n[2])
        found = 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]
        found = found if min(found) >= 0 else fallback
    else:
        found = fallback
    if found is None:
        raise ZeroDivisionError("no discounts")
    return found


def estimate(
    sentences: Iterable[Sequence[str]],
    outputs: Sequence[str],
    order: int,
    smoothing: str,
    *,
    k: float = 1.0,
    fallback: Discounts | None = None,
    thresholds: Sequence[int] = (),
) -> BackoffModel:
    """Estimate a model.

    Parameters
    ----------
    sentences : iterable of sequences of str
        Of words of ``outputs``.
    outputs : sequence of str
        What is predicted, ``<unk>`` and ``<eos>`` among it.
    order : int
    smoothing : str
        As in the table above.
    k : float
    fallback : (float, float, float), optional
        Discounts in the place of those that cannot be estimated.
    thresholds : sequence of int
        By order: n-grams that occur so often or less are dropped, and their counts go to the shorter context.
    """
    raw = count_ngrams(sentences, order)
    counts = left_counts(raw) if smoothing.endswith("kneser-ney") else raw
    model = BackoffModel({}, {}, order)
    for n in range(1, order + 1):
        least = thresholds[n - 1] if thresholds else 0
        families: dict[Gram, dict[str, int]] = defaultdict(dict)
        for gram, count in counts[n].items():
            families[gram[:-1]][gram[-1]] = count
        d = (0.0, 0.0, 0.0)
        if smoothing in ("absolute", "kneser-ney", "modified-kneser-ney"):
            d = discounts_of(counts[n].values(), smoothing, fallback)
        for h, after in families.items():
            lower = {w: model.p(w, h[1:]) if h else 1 / len(outputs) for w in outputs}
            kept = {w: c for w, c in after.items() if raw[n][*h, w] > least}
            own, rest = _shares(after, kept, smoothing, d, k=k, n_outputs=len(outputs))
            additive = smoothing in ("mle", "add-k")
            if additive:  # the rest belongs to the other words alone
                others = sum(p for w, p in lower.items() if w not in kept)
                rest = rest / others if rest and others else 0.0
            for w in outputs if n == 1 else kept:
                model.prob[*h, w] = own.get(w, 0.0) + (0.0 if additive and w in kept else rest * lower[w])
            if h:
                model.backoff[h] = rest
    return model


def _shares(
    after: dict[str, int], kept: dict[str, int], smoothing: str, d: Discounts, *, k: float, n_outputs: int
) -> tuple[dict[str, float], float]:
    """Return what each kept word has of its own after a context, and what is left."""
    total = sum(after.values())
    dropped = total - sum(kept.values())
    if smoothing in ("mle", "add-k"):
        k = k if smoothing == "add-k" else 0.0
        whole = total + k * n_outputs
        return {w: (c + k) / whole for w, c in kept.items()}, (k * (n_outputs - len(kept)) + dropped) / whole
    if smoothing == "witten-bell":
        whole = total + len(after)
        return {w: c / whole for w, c in kept.items()}, (len(after) + dropped) / whole
    less = {w: d[min(c, 3) - 1] for w, c in kept.items()}
    return {w: (c - less[w]) / total for w, c in kept.items()}, (sum(less.values()) + dropped) / total
