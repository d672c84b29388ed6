"""Parameters of a torch module as tensors of a model's folder, and back, whatever the folder claims."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.formats.kinds import Parts

if TYPE_CHECKING:
    from torch import nn

__all__ = ["module_apart", "module_together"]


def module_apart(module: nn.Module, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Return the parameters and buffers of a module; one that stands under two names (tied) is there once.

    Parameters
    ----------
    module : nn.Module
        On any device; float32, float16 and integers as they are, bfloat16 as float32.
    prefix : str
        Put before every name.
    """
    import torch

    found: dict[str, NDArray[Any]] = {}
    seen: set[int] = set()
    for name, value in module.state_dict(keep_vars=True).items():
        if id(value) in seen:
            continue
        seen.add(id(value))
        plain = value.detach().cpu()
        plain = plain.float() if plain.dtype == torch.bfloat16 else plain
        found[prefix + name] = plain.contiguous().numpy()
    return found


def module_together(parts: Parts, module: nn.Module, prefix: str = "") -> None:
    """Give a module the tensors of a folder; each must be there and fit.

    Parameters
    ----------
    parts : Parts
    module : nn.Module
        Made by the folder's options; on the meta device, so that options of a stranger cost no memory before their
        tensors are known to be there. It is given memory here.
    prefix : str
        As for :func:`module_apart`.

    Raises
    ------
    FormatError
        When a tensor lacks, is of another type or shape, or holds what is no number.
    """
    import torch

    ties: dict[int, torch.nn.Parameter | torch.Tensor] = {}
    for name, wanted in list(module.state_dict(keep_vars=True).items()):
        owner, _, leaf = name.rpartition(".")
        place = module.get_submodule(owner)
        if id(wanted) not in ties:
            array = parts.tensor(prefix + name, _dtype(wanted), tuple(wanted.shape))
            if array.dtype.kind == "f" and not bool(np.isfinite(array).all()):
                raise parts.fault(f"the tensor {prefix + name!r} holds what is no number")
            value: torch.Tensor = torch.from_numpy(np.array(array, order="C"))  # a copy: files are mapped read-only
            is_parameter = isinstance(wanted, torch.nn.Parameter)
            ties[id(wanted)] = torch.nn.Parameter(value, wanted.requires_grad) if is_parameter else value
        found = ties[id(wanted)]
        kept = place._parameters if isinstance(found, torch.nn.Parameter) else place._buffers
        kept[leaf] = found  # type: ignore[assignment]


def _dtype(value: Any) -> Any:
    import torch

    return np.dtype(str(torch.empty(0, dtype=value.dtype).numpy().dtype))
