"""The loop around native rounds: slices short enough for progress and Ctrl-C, epochs, probes, checkpoints."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from firth.config import cpu_threads
from firth.errors import DataError
from firth.events import EpochEnd, Listener, Probe, Progress, Saved

__all__ = ["Epoch", "Job", "Rounds", "cpu_threads", "run"]

_SLICE_SECONDS = 0.2
_SAVE_SECONDS = 60.0
_SAVE_SHARE = 0.05  # of the time at most goes into checkpoints


class Rounds(Protocol):
    """A native trainer. It keeps its own place, so that an interrupt never falls between work and bookkeeping."""

    @property
    def rounds_per_epoch(self) -> int:
        """Rounds of one pass over the text."""
        ...

    @property
    def round(self) -> int:
        """Rounds done, counted through all epochs."""
        ...

    @property
    def loss(self) -> float:
        """Sum of the losses of the epoch at work."""
        ...

    @property
    def pairs(self) -> int:
        """Examples that ``loss`` is a sum over."""
        ...

    def run(self, count: int, threads: int) -> None:
        """Train the next ``count`` rounds, all of one epoch."""
        ...


@dataclasses.dataclass(frozen=True)
class Epoch:
    """What is remembered of an epoch: mean losses in training and on the held-out text."""

    loss: float
    heldout: float | None


@dataclasses.dataclass(frozen=True)
class Job:
    """One run of a trainer.

    Attributes
    ----------
    rounds : Rounds
        The native trainer.
    epochs : int
    words : int
        Words of the text in one epoch, for the rate shown.
    rate : callable
        From the share of training done, 0 to 1, to the learning rate.
    threads : int
    listen : callable
        Gets every event.
    save : callable or None
        Writes a checkpoint, given the epochs so far, and returns its path.
    heldout : callable or None
        Mean loss on the held-out text with the parameters as they are.
    probe : callable or None
        Neighbours of the probe words as they are: ``(word, ((neighbour, cosine), ...))`` pairs.
    remedy : str
        What helps where training diverges.
    """

    rounds: Rounds
    epochs: int
    words: int
    rate: Callable[[float], float]
    threads: int
    listen: Listener
    save: Callable[[Sequence[Epoch]], Path] | None = None
    heldout: Callable[[], float] | None = None
    probe: Callable[[], Sequence[tuple[str, tuple[tuple[str, float], ...]]]] | None = None
    remedy: str = "lower --rate, or let subsampling thin out the frequent words (--sample 1e-3)"


def run(job: Job, history: list[Epoch]) -> float:
    """Run ``job`` from where its trainer stands to the end, adding to ``history``; return the seconds of training.

    Ctrl-C saves a checkpoint, where there is one to be kept, and goes on up.
    """
    try:
        return _run(job, history)
    except KeyboardInterrupt:
        if job.save is not None and job.rounds.round:
            job.listen(Saved(str(job.save(history))))
        raise


def _run(job: Job, history: list[Epoch]) -> float:
    rounds, per_epoch = job.rounds, job.rounds.rounds_per_epoch
    total = per_epoch * job.epochs
    clock = _Clock(rounds.round, total)
    count = 1
    while True:
        if rounds.round // max(per_epoch, 1) > len(history):
            _end_epoch(job, history, clock.training)
        if rounds.round >= total:
            return clock.training
        if job.save is not None and clock.time_to_save():
            began = time.monotonic()
            job.listen(Saved(str(job.save(history))))
            clock.saved(time.monotonic() - began)
        count = min(count, per_epoch - rounds.round % per_epoch)
        began = time.monotonic()
        rounds.run(count, job.threads)
        if not math.isfinite(rounds.loss):
            raise DataError(
                "training diverged: the loss is no longer a number",
                got=f"epoch {(rounds.round - 1) // per_epoch + 1}",
                remedy=job.remedy,
            )
        took = time.monotonic() - began
        clock.training += took
        count = max(1, min(2 * count, int(count * _SLICE_SECONDS / max(took, 1e-6))))
        job.listen(_progress(job, clock))


class _Clock:
    """Rate and ETA of this run, and when the next checkpoint is due."""

    def __init__(self, first_round: int, total: int) -> None:
        self.first_round, self.total, self.training = first_round, total, 0.0
        self.last_save, self.pause = time.monotonic(), _SAVE_SECONDS

    def speed(self, round: int) -> float:
        """Rounds per second of training in this run."""
        return (round - self.first_round) / max(self.training, 1e-9)

    def time_to_save(self) -> bool:
        return time.monotonic() - self.last_save >= self.pause

    def saved(self, took: float) -> None:
        self.last_save, self.pause = time.monotonic(), max(_SAVE_SECONDS, took / _SAVE_SHARE)


def _progress(job: Job, clock: _Clock) -> Progress:
    rounds = job.rounds
    speed = clock.speed(rounds.round)
    return Progress(
        done=job.words * rounds.round // rounds.rounds_per_epoch,
        total=job.words * job.epochs,
        epoch=(rounds.round - 1) // rounds.rounds_per_epoch + 1,
        epochs=job.epochs,
        words_per_second=speed * job.words / rounds.rounds_per_epoch,
        loss=rounds.loss / rounds.pairs if rounds.pairs else None,
        rate=job.rate(rounds.round / clock.total),
        eta=(clock.total - rounds.round) / speed,
    )


def _end_epoch(job: Job, history: list[Epoch], seconds: float) -> None:
    loss = job.rounds.loss / max(job.rounds.pairs, 1)
    heldout = job.heldout() if job.heldout is not None else None
    history.append(Epoch(loss, heldout))
    job.listen(EpochEnd(len(history), loss, heldout, seconds))
    for word, neighbours in job.probe() if job.probe is not None else ():
        job.listen(Probe(len(history), word, neighbours))
