"""Checkpoints of neural training: everything that the next step depends on, and proof that the job is the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from firth import checkpoint
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice

__all__ = ["FREE", "Keeper"]

FREE = ("rate", "clip", "epochs", "minutes", "patience")  # may differ on resuming: a diverged run needs another rate


class Keeper:
    """Saves and loads one job's training state.

    Parameters
    ----------
    folder : path-like or None
        Where the checkpoint lies; None keeps none.
    facts : mapping
        What makes the job what it is, as JSON values: ``model``, ``options`` (a mapping), ``corpus`` ...
    device : torch.device
    """

    def __init__(self, folder: str | Path | None, facts: Mapping[str, Any], device: torch.device) -> None:
        self.folder = None if folder is None else Path(folder)
        self.facts = dict(facts)
        self.made = {"device": device.type, "threads": torch.get_num_threads(), "torch": torch.__version__}

    def save(self, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> str:
        """Write a checkpoint and return its folder."""
        if self.folder is None:
            raise ConfigError("there is no folder for checkpoints", remedy="give checkpoint")
        checkpoint.save(self.folder, arrays, {"facts": self.facts, "made": self.made, **state})
        return str(self.folder)

    def load(self, *, resume: bool, listen: Listener) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """Return arrays and state of the checkpoint, or None where training begins at the start.

        Raises
        ------
        ConfigError
            When resuming without a folder.
        DataError
            When the checkpoint is of another job.
        """
        found = checkpoint.resumed(self.folder, resume=resume, listen=listen)
        if found is None:
            return None
        arrays, state = found
        self._compare(state.get("facts"), listen)
        made = state.get("made")
        for name, value in self.made.items():
            if isinstance(made, dict) and made.get(name) != value:
                what = f"begun with {name} {made.get(name)}, going on with {value}"
                listen(Notice(f"{what}: the last digits may differ from an unbroken run"))
        return arrays, state

    def _compare(self, facts: Any, listen: Listener) -> None:
        facts = facts if isinstance(facts, dict) else {}
        for key, value in self.facts.items():
            found = facts.get(key)
            if found == value:
                continue
            got = key
            if isinstance(value, dict) and isinstance(found, dict):
                names = [name for name in value | found if value.get(name) != found.get(name)]
                for name in (name for name in names if name in FREE):
                    listen(Notice(f"going on with {name} {value.get(name)}; the run began with {found.get(name)}"))
                names = [name for name in names if name not in FREE]
                if not names:
                    continue
                got = f"{key}: {', '.join(names)}"
            raise DataError(
                "the checkpoint is of another job",
                got=f"a different {got}",
                remedy="resume with the same text and options, or train without --resume",
            )
