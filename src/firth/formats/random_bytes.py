"""Bytes of a file at any place: mapped, or of a compressed file as many as were asked for so far."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError, FormatError
from firth.formats.streams import Head, pieces

__all__ = ["RandomBytes"]


class RandomBytes:
    """Reads by offset, each read checked against what the file holds before memory is taken.

    Arrays of a file that is not compressed are views of its map. Views of a compressed file must only be made when
    nothing further is read: what was unfolded so far cannot grow beneath them.

    Parameters
    ----------
    head : Head
        The file; it must not be empty.
    """

    def __init__(self, head: Head) -> None:
        self.head = head
        self._rest = pieces(head) if head.compression else None
        self._raw: mmap.mmap | bytearray = bytearray()
        if head.compression is None:
            try:
                with head.path.open("rb") as file:
                    self._raw = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                raise DataError(f"cannot read: {reason}", got=str(head.path)) from error

    def has(self, stop: int) -> bool:
        """Return whether the file goes on to byte ``stop``."""
        while self._rest is not None and len(self._raw) < stop:
            piece = next(self._rest, None)
            if piece is None:
                self._rest = None
            else:
                self._raw += piece.tobytes()  # type: ignore[operator]
        return len(self._raw) >= stop

    def need(self, at: int, n: int, what: str, **facts: Any) -> None:
        """Raise FormatError where the file ends before ``n`` bytes from ``at`` on."""
        if n < 0 or not self.has(at + n):
            raise self.head.fault(f"the file ends within {what}", min(at, len(self._raw)), **facts)

    def numbers(self, format: str, at: int, what: str) -> tuple[Any, ...]:
        """Return little-endian numbers at ``at``, as ``struct`` names them."""
        layout = struct.Struct("<" + format)
        self.need(at, layout.size, what)
        return layout.unpack_from(self._raw, at)

    def find(self, byte: bytes, at: int) -> int:
        """Return the place of the next ``byte`` from ``at`` on, or -1."""
        while (found := self._raw.find(byte, at)) < 0:
            at = max(at, len(self._raw))
            if self._rest is None or not self.has(len(self._raw) + 1):
                return -1
        return found

    @property
    def fault(self) -> Callable[..., FormatError]:
        """From what is wrong, an offset and further facts to an error about this file."""
        return self.head.fault

    def array(self, at: int, n: int) -> NDArray[np.uint8]:
        """Return ``n`` bytes from ``at`` on as a view; :meth:`need` comes first."""
        return np.frombuffer(self._raw, dtype=np.uint8, count=n, offset=at) if n else np.zeros(0, np.uint8)

    @property
    def n_seen(self) -> int:
        """Bytes of the file, of a compressed one those unfolded so far."""
        return len(self._raw)
