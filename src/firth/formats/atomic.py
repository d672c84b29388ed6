"""A file or folder appears whole or not at all: written beside its place, synced, renamed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from firth.disk import sync
from firth.errors import DataError

__all__ = ["new_file", "new_folder"]


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it takes the place of ``path``, else nothing is left.

    Raises
    ------
    DataError
        When the target is a folder, read-only or full.
    """
    _refuse_null(path)
    if path.is_dir():
        raise DataError("cannot write a file where a folder is", got=str(path))
    path = Path(os.path.realpath(path))
    with _beside(path, lambda temporary: temporary.unlink(missing_ok=True)) as temporary:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)


@contextlib.contextmanager
def new_folder(path: Path, replaceable: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; on success it takes its place, else nothing is left.

    Parameters
    ----------
    path : Path
        Where the folder shall appear.
    replaceable : callable
        Whether a folder that is there already may be replaced; an empty one always may.

    Raises
    ------
    DataError
        When something that is not ours is there, or the target is read-only or full.
    """
    _refuse_null(path)
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise DataError("cannot write a folder where a file or a link is", got=str(path))
    if path.is_dir() and any(path.iterdir()) and not replaceable(path):
        raise DataError(
            "the folder holds something else, which Firth won't replace",
            got=str(path),
            remedy="choose another place or empty it",
        )
    with _beside(path, lambda temporary: shutil.rmtree(temporary, ignore_errors=True)) as temporary:
        temporary.mkdir()
        yield temporary
        for part in temporary.rglob("*"):
            sync(part)
        sync(temporary)
        _put(temporary, path)
        sync(path.parent)


def _refuse_null(path: Path) -> None:
    if "\0" in str(path):
        raise DataError("a path cannot hold a null character", got=str(path))


@contextlib.contextmanager
def _beside(path: Path, clear: Callable[[Path], None]) -> Iterator[Path]:
    temporary = path.parent / f".firth-{secrets.token_hex(6)}.tmp"
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
        finally:
            if temporary.exists():
                clear(temporary)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def _put(new: Path, path: Path) -> None:
    """Rename ``new`` to ``path``; an old folder there leaves in the same step where the system can swap."""
    if not path.exists():
        os.rename(new, path)
    elif _swap(new, path):
        shutil.rmtree(new)
    else:
        old = path.parent / f".firth-{secrets.token_hex(6)}.old"
        os.rename(path, old)
        os.rename(new, path)
        shutil.rmtree(old)


def _swap(a: Path, b: Path) -> bool:
    """Exchange two paths in one step; False where the system or the file system cannot."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if hasattr(libc, "renameat2"):
            here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
            return bool(libc.renameat2(here, os.fsencode(a), here, os.fsencode(b), exchange) == 0)
        if hasattr(libc, "renamex_np"):
            return bool(libc.renamex_np(os.fsencode(a), os.fsencode(b), 2) == 0)  # RENAME_SWAP
    except OSError:
        return False
    return False
