"""Training state on disk: written whole or not at all, so that a job killed at any moment can go on."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from firth.disk import sync
from firth.errors import ConfigError, DataError, FormatError
from firth.events import Listener, Notice
from firth.tensors import read_tensors, write_tensors

__all__ = ["FILE_NAME", "exists", "holds_other_things", "load", "remove", "resumed", "save"]

FILE_NAME = "checkpoint.safetensors"
_TEMPORARY = ".checkpoint-"
SCHEMA = 1


def save(folder: str | Path, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> None:
    """Replace the checkpoint in ``folder`` by one of these arrays and this JSON state.

    Raises
    ------
    DataError
        When the folder cannot be written; the checkpoint before is left as it was.
    """
    folder = Path(folder)
    temporary = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder)
        descriptor, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=folder)
        os.close(descriptor)
        temporary = Path(name)
        write_tensors(temporary, arrays, {"state": json.dumps({"schema": SCHEMA, **state})})
        sync(temporary)
        os.replace(temporary, folder / FILE_NAME)
    except OSError as error:
        raise DataError(
            f"cannot write the checkpoint: {error.strerror}",
            got=str(folder),
            remedy="free some room or choose another folder",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def exists(folder: str | Path) -> bool:
    """Return whether ``folder`` holds a checkpoint."""
    return (Path(folder) / FILE_NAME).is_file()


def load(folder: str | Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the state of the checkpoint in ``folder``.

    Raises
    ------
    DataError
        When there is none.
    FormatError
        When it is broken or from a newer Firth.
    """
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        raise DataError("there is no checkpoint to resume from", got=str(folder), remedy="train without --resume")
    try:
        arrays, metadata = read_tensors(path, mmap=False)
        state = json.loads(metadata["state"])
    except (FormatError, KeyError, TypeError, ValueError, OSError) as error:
        raise FormatError("this is no checkpoint of Firth's", path=path, remedy="train without --resume") from error
    if state.pop("schema", None) != SCHEMA:
        raise FormatError("the checkpoint is from another version of Firth", path=path, remedy="train without --resume")
    return arrays, state


def resumed(
    folder: str | Path | None, *, resume: bool, listen: Listener
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Return the arrays and the state to go on from, or None where training begins at the start.

    Parameters
    ----------
    folder : path-like or None
        Where a run's checkpoint lies; None where it keeps none.
    resume : bool
        Whether going on was asked for. Where there is no checkpoint yet, a notice says so.
    listen : callable

    Raises
    ------
    ConfigError
        When resuming without a folder.
    FormatError
        As :func:`load`.
    """
    if not resume:
        return None
    if folder is None:
        raise ConfigError("there is nothing to resume from", remedy="give checkpoint")
    if not exists(folder):
        listen(Notice(f"no checkpoint in {folder}: training begins at the start"))
        return None
    return load(folder)


def holds_other_things(folder: str | Path) -> bool:
    """Return whether ``folder`` is there and is no place for a checkpoint: a file, or full of something else."""
    folder = Path(folder)
    if not folder.is_dir():
        return folder.is_symlink() or folder.exists()
    return not exists(folder) and any(not path.name.startswith(_TEMPORARY) for path in folder.iterdir())


def remove(folder: str | Path) -> None:
    """Remove the checkpoint in ``folder`` with what a killed run left of one, and the folder where it is empty then.

    Raises
    ------
    DataError
        When the checkpoint cannot be removed.
    """
    folder = Path(folder)
    try:
        (folder / FILE_NAME).unlink(missing_ok=True)
        _remove_stale(folder)
        if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise DataError(f"cannot remove the checkpoint: {error.strerror}", got=str(folder)) from error


def _remove_stale(folder: Path) -> None:
    for stale in folder.glob(_TEMPORARY + "*"):
        stale.unlink(missing_ok=True)
