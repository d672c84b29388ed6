"""Bytes of files from strangers: compression by magic bytes, pieces of bounded size, faults as FormatError."""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import gzip
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

__all__ = ["Head", "compressed_writer", "head_of", "pieces"]

PIECE = 1 << 22
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
    for piece in _decompressed(path, compression, HEAD + 1):
        start += piece
        if len(start) > HEAD:
            break
    return Head(path, False, compression, start[:HEAD], len(start) <= HEAD, size)


def pieces(head: Head, start: int = 0) -> Iterator[NDArray[np.uint8]]:
    """Yield the (decompressed) bytes of a file from offset ``start`` on, a few MiB at a time.

    Raises
    ------
    FormatError
        When the compressed data are broken or end too early.
    """
    skipped = 0
    for piece in _decompressed(head.path, head.compression, PIECE, start if head.compression is None else 0):
        drop = 0 if head.compression is None else min(len(piece), start - skipped)
        skipped += drop
        if len(piece) > drop:
            yield np.frombuffer(piece, dtype=np.uint8, offset=drop)


def _decompressed(path: Path, compression: str | None, size: int, start: int = 0) -> Iterator[bytes]:
    try:
        with path.open("rb") as raw:
            raw.seek(start)
            if compression == "zst":
                yield from _zst(raw)
                return
            with _opened(raw, compression) as file:
                while piece := file.read(size):
                    yield piece
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
    return contextlib.nullcontext(raw)


def _zst(raw: IO[bytes]) -> Iterator[bytes]:
    unfolder, left, begun = zstandard.ZstdDecompressor(max_window_size=_ZST_WINDOW), b"", False
    frame = unfolder.decompressobj()
    gathered: list[bytes] = []
    while left or (left := raw.read(_ZST_STEP)):
        begun = True
        gathered.append(frame.decompress(left))
        left = b""
        if frame.eof:
            left, frame, begun = frame.unused_data, unfolder.decompressobj(), False
        if sum(map(len, gathered)) >= PIECE or len(gathered) > 256:
            yield b"".join(gathered)
            gathered = []
    if begun:
        raise EOFError("the last frame is incomplete")
    if piece := b"".join(gathered):
        yield piece


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
