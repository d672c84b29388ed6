"""The cut of a matrix into tiles: every entry once, where the plan says, whatever the number of threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth import _core
from firth.errors import DataError
from firth.static import tiles
from firth.static.cooccurrence import CooccurrenceMatrix
from firth.static.glove_reference import cut_tiles, weigh
from firth.static.reference import Random, random_at, stream_key
from firth.static.sampling import random_numbers

Counts = Callable[..., CooccurrenceMatrix]


def _plan(counts: CooccurrenceMatrix, blocks: int, stripe: int, run: int) -> tiles.Plan:
    plan = tiles.plan_for(np.diff(counts.indptr), width=8, seed=3, blocks=blocks)
    return tiles.Plan(plan.first, stripe, run, plan.row_places, plan.column_places)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 40),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 5)),
    seed=st.integers(0, 5),
    threads=st.integers(1, 4),
)
def test_the_native_cut_is_the_twins(
    random_counts: Counts, n: int, shape: tuple[int, int, int], seed: int, threads: int
) -> None:
    counts = random_counts(n, seed, dtype=np.float64 if seed % 2 else np.float32)
    plan = _plan(counts, *shape)
    mine = tiles.cut(counts, plan, x_max=10, alpha=0.75, threads=threads)
    twin = cut_tiles(counts.indptr, counts.indices, counts.values.astype(float), plan, x_max=10, alpha=0.75)
    assert mine.begin.tolist() == twin.begin.tolist()
    for name in ("row", "column"):
        assert mine.entries[name].tolist() == twin.entries[name].tolist()
    np.testing.assert_allclose(mine.entries["log_x"], twin.entries["log_x"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(mine.entries["weight"], twin.entries["weight"], rtol=1e-6)


def test_entries_stand_for_the_pairs_of_the_matrix(random_counts: Counts) -> None:
    """Put back through the plan, the tiles are the matrix; checked without the twin."""
    counts = random_counts(50, seed=1)
    plan = _plan(counts, blocks=4, stripe=3, run=2)
    cut = tiles.cut(counts, plan, x_max=10, alpha=0.75, threads=2)
    row_words, column_words = np.argsort(plan.row_places), np.argsort(plan.column_places)
    dense = np.zeros((50, 50))
    for number in range(len(cut.begin) - 1):
        tile, stripe = divmod(number, plan.stripes)
        row_block, column_block = divmod(tile, plan.blocks)
        for entry in cut.entries[cut.begin[number] : cut.begin[number + 1]]:
            assert int(entry["column"]) // plan.stripe == stripe
            row = row_words[plan.first[row_block] + int(entry["row"])]
            column = column_words[plan.first[column_block] + int(entry["column"])]
            assert dense[row, column] == 0
            dense[row, column] = np.exp(entry["log_x"])
            assert entry["weight"] == pytest.approx(weigh(dense[row, column], 10, 0.75), rel=1e-5)
    expected = np.zeros((50, 50))
    expected[np.repeat(np.arange(50), np.diff(counts.indptr)), counts.indices] = counts.values
    np.testing.assert_allclose(dense, expected, rtol=1e-5)


def test_a_row_has_no_longer_run_than_the_plan_allows(random_counts: Counts) -> None:
    counts = random_counts(60, seed=2, density=2.0)
    plan = _plan(counts, blocks=2, stripe=30, run=4)
    cut = tiles.cut(counts, plan, x_max=10, alpha=0.75, threads=1)
    first = cut.entries["row"][: cut.begin[1]].tolist()
    assert len(first) > 100
    runs = np.diff(np.flatnonzero(np.diff(first, prepend=-1, append=-1)))
    assert runs.max() == 4


@pytest.mark.parametrize("blocks", [1, 3, 32])
def test_every_block_gets_its_share_of_frequent_words(blocks: int) -> None:
    lengths = (100_000 / np.arange(1, 2001)).astype(np.int64)
    plan = tiles.plan_for(lengths, width=104, seed=1, blocks=blocks)
    for places in (plan.row_places, plan.column_places):
        assert sorted(places.tolist()) == list(range(2000))
        block_of = np.searchsorted(plan.first, places, side="right") - 1
        for start in range(0, 2000 - blocks, blocks):
            assert sorted(block_of[start : start + blocks].tolist()) == list(range(blocks))


def test_more_blocks_for_more_pairs_and_never_too_many_words_in_one() -> None:
    few, many = np.full(100, 10, np.int64), np.full(100, 1_000_000, np.int64)
    assert tiles.plan_for(few, 104, 1).blocks == 1
    assert tiles.plan_for(many, 104, 1).blocks == 32
    plan = tiles.plan_for(np.ones(3_000_000, np.int64), 104, 1)
    assert np.diff(plan.first).max() <= 8192  # 16 bits of an entry tell the place in a block


def test_entries_over_the_budget_lie_in_a_file(random_counts: Counts) -> None:
    counts = random_counts(50, seed=1)
    plan = _plan(counts, blocks=4, stripe=3, run=2)
    held = tiles.cut(counts, plan, x_max=10, alpha=0.75, threads=2, room=10**6)
    mapped = tiles.cut(counts, plan, x_max=10, alpha=0.75, threads=2, room=100)
    assert isinstance(mapped.entries, np.memmap)
    assert not isinstance(held.entries, np.memmap)
    assert mapped.entries.tobytes() == held.entries.tobytes()


def test_a_full_disk_is_told(random_counts: Counts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counts = random_counts(50, seed=1)
    monkeypatch.setattr(tiles.tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(DataError, match="memory"):
        tiles.cut(counts, _plan(counts, 4, 3, 2), x_max=10, alpha=0.75, threads=2, room=0)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_a_value_without_a_logarithm_is_named(random_counts: Counts, value: float) -> None:
    counts = random_counts(20, seed=1)
    counts.values[7] = value
    row = int(np.searchsorted(counts.indptr, 7, side="right")) - 1
    with pytest.raises(DataError, match=f"'w{row}' and 'w{counts.indices[7]}'"):
        tiles.cut(counts, _plan(counts, 2, 3, 2), x_max=10, alpha=0.75, threads=1)


def test_an_index_that_is_no_word_is_refused(random_counts: Counts) -> None:
    counts = random_counts(20, seed=1)
    counts.indices[3] = 20
    with pytest.raises(ValueError, match="index"):
        tiles.cut(counts, _plan(counts, 2, 3, 2), x_max=10, alpha=0.75, threads=1)


def test_an_entry_outside_its_tile_is_refused(random_counts: Counts) -> None:
    counts = random_counts(20, seed=1)
    cut = tiles.cut(counts, _plan(counts, 2, 3, 2), x_max=10, alpha=0.75, threads=1)
    cut.entries["row"][5] = 4000
    from firth.static.records import Records

    model = Records.start(cut.plan, 4, 1)
    with pytest.raises(ValueError, match="outside"):
        _core.GloveTrainer(cut.entries.view(np.uint8), cut.begin, cut.plan.first, model.rows, model.columns, 0.05, 1)


def test_random_numbers_are_those_of_the_twin() -> None:
    key = stream_key(9, 5, 2)
    assert random_numbers(9, 5, 2, 4).tolist() == [random_at(key, place) for place in range(4)]
    random = Random(key)
    assert random_numbers(9, 5, 2, 3).tolist() == [random.next() for _ in range(3)]
