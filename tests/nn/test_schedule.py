"""Learning rates over training, and what held-out losses decide."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.nn.schedule import DECAYS, Patience, Plan


def test_rates_in_closed_form() -> None:
    cosine = Plan(rate=2.0, decay="cosine", last_rate=0.1)
    assert cosine.rate_at(0) == 2.0
    assert math.isclose(cosine.rate_at(0.25), 2.0 * (0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2))
    assert math.isclose(cosine.rate_at(1), 0.2)
    assert Plan(rate=2.0, decay="linear").rate_at(0.75) == 0.5
    assert Plan(rate=2.0, decay="constant", warmup=0.5).rate_at(0.25) == 1.0
    assert Plan(rate=2.0, decay="constant", warmup=0.5).rate_at(1) == 2.0


@given(st.sampled_from(DECAYS), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_rates_rise_in_the_warmup_then_fall_and_stay_in_bounds(
    decay: str, warmup: float, last: float, one: float, two: float
) -> None:
    plan = Plan(rate=3.0, decay=decay, warmup=warmup, last_rate=last)
    early, late = min(one, two), max(one, two)
    a, b = plan.rate_at(early), plan.rate_at(late)
    assert 0 <= a <= 3.0 + 1e-9
    if late < warmup:
        assert a <= b + 1e-9
    elif early >= warmup:
        assert a >= b - 1e-9


def test_share_goes_by_time_before_steps_before_epochs() -> None:
    assert Plan(epochs=4).share(1.0, 999, 999.0) == 0.25
    assert Plan(epochs=4, steps=10).share(1.0, 5, 999.0) == 0.5
    timed = Plan(epochs=4, steps=10, minutes=2)
    assert timed.share(1.0, 5, 30.0) == 0.25
    assert timed.share(1.0, 5, 30.0, reserve=60.0) == 0.5
    assert timed.share(1.0, 5, 200.0) == 1.0


def test_averaging_begins_by_the_nonmonotonic_test() -> None:
    patience = Patience(Plan(average_after=2))
    begun = []
    for loss in (5.0, 4.0, 4.5, 4.4, 4.2):
        patience.add(loss)
        begun.append(patience.average)
    # At the fourth loss, 4.4 is above the least of all but the last two, 4.0.
    assert begun == [False, False, False, True, True]


@pytest.mark.parametrize(("losses", "stops"), [((3.0, 2.0, 2.5), False), ((3.0, 2.0, 2.5, 2.0), True)])
def test_patience_counts_evaluations_since_the_best(losses: tuple[float, ...], stops: bool) -> None:
    patience = Patience(Plan(patience=2))
    for loss in losses:
        patience.add(loss)
    assert patience.stop == stops
