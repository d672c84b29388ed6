"""From what a user names to the bytes of texts: files, folders, globs, standard input, compressed or not."""

from __future__ import annotations

import bz2
import dataclasses
import glob
import gzip
import io
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import zstandard

from firth.errors import DataError, FormatError

__all__ = ["CHUNK", "TextFile", "find_files"]

CHUNK = 1 << 22
HEAD = 1 << 16
BOM = b"\xef\xbb\xbf"
STDIN = "-"
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_SKIPPABLE = tuple(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))  # zstd frames that hold no text
_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, ValueError)


@dataclasses.dataclass(frozen=True)
class TextFile:
    """One file of text, or standard input.

    Attributes
    ----------
    path : str
        A path, or ``"-"``.
    """

    path: str

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return "standard input" if self.path == STDIN else self.path

    def identity(self) -> tuple[str, int, int, int, int] | None:
        """Return path, size, times of change and inode; None for what cannot be read twice.

        Raises
        ------
        DataError
            When there is no such file.
        """
        if self.path == STDIN:
            return None
        try:
            about = os.stat(self.path)
        except OSError as error:
            raise DataError(f"cannot read the text: {error.strerror}", got=self.path) from error
        if not stat.S_ISREG(about.st_mode):
            return None
        return (os.path.abspath(self.path), about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)

    def open(self) -> BinaryIO:
        """Open it for reading bytes.

        Raises
        ------
        DataError
            When it cannot be opened.
        """
        if self.path == STDIN:
            return io.BufferedReader(sys.stdin.buffer.raw) if hasattr(sys.stdin.buffer, "raw") else sys.stdin.buffer
        try:
            return open(self.path, "rb")
        except OSError as error:
            raise DataError(f"cannot read the text: {error.strerror}", got=self.path) from error


def compression(head: bytes) -> str | None:
    """Name the compression that a file's first bytes show."""
    if head.startswith(_SKIPPABLE):
        return "zstd"
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def check_text(head: bytes, name: str) -> None:
    """Refuse what is clearly no text.

    Raises
    ------
    DataError
        When the first block is UTF-16 or holds many control characters.
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError("the text is UTF-16, not UTF-8", got=name, remedy="convert it: iconv -f UTF-16 -t UTF-8")
    control = len(head) - len(head.translate(None, _CONTROL))
    if control > 8 and control * 20 > len(head):
        raise DataError("this looks like a binary file, not a text", got=name)


_CONTROL = bytes(c for c in range(32) if c not in b"\t\n\v\f\r\x1b") + b"\x7f"


def chunks(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the text of an open file piece by piece, decompressed, without a byte order mark.

    Raises
    ------
    FormatError
        When a compressed file is broken or cut short.
    DataError
        When it cannot be read or is no text.
    """
    head = _read(file, HEAD, name)
    kind = compression(head)
    pieces = _plain(file, head, name) if kind is None else _decompressed(file, head, kind, name)
    first = True
    for piece in pieces:
        if first and piece:
            check_text(piece[:HEAD], name)
            piece = piece.removeprefix(BOM)
            first = False
        yield piece


def _read(file: BinaryIO, n: int, name: str) -> bytes:
    try:
        return file.read(n)
    except OSError as error:
        raise DataError(f"cannot read the text: {error.strerror}", got=name) from error


def _plain(file: BinaryIO, head: bytes, name: str) -> Iterator[bytes]:
    while head:
        yield head
        head = _read(file, CHUNK, name)


class _Joined(io.RawIOBase):
    """The first bytes again, then the rest of a file that cannot seek."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head, self._file, self.position = head, file, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._head[: len(buffer)] or self._file.read(len(buffer))
        self._head = self._head[len(data) :]
        buffer[: len(data)] = data
        self.position += len(data)
        return len(data)


def _decompressed(file: BinaryIO, head: bytes, kind: str, name: str) -> Iterator[bytes]:
    raw = _Joined(head, file)
    buffered = cast(BinaryIO, io.BufferedReader(raw, 1 << 16))
    try:
        if kind == "zstd":
            yield from _zstd(buffered)
            return
        openers: dict[str, Any] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
        with openers[kind](buffered, "rb") as stream:
            while piece := stream.read(CHUNK):
                yield piece
    except _BROKEN as error:
        reason = "cut short" if isinstance(error, EOFError) else "broken"
        raise FormatError(f"the {kind} file is {reason} ({error})", path=name, offset=raw.position) from error


def _zstd(file: BinaryIO) -> Iterator[bytes]:
    # Small pieces in, so that what comes out stays bounded: 4 KiB can hold at most about 1,000 blocks of 128 KiB.
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    frame, ready, size, data = None, [], 0, b""
    while data or (data := file.read(1 << 12)):
        frame = frame or decompressor.decompressobj()
        ready.append(frame.decompress(data))
        size += len(ready[-1])
        data = b""
        if frame.eof:
            data, frame = frame.unused_data, None
        if size >= CHUNK:
            yield b"".join(ready)
            ready, size = [], 0
    yield b"".join(ready)
    if frame is not None:
        raise EOFError("the last frame has no end")


def find_files(path: str) -> list[TextFile]:
    """Return the files that a path, a folder, a glob pattern or ``"-"`` stands for, sorted.

    In folders, at any depth, what begins with a dot is left out.

    Raises
    ------
    DataError
        When there is none.
    """
    if path == STDIN:
        return [TextFile(path)]
    if "\0" in path:
        raise DataError("a path cannot hold a NUL character", got=path)
    if os.path.isdir(path):
        found = sorted(_walk(path))
        if not found:
            raise DataError("the folder holds no files", got=path)
        return [TextFile(name) for name in found]
    if os.path.exists(path):
        return [TextFile(path)]
    if glob.has_magic(path):
        matches = sorted(glob.glob(path, recursive=True))
        if not matches:
            raise DataError("no file matches the pattern", got=path)
        return [file for match in matches for file in find_files(match)]
    raise DataError("no such file", got=path, remedy="check the path; to pass text itself, put it in a list")


def _walk(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = os.path.join(parent, name)
            if not name.startswith(".") and os.path.isfile(path):
                yield path
