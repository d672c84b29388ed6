"""Updates of parameters: optimizers by name, gradients over many processes, clipping, averaged parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from firth.nn.device import Place
from firth.nn.schedule import Plan

__all__ = ["Average", "clip", "make_optimizer", "matrices_decayed", "merge_gradients", "trained"]


def trained(module: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that take gradients, each once."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def make_optimizer(
    plan: Plan, module: nn.Module, groups: Sequence[dict[str, Any]] | None = None
) -> torch.optim.Optimizer:
    """Return the optimizer of a plan.

    Parameters
    ----------
    plan : Plan
    module : nn.Module
    groups : sequence of dict, optional
        Parameter groups as torch has them, in the place of all of the module's parameters in one. ``scale`` in a
        group is a factor of its learning rate.
    """
    given: Any = list(groups) if groups is not None else [{"params": trained(module)}]
    if plan.optimizer == "sgd":
        return torch.optim.SGD(given, lr=plan.rate, momentum=plan.momentum, weight_decay=plan.weight_decay)
    kind = torch.optim.Adam if plan.optimizer == "adam" else torch.optim.AdamW
    return kind(
        given,
        lr=plan.rate,
        betas=(plan.beta1, plan.beta2),
        eps=plan.epsilon,
        weight_decay=plan.weight_decay,
        fused=True,
    )


def matrices_decayed(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return parameter groups in which matrices are pulled to zero, and summands and the factors of norms are not.

    Examples
    --------
    >>> [len(group["params"]) for group in matrices_decayed(nn.Linear(2, 3), 0.1)]
    [1, 1]
    """
    parameters = trained(module)
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def merge_gradients(parameters: Iterable[nn.Parameter], place: Place, first: int, total: int) -> int:
    """Turn gradients of losses over ``first`` into those of the mean over every process; return how many predictions.

    Parameters
    ----------
    parameters : iterable of nn.Parameter
        Their gradients are those of the sum of losses, over ``first``.
    place : Place
    first : int
        What the losses were divided by.
    total : int
        Predictions of this process in the step.
    """
    parameters = list(parameters)
    if place.world == 1:
        if first != total:
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad.mul_(first / total)
        return total
    # One message: all gradients end to end, and the count behind them. A process without a gradient sends zeros.
    flat = [(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1).float().mul(first) for p in parameters]
    sent = torch.cat([*flat, torch.tensor([float(total)], device=place.device)])
    dist.all_reduce(sent)
    everyone = round(sent[-1].item())
    at = 0
    for parameter in parameters:
        piece = sent[at : at + parameter.numel()].view_as(parameter) / everyone
        parameter.grad = piece.to(parameter.dtype)
        at += parameter.numel()
    return everyone


def clip(parameters: Iterable[nn.Parameter], longest: float) -> Tensor:
    """Shorten the gradient to a 2-norm of ``longest`` at most (0: leave it), and return its norm before.

    Pascanu, Mikolov and Bengio 2013, algorithm 1.
    """
    return nn.utils.clip_grad_norm_(list(parameters), longest or float("inf"))


class Average:
    """The mean of the parameters over the steps since it began (Polyak and Juditsky 1992).

    Attributes
    ----------
    tensors : dict from str to Tensor
        Empty until it begins.
    count : int
        Steps in the mean.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module, self.tensors, self.count = module, dict[str, Tensor](), 0

    def begin(self) -> None:
        """Start from the parameters as they are."""
        self.tensors = {name: value.detach().clone() for name, value in self.module.named_parameters()}
        self.count = 1

    @torch.no_grad()
    def update(self) -> None:
        """Take the parameters as they are into the mean, where it has begun."""
        if not self.count:
            return
        self.count += 1
        for name, value in self.module.named_parameters():
            self.tensors[name].add_((value - self.tensors[name]) / self.count)

    @contextlib.contextmanager
    def put_in(self) -> Iterator[None]:
        """Give the module the mean, where there is one, and its own parameters back afterwards."""
        own = {name: value.detach().clone() for name, value in self.module.named_parameters()} if self.count else {}
        self.put(self.tensors)
        try:
            yield
        finally:
            self.put(own)

    @torch.no_grad()
    def put(self, tensors: dict[str, Tensor]) -> None:
        """Give the module these parameters."""
        for name, value in self.module.named_parameters():
            if name in tensors:
                value.copy_(tensors[name])
