"""Checks of the place that a verb is asked to write to, made before hours of work and not after."""

from __future__ import annotations

import os
from pathlib import Path

from firth.errors import DataError

__all__ = ["check_target"]


def check_target(path: Path, *, overwrite: bool = False) -> None:
    """Make sure that ``path`` can be written.

    Parameters
    ----------
    path : Path
        File or folder to be made. Its parent folders are made here.
    overwrite : bool
        Allow something to stand there already.

    Raises
    ------
    DataError
        When something stands there, or its folder cannot be made or written.
    """
    if path.is_symlink() or path.exists():
        if not overwrite:
            raise DataError(f"{path} exists already", remedy="choose another place or pass --overwrite")
        if path.resolve() in (Path.cwd(), *Path.cwd().parents):
            raise DataError(f"{path} holds the folder that we stand in", remedy="choose another place")
    folder = path.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f"cannot write into the folder {folder}: permission denied")
