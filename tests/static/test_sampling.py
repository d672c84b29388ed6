"""Subsampling, alias tables and trees against closed forms and counting."""

from __future__ import annotations

import heapq
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import ConfigError
from firth.static.sampling import alias_table, balanced_tree, huffman_tree, keep_thresholds


def test_keep_thresholds_follow_the_formula() -> None:
    counts = np.array([500, 300, 150, 50])
    f, t = counts / 1000, 0.01
    expected = np.minimum(1, (np.sqrt(f / t) + 1) * t / f)
    np.testing.assert_allclose(keep_thresholds(counts, t) / 2**32, expected, rtol=1e-6)
    assert (keep_thresholds(counts, 0) == 2**32 - 1).all()


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda w: sum(w) > 1e-3))
def test_alias_table_has_exactly_the_wanted_distribution(weights: list[float]) -> None:
    table = alias_table(np.array(weights))
    n, stay = len(weights), (table.keep.astype(np.float64) + 1) / 2**32
    stay[table.keep == 0] = 0
    chance = stay / n
    np.add.at(chance, table.other, (1 - stay) / n)
    np.testing.assert_allclose(chance, np.array(weights) / np.sum(weights), atol=1e-8)


@pytest.mark.parametrize("weights", [[-1.0, 2.0], [0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_alias_table_refuses_unfit_weights(weights: list[float]) -> None:
    with pytest.raises(ConfigError, match="noise weights"):
        alias_table(np.array(weights))


def _codes(tree: object, n: int) -> list[str]:
    first, _, code = tree  # type: ignore[misc]
    return ["".join(map(str, code[first[w] : first[w + 1]])) for w in range(n)]


def _heap_cost(counts: list[int]) -> int:
    """Total code length of a Huffman code, by the textbook heap."""
    order = count()
    heap = [(c, next(order)) for c in counts]
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        a, b = heapq.heappop(heap)[0], heapq.heappop(heap)[0]
        cost += a + b
        heapq.heappush(heap, (a + b, next(order)))
    return cost


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=60))
def test_huffman_code_is_optimal_and_prefix_free(counts: list[int]) -> None:
    tree = huffman_tree(np.array(counts))
    codes = _codes(tree, len(counts))
    assert sum(c * len(code) for c, code in zip(counts, codes, strict=True)) == _heap_cost(counts)
    assert len(set(codes)) == len(codes)
    assert not any(a != b and b.startswith(a) for a in codes for b in codes)


@given(st.integers(1, 70))
def test_balanced_tree_is_balanced_and_prefix_free(n: int) -> None:
    codes = _codes(balanced_tree(n), n)
    assert {len(code) for code in codes} <= {int(np.floor(np.log2(n))), int(np.ceil(np.log2(n)))}
    assert len(set(codes)) == n
    assert not any(a != b and b.startswith(a) for a in codes for b in codes)


@pytest.mark.parametrize("n", [2, 3, 10, 33])
def test_paths_name_nodes_consistently(n: int) -> None:
    for tree in (huffman_tree(np.arange(n, 0, -1)), balanced_tree(n)):
        child: dict[tuple[int, int], object] = {}
        for w in range(n):
            path = range(tree.first[w], tree.first[w + 1])
            assert tree.node[path[0]] == n - 2, "every path begins at the root"
            for k in path:
                below = ("leaf", w) if k == path[-1] else ("node", int(tree.node[k + 1]))
                assert child.setdefault((int(tree.node[k]), int(tree.code[k])), below) == below
        assert len(child) == 2 * (n - 1)
