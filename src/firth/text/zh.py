"""Chinese words by rjieba (dictionary and hidden Markov model), in several processes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, cast

from firth.errors import DataError, MissingExtraError
from firth.text import zh_worker
from firth.text.lines import batches_of

__all__ = ["require", "segment", "segment_all"]

BATCH = 1 << 19
_WORKER = Path(zh_worker.__file__)


def require() -> None:
    """Check that rjieba is there.

    Raises
    ------
    MissingExtraError
        When it is not installed.
    """
    try:
        import rjieba  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Chinese segmentation", extra="zh") from error


def segment(text: bytes) -> bytes:
    """Return the segments of one text, separated by 0x1F, in this process."""
    require()
    import rjieba

    return zh_worker.cut(text, rjieba.cut)


def segment_all(chunks: Iterable[bytes], processes: int) -> Iterator[bytes]:
    """Yield the segments of a text in order, in batches separated by 0x1F, the work shared by ``processes``.

    Raises
    ------
    MissingExtraError
        When rjieba is not installed.
    DataError
        When a process ends before its work is done.
    """
    require()
    batches = batches_of(chunks, BATCH)
    first = next(batches, b"")
    second = next(batches, None)
    if second is None:
        yield segment(first)
        return
    with contextlib.ExitStack() as stack:
        # One more than there are cores: while one waits for this process to count its words, another works.
        idle: SimpleQueue[_Worker] = SimpleQueue()
        for _ in range(processes + 1):
            idle.put(stack.enter_context(_Worker()))
        threads = stack.enter_context(ThreadPoolExecutor(processes + 1))
        ahead: deque[Future[bytes]] = deque()
        try:
            for batch in _chain(first, second, batches):
                ahead.append(threads.submit(_answer, idle, batch))
                if len(ahead) > 2 * (processes + 1):
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def _answer(idle: SimpleQueue[_Worker], batch: bytes) -> bytes:
    worker = idle.get()
    try:
        worker.send(batch)
        return worker.receive()
    finally:
        idle.put(worker)


def _chain(first: bytes, second: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from rest


def _widen(pipe: object) -> None:
    """Let a pipe hold a whole batch, where the system can: fewer turns between the processes."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(cast(BinaryIO, pipe).fileno(), fcntl.F_SETPIPE_SZ, 2 * BATCH)


class _Worker:
    """One segmenting process."""

    def __enter__(self) -> _Worker:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, str(_WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        _widen(self._process.stdin)
        _widen(self._process.stdout)
        self._stdin, self._stdout = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def send(self, batch: bytes) -> None:
        try:
            self._stdin.write(len(batch).to_bytes(8, "little") + batch)
            self._stdin.flush()
        except OSError as error:
            raise DataError("a segmenting process ended early", remedy="run again with fewer threads") from error

    def receive(self) -> bytes:
        head = self._stdout.read(8)
        data = self._stdout.read(int.from_bytes(head, "little")) if len(head) == 8 else b""
        if len(head) < 8 or len(data) < int.from_bytes(head, "little"):
            raise DataError("a segmenting process ended early", remedy="run again with fewer threads")
        return data
