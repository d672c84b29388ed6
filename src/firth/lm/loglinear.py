"""One conditional log-linear model over a tree of contexts: fitted by maximum a posteriori, pruned, asked.

    P(w | h) = exp s(h, w) / Z(h),      s(h, w) = sum of the weights of the features (context of h, w)

The contexts of h refine each other, so Z of a context is that of the shorter one with the terms of the few targets that
have a feature of their own replaced (Wu and Khudanpur 2000, "Efficient training methods for maximum entropy language
modeling", section 3). Likelihood and gradient over the whole text cost one pass over the features, not over text times
vocabulary; and a finished model keeps one log Z per context, so a probability is a few look-ups.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from firth import _core
from firth.lm.context_tree import ContextTree, Grown
from firth.lm.owlqn import Minimum, Step, minimise
from firth.protocols import Float32, Float64, Int32

__all__ = ["LogLinear", "Objective", "Penalty", "finished", "fit"]


@dataclasses.dataclass(frozen=True)
class Penalty:
    """What a weight costs, on the scale of counts: ``l1 |w| + l2 w^2 / 2``, to be set against log likelihoods.

    Chen 2009, "Performance prediction for exponential language models", section 2, found 0.5 and 1/6 (a Gaussian
    prior of variance 6) good on texts of many sizes.
    """

    l1: float = 0.5
    l2: float = 1 / 6


class Objective:
    """Minus the mean log probability of the examples, and its gradient; with L2, without L1.

    Parameters
    ----------
    grown : Grown
    penalty : Penalty
    threads : int
        The result is the same for any number.
    """

    def __init__(self, grown: Grown, penalty: Penalty, threads: int = 1) -> None:
        self.grown, self.penalty, self.threads = grown, penalty, threads
        self.n = int(grown.ended.sum())
        self._native: _core.ContextTree = grown.tree.native()
        self._scores, self._sums = np.empty(grown.tree.n_features), np.empty(grown.tree.n_nodes)
        self._mass = np.empty(grown.tree.n_nodes)

    def __call__(self, weights: Float64) -> tuple[float, Float64]:
        grown, native, l2 = self.grown, self._native, self.penalty.l2
        logs = native.forward(grown.ended, grown.above, weights, self._scores, self._sums, self.threads)
        gradient = np.empty(len(weights))
        native.backward(grown.ended, grown.above, self._scores, self._sums, self._mass, gradient, self.threads)
        gradient -= grown.seen
        gradient += l2 * weights
        value = logs - float(np.sum(grown.seen * weights)) + 0.5 * l2 * float(np.sum(weights * weights))
        return value / self.n, gradient / self.n

    def logs(self, weights: Float64) -> tuple[Float64, Float64]:
        """Return s of each feature and log Z of each node."""
        self._native.forward(self.grown.ended, self.grown.above, weights, self._scores, self._sums, self.threads)
        return np.log(self._scores), np.log(self._sums)


def fit(
    grown: Grown,
    penalty: Penalty,
    *,
    iterations: int,
    tolerance: float,
    threads: int = 1,
    watch: Callable[[Step], bool] | None = None,
) -> Minimum:
    """Return the weights that minimise the penalised loss.

    The curvature of the loss in a weight is about how often its feature was seen; the search goes in weights divided by
    the root of that, without which it takes several times as many steps.
    """
    objective = Objective(grown, penalty, threads)
    scale = 1 / np.sqrt(np.maximum(grown.seen, 1) / objective.n + penalty.l2 / objective.n)
    start = np.zeros(grown.tree.n_features)
    roots = slice(0, int(grown.level_of[1]))
    start[roots] = (np.log(grown.seen[roots] + 0.5) - np.log(objective.n)) / scale[roots]

    def scaled(x: Float64) -> tuple[float, Float64]:
        value, gradient = objective(x * scale)
        return value, gradient * scale

    def watched(step: Step) -> bool:
        return watch is not None and watch(dataclasses.replace(step, weights=step.weights * scale))

    found = minimise(
        scaled, start, penalty.l1 / objective.n * scale, iterations=iterations, tolerance=tolerance,
        history=np.float32, threads=threads, watch=watched,
    )  # fmt: skip
    return dataclasses.replace(found, weights=found.weights * scale)


@dataclasses.dataclass(frozen=True)
class LogLinear:
    """A finished model: no weights, but their sums.

    Attributes
    ----------
    tree : ContextTree
    log_scores : ndarray of float32, shape (n_features,)
        s(h, w) of each feature's context and target.
    log_sums : ndarray of float64, shape (n_nodes,)
        log Z of each context.
    """

    tree: ContextTree
    log_scores: Float32
    log_sums: Float64

    def __post_init__(self) -> None:
        object.__setattr__(self, "_native", self.tree.native())

    def add_log_probs(self, contexts: Int32, targets: Int32, out: Float64, threads: int = 1) -> None:
        """Add log P(target | context) to ``out``, (n,); contexts are (n, depth), a negative symbol ends one."""
        contexts, targets = np.ascontiguousarray(contexts, np.int32), np.ascontiguousarray(targets, np.int32)
        native: _core.ContextTree = self.__dict__["_native"]
        native.score(self.log_scores, self.log_sums, contexts, targets, out, threads)

    def law(self, context: Sequence[int], n_targets: int) -> Float64:
        """Return log P(. | context), shape (n_targets,); minus infinity for what the root cannot have."""
        found = np.full(n_targets, -np.inf)
        path = self.tree.find(context)
        for node in path:
            features = slice(int(self.tree.first[node]), int(self.tree.first[node + 1]))
            found[self.tree.target[features]] = self.log_scores[features]
        return found - self.log_sums[path[-1]] if path else found


def finished(grown: Grown, weights: Float64) -> LogLinear:
    """Return the model of some weights; features of weight 0, and contexts without any, are left out: they add nothing.

    Sums are rounded to float32, and Z is taken of what is kept, so that probabilities still sum to one.
    """
    tree, above = grown.tree, grown.above
    n_roots = int(grown.level_of[1])
    sums, nearest = weights.copy(), np.arange(tree.n_features, dtype=np.int64)
    kept = weights != 0
    kept[:n_roots] = True
    for begin, end in zip(grown.level_of[1:], grown.level_of[2:], strict=False):
        at = slice(int(begin), int(end))
        sums[at] += sums[above[at]]
        nearest[at] = np.where(kept[at], nearest[at], nearest[above[at]])
    scores = sums.astype(np.float32)
    # Before: the kept feature that a target falls back to without this one.
    before = np.where(np.arange(tree.n_features) < n_roots, -1, nearest[np.maximum(above, 0)])
    terms = np.exp(scores.astype(np.float64))
    change = np.where(kept, terms - np.where(before >= 0, terms[before], 0.0), 0.0)
    of_node = np.repeat(np.arange(tree.n_nodes), np.diff(tree.first))
    z = np.bincount(of_node, weights=change, minlength=tree.n_nodes)
    for begin, end in zip(tree.levels[:-2], tree.levels[1:-1], strict=True):
        lengths = np.diff(tree.children[begin : end + 1])
        z[tree.children[begin] : tree.children[end]] += np.repeat(z[begin:end], lengths)
    return _kept(tree, kept, of_node, scores, np.log(z))


def _kept(tree: ContextTree, kept: np.ndarray, of_node: np.ndarray, scores: Float32, log_sums: Float64) -> LogLinear:
    holds = np.bincount(of_node, weights=kept, minlength=tree.n_nodes) > 0
    parent = np.repeat(np.arange(tree.n_nodes), np.diff(tree.children))
    parent = np.concatenate([np.full(int(tree.levels[1]), -1), parent])
    for begin, end in reversed(list(zip(tree.levels[1:-1], tree.levels[2:], strict=True))):
        holds[parent[begin:end][holds[begin:end]]] = True
    places = np.concatenate([np.zeros(1, np.int64), np.cumsum(holds)])
    lengths = np.bincount(of_node[kept], minlength=tree.n_nodes)[holds]
    offspring = np.bincount(parent[holds & (parent >= 0)], minlength=tree.n_nodes)[holds]
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(offspring)])
    levels = np.unique(places[tree.levels])  # a level that is empty now falls away
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    small = ContextTree(levels, tree.symbol[holds], levels[1] + ends, first, tree.target[kept])
    return LogLinear(small, scores[kept], log_sums[holds])
