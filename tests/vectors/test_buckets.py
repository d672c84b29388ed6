"""Mappings of buckets to rows as arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from firth.errors import DataError
from firth.vectors.buckets import KeptBuckets, SpreadRows


@given(some.dictionaries(some.integers(0, 2**31 - 1), some.integers(0, 1000), max_size=30), some.integers(0, 2**31 - 1))
def test_it_is_the_mapping_that_it_was_made_of(plain: dict[int, int], asked: int) -> None:
    kept = KeptBuckets.of(plain)
    assert dict(kept) == plain
    assert kept.get(asked) == plain.get(asked)
    assert len(kept) == len(plain)
    assert KeptBuckets.of(kept) is kept


def test_buckets_that_stand_twice() -> None:
    with pytest.raises(DataError, match="twice"):
        KeptBuckets([4, 4])[4]


def test_spread_rows_select_as_their_matrix() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(4, 2) + 1
    spread = SpreadRows(rows, {5: 1, 2: 0}, 7)  # two rows of no bucket
    whole = np.zeros((9, 2), np.float32)
    whole[[0, 1, 2 + 5, 2 + 2]] = rows[[0, 1, 3, 2]]
    assert spread.shape == whole.shape
    for key in (0, 7, -2, slice(None), slice(3, 9, 2), [4, 4, 3], np.arange(9) % 2 == 0):
        np.testing.assert_array_equal(spread[key], whole[key])
    with pytest.raises(IndexError):
        spread[9]
