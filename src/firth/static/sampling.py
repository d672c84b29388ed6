"""What training draws from: subsampling, the noise distribution as an alias table, Huffman and balanced trees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError

__all__ = ["AliasTable", "Tree", "alias_table", "balanced_tree", "huffman_tree", "keep_thresholds", "random_numbers"]

_ALL = 2**32 - 1
_GOLDEN = 0x9E3779B97F4A7C15


def random_numbers(seed: int, stream: int, epoch: int, n: int) -> NDArray[np.uint64]:
    """Return the first ``n`` 64-bit numbers of a stream: those of ``native/sampling.h``.

    Examples
    --------
    >>> random_numbers(seed=1, stream=5, epoch=0, n=2).dtype
    dtype('uint64')
    """
    with np.errstate(over="ignore"):
        golden = np.uint64(_GOLDEN)
        key = _mix(_mix(np.uint64(seed) * golden + np.uint64(stream)) + np.uint64(epoch) * golden)
        return np.asarray(_mix(key + np.arange(1, n + 1, dtype=np.uint64) * golden))


def _mix(z: np.uint64 | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's mixer (Steele, Lea and Flood 2014, figure 15)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def keep_thresholds(counts: NDArray[np.int64], sample: float) -> NDArray[np.uint32]:
    """Return, per word, the largest 32-bit random number at which an occurrence is kept.

    A word of relative frequency f stays with probability ``(sqrt(f / t) + 1) t / f``, t being ``sample``: the rule of
    the word2vec program, a little milder than equation 5 of Mikolov et al. 2013b (arXiv 1310.4546).

    Parameters
    ----------
    counts : ndarray of int64, shape (n_words,)
    sample : float
        Threshold t; 0 keeps everything.

    Examples
    --------
    >>> keep_thresholds(np.array([999_999, 1]), sample=1e-3) / 2**32
    array([0.03262279, 1.        ])
    """
    if sample <= 0 or counts.sum() == 0:
        return np.full(len(counts), _ALL, np.uint32)
    frequency = np.maximum(counts, 1) / counts.sum()
    kept = (np.sqrt(frequency / sample) + 1) * sample / frequency
    thresholds: NDArray[np.uint32] = np.minimum(kept * 2.0**32, _ALL).astype(np.uint32)
    return thresholds


class AliasTable(NamedTuple):
    """Walker's alias table: column i, drawn evenly, stays where a 32-bit number is at most ``keep[i]``."""

    keep: NDArray[np.uint32]
    other: NDArray[np.int32]


def alias_table(weights: NDArray[np.float64]) -> AliasTable:
    """Return a table that draws i with probability ``weights[i] / sum(weights)`` in constant time.

    Vose 1991, "A linear algorithm for generating random numbers with a given distribution".

    Raises
    ------
    ConfigError
        When a weight is negative or not finite, or all are zero.
    """
    weights = np.asarray(weights, np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
        raise ConfigError("noise weights are unfit", expected="finite numbers of at least 0, not all 0")
    share = weights / weights.sum() * len(weights)
    keep = np.ones(len(weights))
    other = np.arange(len(weights), dtype=np.int32)
    small, large = list(np.flatnonzero(share < 1)), list(np.flatnonzero(share >= 1))
    rest = share.tolist()
    while small and large:
        low, high = small.pop(), large.pop()
        keep[low], other[low] = rest[low], high
        rest[high] -= 1.0 - rest[low]
        (small if rest[high] < 1 else large).append(high)
    # What rounding left over stands for probability 1, except for words that must never be drawn.
    for low in small:
        if weights[low] == 0:
            keep[low], other[low] = 0.0, int(np.argmax(weights))
    return AliasTable(np.clip(keep * 2.0**32 - 1, 0, _ALL).astype(np.uint32), other)


class Tree(NamedTuple):
    """The path from the root of a binary tree to every word.

    Attributes
    ----------
    first : ndarray of int64, shape (n_words + 1,)
        Word w's path is ``node[first[w]:first[w + 1]]``.
    node : ndarray of int32
        Inner nodes from the root down, numbered from 0; a tree of n words has n - 1.
    code : ndarray of uint8
        1 where the path turns right.
    """

    first: NDArray[np.int64]
    node: NDArray[np.int32]
    code: NDArray[np.uint8]


def huffman_tree(counts: NDArray[np.int64]) -> Tree:
    """Return the Huffman tree: frequent words near the root (Mikolov et al. 2013b, section 2.1).

    With the leaves in order of count the two-queue method (van Leeuwen 1976) needs no heap.

    Parameters
    ----------
    counts : ndarray of int64, shape (n_words,)

    Examples
    --------
    >>> tree = huffman_tree(np.array([4, 2, 1]))
    >>> np.diff(tree.first).tolist()
    [1, 2, 2]
    """
    n = len(counts)
    order = np.argsort(-counts, kind="stable")
    weight: list[int] = [*counts[order].tolist(), *[0] * max(n - 1, 0)]
    parent, right = [0] * len(weight), bytearray(len(weight))
    leaf, inner = n - 1, n
    for new in range(n, 2 * n - 1):
        for turn in (0, 1):
            if leaf >= 0 and (inner >= new or weight[leaf] < weight[inner]):
                child, leaf = leaf, leaf - 1
            else:
                child, inner = inner, inner + 1
            weight[new] += weight[child]
            parent[child], right[child] = new, turn
    parents, turns = np.array(parent, np.int64), np.frombuffer(bytes(right), np.uint8)
    leaves, turned = parents[:n].copy(), turns.copy()
    parents[order], turned[order] = leaves, turns[:n]
    return _paths(n, parents, turned)


def balanced_tree(n: int) -> Tree:
    """Return a balanced tree over words in their order: every path has floor or ceil of log2(n) steps.

    Nodes 0 to n - 2 are inner, in the order of a heap (children of i: 2i + 1 and 2i + 2); the leaves follow.
    """
    order = np.arange(max(2 * n - 1, 0))
    heap_parent = np.where(order > 0, (order - 1) // 2, 0)
    leaves, inner = order[n - 1 :], order[: max(n - 1, 0)]
    # Renumber as huffman_tree does: leaves first, then inner nodes from the deepest up, the root last.
    name = np.empty_like(order)
    name[leaves] = np.arange(n)
    name[inner] = 2 * n - 2 - inner
    parent, right = np.empty_like(order), np.zeros(len(order), np.uint8)
    parent[name] = name[heap_parent]
    right[name] = (order > 0) & (order % 2 == 0)
    return _paths(n, parent, right)


def _paths(n: int, parent: NDArray[np.int64], right: NDArray[np.uint8]) -> Tree:
    """Walk all leaves up at once, one level at a time; node n + i is inner node i and the last is the root."""
    root = max(2 * n - 2, 0)
    at = np.arange(n)
    words, nodes, codes, depths = [], [], [], []
    depth = np.zeros(n, np.int64)
    while (climbing := at != root).any():
        who = np.flatnonzero(climbing)
        words.append(who)
        codes.append(right[at[who]])
        depths.append(depth[who].copy())
        at[who] = parent[at[who]]
        nodes.append(at[who] - n)
        depth[who] += 1
    first = np.concatenate([[0], np.cumsum(depth)]).astype(np.int64)
    if not words:
        return Tree(first, np.zeros(0, np.int32), np.zeros(0, np.uint8))
    word = np.concatenate(words)
    place = first[word + 1] - 1 - np.concatenate(depths)  # met from the leaf up, stored from the root down
    node, code = np.empty(len(word), np.int32), np.empty(len(word), np.uint8)
    node[place], code[place] = np.concatenate(nodes), np.concatenate(codes)
    return Tree(first, node, code)
