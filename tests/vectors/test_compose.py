"""Composed vectors: the native loop against its NumPy twin, on any number of threads, aligned or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import _core
from firth.errors import DataError
from firth.vectors.compose import composed, composed_in_numpy
from firth.vectors.storage import ByteRows, dense
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.words import Words


def unaligned(rows: np.ndarray) -> ByteRows:
    raw = np.zeros(rows.nbytes + 1, np.uint8)
    raw[1:] = np.ascontiguousarray(rows).view(np.uint8).ravel()
    store = ByteRows(raw[1:].reshape(len(rows), -1))
    assert store.raw.ctypes.data % 4
    return store


@given(
    lists=st.lists(st.lists(st.integers(0, 6), max_size=9), max_size=12),
    dim=st.integers(1, 19),
    has_own=st.booleans(),
    seed=st.integers(0, 99),
)
def test_native_and_twin_give_the_same_bytes(lists: list[list[int]], dim: int, has_own: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    grams = random.standard_normal((7, dim), np.float32)
    own = random.standard_normal((len(lists), dim), np.float32) if has_own else None
    starts = np.cumsum([0, *map(len, lists)])
    items = np.array([item for row in lists for item in row], np.int32)
    expected = composed_in_numpy(own, grams, starts, items)
    np.testing.assert_array_equal(composed(own, grams, starts, items), expected)
    np.testing.assert_array_equal(composed(own, unaligned(grams), starts, items), expected)
    for i, row in enumerate(lists):
        parts = [grams[item] for item in row] + ([own[i]] if own is not None else [])
        mean = np.mean(parts, axis=0, dtype=np.float64) if parts else np.zeros(dim)
        np.testing.assert_allclose(expected[i], mean, rtol=1e-5, atol=1e-5)


def test_threads_do_not_change_a_byte() -> None:
    random = np.random.default_rng(1)
    own, grams = random.standard_normal((3000, 24), np.float32), random.standard_normal((500, 24), np.float32)
    starts = np.concatenate([[0], np.cumsum(random.integers(0, 30, 3000))])
    items = random.integers(0, 500, starts[-1]).astype(np.int32)
    found = [np.empty_like(own) for _ in range(3)]
    for out, threads in zip(found, (1, 2, 7), strict=True):
        _core.compose_rows(own.view(np.uint8), grams.view(np.uint8), starts, items, out, threads)
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()


@pytest.mark.parametrize(("starts", "items"), [([0, 1], [9]), ([0, 1], [-1]), ([0, 3], [0]), ([1, 1], [0]), ([0], [0])])
def test_places_out_of_range_are_refused(starts: list[int], items: list[int]) -> None:
    with pytest.raises(DataError):
        composed(np.ones((1, 2), np.float32), np.ones((4, 2), np.float32), np.array(starts), np.array(items, np.int32))


def test_rows_are_the_same_however_they_are_asked_for() -> None:
    words = Words.of(["where", "水", "</s>", "a", "\udcff", "where's"])
    random = np.random.default_rng(2)
    rows, own = random.standard_normal((50, 6), np.float32), random.standard_normal((6, 6), np.float32)
    for grams in (NgramRows(rows, 1, 4, 50), NgramRows(unaligned(rows), 1, 4, 50)):
        store = Composed(own, grams, words)
        whole = dense(store)
        for key in (2, -1, slice(1, 5, 2), [3, 0, 3], np.array([True, False, True, False, False, True])):
            np.testing.assert_array_equal(store[key], whole[key])
        np.testing.assert_array_equal(store[2], own[2])
        for i, word in enumerate(words):
            found = grams.indices(word)
            np.testing.assert_allclose(whole[i], (own[i] + rows[found].sum(0)) / (len(found) + 1), atol=1e-6)
        first = SubwordVectors(words, store, subwords=grams, nodes=own).limit(2)
        assert isinstance(first.store, Composed)
        assert isinstance(first, SubwordVectors)
        assert first.nodes is None
        np.testing.assert_array_equal(first.matrix, whole[:2])
