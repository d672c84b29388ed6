"""The search against SciPy's, and against scikit-learn with L1."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from firth.errors import DataError
from firth.lm.owlqn import Step, minimise


def _logistic(seed: int = 0):  # type: ignore[no-untyped-def]
    random = np.random.default_rng(seed)
    x = random.normal(size=(80, 12))
    y = np.where(x[:, 0] - 2 * x[:, 1] + random.normal(size=80) > 0, 1.0, -1.0)

    def function(w: np.ndarray) -> tuple[float, np.ndarray]:
        margins = y * (x @ w)
        return float(np.logaddexp(0, -margins).sum()), -(x.T @ (y / (1 + np.exp(margins))))

    return x, y, function


def test_without_l1_it_finds_scipys_minimum() -> None:
    _, _, smooth = _logistic()

    def function(w: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = smooth(w)
        return value + 0.5 * float(w @ w), gradient + w

    found = minimise(function, np.zeros(12), iterations=200, tolerance=0)
    expected = minimize(function, np.zeros(12), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10})
    assert found.value == pytest.approx(expected.fun, rel=1e-10)
    np.testing.assert_allclose(found.weights, expected.x, atol=1e-5)


@pytest.mark.parametrize("l1", [1.0, 5.0])
def test_with_l1_it_finds_scikit_learns_zeros(l1: float) -> None:
    x, y, function = _logistic()
    found = minimise(function, np.zeros(12), l1, iterations=500, tolerance=0)
    oracle = LogisticRegression(
        penalty="l1", C=1 / l1, solver="liblinear", fit_intercept=False, tol=1e-10, max_iter=10000
    ).fit(x, y)
    np.testing.assert_allclose(found.weights, oracle.coef_[0], atol=1e-4)
    assert 0 < np.count_nonzero(found.weights) < 12


def test_a_penalty_of_its_own_for_each_weight() -> None:
    found = minimise(lambda w: (float(((w - 3) ** 2).sum()), 2 * (w - 3)), np.ones(3), np.array([0.0, 2.0, 10.0]))
    np.testing.assert_allclose(found.weights, [3, 2, 0], atol=1e-6)


def test_it_says_why_it_stopped_and_watch_can_stop_it() -> None:
    _, _, function = _logistic()
    steps: list[Step] = []

    def watch(step: Step) -> bool:
        steps.append(step)
        return step.iteration == 3

    assert minimise(function, np.zeros(12), 1.0, watch=watch).reason == "stopped"
    assert [step.iteration for step in steps] == [1, 2, 3]
    assert steps[0].value > steps[1].value > steps[2].value
    assert minimise(function, np.zeros(12), 1.0, iterations=2).reason == "out of iterations"
    assert minimise(function, np.zeros(12), 1.0, iterations=1000, tolerance=1e-3).reason == "converged"
    with pytest.raises(DataError, match="finite"):
        minimise(lambda w: (float("nan"), w), np.zeros(2))
