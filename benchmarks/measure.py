"""Run a command in a fresh process and note its time, its memory and the progress that it prints."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["Measurement", "run", "seconds_from_progress"]

_PROGRESS = re.compile(rb"(?:Progress|Sents):\s*([0-9.]+)%")


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What one process took.

    Attributes
    ----------
    process_s : float
        Seconds from start to end, on the wall.
    cpu_s : float
        Seconds of user and system time over all its threads.
    peak_mib : float
        The largest resident set (getrusage), mapped files included.
    code : int
        Exit status; negative for a signal.
    output : str
        The last 16 KiB of its two output streams together.
    progress : tuple of (float, float)
        (seconds since the start, percent done) for each progress figure that it printed.
    """

    process_s: float
    cpu_s: float
    peak_mib: float
    code: int
    output: str
    progress: tuple[tuple[float, float], ...]


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Measurement:
    """Run ``command`` in ``folder`` to its end and measure it.

    Raises
    ------
    OSError
        When the command cannot be started.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    tail, progress = b"", []
    try:
        stream = process.stdout.fileno() if process.stdout else -1
        while chunk := os.read(stream, 1 << 16):
            if found := _PROGRESS.findall(chunk):
                progress.append((time.perf_counter() - start, float(found[-1])))
            tail = (tail + chunk)[-(1 << 14) :]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
    return Measurement(
        process_s=time.perf_counter() - start,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
        code=process.returncode,
        output=tail.decode(errors="replace"),
        progress=tuple(progress),
    )


def seconds_from_progress(progress: Sequence[tuple[float, float]]) -> float | None:
    """Return the time that training took, from the first to the last progress figure, scaled to the whole.

    Reading, building tables and writing the result lie before the first figure and behind the last. A figure that
    falls by more than half of the scale begins a new epoch of a program that counts each from 0.

    Parameters
    ----------
    progress : sequence of (float, float)
        (seconds, percent done), by time.

    Returns
    -------
    float or None
        None where too little was printed to tell.

    Examples
    --------
    >>> seconds_from_progress([(3.0, 10.0), (4.0, 20.0), (11.0, 90.0)])
    10.0
    >>> seconds_from_progress([(1.0, 0.0), (2.0, 50.0), (3.0, 100.0), (3.0, 0.0), (5.0, 100.0)])
    4.0
    """
    figures: list[tuple[float, float]] = []  # (seconds, percent summed over epochs)
    epochs_before, last = 0, 0.0
    for seconds, percent in progress:
        epochs_before += last - percent > 50
        last = percent
        figures.append((seconds, 100.0 * epochs_before + percent))
    waiting = sum(done == 0 for _, done in figures)  # of "0 %" only the last tells when training began
    figures = figures[max(waiting - 1, 0) :]
    if not figures or figures[-1][1] - figures[0][1] < 50:
        return None
    (first_s, first), (last_s, done) = figures[0], figures[-1]
    return (last_s - first_s) * 100.0 * (epochs_before + 1) / (done - first)
