"""What representations are worth where labels are few: learning curves of tasks, for each of several representations.

Every representation gets the same shares of the labels, drawn with the same seeds, the same net and as many updates of
it; what differs is what is known of words before the first label is seen. Peters et al. 2018, section 5.4, and Howard
and Ruder 2018, section 4.4, show such curves. ``docs/transfer.md`` teaches it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firth.compare.cells import Cells, Key, digest
from firth.compare.remembered import Remembered
from firth.compare.tasks import Task
from firth.config import Config, option, to_dict
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.protocols import Representation
from firth.vectors.static import Vectors

__all__ = ["ALONE", "Transfer", "compare_tasks", "sample"]

ALONE = "labels alone"  # the net without any representation


@dataclasses.dataclass(frozen=True)
class Transfer(Config):
    """Options of a transfer report.

    Examples
    --------
    >>> Transfer(shares=(0.1, 1.0)).n_cells(tasks=2, representations=3)
    48
    """

    shares: tuple[float, ...] = option((0.01, 0.03, 0.1, 0.3, 1.0), "shares of the labels to learn from")
    seeds: int = option(3, "samples of each share, with a training each", minimum=1, maximum=1000)
    steps: int = option(1500, "updates of a net, at most", minimum=1, maximum=1 << 30)
    epochs: int = option(40, "passes over a sample, at most", minimum=1, maximum=1_000_000)
    minutes: float | None = option(None, "time for each training, in the place of steps and epochs", minimum=1e-6)
    batch: int = option(16, "sentences trained together", minimum=1, maximum=1 << 20)
    hidden: int = option(100, "cells of each LSTM of a tagger", minimum=1, maximum=100_000)
    characters: str = option("none", "how taggers spell words", choices=("cnn", "lstm", "none"))
    classifier: str = option("contextual", "the net of a classifier; contextual is pooled vectors alone",
                             choices=("contextual", "cnn", "lstm"))  # fmt: skip
    tagger_rate: float = option(4e-3, "learning rate of taggers", minimum=0, maximum=1000)
    classifier_rate: float = option(1e-2, "learning rate of classifiers", minimum=0, maximum=1000)
    alone: bool = option(True, "beside the representations, learn vectors from the labels alone")
    cache: float = option(2.0, "GB of memory for vectors in context; more goes to disk", minimum=0, maximum=1e6)

    def __post_init__(self) -> None:
        super().__post_init__()
        shares = self.shares
        if not shares or not all(isinstance(share, int | float) and 0 < share <= 1 for share in shares):
            raise ConfigError("shares are none", got=shares, expected="numbers above 0, up to 1")
        object.__setattr__(self, "shares", tuple(sorted({float(share) for share in shares})))

    def n_cells(self, tasks: int, representations: int) -> int:
        """Return how many trainings there are."""
        return tasks * (representations + self.alone) * len(self.shares) * self.seeds

    def epochs_for(self, n: int) -> int:
        """Return the passes over ``n`` sentences that make about as many updates as are asked for."""
        return max(1, min(self.epochs, round(self.steps / math.ceil(n / self.batch))))


def sample(n: int, share: float, seed: int) -> list[int]:
    """Return which of ``n`` sentences a share is, in their order; a larger share of one seed holds the smaller ones.

    Examples
    --------
    >>> set(sample(100, 0.03, 1)) < set(sample(100, 0.1, 1)), len(sample(100, 0.001, 1))
    (True, 1)
    """
    order = np.random.default_rng([seed, 0x7A]).permutation(n)
    return sorted(order[: max(1, round(share * n))].tolist())


def compare_tasks(
    representations: Mapping[str, Sequence[Representation]],
    tasks: Sequence[Task],
    config: Transfer | None = None,
    *,
    folder: str | Path,
    threads: int | None = None,
    device: str | None = None,
    listen: Listener | None = None,
) -> list[dict[str, Any]]:
    """Train and score every cell of the comparison that is not in ``folder`` yet.

    Parameters
    ----------
    representations : mapping from str to sequence of Representation
        By name; several are put side by side.
    tasks : sequence of Task
    config : Transfer, optional
    folder : path-like
        Keeps ``cells.jsonl``: a cell is there as soon as it is done, and a run that was stopped goes on. Cells of other
        data, representations or options are left there and not used.
    threads : int, optional
        Of torch.
    device : str, optional
        A GPU where there is one.
    listen : callable, optional
        Gets a notice for each cell, and what is left to do.

    Returns
    -------
    list of dict
        A row of each cell, in the order of the plan: ``task representation share seed n seconds score unseen layers``.

    Raises
    ------
    DataError
        When there is nothing to compare.
    """
    config, tell = config or Transfer(), listen or (lambda event: None)
    if ALONE in representations:
        raise DataError("a representation has the name of the baseline", got=ALONE)
    if not tasks or not (representations or config.alone):
        raise DataError("there is nothing to compare", remedy="give models, and --ner, --pos or --classify")
    names = [*([ALONE] if config.alone else []), *representations]
    cells = Cells(Path(folder))
    rows: list[dict[str, Any]] = []
    plan = _Plan(cells, config, tell, len(tasks) * len(names))
    for task in tasks:
        for name in names:
            given = tuple(representations.get(name, ()))
            of = _digest(config, task, given)
            keys = [Key(task.name, name, share, seed, of) for share, seed in _shares_and_seeds(config)]
            missing = [key for key in keys if key not in cells]
            if missing:
                given = tuple(_remembered(one, task, config, tell) for one in given)
            for key in missing:
                began = time.monotonic()
                row = task.cell(given, sample(task.n, key.share, key.seed), key.seed, config, threads, device)
                plan.done(cells.add(key, row | {"seconds": round(time.monotonic() - began, 1)}))
            plan.next(len(missing))
            rows += [cells[key] for key in keys]
    return rows


def _shares_and_seeds(config: Transfer) -> Iterator[tuple[float, int]]:
    for share in config.shares:
        yield from ((share, seed) for seed in range(1, config.seeds + 1))


def _remembered(given: Representation, task: Task, config: Transfer, tell: Listener) -> Representation:
    if isinstance(given, Vectors):
        return given
    return Remembered(given, task.sentences(), int(config.cache * 1e9), tell)


def _digest(config: Transfer, task: Task, given: Sequence[Representation]) -> str:
    """Return what tells a training from others, apart from share and seed."""
    own = {name: value for name, value in to_dict(config).items() if name not in ("shares", "seeds", "alone", "cache")}
    marks = [_mark(one, task) for one in given]
    return digest({"options": own, "data": task.digest, "representations": marks})


def _mark(given: Representation, task: Task) -> str:
    """Return what tells a representation from others: some of its vectors, or the parameters of its net."""
    from firth.formats.module_parts import module_apart
    from firth.tasks.word_features import source_of
    from firth.tasks.word_sources import mark_of

    found = mark_of(source_of(given, "fallback", mix=True), task.sentences()[:8])
    net: Any = getattr(given, "net", None)
    if hasattr(net, "state_dict"):
        found += digest([hashlib.blake2b(array.tobytes()).hexdigest() for array in module_apart(net).values()])
    return found


class _Plan:
    """Tells what was done, and how long the rest may take if a cell takes as long as those before on average."""

    def __init__(self, cells: Cells, config: Transfer, tell: Listener, rows: int) -> None:
        self.config, self.tell = config, tell
        self.each = len(config.shares) * config.seeds  # cells of a task with a representation
        self.left = rows * self.each
        self.total, self.seconds, self.count = self.left, 0.0, 0
        if config.minutes is not None:
            hours = self.left * config.minutes / 60
            tell(Notice(f"{self.left:,} trainings of {config.minutes:g} minutes, {hours:.1f} hours if none is done"))
        else:
            tell(Notice(f"{self.left:,} trainings of at most {config.steps:,} updates"))

    def done(self, row: Mapping[str, Any]) -> None:
        """Tell of a cell that was done."""
        self.left, self.seconds, self.count = self.left - 1, self.seconds + row["seconds"], self.count + 1
        unseen = "" if row["unseen"] is None else f", {100 * row['unseen']:.1f} on words unseen"
        rest = self.left * self.seconds / self.count / 60
        self.tell(Notice(
            f"{row['task']}, {row['representation']}, {100 * row['share']:g} % ({row['n']:,}), seed {row['seed']}: "
            f"{100 * row['score']:.1f}{unseen}, after {row['seconds']:.0f} s; {self.left:,} left, about {rest:.0f} min"
        ))  # fmt: skip

    def next(self, n_done: int) -> None:
        """Count the cells of a row that were there already."""
        self.left -= self.each - n_done
