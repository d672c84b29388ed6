"""What training tells the world. A trainer calls one listener with these values; displays and logs are listeners."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

from firth.errors import DataError

__all__ = ["EpochEnd", "Event", "JsonLog", "Listener", "Notice", "Probe", "Progress", "Saved", "tell_all"]


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where training stands; sent a few times a second.

    Attributes
    ----------
    done, total : int
        Words of all epochs trained so far and in all.
    epoch : int
        The epoch at work, from 1.
    epochs : int
        Number of epochs.
    words_per_second : float
        Rate of this run (before subsampling).
    loss : float or None
        Mean loss per training example of the epoch so far.
    rate : float
        Learning rate in force.
    eta : float
        Seconds until the end at this speed.
    norm : float or None
        Of the last gradient, before it was clipped (neural models).
    """

    done: int
    total: int
    epoch: int
    epochs: int
    words_per_second: float
    loss: float | None
    rate: float
    eta: float
    norm: float | None = None


@dataclasses.dataclass(frozen=True)
class EpochEnd:
    """An epoch is over: its true mean loss (float64 sums), the held-out loss where there is such a text.

    ``seconds`` is the time of training since this run began. Of language models, ``perplexity`` and
    ``heldout_perplexity`` are e to the losses; ``steps`` are the updates so far of neural models.
    """

    epoch: int
    loss: float
    heldout: float | None
    seconds: float
    perplexity: float | None = None
    heldout_perplexity: float | None = None
    steps: int | None = None


@dataclasses.dataclass(frozen=True)
class Probe:
    """The nearest neighbours of a word as they are now, as ``(word, cosine)`` pairs."""

    epoch: int
    word: str
    neighbours: tuple[tuple[str, float], ...]


@dataclasses.dataclass(frozen=True)
class Saved:
    """A checkpoint or a model is on disk."""

    path: str


@dataclasses.dataclass(frozen=True)
class Notice:
    """Something a user should know: what was skipped, replaced or assumed."""

    message: str


Event: TypeAlias = Progress | EpochEnd | Probe | Saved | Notice
Listener: TypeAlias = Callable[[Event], None]


def tell_all(listeners: Iterable[Listener]) -> Listener:
    """Return one listener that passes each event to every one of ``listeners``, in order."""
    known = tuple(listeners)

    def tell(event: Event) -> None:
        for listener in known:
            listener(event)

    return tell


class JsonLog:
    """A listener that appends each event to a JSON-lines file, with its name and the time (seconds since 1970).

    Lines are ASCII: a word of bytes that are no UTF-8 keeps its surrogates as escapes. JSON has no NaN and no
    infinity; null stands for both.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.jsonl"
    >>> with JsonLog(path) as log:
    ...     log(Notice("3 words skipped"))
    >>> json.loads(path.read_text())["message"]
    '3 words skipped'
    """

    def __init__(self, path: str | Path) -> None:
        try:
            self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise DataError(f"cannot write the log: {error.strerror}", got=str(path)) from error

    def __call__(self, event: Event) -> None:
        record = {"event": type(event).__name__, "time": round(time.time(), 3), **dataclasses.asdict(event)}
        self._file.write(json.dumps(_finite(record), allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> JsonLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
