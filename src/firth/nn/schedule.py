"""How long training lasts and how the learning rate goes meanwhile. No torch here: configs are made of this."""

from __future__ import annotations

import dataclasses
import math

from firth.config import Config, option

__all__ = ["DECAYS", "OPTIMIZERS", "PRECISIONS", "Patience", "Plan", "Schooling"]

DECAYS = ("constant", "linear", "cosine")
OPTIMIZERS = ("sgd", "adam", "adamw")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclasses.dataclass(frozen=True)
class Schooling(Config):
    """Options of training that every neural model has; a model's config inherits them and sets defaults of its own.

    Examples
    --------
    >>> Schooling(epochs=3).optimizer
    'adam'
    """

    epochs: int = option(10, "passes over the text", minimum=1, maximum=1_000_000)
    steps: int | None = option(None, "updates of the parameters, in the place of epochs", minimum=1)
    rate: float = option(1e-3, "learning rate at its highest", minimum=0, maximum=1000)
    decay: str = option("linear", "how the learning rate falls over the training", choices=DECAYS)
    last_rate: float = option(0.0, "share of the rate that is left at the end of the decay", minimum=0, maximum=1)
    warmup: float = option(0.0, "share of training in which the rate rises to its highest", minimum=0, maximum=1)
    optimizer: str = option("adam", "kind of update", choices=OPTIMIZERS)
    momentum: float = option(0.0, "of SGD", minimum=0, maximum=1)
    beta1: float = option(0.9, "Adam's memory of the gradient", minimum=0, maximum=1)
    beta2: float = option(0.999, "Adam's memory of its square", minimum=0, maximum=1)
    epsilon: float = option(1e-8, "Adam's summand below the line", minimum=0, maximum=1)
    weight_decay: float = option(0.0, "pull of the weights to zero", minimum=0, maximum=10)
    clip: float = option(0.0, "longest gradient, in its 2-norm; 0 is no limit", minimum=0)
    accumulate: int = option(1, "batches to each update", minimum=1, maximum=1_000_000)
    precision: str = option(
        "auto", "of products; auto is bfloat16 on GPUs that have it, else float32", choices=PRECISIONS
    )
    plateau: float = option(1.0, "factor of the rate when the held-out loss does not fall", minimum=0, maximum=1)
    average_after: int = option(
        0, "average the parameters once the held-out loss is no better than so many epochs ago; 0 never", minimum=0
    )
    patience: int = option(0, "stop after so many evaluations without a better held-out loss; 0 never", minimum=0)
    evaluate_steps: int | None = option(None, "steps between evaluations, beside those at epoch ends", minimum=1)
    keep_best: bool = option(True, "end with the parameters of the lowest held-out loss")
    deterministic: bool = option(True, "the same bytes on the same device")


@dataclasses.dataclass(frozen=True)
class Plan(Schooling):
    """How a neural model is trained: how long, with which optimizer, at which rate.

    The learning rate is a function of the share of training that is done, from 0 to 1. The share is counted in
    epochs; in steps, where ``steps`` is given; in time, where ``minutes`` is given, which goes before both. A plan in
    time cannot give the same bytes twice, since a machine's speed is no constant.

    Examples
    --------
    >>> plan = Plan(rate=0.1, decay="linear", warmup=0.2)
    >>> [round(plan.rate_at(share), 3) for share in (0, 0.1, 0.2, 0.6, 1)]
    [0.0, 0.05, 0.1, 0.05, 0.0]
    """

    minutes: float | None = option(None, "time for training, in the place of epochs and steps", minimum=0)

    @classmethod
    def of(cls, config: Schooling, minutes: float | None = None) -> Plan:
        """Return the plan of a model's config, in the time there is where ``minutes`` is given.

        Examples
        --------
        >>> Plan.of(Schooling(rate=0.5), minutes=10).share(epochs=0, steps=0, seconds=300)
        0.5
        """
        return cls(
            **{field.name: getattr(config, field.name) for field in dataclasses.fields(Schooling)}, minutes=minutes
        )

    def rate_at(self, share: float) -> float:
        """Return the learning rate when a share of training is done.

        Parameters
        ----------
        share : float
            0 to 1.
        """
        share = min(max(share, 0.0), 1.0)
        if share < self.warmup:
            return self.rate * share / self.warmup
        done = (share - self.warmup) / (1.0 - self.warmup) if self.warmup < 1.0 else 0.0
        if self.decay == "linear":
            left = 1.0 - done
        elif self.decay == "cosine":
            left = 0.5 * (1.0 + math.cos(math.pi * done))
        else:
            left = 1.0
        return self.rate * (self.last_rate + (1.0 - self.last_rate) * left)

    def share(self, epochs: float, steps: int, seconds: float, reserve: float = 0.0) -> float:
        """Return the share of training that is done, 0 to 1.

        Parameters
        ----------
        epochs : float
            Passes over the text so far.
        steps : int
            Updates so far.
        seconds : float
            Time so far.
        reserve : float
            Seconds of the time that are kept for what comes after training, such as the last evaluation.
        """
        if self.minutes is not None:
            return min(seconds / max(60.0 * self.minutes - reserve, 1e-9), 1.0)
        if self.steps is not None:
            return min(steps / self.steps, 1.0)
        return min(epochs / self.epochs, 1.0)


class Patience:
    """What the held-out losses so far say: is this the best, is training stuck, is it time to average?

    Attributes
    ----------
    losses : list of float
        All held-out losses, in order.
    """

    def __init__(self, plan: Plan, losses: list[float] | None = None) -> None:
        self.plan = plan
        self.losses = list(losses or [])

    def add(self, loss: float) -> bool:
        """Take note of a loss; return whether it is the lowest so far."""
        best = not self.losses or loss < min(self.losses)
        self.losses.append(loss)
        return best

    @property
    def since_best(self) -> int:
        """Evaluations since the best one."""
        return len(self.losses) - 1 - self.losses.index(min(self.losses)) if self.losses else 0

    @property
    def stop(self) -> bool:
        """Whether patience is at its end."""
        return bool(self.plan.patience) and self.since_best >= self.plan.patience

    @property
    def average(self) -> bool:
        """Whether averaging is to begin: NT-ASGD's test (Merity, Keskar and Socher 2018, algorithm 1)."""
        n = self.plan.average_after
        return bool(n) and len(self.losses) > n and self.losses[-1] > min(self.losses[:-n])
