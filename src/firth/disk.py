"""Making written files reach the disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import IO

__all__ = ["sync", "write_through"]

_STEP = 1 << 26


def sync(path: Path) -> None:
    """Make a file or a folder reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_through(file: IO[bytes], content: memoryview) -> None:
    """Write ``content``; what is large goes to the disk while the rest is still being written, not all at the end.

    Only speed depends on it: whoever needs the file to be safe syncs it as ever.
    """
    flusher: threading.Thread | None = None
    for start in range(0, len(content), _STEP):
        file.write(content[start : start + _STEP])
        if len(content) > 2 * _STEP and (flusher is None or not flusher.is_alive()):
            flusher = threading.Thread(target=_flush, args=(file.fileno(),))
            flusher.start()
    if flusher is not None:
        flusher.join()


def _flush(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError:  # the disk is full or gone, which the next write or sync tells
        return
