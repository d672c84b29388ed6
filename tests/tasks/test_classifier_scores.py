"""Scores of labels and of probabilities, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from firth.tasks.classifier_scores import (
    brier_score,
    calibration_bins,
    calibration_error,
    confusion,
    fit_temperature,
    label_scores,
    log_loss,
    softmax,
)

LABELS = ["a", "b", "c", "d"]
pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(pairs)
def test_scores_are_those_of_scikit_learn(given: list[tuple[int, int]]) -> None:
    gold, found = (list(column) for column in zip(*given, strict=True))
    table = confusion(gold, found, 4)
    assert np.array_equal(table, metrics.confusion_matrix(gold, found, labels=range(4)))
    scores = label_scores(table, LABELS)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(gold, found))
    for mean in ("macro", "micro"):
        expected = metrics.precision_recall_fscore_support(gold, found, average=mean, zero_division=0)[:3]
        assert [scores[mean][name] for name in ("precision", "recall", "f1")] == pytest.approx(list(expected))
    each = metrics.precision_recall_fscore_support(gold, found, labels=range(4), zero_division=0)
    for place, label in enumerate(LABELS):
        row = scores["labels"][label]
        assert [row["precision"], row["recall"], row["f1"], row["gold"]] == pytest.approx([x[place] for x in each])


@given(st.integers(1, 50), st.integers(2, 5), st.integers(0, 100))
def test_probabilities_are_scored_as_by_scikit_learn(n: int, n_labels: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    law, gold = softmax(3 * random.standard_normal((n, n_labels))), random.integers(0, n_labels, n)
    assert log_loss(law, gold) == pytest.approx(metrics.log_loss(gold, law, labels=range(n_labels)))
    expected = ((law - np.eye(n_labels)[gold]) ** 2).sum(1).mean()
    assert brier_score(law, gold) == pytest.approx(expected)
    bins = calibration_bins(law, gold, 10)
    assert sum(bin["n"] for bin in bins) == n
    sure, right = law.max(1), law.argmax(1) == gold
    by_hand = 0.0
    for low in np.arange(10) / 10:  # Guo et al. 2017, equation 3
        held = (sure > low) & (sure <= low + 0.1)
        if held.any():
            by_hand += held.sum() / n * abs(right[held].mean() - sure[held].mean())
    assert calibration_error(law, gold, 10) == pytest.approx(by_hand, abs=1e-12)
    for bin in bins:
        assert bin["low"] <= bin["confidence"] <= bin["high"]


def test_a_label_of_no_column_is_always_wrong() -> None:
    law = np.array([[0.7, 0.3]])
    assert brier_score(law, [-1]) == pytest.approx(0.49 + 0.09 + 1)
    assert calibration_bins(law, [-1])[0]["accuracy"] == 0.0


def test_the_temperature_undoes_what_was_scaled() -> None:
    random = np.random.default_rng(1)
    scores = random.standard_normal((20_000, 3))
    gold = np.array([random.choice(3, p=row) for row in softmax(scores)])
    assert fit_temperature(scores * 2.5, gold) == pytest.approx(2.5, rel=0.05)
    law = softmax(scores)
    assert calibration_error(law, gold) < 0.02 < calibration_error(softmax(scores * 2.5), gold)


def test_nothing_to_score() -> None:
    nothing = np.zeros((0, 2))
    assert np.isnan([log_loss(nothing, []), brier_score(nothing, []), calibration_error(nothing, [])]).all()
    assert fit_temperature(nothing, []) == 1.0
    scores = label_scores(confusion([], [], 2), ["a", "b"])
    assert (scores["accuracy"], scores["macro"]["f1"]) == (0.0, 0.0)
