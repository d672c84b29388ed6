"""Pieces of bytes regrouped: into lines, and into batches that end with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["batches_of", "lines_of"]

# Where a text may be cut for the Chinese segmenter, which looks at nothing beyond: line ends first, then other marks.
_STOPS = (b"\n", "。".encode(), "，".encode(), b" ")


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each line without its line feed.

    Examples
    --------
    >>> list(lines_of([b"a", b"b\\nc"]))
    [b'ab', b'c']
    """
    waiting: list[bytes] = []
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        waiting.append(first)
        if others:
            yield b"".join(waiting)
            yield from others[:-1]
            waiting = [others[-1]]
    last = b"".join(waiting)
    if last:
        yield last


def batches_of(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the same bytes in batches of about ``size`` that end after a line, or another mark in long lines.

    Examples
    --------
    >>> list(batches_of([b"one\\ntwo", b" and three"], 4))
    [b'one\\n', b'two and ', b'three']
    """
    waiting = bytearray()
    searched = 0
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= size and (end := _last_stop(waiting, searched)):
            yield bytes(waiting[:end])
            del waiting[:end]
            searched = 0
        searched = max(len(waiting) - 2, 0) if len(waiting) >= size else 0
    if waiting:
        yield bytes(waiting)


def _last_stop(data: bytearray, begin: int) -> int:
    for stop in _STOPS:
        found = data.rfind(stop, begin)
        if found >= 0:
            return found + len(stop)
    return 0
