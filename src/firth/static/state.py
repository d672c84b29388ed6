"""Checkpoints of static training: the matrices, the trainer's place, and proof that the job is the same."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from firth import _core, checkpoint
from firth.config import Config, to_dict
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.static.build import Built
from firth.static.loop import Epoch

__all__ = ["Keeper", "facts_of"]


class Keeper:
    """Saves and restores one job's training state.

    Parameters
    ----------
    folder : path-like or None
        Where the checkpoint lies; None keeps none.
    config : Config
    arrays : mapping from str to ndarray
        The parameters in training, which are saved, and overwritten on resuming.
    facts : mapping
        What else makes the job what it is, as JSON values: ``corpus``, ``schedule``, ``start``. ``options`` stands in
        for all of ``config``.
    """

    def __init__(
        self, folder: str | Path | None, config: Config, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
    ) -> None:
        self.folder = None if folder is None else Path(folder)
        self.arrays = arrays
        self.job: dict[str, Any] = {"model": type(config).__name__, "options": to_dict(config), **facts}

    def save(self, trainer: Any, history: Any) -> Path:
        """Write the state of ``trainer`` and return the folder."""
        if self.folder is None:
            raise ConfigError("there is no folder for checkpoints", remedy="give checkpoint")
        state = {
            **self.job,
            "cpu_level": _core.cpu_level(),
            "round": trainer.round,
            "loss": trainer.loss.hex(),
            "pairs": trainer.pairs,
            "history": [dataclasses.astuple(epoch) for epoch in history],
        }
        checkpoint.save(self.folder, self.arrays, state)
        return self.folder

    def start(self, trainer: Any, *, resume: bool, listen: Listener) -> tuple[Any, list[Epoch]]:
        """Return ``trainer``, at the checkpoint's place where there is one to resume, and the epochs so far.

        Raises
        ------
        ConfigError
            When resuming without a folder.
        DataError
            When the checkpoint is of another job.
        """
        found = checkpoint.resumed(self.folder, resume=resume, listen=listen)
        if found is None:
            return trainer, []
        arrays, state = found
        self._compare(state)
        if state["cpu_level"] != _core.cpu_level():
            listen(Notice(f"begun on CPU level {state['cpu_level']}: the last digits may differ from an unbroken run"))
        for name, array in self.arrays.items():
            array[:] = arrays[name]
        trainer.seek(state["round"], float.fromhex(state["loss"]), state["pairs"])
        return trainer, [Epoch(*epoch) for epoch in state["history"]]

    def _compare(self, state: dict[str, Any]) -> None:
        names = {"model": "model", "options": "options", "corpus": "text", "start": "vocabulary or start vectors"}
        names["schedule"] = "cut of the text into blocks (another version of Firth)"
        for key, value in self.job.items():
            if state.get(key) == value:
                continue
            got = names[key]
            if key == "options" and isinstance(state.get(key), dict):
                got += ": " + ", ".join(
                    name for name, option in self.job[key].items() if state[key].get(name) != option
                )
            raise DataError(
                "the checkpoint is of another job",
                got=f"a different {got}",
                remedy="resume with the same text and options, or train without --resume",
            )


def facts_of(built: Built, digest: str, *, kept: bool) -> dict[str, Any]:
    """Return the facts of a job on the corpus of this ``digest``; nothing is digested where no checkpoint is kept."""
    return {
        "corpus": digest,
        "schedule": dataclasses.asdict(built.task.schedule),
        "start": _start_digest(built) if kept else "",
    }


def _start_digest(built: Built) -> str:
    """Identify what a task starts from beyond text and options: rows, frozen ones, noise, start vectors."""
    task = built.task
    digest = hashlib.blake2b(digest_size=16)
    digest.update("\n".join(built.words).encode("utf-8", "surrogateescape"))
    for array in (task.keep, task.frozen, *(task.noise or ()), task.model.input, task.model.output):
        if array is not None:
            digest.update(memoryview(array).cast("B"))
    return digest.hexdigest()
