"""What the training loop is given and gives back: plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from firth.events import Event, Listener

__all__ = ["Epoch", "Job", "Loss", "Outcome", "Run"]


@dataclasses.dataclass(frozen=True)
class Loss:
    """What one batch costs.

    Attributes
    ----------
    total : Tensor, shape ()
        Sum of the losses of the batch's predictions, which is differentiated.
    count : int
        Number of those predictions, at least 1.
    state : object
        What the next batch is to start from: tensors in tuples, lists and dicts, or None.
    shown : Tensor, shape (), optional
        The sum that is told as the loss, where ``total`` has penalties in it.
    rate_scale : float
        Factor of this step's learning rate, as for stretches of text of random length.
    """

    total: Tensor
    count: int
    state: Any = None
    shown: Tensor | None = None
    rate_scale: float = 1.0


@dataclasses.dataclass(frozen=True)
class Job:
    """What is trained, on what.

    Attributes
    ----------
    module : nn.Module
        Already on its device. Its parameters are changed in place.
    epoch : callable
        From an epoch's number, counted from 0, to its batches: a sequence whose items are made when they are asked
        for. It must depend on nothing but the number, since a resumed run asks for the rest of an epoch. Under
        torchrun it gives each process its own share; all have the same number of batches.
    loss : callable
        From a batch and the carried state (None at the start of every epoch) to its :class:`Loss`. The loop cuts the
        state off from its graph.
    heldout : callable, optional
        Mean loss on a held-out text with the parameters as they are. The module is in evaluation mode and without
        gradients meanwhile.
    words : int
        Predictions of one epoch, over all processes, for the rate shown.
    facts : mapping
        What makes the job what it is, as JSON values, so that a checkpoint of another is refused.
    seed : int
        Of dropout and the like.
    groups : sequence of dict, optional
        Parameter groups of the optimizer, in torch's form; ``scale`` in one is a factor of its learning rate.
    perplexity : bool
        Whether a loss is a mean negative log probability, so that its exponential is told too.
    remedy : str
        What helps where training diverges.
    """

    module: nn.Module
    epoch: Callable[[int], Sequence[Any]]
    loss: Callable[[Any, Any], Loss]
    heldout: Callable[[], float] | None = None
    words: int = 0
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seed: int = 1
    groups: Sequence[dict[str, Any]] | None = None
    perplexity: bool = False
    remedy: str = "lower --rate, or shorten steep gradients with --clip"


def ignore(event: Event) -> None:
    """Listen to nothing."""


@dataclasses.dataclass(frozen=True)
class Run:
    """How a job is run, apart from what it computes.

    Attributes
    ----------
    listen : callable
        Gets the events of :mod:`firth.events`.
    checkpoint : path-like, optional
        Folder that keeps the state of training, about once in ``save_seconds`` and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``; where there is none yet, begin.
    save_seconds : float
        Seconds between checkpoints, at least; they never take more than a twentieth of the time. 0: before every step.
    """

    listen: Listener = ignore
    checkpoint: str | Path | None = None
    resume: bool = False
    save_seconds: float = 60.0


@dataclasses.dataclass(frozen=True)
class Epoch:
    """What is remembered of an evaluation: mean losses since the one before, and on the held-out text; steps so far."""

    loss: float
    heldout: float | None
    steps: int


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run leaves behind, beside the parameters in the module.

    Attributes
    ----------
    history : tuple of Epoch
    steps : int
        Updates of the parameters.
    epochs : float
        Passes over the text.
    seconds : float
        Time of training, in all runs of the job.
    best : int or None
        Place in ``history`` of the parameters that were kept, where that is not the end.
    """

    history: tuple[Epoch, ...]
    steps: int
    epochs: float
    seconds: float
    best: int | None = None

    @property
    def losses(self) -> tuple[float, ...]:
        """Mean losses of training."""
        return tuple(epoch.loss for epoch in self.history)

    @property
    def heldout(self) -> tuple[float | None, ...]:
        """Mean losses on the held-out text."""
        return tuple(epoch.heldout for epoch in self.history)
