"""Checks of the place that a verb is asked to write to, made before hours of work and not after."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.formats.base import Format

__all__ = ["check_model_target", "check_target", "make_parents"]


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
    ConfigError
        When the path ends in no name, as ``.`` and ``/`` do.
    DataError
        When something stands there, or the folder around it cannot be written.
    """
    _check_name(path)
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


def check_model_target(path: Path, *, overwrite: bool = False, sources: Iterable[str | Path] = ()) -> Format:
    """Make sure that a model can be written to ``path``, as :func:`check_target` does, in the format of its name.

    Returns
    -------
    Format
        The one that :func:`firth.save` will choose.

    Raises
    ------
    ConfigError
        When the path ends in no name, or the name does not tell the format.
    DataError
        When what stands there is not replaced by this format.
    """
    from firth.formats.folder import is_model_folder
    from firth.formats.registry import format_by_suffix

    _check_name(path)
    kind = format_by_suffix(path)
    check_target(path, overwrite=overwrite, sources=sources)
    if kind.name != "firth":
        if path.is_dir():
            raise DataError(
                f"{path} is a folder, and its name asks for a file ({kind.name})", remedy="choose another place"
            )
    elif path.is_symlink() or (path.exists() and not path.is_dir()):
        raise DataError(f"{path} is a file or a link, where a model's folder is to be", remedy="choose another place")
    elif path.is_dir() and any(path.iterdir()) and not is_model_folder(path):
        raise DataError(f"{path} holds something else, which Firth won't replace", remedy="choose another place")
    return kind


def _check_name(path: Path) -> None:
    if path.name in ("", ".."):
        raise ConfigError("the place to write to has no name of its own", got=str(path), expected="such as ./model")


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
