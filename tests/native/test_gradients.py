"""Every loss of the kernels, at every CPU level: against finite differences in double, and against the NumPy twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from firth import _core
from firth.static.reference import logistic_step, softmax_step

LEVELS = _core.cpu_levels()
SHAPES = [(1, 1, 1), (2, 8, 16), (3, 9, 17), (7, 5, 100), (18, 16, 33), (5, 23, 4), (70, 30, 9)]


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Force one CPU level, then go back."""
    before = _core.cpu_level()
    _core.use_cpu_level(request.param)
    yield request.param
    _core.use_cpu_level(before)


def _examples(shape: tuple[int, int, int], seed: int = 0) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    n, m, dim = shape
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(n, dim)), random.normal(size=(m, dim))
    seen = random.integers(0, 3, size=(n, m)).astype(float)
    return x, y, seen, seen + random.choice([0.0, 0.6, 2.0], size=(n, m))


def _numeric(loss: Callable[[], float], array: NDArray, step: float = 1e-5) -> NDArray:
    slope = np.empty_like(array)
    for place in np.ndindex(*array.shape):
        kept = array[place]
        array[place] = kept + step
        above = loss()
        array[place] = kept - step
        slope[place] = (above - loss()) / (2 * step)
        array[place] = kept
    return slope


def test_the_level_that_runs_is_the_one_asked_for(level: str) -> None:
    assert _core.cpu_level() == level


def test_an_unknown_level_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match=LEVELS[-1]):
        _core.use_cpu_level("v9")


@pytest.mark.parametrize("shape", SHAPES[:4])
@pytest.mark.usefixtures("level")
def test_logistic_gradient_is_the_slope_of_its_loss(shape: tuple[int, int, int]) -> None:
    x, y, *pairs = _examples(shape)
    dx, dy, _ = _core.logistic_step(x, y, *pairs, 1.0)
    np.testing.assert_allclose(dx, -_numeric(lambda: _core.logistic_step(x, y, *pairs, 1.0)[2], x), atol=1e-7)
    np.testing.assert_allclose(dy, -_numeric(lambda: _core.logistic_step(x, y, *pairs, 1.0)[2], y), atol=1e-7)


@pytest.mark.parametrize("shape", SHAPES[:4])
@pytest.mark.usefixtures("level")
def test_path_gradient_is_the_slope_of_its_loss(shape: tuple[int, int, int]) -> None:
    x, y, *_ = _examples(shape)
    codes = np.random.default_rng(2).integers(0, 2, size=len(y)).astype(np.uint8)
    dx, dy, _ = _core.path_step(x, y, codes, 1.0)
    np.testing.assert_allclose(dx, -_numeric(lambda: _core.path_step(x, y, codes, 1.0)[2], x), atol=1e-7)
    np.testing.assert_allclose(dy, -_numeric(lambda: _core.path_step(x, y, codes, 1.0)[2], y), atol=1e-7)


@pytest.mark.parametrize("shape", SHAPES[:5])
@pytest.mark.usefixtures("level")
def test_gradient_of_pairs_one_by_one_is_the_slope_of_their_loss(shape: tuple[int, int, int]) -> None:
    x, _, *_ = _examples(shape)
    y = np.random.default_rng(3).normal(size=x.shape)
    dx, dy, _ = _core.own_step(x, y, 1.0)
    np.testing.assert_allclose(dx, -_numeric(lambda: _core.own_step(x, y, 1.0)[2], x), atol=1e-7)
    np.testing.assert_allclose(dy, -_numeric(lambda: _core.own_step(x, y, 1.0)[2], y), atol=1e-7)


@pytest.mark.parametrize("shape", SHAPES[:4])
@pytest.mark.usefixtures("level")
def test_softmax_gradient_is_the_slope_of_its_loss(shape: tuple[int, int, int]) -> None:
    x, y, times, _ = _examples(shape)
    times = times.astype(np.int32)
    dx, dy, _ = _core.softmax_step(x, y, times, 1.0)
    np.testing.assert_allclose(dx, -_numeric(lambda: _core.softmax_step(x, y, times, 1.0)[2], x), atol=1e-6)
    np.testing.assert_allclose(dy, -_numeric(lambda: _core.softmax_step(x, y, times, 1.0)[2], y), atol=1e-6)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.usefixtures("level")
def test_steps_equal_the_twin(shape: tuple[int, int, int], kind: type) -> None:
    x, y, seen, total = _examples(shape, seed=1)
    times = seen.astype(np.int32)
    codes = (seen[0] > 0).astype(np.uint8)
    path = np.broadcast_to(1.0 - codes, seen.shape)
    own, once = np.eye(len(x)), np.random.default_rng(3).normal(size=x.shape)
    tolerance = 1e-12 if kind is np.float64 else 2e-5
    for native, twin in (
        (
            _core.logistic_step(*(part.astype(kind) for part in (x, y, seen, total)), 0.025),
            logistic_step(x, y, seen, total, 0.025),
        ),
        (
            _core.path_step(x.astype(kind), y.astype(kind), codes, 0.025),
            logistic_step(x, y, path, np.ones_like(path), 0.025),
        ),
        (_core.own_step(x.astype(kind), once.astype(kind), 0.025), logistic_step(x, once, own, own, 0.025)),
        (_core.softmax_step(x.astype(kind), y.astype(kind), times, 0.025), softmax_step(x, y, times, 0.025)),
    ):
        np.testing.assert_allclose(native[0], twin[0], atol=tolerance)
        np.testing.assert_allclose(native[1], twin[1], atol=tolerance)
        np.testing.assert_allclose(native[2], twin[2], rtol=1e-6, atol=tolerance)


@pytest.mark.usefixtures("level")
def test_extreme_scores_give_finite_steps() -> None:
    x = np.array([[300.0], [-300.0], [0.0]], np.float32)
    y = np.array([[300.0], [-300.0]], np.float32)
    total = np.ones((3, 2), np.float32)
    for seen in (0 * total, total):
        dx, dy, loss = _core.logistic_step(x, y, seen, total, 1.0)
        assert np.isfinite(dx).all()
        assert np.isfinite(dy).all()
        np.testing.assert_allclose(loss, 2 * 90_000 + 2 * np.log(2), rtol=1e-6)
