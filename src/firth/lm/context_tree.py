"""The features of a log-linear model over contexts that refine each other, from examples to a tree in flat arrays.

A context is a run of symbols, the coarsest first: nothing, the last word, the last two words. All contexts seen make a
tree; a feature is a target seen in a context. ``native/maxent.h`` says how the arrays lie.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import DataError
from firth.protocols import Int32

__all__ = ["ContextTree", "Grown", "grow"]

Int64 = NDArray[np.int64]

_MOST_FEATURES = 2**31 - 2


@dataclasses.dataclass(frozen=True)
class ContextTree:
    """Contexts and their features.

    Attributes
    ----------
    levels : ndarray of int64, shape (n_levels + 1,)
        Where the nodes of each level begin; level 0 holds the roots.
    symbol : ndarray of int32, shape (n_nodes,)
        What a node adds to its parent's context.
    children, first : ndarray of int64, shape (n_nodes + 1,)
        Where the children, and the features, of each node begin.
    target : ndarray of int32, shape (n_features,)
        Rising within a node.
    """

    levels: Int64
    symbol: Int32
    children: Int64
    first: Int64
    target: Int32

    @property
    def n_nodes(self) -> int:
        """Number of contexts."""
        return len(self.symbol)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.target)

    @property
    def depth(self) -> int:
        """Number of levels."""
        return len(self.levels) - 1

    def native(self) -> _core.ContextTree:
        """Return the tree as the native kernels take it."""
        return _core.ContextTree(self.levels, self.children, self.first, self.target, self.symbol)

    def find(self, context: Sequence[int]) -> list[int]:
        """Return the nodes of a context from its root down, as far as the tree holds it."""
        path, begin, end = [], 0, int(self.levels[1])
        for symbol in context[: self.depth]:
            node = begin + int(np.searchsorted(self.symbol[begin:end], symbol))
            if symbol < 0 or node == end or self.symbol[node] != symbol:
                break
            path.append(node)
            begin, end = int(self.children[node]), int(self.children[node + 1])
        return path


@dataclasses.dataclass(frozen=True)
class Grown:
    """A tree, and what the examples say of it.

    Attributes
    ----------
    tree : ContextTree
    above : ndarray of int32, shape (n_features,)
        The parent's feature of the same target; -1 at roots.
    seen : ndarray of int64, shape (n_features,)
        Examples that have the feature.
    ended : ndarray of int64, shape (n_nodes,)
        Examples whose longest context is this node.
    level_of : ndarray of int64, shape (n_levels + 1,)
        Where the features of each level begin.
    """

    tree: ContextTree
    above: Int32
    seen: Int64
    ended: Int64
    level_of: Int64


def grow(contexts: Sequence[Int32], targets: Int32, allowed: tuple[Int32, Int32], cutoffs: Sequence[int] = ()) -> Grown:
    """Return the tree of examples.

    Parameters
    ----------
    contexts : sequence of ndarray of int32, each of shape (n,)
        The symbols of each level, the root's first; a negative one ends a context.
    targets : ndarray of int32, shape (n,)
    allowed : pair of ndarray of int32
        Roots, rising, and for each a target that it can have, rising within a root: the features of level 0.
    cutoffs : sequence of int
        A feature of level k seen fewer than ``cutoffs[k - 1]`` times is left out; the last number holds for deeper
        levels.

    Raises
    ------
    DataError
        When there are more than 2^31 - 2 features.
    """
    levels, features = [_roots(contexts[0], targets, allowed)], []
    node, feature = levels[0].node_of, levels[0].feature_of
    features = [levels[0]]
    for depth, symbols in enumerate(contexts[1:]):
        least = cutoffs[min(depth, len(cutoffs) - 1)] if len(cutoffs) else 1
        level = _below(node, feature, symbols, targets, least)
        if not len(level.symbol):
            break
        levels.append(level)
        features.append(level)
        node, feature = level.node_of, level.feature_of
    return _joined(levels)


@dataclasses.dataclass
class _Level:
    parent: Int64  # (nodes,) within the level above
    symbol: Int32
    lengths: Int64  # (nodes,) features of each
    target: Int32
    above: Int64  # (features,) within the level above; -1 at roots
    seen: Int64
    node_of: Int64  # (n,) the node of each example, -1 where its context ended earlier
    feature_of: Int64  # (n,) -1 where there is none


def _roots(symbols: Int32, targets: Int32, allowed: tuple[Int32, Int32]) -> _Level:
    roots, lengths = np.unique(allowed[0], return_counts=True)
    wide = np.int64(max(int(allowed[1].max()), int(targets.max(initial=0))) + 1)
    keys = allowed[0].astype(np.int64) * wide + allowed[1]
    feature_of = np.searchsorted(keys, symbols.astype(np.int64) * wide + targets)
    return _Level(
        np.full(len(roots), -1), roots.astype(np.int32), lengths, allowed[1].astype(np.int32),
        np.full(len(keys), -1), np.bincount(feature_of, minlength=len(keys)),
        np.searchsorted(roots, symbols), feature_of,
    )  # fmt: skip


def _below(node: Int64, feature: Int64, symbols: Int32, targets: Int32, least: int) -> _Level:
    """Return the level below one whose nodes and features the examples have."""
    alive = np.flatnonzero((node >= 0) & (symbols >= 0))
    wide = np.int64(symbols.max(initial=0)) + 1
    keys, own = np.unique(node[alive] * wide + symbols[alive], return_inverse=True)
    # A feature needs the one above it, so an example without that has none here either.
    having = alive[feature[alive] >= 0]
    broad = np.int64(targets.max(initial=0)) + 1
    pairs, at, inverse, seen = np.unique(
        own[feature[alive] >= 0] * broad + targets[having], return_index=True, return_inverse=True, return_counts=True
    )
    kept = seen >= least
    places = np.where(kept, np.cumsum(kept) - 1, -1)
    nodes, lengths = np.unique(pairs[kept] // broad, return_counts=True)
    renumbered = np.full(len(keys), -1)
    renumbered[nodes] = np.arange(len(nodes))
    node_of, feature_of = np.full(len(node), -1), np.full(len(node), -1)
    node_of[alive], feature_of[having] = renumbered[own], places[inverse]
    return _Level(
        keys[nodes] // wide, (keys[nodes] % wide).astype(np.int32), lengths, (pairs[kept] % broad).astype(np.int32),
        feature[having][at[kept]], seen[kept], node_of, feature_of,
    )  # fmt: skip


def _joined(levels: list[_Level]) -> Grown:
    starts = _ends([len(level.symbol) for level in levels])
    level_of = _ends([len(level.target) for level in levels])
    if level_of[-1] > _MOST_FEATURES:
        raise DataError("too many features", got=f"{level_of[-1]:,}", remedy="raise --cutoffs or lower --order")
    ended = np.zeros(int(starts[-1]), np.int64)
    longest = np.full(len(levels[0].node_of), -1)
    for start, level in zip(starts, levels, strict=False):
        longest[level.node_of >= 0] = level.node_of[level.node_of >= 0] + start
    np.add.at(ended, longest, 1)
    above = [level.above + offset for level, offset in zip(levels[1:], level_of, strict=False)]
    parents = [level.parent + offset for level, offset in zip(levels[1:], starts, strict=False)]
    counts = np.bincount(np.concatenate([*parents, np.zeros(0, np.int64)]), minlength=int(starts[-1]))
    tree = ContextTree(
        starts, np.concatenate([level.symbol for level in levels]), starts[1] + _ends(counts),
        _ends(np.concatenate([level.lengths for level in levels])), np.concatenate([level.target for level in levels]),
    )  # fmt: skip
    return Grown(
        tree, np.concatenate([levels[0].above, *above]).astype(np.int32),
        np.concatenate([level.seen for level in levels]), ended, level_of,
    )  # fmt: skip


def _ends(lengths: Sequence[int] | Int64) -> Int64:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
