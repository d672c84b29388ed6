"""How training is shown: a progress bar on a terminal, plain lines in a pipe, nothing under ``--quiet``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from firth.cli.output import shown
from firth.events import EpochEnd, Event, JsonLog, Listener, Notice, Probe, Progress, Saved, tell_all

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

__all__ = ["BarDisplay", "PlainDisplay", "listening", "told"]

_SECONDS_BETWEEN_LINES = 5.0


def told(event: Event) -> str | None:
    """Return the line that tells an event; None for progress, which has a form of its own."""
    if isinstance(event, EpochEnd):
        heldout = "" if event.heldout is None else f", held-out loss {event.heldout:.4f}"
        return f"epoch {event.epoch} done: mean loss {event.loss:.4f}{heldout}, after {_duration(event.seconds)}"
    if isinstance(event, Probe):
        neighbours = ", ".join(f"{shown(word)} {cosine:.2f}" for word, cosine in event.neighbours)
        return f"  {shown(event.word)}: {neighbours}"
    if isinstance(event, Notice):
        return f"note: {shown(event.message)}"
    if isinstance(event, Saved):
        return f"saved: {shown(event.path)}"
    return None


def _facts(event: Progress) -> list[str]:
    loss = [] if event.loss is None else [f"loss {event.loss:.4f}"]
    return [f"{event.words_per_second:,.0f} words/s", *loss, f"rate {event.rate:.4g}", f"{_duration(event.eta)} left"]


def _duration(seconds: float) -> str:
    if not 0 <= seconds < 1e9:
        return "unknown time"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


class PlainDisplay:
    """A listener that writes lines: each epoch's end, probes, notices, and progress at most once every 5 s.

    Parameters
    ----------
    stream : text stream
    clock : callable
        Seconds from some start.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._next = clock() + _SECONDS_BETWEEN_LINES

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            if self._clock() < self._next:
                return
            self._next = self._clock() + _SECONDS_BETWEEN_LINES
            share = f"{100 * event.done / max(1, event.total):.1f} %"
            self._write("  ".join([f"epoch {event.epoch}/{event.epochs}", share, *_facts(event)]))
        elif (line := told(event)) is not None:
            self._write(line)

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class BarDisplay:
    """A listener that draws one progress bar (all epochs) on a terminal and writes the other events above it."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream)
        self._bar: Bar | None = None
        self._task: Any = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._draw(event)
        elif (line := told(event)) is not None:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _draw(self, event: Progress) -> None:
        if self._bar is None:
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[facts]}"),
            )
            self._bar = Bar(*columns, console=self._console)
            self._bar.start()
            self._task = self._bar.add_task("", total=event.total, facts="")
        self._bar.update(
            self._task,
            description=f"epoch {event.epoch}/{event.epochs}",
            completed=event.done,
            total=event.total,
            facts="  ".join(_facts(event)),
        )

    def close(self) -> None:
        """Leave the bar as it is and give the terminal back."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def listening(*, quiet: bool = False, log: str | Path | None = None) -> Iterator[Listener]:
    """Give a listener fit for where stderr goes; it also writes the JSON-lines log, if one is asked for.

    Parameters
    ----------
    quiet : bool
        Show nothing (the log is written all the same).
    log : path, optional
        File to append every event to (:class:`firth.events.JsonLog`).
    """
    with ExitStack() as stack:
        listeners: list[Listener] = []
        if not quiet and sys.stderr is not None:
            if sys.stderr.isatty():
                bar = BarDisplay(sys.stderr)
                stack.callback(bar.close)
                listeners.append(bar)
            else:
                listeners.append(PlainDisplay(sys.stderr))
        if log is not None:
            listeners.append(stack.enter_context(JsonLog(log)))
        yield tell_all(listeners)
