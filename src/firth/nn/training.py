"""The state of a run and what changes it: a step, an evaluation, saving and going on. The loop decides when."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firth import checkpoint
from firth.errors import ConfigError, DataError
from firth.nn.device import Place
from firth.nn.job import Epoch, Job, Run
from firth.nn.keeper import Keeper
from firth.nn.optimize import Average, clip, make_optimizer, merge_gradients, trained
from firth.nn.schedule import Patience, Plan
from firth.nn.state import (
    arrays_of,
    detached,
    nested,
    numbers,
    optimizer_arrays,
    put_optimizer,
    put_random,
    random_arrays,
)

__all__ = ["Training"]


class Training:
    """All that the next step depends on.

    Attributes
    ----------
    epoch, position, steps : int
        Epochs done, batches done of the one at work, updates of the parameters.
    carried : object
        The state that the next batch starts from.
    loss, count : float, int
        Sum of the losses since the last evaluation, over every process's predictions that were read back.
    history : list of Epoch
    factor : float
        Of the learning rate, after plateaus.
    norm : Tensor or None
        Of the last gradient, before clipping.
    seconds : float
        Time of training before this run.
    """

    def __init__(self, job: Job, plan: Plan, run: Run, place: Place) -> None:
        self.job, self.plan, self.run, self.place = job, plan, run, place
        self.parameters = trained(job.module)
        self.optimizer = make_optimizer(plan, job.module, job.groups)
        self.precision = _precision(plan.precision, place.device)
        self.scaler = torch.amp.GradScaler(place.device.type, enabled=self.precision is torch.float16)
        self.average = Average(job.module)
        self.patience = Patience(plan)
        self.best: dict[str, Tensor] = {}
        self.epoch = self.position = self.steps = self.count = 0
        self.carried: Any = None
        self.loss, self.factor, self.seconds, self.rate = 0.0, 1.0, 0.0, plan.rate
        self.history: list[Epoch] = []
        self.norm: Tensor | None = None
        self._pending: list[Tensor] = []
        self.keeper = Keeper(run.checkpoint, {**job.facts, "world": place.world}, place.device)
        found = self.keeper.load(resume=run.resume, listen=run.listen)
        if found is not None:
            self._put(*found)

    def step(self, batches: Sequence[Any], rate: float) -> None:
        """Update the parameters by the next batches."""
        self.job.module.train()
        self.optimizer.zero_grad(set_to_none=True)
        first, total, scale = 0, 0, 1.0
        for place in range(self.position, min(self.position + self.plan.accumulate, len(batches))):
            with self._autocast():
                loss = self.job.loss(batches[place], self.carried)
            first = first or loss.count
            # Sums over the first batch's count keep half precision in its range; merge_gradients puts the rest right.
            self.scaler.scale(loss.total / first).backward()  # type: ignore[no-untyped-call]
            self._pending.append((loss.total if loss.shown is None else loss.shown).detach())
            self.carried = detached(loss.state)
            total, scale = total + loss.count, loss.rate_scale
            self.position += 1
        merge_gradients(self.parameters, self.place, first, total)
        self.scaler.unscale_(self.optimizer)
        self.norm = clip(self.parameters, self.plan.clip)
        self.rate = rate * self.factor
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * scale * group.get("scale", 1.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update()
        self.steps, self.count = self.steps + 1, self.count + total
        if self.place.device.type == "cpu":
            self.check()

    def check(self) -> None:
        """Read the losses back and stop where one is no number.

        Raises
        ------
        DataError
        """
        if self._pending:
            for loss in torch.stack(self._pending).tolist():
                self.loss += loss
            self._pending = []
        if not math.isfinite(self.loss):
            self._diverged()

    def _diverged(self) -> None:
        remedy = self.job.remedy
        if self.run.checkpoint is not None and checkpoint.exists(self.run.checkpoint):
            kept = checkpoint.load(self.run.checkpoint)[1].get("steps")
            remedy += f"; the last good checkpoint, of step {kept}, is in {self.run.checkpoint}, to resume from"
        raise DataError(
            "training diverged: the loss is no longer a number",
            got=f"epoch {self.epoch + 1}, step {self.steps}",
            remedy=remedy,
        )

    def next_epoch(self) -> None:
        """Go to the start of the next epoch."""
        self.epoch, self.position, self.carried = self.epoch + 1, 0, None

    def evaluate(self) -> Epoch:
        """Close the books since the last evaluation, and measure the held-out loss where there is one."""
        self.check()
        loss, count = self.place.sums([self.loss, float(self.count)])
        heldout = None
        if self.job.heldout is not None:
            with self.average.put_in():
                heldout = self._heldout(self.job.heldout)
        self.history.append(Epoch(loss / max(count, 1.0), heldout, self.steps))
        self.loss, self.count = 0.0, 0
        return self.history[-1]

    def _heldout(self, measure: Callable[[], float]) -> float:
        self.job.module.eval()
        with torch.no_grad(), self._autocast():
            measured = measure()
        measured = self.place.from_first([measured])[0]
        if self.patience.add(measured if math.isfinite(measured) else math.inf):
            self.best = {name: value.detach().cpu().clone() for name, value in self.job.module.state_dict().items()}
        else:
            self.factor *= self.plan.plateau
        if self.patience.average and not self.average.count:
            self.average.begin()
        return measured

    def finish(self) -> int | None:
        """Leave the parameters that are to be kept in the module; return their evaluation where it was not the last."""
        if self.best and self.plan.keep_best:
            self.job.module.load_state_dict(self.best)
            return len(self.history) - 1 - self.patience.since_best if self.patience.since_best else None
        self.average.put(self.average.tensors)
        return None

    def save(self, seconds: float) -> str | None:
        """Write a checkpoint; return its folder, in the first process."""
        self.check()
        if not all(bool(torch.isfinite(parameter).all()) for parameter in self.parameters):
            self._diverged()
        own, form = arrays_of(self.carried, "carried")
        everyone = self.place.gathered((own | random_arrays(self.place.device), form, self.loss, self.count))
        if not self.place.first:
            return None
        arrays: dict[str, NDArray[Any]] = {}
        for rank, (found, *_) in enumerate(everyone):
            arrays |= {f"process{rank}.{name}": array for name, array in found.items()}
        arrays |= {f"module.{name}": numbers(value) for name, value in self.job.module.state_dict().items()}
        arrays |= {f"best.{name}": numbers(value) for name, value in self.best.items()}
        arrays |= {f"average.{name}": numbers(value) for name, value in self.average.tensors.items()}
        arrays |= optimizer_arrays(self.optimizer)
        state = {
            "epoch": self.epoch, "position": self.position, "steps": self.steps, "seconds": seconds,
            "averaged": self.average.count, "factor": self.factor, "heldout": self.patience.losses,
            "history": [[epoch.loss, epoch.heldout, epoch.steps] for epoch in self.history],
            "carried": [form for _, form, *_ in everyone],
            "losses": [[loss.hex(), count] for _, _, loss, count in everyone],
            "scaler": self.scaler.state_dict(),
        }  # fmt: skip
        return self.keeper.save(arrays, state)

    def _put(self, arrays: dict[str, NDArray[Any]], state: dict[str, Any]) -> None:
        def part(prefix: str) -> dict[str, Any]:
            return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

        def tensors(prefix: str) -> dict[str, Tensor]:
            return {name: torch.from_numpy(np.array(array)) for name, array in part(prefix).items()}

        device, own = self.place.device, part(f"process{self.place.rank}.")
        self.job.module.load_state_dict(tensors("module."))
        put_optimizer(self.optimizer, arrays)
        put_random(part(f"process{self.place.rank}.random."), device)
        self.best = tensors("best.")
        self.average.tensors = {name: value.to(device) for name, value in tensors("average.").items()}
        self.average.count = state["averaged"]
        self.epoch, self.position, self.steps = state["epoch"], state["position"], state["steps"]
        self.seconds, self.factor = state["seconds"], state["factor"]
        self.patience = Patience(self.plan, state["heldout"])
        self.history = [Epoch(*epoch) for epoch in state["history"]]
        self.carried = nested(state["carried"][self.place.rank], own, device)
        loss, self.count = state["losses"][self.place.rank]
        self.loss = float.fromhex(loss)
        if state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self.precision is None:
            return contextlib.nullcontext()
        return torch.autocast(self.place.device.type, self.precision)


def _precision(name: str, device: torch.device) -> torch.dtype | None:
    """Return the type of products, None for float32."""
    if name == "auto":
        name = "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    if name == "float16" and device.type == "cpu":
        raise ConfigError("precision does not fit the CPU", got=name, expected="float32 or bfloat16")
    return None if name == "float32" else getattr(torch, name)
