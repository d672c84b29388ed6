"""Folders that appear whole or not at all, and the files of a corpus in one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.disk import sync
from firth.errors import DataError, FormatError

__all__ = ["ARRAYS", "KIND", "SCHEMA", "digest_of", "new_folder", "publish", "read_config", "write_config"]

KIND = "firth-corpus"
SCHEMA = 1
CONFIG = "config.json"
# File of each array, its type on disk (little-endian) and the key of config.json that gives its length.
ARRAYS = {
    "ids": ("ids.i32", "<i4", "n_tokens"),
    "ends": ("ends.i64", "<i8", "n_sentences"),
    "counts": ("counts.i64", "<i8", "n_types"),
    "word_ends": ("word_ends.i64", "<i8", "n_types"),
    "words": ("words.bin", "u1", "n_word_bytes"),
}
LARGEST_CONFIG = 1 << 24
HASHED = 1 << 22  # bytes hashed at a time: part of the digest's definition
_MARK = ".firth-tmp"


def new_folder(parent: Path) -> Path:
    """Make an empty folder beside the one to come, after clearing away those that killed processes left.

    Raises
    ------
    OSError
        When ``parent`` cannot be made or written.
    """
    parent.mkdir(parents=True, exist_ok=True)
    _clear_stale(parent)
    folder = parent / f"{_MARK}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def _clear_stale(parent: Path) -> None:
    prefix = f"{_MARK}-{socket.gethostname()}-"
    with contextlib.suppress(OSError):
        for entry in list(parent.iterdir()):
            if not entry.name.startswith(prefix):
                continue
            pid = entry.name[len(prefix) :].split("-")[0]
            if pid.isdigit() and not _alive(int(pid)):
                shutil.rmtree(entry, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def publish(folder: Path, target: Path) -> None:
    """Give a finished folder its name, in place of an older corpus of that name.

    Raises
    ------
    DataError
        When something that is no corpus has that name.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            sync(Path(entry.path))
    sync(folder)
    old = None
    if target.exists():
        if not is_corpus(target) and (not target.is_dir() or any(target.iterdir())):
            raise DataError("the target exists and is no corpus", got=str(target), remedy="choose another name")
        old = new_folder(target.parent)
        target.rename(old / "old")
    folder.rename(target)
    sync(target.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def is_corpus(folder: Path) -> bool:
    """Tell whether a folder claims to be a corpus."""
    try:
        return read_config(folder).get("kind") == KIND
    except (FormatError, OSError):
        return False


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write ``config.json``."""
    text = json.dumps({"kind": KIND, "schema": SCHEMA, **config}, ensure_ascii=True, indent=1)
    (folder / CONFIG).write_text(text + "\n", encoding="ascii")


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json`` as a mapping.

    Raises
    ------
    FormatError
        When it is too large, no JSON, or no mapping.
    """
    path = folder / CONFIG
    with path.open("rb") as file:
        data = file.read(LARGEST_CONFIG + 1)
    if len(data) > LARGEST_CONFIG:
        raise FormatError("config.json is too large", path=path, expected=f"at most {LARGEST_CONFIG:,} bytes")
    try:
        config = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError("config.json is not JSON", path=path, offset=getattr(error, "pos", 0)) from error
    if not isinstance(config, dict):
        raise FormatError("config.json is no mapping", path=path, offset=0)
    return config


def map_array(folder: Path, name: str, length: int) -> NDArray[Any]:
    """Map one array of a corpus, read-only, after checking that its file has the right size.

    Raises
    ------
    FormatError
        When the file is missing or has another size.
    """
    file, kind, _ = ARRAYS[name]
    path, dtype = folder / file, np.dtype(kind)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise FormatError(f"{file} cannot be read: {error.strerror}", path=folder) from error
    if size != length * dtype.itemsize:
        expected = f"{length * dtype.itemsize:,} bytes by config.json"
        raise FormatError(f"{file} has the wrong size", path=folder, got=f"{size:,} bytes", expected=expected)
    if length == 0:
        return np.empty(0, dtype)
    return np.memmap(path, dtype, "r").view(np.ndarray)


def digest_of(arrays: dict[str, NDArray[Any]], threads: int) -> str:
    """Return what identifies the content of a corpus: BLAKE2b over ids, ends and words, whatever made them.

    Each array is hashed in pieces of 4 MiB (in parallel), and the hashes of the pieces are hashed.
    """
    pieces = list(_pieces(arrays))
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        hashes = pool.map(lambda piece: hashlib.blake2b(piece, digest_size=32).digest(), pieces)
        whole = hashlib.blake2b(digest_size=16, person=KIND.encode())
        for name in ("ids", "ends", "word_ends", "words"):
            whole.update(len(arrays[name]).to_bytes(8, "little"))
        for part in hashes:
            whole.update(part)
    return whole.hexdigest()


def _pieces(arrays: dict[str, NDArray[Any]]) -> Iterator[memoryview]:
    for name in ("ids", "ends", "word_ends", "words"):
        data = np.ascontiguousarray(arrays[name], ARRAYS[name][1]).view(np.uint8).data
        for begin in range(0, len(data), HASHED):
            yield data[begin : begin + HASHED]
