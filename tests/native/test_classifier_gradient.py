"""The classifier's steps against finite differences, on every CPU level."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from firth import _core

NONE = np.zeros(0)


@pytest.fixture(params=_core.cpu_levels(), autouse=True)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _core.cpu_level()
    _core.use_cpu_level(request.param)
    yield request.param
    _core.use_cpu_level(before)


def _softmax(h: NDArray, w: NDArray, target: int) -> float:
    scores = w @ h
    return float(np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[target])


def _logistic(h: NDArray, w: NDArray, seen: NDArray, total: NDArray) -> float:
    scores = w @ h
    return float((total * np.logaddexp(0, scores) - seen * scores).sum())


def _slope(loss: Callable[[], float], array: NDArray, step: float = 1e-5) -> NDArray:
    slope = np.empty_like(array)
    for place in np.ndindex(*array.shape):
        kept = array[place]
        array[place] = kept + step
        above = loss()
        array[place] = kept - step
        slope[place] = (above - loss()) / (2 * step)
        array[place] = kept
    return slope


@pytest.mark.parametrize(("n", "dim"), [(1, 3), (2, 16), (7, 20), (9, 100), (40, 33), (1100, 5)])
@pytest.mark.parametrize("kind", ["softmax", "logistic"])
def test_steps_are_minus_rate_times_the_gradient(kind: str, n: int, dim: int) -> None:
    random = np.random.default_rng(n)
    h, w = random.normal(size=dim), random.normal(size=(n, dim)) / 2
    seen = random.integers(0, 2, size=n).astype(float)
    total = seen + random.integers(0, 3, size=n)
    target = n // 2
    if kind == "softmax":

        def loss() -> float:
            return _softmax(h, w, target)

        given = (target, NONE, NONE)
    else:

        def loss() -> float:
            return _logistic(h, w, seen, total)

        given = (-1, seen, total)
    rate = 0.25
    d_h, d_w, found = _core.classifier_step(h, w, *given, rate)
    assert found == pytest.approx(loss(), rel=1e-6)
    if n < 100:
        np.testing.assert_allclose(d_w, -rate * _slope(loss, w), atol=1e-6)
    np.testing.assert_allclose(d_h[0], -rate * _slope(loss, h), atol=1e-6)
    narrow = [array.astype(np.float32) for array in (h, w)]
    f_h, f_w, f_found = _core.classifier_step(
        *narrow, given[0], given[1].astype(np.float32), given[2].astype(np.float32), rate
    )
    assert f_found == pytest.approx(found, rel=1e-4)
    np.testing.assert_allclose(f_h, d_h, atol=2e-4)
    np.testing.assert_allclose(f_w, d_w, atol=2e-5)


@pytest.mark.parametrize("dim", [1, 3, 4, 7, 8, 16, 31, 100, 129, 300])
def test_means_of_rows_wherever_they_lie(dim: int) -> None:
    random = np.random.default_rng(dim)
    wide = random.normal(size=(50, dim + 3)).astype(np.float32)
    rows = random.integers(0, 50, size=60).astype(np.int32)
    ends = np.array([0, 1, 1, 30, 60])
    for matrix in (wide[:, :dim], wide[:, 3:], np.ascontiguousarray(wide[:, 1 : dim + 1])):
        means = _core.mean_rows(matrix, rows, ends)
        begin = 0
        for mean, end in zip(means, ends.tolist(), strict=True):
            expected = matrix[rows[begin:end]].mean(axis=0) if end > begin else np.zeros(dim)
            np.testing.assert_allclose(mean, expected, atol=1e-5)
            begin = end


def test_rows_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        _core.mean_rows(np.zeros((3, 2), np.float32), np.array([3], np.int32), np.array([1]))
    with pytest.raises(ValueError, match="ends"):
        _core.mean_rows(np.zeros((3, 2), np.float32), np.array([1], np.int32), np.array([1, 0]))
