"""Metrics against SciPy, and against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from firth.errors import DataError
from firth.metrics import accuracy, average_ranks, bootstrap_interval, pearson, precision_at_k, spearman

pairs = st.integers(2, 40).flatmap(
    lambda n: st.tuples(*[arrays(np.float64, n, elements=st.integers(-5, 5).map(float))] * 2)
)


@given(pairs)
@settings(max_examples=150, deadline=None)
@pytest.mark.filterwarnings("ignore::scipy.stats.ConstantInputWarning")
def test_correlations_equal_scipys_with_many_ties(xy: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = xy
    np.testing.assert_allclose(spearman(x, y), scipy.stats.spearmanr(x, y).statistic, atol=1e-12)
    np.testing.assert_allclose(pearson(x, y), scipy.stats.pearsonr(x, y).statistic, atol=1e-12)


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 12)), elements=st.integers(0, 4).map(float)))
@settings(max_examples=100, deadline=None)
def test_ranks_equal_scipys_on_every_row(values: np.ndarray) -> None:
    np.testing.assert_array_equal(average_ranks(values), scipy.stats.rankdata(values, axis=-1))


def test_interval_agrees_with_scipys_bootstrap() -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=200)
    y = x + random.normal(size=200)
    low, high = bootstrap_interval(pearson, x, y, resamples=4000, seed=5)
    reference = scipy.stats.bootstrap(
        (x, y), lambda a, b: scipy.stats.pearsonr(a, b).statistic, paired=True, vectorized=False,
        n_resamples=2000, method="percentile", rng=np.random.default_rng(8),
    ).confidence_interval  # fmt: skip
    assert low == pytest.approx(reference.low, abs=0.01)
    assert high == pytest.approx(reference.high, abs=0.01)


def test_interval_depends_on_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.arange(30.0), np.random.default_rng(0).normal(size=30)
    whole = bootstrap_interval(spearman, x, y, resamples=100, seed=4)
    assert whole == bootstrap_interval(spearman, x, y, resamples=100, seed=4)
    assert whole != bootstrap_interval(spearman, x, y, resamples=100, seed=5)
    monkeypatch.setattr("firth.metrics._RESAMPLED_AT_ONCE", 70)
    assert whole == bootstrap_interval(spearman, x, y, resamples=100, seed=4)


@pytest.mark.parametrize(("x", "y"), [([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]), ([1.0], [2.0]), ([], [])])
def test_undefined_correlations_are_nan(x: list[float], y: list[float]) -> None:
    assert np.isnan(spearman(x, y))
    assert np.isnan(pearson(x, y))
    assert np.isnan(bootstrap_interval(spearman, x, y, resamples=20)).all()


def test_constant_column_with_rounding_is_still_nan() -> None:
    assert np.isnan(pearson([0.1] * 3, [1.0, 2.0, 3.0]))


def test_shares() -> None:
    assert accuracy([1, 0, 0, 1]) == 0.5
    assert np.isnan(accuracy([]))
    assert precision_at_k([["a"], ["x", "b", "c"]], [{"a"}, {"b", "c"}], k=2) == pytest.approx((1 + 1) / 4)
    assert np.isnan(precision_at_k([], [], k=1))


@pytest.mark.parametrize(
    "call",
    [
        lambda: spearman([1, 2], [1, 2, 3]),
        lambda: pearson(1.0, 2.0),
        lambda: bootstrap_interval(spearman, [1, 2], [1, 2], level=1.0),
        lambda: bootstrap_interval(spearman, [1, 2], [1, 2], resamples=0),
        lambda: precision_at_k([["a"]], [{"a"}], k=0),
        lambda: precision_at_k([["a"]], [], k=1),
    ],
)
def test_unfit_arguments_are_told(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError):
        call()
