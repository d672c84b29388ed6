"""Checks of the place that a verb is asked to write to, made before hours of work and not after."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from firth.errors import DataError

__all__ = ["check_target", "make_parents"]


def check_target(path: Path, *, overwrite: bool = False, sources: Iterable[str | Path] = ()) -> None:
    """Make sure that ``path`` can be written, without writing anything.

    Parameters
    ----------
    path : Path
        File or folder to be made; its parent folders need not exist yet.
    overwrite : bool
        Allow something to stand there already.
    sources : iterable of paths
        What is read: never overwritten.

    Raises
    ------
    DataError
        When something stands there, or the folder around it cannot be written.
    """
    if path.is_symlink() or path.exists():
        if not overwrite:
            raise DataError(f"{path} exists already", remedy="choose another place or pass --overwrite")
        if path.resolve() in (Path.cwd(), *Path.cwd().parents):
            raise DataError(f"{path} holds the folder that we stand in", remedy="choose another place")
        if path.resolve() in {Path(source).resolve() for source in sources if source != "-"}:
            raise DataError(f"{path} would overwrite what is read", remedy="choose another place")
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise DataError(f"cannot make the folder {path.absolute().parent}: {folder} is a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f"cannot write into the folder {folder}: permission denied")


def make_parents(path: Path) -> None:
    """Make the folders around ``path``.

    Raises
    ------
    DataError
        When that fails.
    """
    folder = path.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {folder}: {error.strerror}") from error
