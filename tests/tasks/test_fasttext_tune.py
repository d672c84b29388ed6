"""The search for options: reproducible, and no worse than where it began."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from firth.errors import ConfigError
from firth.events import Event, Notice
from firth.tasks.fasttext_predict import test
from firth.tasks.fasttext_train import FastTextClassify
from firth.tasks.fasttext_tune import tune

FIXED = ("dim", "buckets", "epochs")


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    return [tuple(line.split(" ", 1)) for line in lines]  # type: ignore[misc]


def test_trials_are_a_function_of_the_seed(labelled: Callable[..., list[str]]) -> None:
    text, checks = _pairs(labelled(200)), _pairs(labelled(80, seed=2))
    base = FastTextClassify(dim=4, epochs=2, rate=0.05, buckets=2000)
    told: list[Event] = []
    first = tune(text, checks, base, trials=5, fixed=FIXED, listen=told.append)
    again = tune(text, checks, base, trials=5, minutes=60, fixed=FIXED, threads=1)
    assert [(trial.config, trial.score) for trial in first.trials] == [(t.config, t.score) for t in again.trials]
    assert len({trial.config for trial in first.trials}) == 5
    assert len([event for event in told if isinstance(event, Notice)]) == 5
    other = tune(
        text, checks, FastTextClassify(dim=4, epochs=2, rate=0.05, buckets=2000, seed=9), trials=3, fixed=FIXED
    )
    assert other.trials[1].config.rate != first.trials[1].config.rate


def test_the_best_trial_is_what_comes_back(labelled: Callable[..., list[str]]) -> None:
    text, checks = _pairs(labelled(200)), _pairs(labelled(80, seed=2))
    base = FastTextClassify(dim=4, epochs=2, rate=0.01, buckets=2000)
    tuned = tune(text, checks, base, trials=6, fixed=FIXED)
    assert tuned.trials[0].config == base
    scores = [trial.score or 0.0 for trial in tuned.trials]
    assert tuned.score == max(scores) > scores[0]
    assert tuned.config == tuned.trials[scores.index(max(scores))].config
    assert test(tuned.trained.model, checks).f1 == tuned.score
    assert all(getattr(trial.config, name) == getattr(base, name) for trial in tuned.trials for name in FIXED)


def test_the_clock_ends_the_search_and_a_label_can_be_the_aim(labelled: Callable[..., list[str]]) -> None:
    text, checks = _pairs(labelled(100)), _pairs(labelled(60, seed=2))
    tuned = tune(text, checks, FastTextClassify(dim=4), minutes=1e-6, metric="f1:fish")
    assert len(tuned.trials) == 1
    fish = next(score for score in test(tuned.trained.model, checks).labels if score.label == "__label__fish")
    assert tuned.score == (fish.f1 if fish.f1 == fish.f1 else 0.0)


@pytest.mark.parametrize(
    "options", [{}, {"trials": 0}, {"minutes": 0}, {"trials": 2, "fixed": ("loss",)}, {"trials": 1, "metric": "auc"}]
)
def test_searches_that_make_no_sense(options: dict) -> None:
    with pytest.raises(ConfigError):
        tune([("a", "x"), ("b", "y")], [("a", "x")], FastTextClassify(dim=2), **options)
