"""Where a run takes place: device, threads, precision, determinism, and the other processes of torchrun."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist

from firth.errors import ConfigError

__all__ = ["Place", "choose_device", "settled"]


@dataclasses.dataclass(frozen=True)
class Place:
    """One process of a run.

    Attributes
    ----------
    device : torch.device
    rank, world : int
        Which process this is, and of how many.
    """

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process tells events and writes checkpoints."""
        return self.rank == 0

    def from_first(self, numbers: list[float]) -> list[float]:
        """Return the first process's numbers in every process."""
        if self.world == 1:
            return numbers
        sent = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.broadcast(sent, 0)
        return sent.tolist()

    def sums(self, numbers: list[float]) -> list[float]:
        """Return the sums over all processes."""
        if self.world == 1:
            return numbers
        sent = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(sent)
        return sent.tolist()

    def gathered(self, value: Any) -> list[Any]:
        """Return every process's value, in order of rank."""
        if self.world == 1:
            return [value]
        found: list[Any] = [None] * self.world
        dist.all_gather_object(found, value)
        return found


def choose_device(name: str | None) -> torch.device:
    """Return the device of a name; by default a GPU where there is one, and under torchrun each process its own.

    Raises
    ------
    ConfigError
        When there is no such device.

    Examples
    --------
    >>> choose_device("cpu")
    device(type='cpu')
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if name is None or name == "cuda":
        name = f"cuda:{local}" if count > local else "cuda" if name else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError("no such device", got=name, expected="cpu, cuda or cuda:0, cuda:1 ...") from error
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ConfigError(
            "no such device", got=name, expected=f"one of {count} GPUs" if count else "cpu: no GPU is here"
        )
    if device.type not in ("cpu", "cuda"):
        raise ConfigError("no such device", got=name, expected="cpu, cuda or cuda:0, cuda:1 ...")
    return device


@contextlib.contextmanager
def settled(device: str | None, threads: int | None, *, seed: int, deterministic: bool) -> Iterator[Place]:
    """Set torch up for a run and put everything back after it: threads, random numbers, choice of algorithms.

    Under torchrun (``WORLD_SIZE`` above 1) the processes join here. Each draws random numbers of its own.
    """
    if threads is not None and not 1 <= threads <= 1024:
        raise ConfigError("threads is out of range", got=threads, expected="1 to 1024")
    chosen = choose_device(device)
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fills = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if chosen.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only so
        torch.cuda.set_device(chosen)
    place, joined = _joined(chosen)
    try:
        with torch.random.fork_rng(devices=[chosen] if chosen.type == "cuda" else []):
            torch.set_num_threads(threads or before[0])
            if deterministic:
                torch.use_deterministic_algorithms(True, warn_only=True)
                # Memory that is written before it is read need not be filled first: a fourteenth of an LSTM's time.
                torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
                torch.backends.cudnn.benchmark = False
            torch.manual_seed((seed + 0x9E3779B97F4A7C15 * place.rank) % 2**63)
            yield place
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1], warn_only=warn_only)
        torch.utils.deterministic.fill_uninitialized_memory = fills  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = before[2]
        if joined:
            dist.destroy_process_group()


def _joined(device: torch.device) -> tuple[Place, bool]:
    """Return this process's place, and whether it joined the others here."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Place(device), False
    joined = not dist.is_initialized()
    if joined:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Place(device, dist.get_rank(), dist.get_world_size()), joined
