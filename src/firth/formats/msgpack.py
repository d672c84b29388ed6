"""MessagePack, as much of it as vectors need: numbers, text, lists and tables (https://msgpack.org)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firth.errors import FormatError

__all__ = ["pack_numbers", "unpack"]

_DEEPEST = 32
_FIXED = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i"}
_FIXED |= {0xD3: ">q"}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_COUNTED = {0xD9: (1, "text"), 0xDA: (2, "text"), 0xDB: (4, "text"), 0xC4: (1, "bytes"), 0xC5: (2, "bytes")}
_COUNTED |= {0xC6: (4, "bytes"), 0xDC: (2, "list"), 0xDD: (4, "list"), 0xDE: (2, "map"), 0xDF: (4, "map")}


def unpack(data: bytes, path: Path) -> Any:
    """Return the one value that ``data`` holds.

    Raises
    ------
    FormatError
        When the bytes are broken, hold what vectors never need, or promise more than is there.

    Examples
    --------
    >>> unpack(pack_numbers({1 << 63: 2}), Path("key2row"))
    {9223372036854775808: 2}
    """
    reader = _Reader(data, path)
    try:
        return reader.value(0)
    except (IndexError, struct.error) as error:
        raise FormatError("the MessagePack data are cut short", path=path, offset=reader.at) from error
    except (UnicodeDecodeError, TypeError) as error:
        raise FormatError("the MessagePack data are broken", path=path, offset=reader.at) from error


class _Reader:
    def __init__(self, data: bytes, path: Path) -> None:
        self.data, self.path, self.at = data, path, 0

    def value(self, depth: int) -> Any:
        code = self.data[self.at]
        self.at += 1
        if code < 0x80:
            return code
        if code >= 0xE0:
            return code - 256
        if code in _FIXED:
            form = _FIXED[code]
            (found,) = struct.unpack_from(form, self.data, self.at)
            self.at += struct.calcsize(form)
            return found
        if code in _CONSTANTS:
            return _CONSTANTS[code]
        return self._counted(code, depth)

    def _counted(self, code: int, depth: int) -> Any:
        if code < 0xC0:
            n, kind = (code & 31, "text") if code >= 0xA0 else (code & 15, "list" if code >= 0x90 else "map")
        elif code in _COUNTED:
            width, kind = _COUNTED[code]
            n = int.from_bytes(self.data[self.at : self.at + width], "big")
            self.at += width
        else:
            raise FormatError("a kind of MessagePack value that vectors never need", path=self.path, offset=self.at)
        if n * (2 if kind == "map" else 1) > len(self.data) - self.at or depth > _DEEPEST:
            raise FormatError("the MessagePack data promise more than is there", path=self.path, offset=self.at)
        if kind == "map":
            return {self.value(depth + 1): self.value(depth + 1) for _ in range(n)}
        if kind == "list":
            return [self.value(depth + 1) for _ in range(n)]
        self.at += n
        raw = self.data[self.at - n : self.at]
        return raw.decode("utf-8", "surrogateescape") if kind == "text" else raw


def pack_numbers(table: Mapping[int, int]) -> bytes:
    """Return a table of natural numbers as MessagePack, each in its shortest form."""
    n = len(table)
    head = bytes([0x80 | n]) if n < 16 else b"\xde" + n.to_bytes(2, "big") if n < 1 << 16 else b"\xdf" + n.to_bytes(
        4, "big"
    )  # fmt: skip
    return head + b"".join(_number(part) for item in table.items() for part in item)


def _number(value: int) -> bytes:
    if value < 0x80:
        return bytes([value])
    for code, width in ((0xCC, 1), (0xCD, 2), (0xCE, 4)):
        if value < 1 << (8 * width):
            return bytes([code]) + value.to_bytes(width, "big")
    return b"\xcf" + value.to_bytes(8, "big")
