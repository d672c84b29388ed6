"""NumPy twins of the native kernels of log-linear models and of word classes, written to be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firth.lm.context_tree import Grown
from firth.lm.lexicon import Lexicon
from firth.lm.word_classes import log_likelihood
from firth.protocols import Float64, Int32

__all__ = ["exchange", "objective"]


def objective(
    grown: Grown, contexts: Sequence[Int32], targets: Int32, weights: Float64, l2: float
) -> tuple[float, Float64]:
    """Return minus the mean log probability of the examples, with L2, and its gradient.

    With f the features of an example's context, the gradient of -log P(y | h) is the sum over all targets w of
    P(w | h) f(h, w), less f(h, y) (Berger, Della Pietra and Della Pietra 1996, section 4).
    """
    value, gradient = 0.0, np.zeros(len(weights))
    for example, target in enumerate(targets):
        path = grown.tree.find([int(symbols[example]) for symbols in contexts])
        spans = [slice(int(grown.tree.first[node]), int(grown.tree.first[node + 1])) for node in path]
        root = grown.tree.target[spans[0]]
        scores = np.zeros(len(root))
        for span in spans:
            scores[np.searchsorted(root, grown.tree.target[span])] += weights[span]
        law = np.exp(scores - scores.max())
        law /= law.sum()
        value -= float(np.log(law[np.searchsorted(root, target)]))
        for span in spans:
            gradient[span] += law[np.searchsorted(root, grown.tree.target[span])]
            gradient[span] -= grown.tree.target[span] == target
    n = len(targets)
    return (value + 0.5 * l2 * float(weights @ weights)) / n, (gradient + l2 * weights) / n


def exchange(ids: Int32, classes: Int32, lexicon: Lexicon, n_classes: int, sweeps: int) -> Int32:
    """Move each word but ``<bos>`` to the likeliest class below ``n_classes``, the whole likelihood taken anew."""
    classes = classes.copy()
    for _ in range(sweeps):
        before = classes.copy()
        for word in range(lexicon.n_outputs):
            old, tried = int(classes[word]), np.empty(n_classes)
            for new in range(n_classes):
                classes[word] = new
                tried[new] = log_likelihood(ids, classes, lexicon)
            best = int(np.argmax(tried))
            classes[word] = best if tried[best] > tried[old] + 1e-9 else old
        if (classes == before).all():
            break
    return classes
