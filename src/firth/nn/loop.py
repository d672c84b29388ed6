"""The one training loop of every neural rung.

A :class:`~firth.nn.job.Job` says what is computed, a :class:`~firth.nn.schedule.Plan` how long and at which rate, a
:class:`~firth.nn.job.Run` under whose eyes. ``docs/nn.md`` teaches it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from firth.errors import DataError
from firth.events import EpochEnd, Event, Notice, Progress, Saved
from firth.nn.device import Place, settled
from firth.nn.interrupts import Interrupts
from firth.nn.job import Epoch, Job, Loss, Outcome, Run
from firth.nn.schedule import Plan
from firth.nn.training import Training

__all__ = ["Epoch", "Job", "Loss", "Outcome", "Place", "Plan", "Run", "run_job", "settled"]

_TELL_SECONDS = 0.2
_SAVE_SHARE = 0.05  # of the time at most goes into checkpoints


def run_job(job: Job, plan: Plan, run: Run, place: Place) -> Outcome:
    """Train ``job`` to the end of ``plan``, within :func:`firth.nn.device.settled`.

    Where a held-out loss is measured and ``plan.keep_best``, the module ends with the parameters that had the lowest.

    Raises
    ------
    DataError
        When an epoch is empty, a checkpoint is of another job, or the loss is no longer a number. The run then stops
        and the last checkpoint stays, which is always of a time when all numbers were finite.
    KeyboardInterrupt
        On Ctrl-C, after a checkpoint was written where one is to be kept.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0], [2.0]])
    >>> with settled("cpu", 1, seed=1, deterministic=True) as place:
    ...     module = torch.nn.Linear(1, 1)
    ...     def loss(batch, state):
    ...         return Loss((module(batch) - 2 * batch).square().sum(), len(batch))
    ...     done = run_job(Job(module, lambda epoch: [x] * 10, loss), Plan(epochs=20, rate=0.1), Run(), place)
    >>> done.steps, done.losses[-1] < 1e-2
    (200, True)
    """
    with Interrupts() as interrupts:
        return _Loop(job, plan, run, place, interrupts).go()


class _Loop:
    def __init__(self, job: Job, plan: Plan, run: Run, place: Place, interrupts: Interrupts) -> None:
        self.job, self.plan, self.run, self.place, self.interrupts = job, plan, run, place, interrupts
        self.training = Training(job, plan, run, place)
        self.clock = _Clock(self.training.seconds, run.save_seconds)
        # Batches of the epoch at work; of any number where it has not begun.
        self.length = len(job.epoch(self.training.epoch)) if self.training.position else 1
        self.whole = True  # False while a step is under way
        self.begun: tuple[float, float] | None = None  # epochs and share done when this run began

    def go(self) -> Outcome:
        """Train to the end; Ctrl-C saves first."""
        training = self.training
        try:
            while not self._over():
                batches = self.job.epoch(training.epoch)
                self.length = len(batches)
                if not self.length:
                    raise DataError("there is nothing to train on", remedy="give more text")
                self._epoch(batches)
        except KeyboardInterrupt:
            if self.whole and training.steps:
                self._save()
            raise
        if self.plan.minutes is not None:
            self._tell(Notice(
                f"trained {training.steps:,} steps, {self._epochs():.2f} epochs, in {self.clock.now / 60:.1f} minutes"
            ))  # fmt: skip
        best = training.finish()
        if best is not None:
            at = training.history[best].steps
            self._tell(Notice(f"the parameters of step {at:,} are kept, which had the lowest held-out loss"))
        return Outcome(tuple(training.history), training.steps, self._epochs(), self.clock.now, best)

    def _epoch(self, batches: Sequence[Any]) -> None:
        """Train to the end of the epoch, or of the plan, and evaluate."""
        training, every = self.training, self.plan.evaluate_steps
        while training.position < self.length:
            self._between_steps()
            if self._over():
                break
            self.whole = False
            training.step(batches, self.plan.rate_at(self._share()))
            self.whole = True
            if every and training.steps % every == 0 and training.position < self.length:
                self._evaluate()
        self._evaluate()

    def _between_steps(self) -> None:
        """Let the clock go on, tell where training stands, save where it is time, stop where that was asked."""
        training, clock = self.training, self.clock
        # The first process decides for all: their clocks differ, and each waits where the others do.
        due = self.run.checkpoint is not None and training.steps > 0 and clock.time_to_save()
        clock.now, asked, save = self.place.from_first([clock.read(), float(self.interrupts.asked), float(due)])
        if self.begun is None:
            self.begun = self._epochs(), self._share()
        if asked:
            raise KeyboardInterrupt
        if clock.time_to_tell():
            training.check()
            if training.count:
                self._tell(self._progress())
        if save:
            self._save()

    def _over(self) -> bool:
        return self._share() >= 1.0 or self.training.patience.stop

    def _epochs(self) -> float:
        return self.training.epoch + self.training.position / self.length

    def _share(self) -> float:
        return self.plan.share(self._epochs(), self.training.steps, self.clock.now, self.clock.reserve)

    def _save(self) -> None:
        if self.run.checkpoint is None:
            return
        began = time.monotonic()
        folder = self.training.save(self.clock.now)
        self.clock.saved(time.monotonic() - began)
        if folder is not None:
            self._tell(Saved(folder))

    def _evaluate(self) -> None:
        """Close the books of what was trained since the last evaluation, where there was anything."""
        training = self.training
        if not training.count:
            return
        epoch, began = training.epoch + 1, time.monotonic()
        found = training.evaluate()
        self.clock.evaluated(self.place.from_first([time.monotonic() - began])[0])
        if training.position >= self.length:
            training.next_epoch()
        self.clock.now = self.place.from_first([self.clock.read()])[0]
        own, other = (_exponential(loss) if self.job.perplexity else None for loss in (found.loss, found.heldout))
        self._tell(EpochEnd(epoch, found.loss, found.heldout, self.clock.since_begin(), own, other, found.steps))

    def _tell(self, event: Event) -> None:
        if self.place.first:
            self.run.listen(event)

    def _progress(self) -> Progress:
        training, plan = self.training, self.plan
        epochs, share = self._epochs(), self._share()
        first_epochs, first_share = self.begun or (0.0, 0.0)
        done = int(self.job.words * epochs)
        whole = plan.epochs if plan.minutes is None and plan.steps is None else epochs / max(share, 1e-9)
        since = self.clock.since_begin()
        return Progress(
            done=done,
            total=int(self.job.words * whole),
            epoch=training.epoch + 1,
            epochs=math.ceil(whole),
            words_per_second=self.job.words * (epochs - first_epochs) / max(since - self.clock.aside, 1e-9),
            loss=training.loss / training.count,
            rate=training.rate,
            eta=since * (1.0 - share) / max(share - first_share, 1e-9),
            norm=None if training.norm is None else float(training.norm),
        )


class _Clock:
    """Seconds of the job's training, and what is due when.

    Attributes
    ----------
    now : float
        Seconds at the last step, those of earlier runs with it; the same in every process.
    reserve : float
        Seconds of the longest evaluation so far: a plan in time leaves room for the last one.
    aside : float
        Seconds of this run that went into evaluations and checkpoints.
    """

    def __init__(self, before: float, save_seconds: float) -> None:
        self.before, self.began = before, time.monotonic()
        self.now, self.reserve, self.aside = before, 0.0, 0.0
        self.save_seconds = self.pause = save_seconds
        self.last_save, self.last_told = before, before

    def read(self) -> float:
        return self.before + time.monotonic() - self.began

    def since_begin(self) -> float:
        return self.now - self.before

    def time_to_tell(self) -> bool:
        due = self.now - self.last_told >= _TELL_SECONDS
        if due:
            self.last_told = self.now
        return due

    def time_to_save(self) -> bool:
        return self.read() - self.last_save >= self.pause

    def saved(self, took: float) -> None:
        self.last_save = self.read()
        self.pause = max(self.save_seconds, took / _SAVE_SHARE) if self.save_seconds else 0.0
        self.aside += took

    def evaluated(self, took: float) -> None:
        self.reserve, self.aside = max(self.reserve, took), self.aside + took


def _exponential(loss: float | None) -> float | None:
    if loss is None:
        return None
    return math.exp(loss) if loss < 700 else math.inf
