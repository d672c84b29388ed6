"""Places side by side and stretches: every prediction is there, in order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firth.lm.rnn_batches import Stretches, side_by_side, stretch_ends


@given(st.integers(1, 300), st.integers(1, 40))
def test_every_prediction_is_there_and_follows_what_is_read(n: int, batch: int) -> None:
    ids = np.arange(1, n + 1, dtype=np.int32)
    read, predicted = side_by_side(ids, batch, 0)
    assert (read == predicted - 1).all()  # 0 is <eos>, before the text
    assert set(predicted.ravel().tolist()) == set(range(1, n + 1))
    assert (np.diff(predicted, axis=0) == 1).all()
    assert predicted.size < n + predicted.shape[1]  # hardly anything twice


@given(st.integers(1, 400), st.integers(1, 90), st.booleans(), st.integers(0, 5))
def test_stretches_cover_every_step_once(n: int, bptt: int, drawn: bool, seed: int) -> None:
    stretches = Stretches(stretch_ends(n, bptt, drawn=drawn, seed=(seed,)))
    steps = [step for first, last in stretches for step in range(first, last)]
    assert steps == list(range(n))
    if not drawn:
        assert max(last - first for first, last in stretches) <= bptt


def test_drawn_lengths_are_around_bptt_or_seldom_its_half() -> None:
    ends = stretch_ends(200_000, 70, drawn=True, seed=(1, 2))
    lengths = np.diff(ends)[:-1]
    short = lengths < 52
    assert 0.03 < short.mean() < 0.07
    assert abs(lengths[~short].mean() - 70) < 0.5
    assert abs(lengths[short].mean() - 35) < 2
    assert not np.array_equal(ends, stretch_ends(200_000, 70, drawn=True, seed=(1, 3)))
