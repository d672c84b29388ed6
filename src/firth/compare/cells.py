"""Results of trainings, a line of JSON each, kept as soon as they are there."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firth.errors import DataError

__all__ = ["Cells", "Key", "digest"]

_KEY = ("task", "representation", "share", "seed", "of")


def digest(value: Any) -> str:
    """Return a fingerprint of JSON values."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()


@dataclasses.dataclass(frozen=True)
class Key:
    """Which training: the task, the representation's name, the share of the labels, the seed, and a fingerprint."""

    task: str
    representation: str
    share: float
    seed: int
    of: str


class Cells:
    """The trainings that a folder has the results of.

    A line that was cut short, as by a machine that stopped, is left out and its training done again.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "cells.jsonl"
        self._rows: dict[Key, dict[str, Any]] = {}
        self._whole = True  # whether the file ends with a line
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lines = self.path.read_text(encoding="utf-8", errors="replace").split("\n") if self.path.exists() else []
        except OSError as error:
            raise DataError(f"cannot keep results: {error.strerror}", got=str(self.path)) from error
        self._whole = not lines or not lines[-1]
        for line in lines:
            with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
                row = json.loads(line)
                self._rows[Key(*(row[name] for name in _KEY))] = _checked(row)

    def __contains__(self, key: Key) -> bool:
        return key in self._rows

    def __getitem__(self, key: Key) -> dict[str, Any]:
        return self._rows[key]

    def add(self, key: Key, row: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a result, on disk when this returns, and return it with its key.

        Raises
        ------
        DataError
            When it cannot be written.
        """
        whole = _checked(dataclasses.asdict(key) | dict(row))
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(("" if self._whole else "\n") + json.dumps(whole) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DataError(f"cannot keep results: {error.strerror}", got=str(self.path)) from error
        self._whole = True
        self._rows[key] = whole
        return whole


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the numbers that it must have; ValueError, TypeError or KeyError of another."""
    for name in ("share", "score", "seconds", "n"):
        float(row[name])
    if row["unseen"] is not None:
        float(row["unseen"])
    if not isinstance(row["layers"], list):
        raise ValueError("no layers")
    return row
