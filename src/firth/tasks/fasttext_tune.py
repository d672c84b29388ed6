"""Search for good options of fastText's classifier.

The walk is that of fastText's autotune: from the best options so far each is moved by a random step, ever smaller.
But the n-th trial depends on the seed and on the scores before it alone, never on the clock.
"""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import numpy as np

from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.tasks.fasttext_data import LabelledLines
from firth.tasks.fasttext_predict import Tested, test
from firth.tasks.fasttext_train import FastTextClassify, Trained, train

__all__ = ["Trial", "Tuned", "tune"]

_CALM_AFTER = 24  # trials over which steps shrink; a count, not the clock, so that a trial depends on its number alone
_TUNABLE = ("epochs", "rate", "dim", "word_ngrams", "minn", "buckets")


@dataclasses.dataclass(frozen=True)
class Trial:
    """One try: its options and its score, None where training diverged."""

    config: FastTextClassify
    score: float | None
    seconds: float


@dataclasses.dataclass(frozen=True)
class Tuned:
    """What tuning gives.

    Attributes
    ----------
    trained : Trained
        With the best options.
    trials : tuple of Trial
        In their order.
    score : float
        Of the best.
    """

    trained: Trained
    trials: tuple[Trial, ...]
    score: float

    @property
    def config(self) -> FastTextClassify:
        """The best options."""
        return self.trained.config


def tune(
    data: Any,
    validation: Any,
    base: FastTextClassify | None = None,
    *,
    trials: int | None = None,
    minutes: float | None = None,
    fixed: tuple[str, ...] = (),
    metric: str = "f1",
    k: int = 1,
    threads: int | None = None,
    listen: Listener | None = None,
) -> Tuned:
    """Try options and keep the best.

    With ``trials`` the result is exactly reproducible. With ``minutes`` only the number of trials depends on the clock:
    the n-th trial is the same in every run. A trial that is under way when the time is up is finished.

    Parameters
    ----------
    data, validation : like ``data`` of :func:`firth.tasks.fasttext_train.train`
        What is trained on, and what options are scored on.
    base : FastTextClassify, optional
        The first trial, and the seed of the search.
    trials : int, optional
    minutes : float, optional
        One of the two is needed; with both, what comes first ends the search.
    fixed : tuple of str
        Options that stay as they are in ``base``, of epochs, rate, dim, word_ngrams, minn (with maxn) and buckets.
    metric : str
        ``f1``, or ``f1:LABEL`` for one label.
    k : int
        Answers for each line that the metric counts.
    threads, listen
        As for training.

    Raises
    ------
    ConfigError
        When neither limit is given, or an option is unknown.
    DataError
        When every trial diverged.

    Examples
    --------
    >>> lines = [("warm", "sun and sand"), ("cold", "snow and ice")] * 20
    >>> tuned = tune(lines, lines[:4], FastTextClassify(dim=4), trials=3, fixed=("dim",), threads=1)
    >>> len(tuned.trials), tuned.score > 0.9
    (3, True)
    """
    base = base or FastTextClassify()
    if not (trials or minutes) or (trials or 1) < 1 or (minutes or 1) <= 0:
        raise ConfigError(
            "tuning has no limit", got=(trials, minutes), expected="trials of 1 or more, or minutes above 0"
        )
    unknown = [name for name in fixed if name not in _TUNABLE]
    if unknown:
        raise ConfigError("no such option to fix", got=", ".join(unknown), expected="of " + ", ".join(_TUNABLE))
    lines = LabelledLines.of(data, base.label_prefix)
    checks = [validation] if isinstance(validation, str) else validation
    checks = checks if isinstance(checks, list | tuple) else list(checks)
    began = time.monotonic()
    done: list[Trial] = []
    best: tuple[float, FastTextClassify, Trained] | None = None
    while not _over(len(done), trials, (time.monotonic() - began) / 60, minutes):
        config = base if not done else _next(best[1] if best else base, base, len(done), fixed)
        start = time.monotonic()
        score, trained = _try(lines, checks, config, metric=metric, k=k, threads=threads)
        done.append(Trial(config, score, time.monotonic() - start))
        if score is not None and trained is not None and (best is None or score > best[0]):
            best = score, config, trained
        if listen is not None:
            listen(Notice(_told(done, best[0] if best else None)))
    if best is None:
        raise DataError("every trial diverged", got=f"{len(done)} trials", remedy="begin with a lower rate")
    return Tuned(best[2], tuple(done), best[0])


def _over(n: int, trials: int | None, spent: float, minutes: float | None) -> bool:
    return n > 0 and ((trials is not None and n >= trials) or (minutes is not None and spent >= minutes))


def _told(done: list[Trial], best: float | None) -> str:
    last = done[-1]
    options = ", ".join(f"{name} {getattr(last.config, name):.4g}" for name in (*_TUNABLE, "maxn"))
    score = "diverged" if last.score is None else f"score {last.score:.4f}"
    leader = "none" if best is None else f"{best:.4f}"
    return f"trial {len(done)}: {score} in {last.seconds:.1f} s ({options}); best {leader}"


def _try(
    lines: LabelledLines, validation: Any, config: FastTextClassify, *, metric: str, k: int, threads: int | None
) -> tuple[float | None, Trained | None]:
    try:
        trained = train(lines, config, threads=threads)
    except DataError as error:
        if "diverged" in error.what:
            return None, None
        raise
    score = _score(test(trained.model, validation, k, threads=threads or 0), metric, config.label_prefix)
    return (0.0 if math.isnan(score) else score), trained


def _score(tested: Tested, metric: str, prefix: str) -> float:
    if metric == "f1":
        return tested.f1
    name = metric.removeprefix("f1:")
    for label in tested.labels:
        if metric.startswith("f1:") and label.label in (name, prefix + name):
            return label.f1
    raise ConfigError("no such metric", got=metric, expected="f1, or f1:LABEL with a label of the text")


def _next(best: FastTextClassify, base: FastTextClassify, number: int, fixed: tuple[str, ...]) -> FastTextClassify:
    """Move the best options by steps of a width that falls with the number of the trial."""
    random = np.random.default_rng([base.seed, number])
    calm = min(1.0, number / _CALM_AFTER)

    def scaled(value: float, low: float, high: float, first: float, last: float) -> float:
        return float(min(high, max(low, value * 2.0 ** (random.normal() * (first + (last - first) * calm)))))

    def moved(value: float, low: int, high: int, first: float, last: float) -> int:
        return int(min(high, max(low, round(value + random.normal() * (first + (last - first) * calm)))))

    # Every number is drawn in each trial, so that fixing one option leaves the others' steps as they are.
    lengths = (0, 2, 3)
    place = lengths.index(best.minn) if best.minn in lengths else 0
    minn = lengths[moved(place, 0, 2, 4.0, 1.4)]
    values: dict[str, Any] = {
        "epochs": round(scaled(best.epochs, 1, 100, 2.8, 2.5)),
        "rate": scaled(best.rate, 0.01, 5.0, 1.9, 1.0),
        "dim": round(scaled(best.dim, 1, 1000, 1.4, 0.3)),
        "word_ngrams": moved(best.word_ngrams, 1, 5, 4.3, 2.4),
        "minn": minn,
        "buckets": round(scaled(best.buckets or FastTextClassify.buckets, 10_000, 10_000_000, 2.0, 1.5)),
    }
    values = {name: value for name, value in values.items() if name not in fixed}
    if "minn" in values:
        values["maxn"] = minn + 3 if minn else 0
    return dataclasses.replace(best, **values)
