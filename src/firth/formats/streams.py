"""Bytes of files from strangers: compression by magic bytes, pieces of bounded size, faults as FormatError."""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import zstandard
from numpy.typing import NDArray

from firth.errors import DataError, FormatError

__all__ = ["PIECE", "Head", "Source", "compressed_writer", "head_of", "pieces"]

PIECE = 1 << 20  # stays in the second-level cache between reading and parsing
HEAD = 1 << 20
_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}
_FAULTS = (gzip.BadGzipFile, lzma.LZMAError, zlib.error, zstandard.ZstdError, EOFError)
_ZST_STEP = 1 << 12  # compressed bytes at a time: what one step can unfold to stays bounded
_ZST_WINDOW = 1 << 27


@dataclasses.dataclass(frozen=True)
class Head:
    """What a file shows before it is read.

    Attributes
    ----------
    path : Path
        The file or folder.
    is_folder : bool
        Whether it is a folder.
    compression : str or None
        gz, bz2, xz or zst.
    start : bytes
        Its first bytes, decompressed: up to 1 MiB.
    whole : bool
        Whether ``start`` is all there is.
    size : int
        Bytes on disk; of a folder, those of its files.
    """

    path: Path
    is_folder: bool
    compression: str | None
    start: bytes
    whole: bool
    size: int

    def fault(self, what: str, offset: int | None = None, **details: Any) -> FormatError:
        """Return an error about this file."""
        return FormatError(what, path=self.path, offset=offset, **details)


def head_of(path: str | os.PathLike[str]) -> Head:
    """Look at a file.

    Raises
    ------
    DataError
        When it is missing or cannot be opened.
    FormatError
        When its compression is broken from the start.
    """
    path = Path(path)
    try:
        if path.is_dir():
            size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
            return Head(path, True, None, b"", False, size)
        if path.exists() and not path.is_file():
            raise DataError("not a regular file", got=str(path))
        with path.open("rb") as file:
            magic, size = file.read(6), path.stat().st_size
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read: {getattr(error, 'strerror', None) or error}", got=str(path)) from error
    compression = next((name for start, name in _MAGIC.items() if magic.startswith(start)), None)
    start = b""
    for piece in pieces(Head(path, False, compression, b"", False, size)):
        start += piece.tobytes()
        if len(start) > HEAD:
            break
    return Head(path, False, compression, start[:HEAD], len(start) <= HEAD, size)


class Source:
    """The (decompressed) bytes of a file, read into the caller's buffer; a context manager.

    Parameters
    ----------
    head : Head
        The file.
    start : int
        Offset of the first byte wanted.
    """

    def __init__(self, head: Head, start: int = 0) -> None:
        self._head, self._start = head, start

    def __enter__(self) -> Source:
        self._closing = contextlib.ExitStack()
        with _told(self._head.path, self._head.compression):
            raw = self._closing.enter_context(self._head.path.open("rb", buffering=0))
            self._file = self._closing.enter_context(_opened(raw, self._head.compression))
            if self._head.compression is None:
                raw.seek(self._start)
            else:
                self._skip(self._start)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _skip(self, n: int) -> None:
        while n > 0 and (piece := self._file.read(min(n, PIECE))):
            n -= len(piece)

    def read_into(self, buffer: NDArray[np.uint8]) -> int:
        """Fill ``buffer`` from its start and return how many bytes came; 0 at the end.

        Raises
        ------
        FormatError
            When the compressed data are broken or end too early.
        """
        with _told(self._head.path, self._head.compression):
            return self._file.readinto(buffer.data)  # type: ignore[attr-defined, no-any-return]


def pieces(head: Head, start: int = 0) -> Iterator[NDArray[np.uint8]]:
    """Yield the (decompressed) bytes from offset ``start`` on, a few MiB at a time, in a buffer that is used again."""
    buffer = np.empty(PIECE, dtype=np.uint8)
    with Source(head, start) as source:
        while n := source.read_into(buffer):
            yield buffer[:n]


@contextlib.contextmanager
def _told(path: Path, compression: str | None) -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        raise FormatError(f"the {compression} data are broken or cut short: {error}", path=path) from error
    except OSError as error:
        # bz2 tells broken data as a plain OSError without a number.
        if error.errno is None:
            raise FormatError(f"the {compression} data are broken: {error}", path=path) from error
        raise DataError(f"cannot read: {error.strerror}", got=str(path)) from error


def _opened(raw: IO[bytes], compression: str | None) -> contextlib.AbstractContextManager[IO[bytes]]:
    if compression == "gz":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if compression == "bz2":
        return cast(IO[bytes], bz2.BZ2File(raw))
    if compression == "xz":
        return cast(IO[bytes], lzma.LZMAFile(raw))
    if compression == "zst":
        return cast(IO[bytes], io.BufferedReader(_Zst(raw), PIECE))
    return contextlib.nullcontext(raw)


class _Zst(io.RawIOBase):
    """A stream of zstd frames that tells when the last is incomplete, which zstandard's own reader does not."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._unfolder = raw, zstandard.ZstdDecompressor(max_window_size=_ZST_WINDOW)
        self._frame, self._begun = self._unfolder.decompressobj(), False
        self._packed, self._plain = b"", memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._plain:
            packed = self._packed or self._raw.read(_ZST_STEP)
            if not packed:
                if self._begun:
                    raise EOFError("the last frame is incomplete")
                return 0
            self._plain, self._packed, self._begun = memoryview(self._frame.decompress(packed)), b"", True
            if self._frame.eof:
                self._packed, self._begun = self._frame.unused_data, False
                self._frame = self._unfolder.decompressobj()
        n = min(len(buffer), len(self._plain))
        buffer[:n], self._plain = self._plain[:n], self._plain[n:]
        return n


@contextlib.contextmanager
def compressed_writer(target: Path, suffix: str) -> Iterator[IO[bytes]]:
    """Open ``target`` for writing, compressed as the ``suffix`` of the final name says; same bytes every time."""
    with target.open("wb") as raw:
        if suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as file:
                yield cast(IO[bytes], file)
        elif suffix == ".bz2":
            with bz2.BZ2File(raw, "wb") as file2:
                yield cast(IO[bytes], file2)
        elif suffix == ".xz":
            with lzma.LZMAFile(raw, "wb") as file3:
                yield cast(IO[bytes], file3)
        elif suffix == ".zst":
            with zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False) as file4:
                yield cast(IO[bytes], file4)
        else:
            yield raw
