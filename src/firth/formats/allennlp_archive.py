"""What AllenNLP packs a model into: ``config.json`` and ``weights.th`` in one ``.tar.gz``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.streams import Head
from firth.formats.tar_members import members_of
from firth.formats.torch_files import read_state

__all__ = ["LONGEST_JSON", "Archive", "config_in", "found_in", "opened"]

LONGEST_JSON = 1 << 24


@dataclasses.dataclass(frozen=True)
class Archive:
    """What an archive holds."""

    path: Path
    members: Mapping[str, memoryview]
    config: dict[str, Any]
    tensors: Mapping[str, NDArray[Any]]

    @property
    def n_numbers(self) -> int:
        """Numbers in all tensors."""
        return sum(np.size(value) for value in self.tensors.values())

    @property
    def task(self) -> str:
        """The type of the model."""
        return str(self.config["model"].get("type"))

    def fault(self, what: str, **facts: Any) -> FormatError:
        """Return an error of this file."""
        return FormatError(what, path=self.path, **facts)


def opened(head: Head) -> Archive:
    """Read an archive.

    Raises
    ------
    FormatError
        When it is broken, or none of AllenNLP's.
    """
    members = members_of(head)
    if "config.json" not in members or "weights.th" not in members:
        raise head.fault("not an AllenNLP archive", got=", ".join(members)[:80], expected="config.json and weights.th")
    config = config_in(head, members)
    return Archive(head.path, members, config, read_state(bytes(members["weights.th"]), head.path))


def config_in(head: Head, members: Mapping[str, memoryview]) -> dict[str, Any]:
    """Return the config of an archive, which tells of a model."""
    try:
        found = json.loads(bytes(members["config.json"])) if len(members["config.json"]) <= LONGEST_JSON else None
    except (ValueError, RecursionError) as error:
        raise head.fault("config.json is not JSON") from error
    if not isinstance(found, dict) or not isinstance(found.get("model"), dict):
        raise head.fault("config.json tells of no model")
    return found


def found_in(config: Any, key: str) -> Any:
    """Return the first value of a key anywhere in a config, without recursion into what a stranger nested."""
    waiting = [config]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            if key in at:
                return at[key]
            waiting += at.values()
        elif isinstance(at, list):
            waiting += at
    return None
