"""What training is made of at one moment, as arrays and JSON values: for checkpoints that go on to the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "arrays_of",
    "detached",
    "nested",
    "numbers",
    "optimizer_arrays",
    "put_optimizer",
    "put_random",
    "random_arrays",
]

Arrays = dict[str, NDArray[Any]]


def numbers(value: Tensor) -> NDArray[Any]:
    """Return a tensor as an array that a safetensors file of ours can hold: bfloat16 as float32, bool as uint8."""
    value = value.detach().cpu()
    if value.dtype == torch.bfloat16:
        value = value.float()
    if value.dtype == torch.bool:
        value = value.to(torch.uint8)
    return np.array(value.numpy())


def mapped(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """Return nested tuples, lists and dicts with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([mapped(item, change) for item in value])
    return value


def detached(state: Any) -> Any:
    """Return a carried state cut off from the graph that made it, where backpropagation through time ends."""
    return mapped(state, lambda tensor: tensor.detach())


def arrays_of(state: Any, prefix: str) -> tuple[Arrays, Any]:
    """Return a carried state as arrays, and the JSON value that tells how they nest.

    Examples
    --------
    >>> arrays, form = arrays_of((torch.zeros(2), [None, 3]), "state")
    >>> list(arrays), form
    (['state.0'], {'tuple': [{'tensor': 'state.0'}, {'list': [{'value': None}, {'value': 3}]}]})
    """
    arrays: Arrays = {}

    def form(value: Any) -> Any:
        if isinstance(value, Tensor):
            name = f"{prefix}.{len(arrays)}"
            arrays[name] = numbers(value)
            return {"tensor": name}
        if isinstance(value, dict):
            return {"dict": [[key, form(item)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return {"tuple" if isinstance(value, tuple) else "list": [form(item) for item in value]}
        return {"value": value}

    made = form(state)
    return arrays, made


def nested(form: Any, arrays: Mapping[str, NDArray[Any]], device: torch.device) -> Any:
    """Return the state that :func:`arrays_of` took apart, on a device."""
    kind, value = next(iter(form.items()))
    if kind == "tensor":
        return torch.from_numpy(np.array(arrays[value])).to(device)
    if kind == "dict":
        return {key: nested(item, arrays, device) for key, item in value}
    if kind in ("tuple", "list"):
        items = [nested(item, arrays, device) for item in value]
        return tuple(items) if kind == "tuple" else items
    return value


def optimizer_arrays(optimizer: torch.optim.Optimizer) -> Arrays:
    """Return the optimizer's memory of each parameter, as ``optimizer.PLACE.NAME``."""
    found: Arrays = {}
    for place, memory in optimizer.state_dict()["state"].items():
        for name, value in memory.items():
            if isinstance(value, Tensor):
                found[f"optimizer.{place}.{name}"] = numbers(value)
    return found


def put_optimizer(optimizer: torch.optim.Optimizer, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give the optimizer the memory that :func:`optimizer_arrays` took."""
    state: dict[int, dict[str, Any]] = {}
    for name, array in arrays.items():
        if name.startswith("optimizer."):
            _, place, key = name.split(".", 2)
            state.setdefault(int(place), {})[key] = torch.from_numpy(np.array(array))
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def random_arrays(device: torch.device) -> Arrays:
    """Return the states of torch's random numbers."""
    found = {"random.cpu": torch.get_rng_state().numpy().copy()}
    if device.type == "cuda":
        found["random.device"] = torch.cuda.get_rng_state(device).numpy().copy()
    return found


def put_random(arrays: Mapping[str, NDArray[Any]], device: torch.device) -> None:
    """Set the states of torch's random numbers, from arrays without their ``random.``."""
    torch.set_rng_state(torch.from_numpy(np.array(arrays["cpu"])))
    if device.type == "cuda" and "device" in arrays:
        torch.cuda.set_rng_state(torch.from_numpy(np.array(arrays["device"])), device)
