"""Output layers: the full softmax, the adaptive softmax, and the sampled softmax.

Any of them may train. What a model is measured by is always a distribution over all outputs: the adaptive softmax is
one itself, and a net trained by samples is read with the full softmax over the same matrix.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from firth.errors import ConfigError

__all__ = ["AdaptiveSoftmax", "FullSoftmax", "SampledSoftmax", "inclusion", "linear_cross_entropy"]

_ENTRIES = 1 << 22  # of a matrix of logits that are held together
_SAMPLED_ENTRIES = 1 << 18  # the same of a sample's: a core's cache holds them


class FullSoftmax(nn.Module):
    """Logits W h + b over every output.

    Parameters
    ----------
    dim, n_outputs : int
    weight : Parameter, shape (at least n_outputs, dim), optional
        An embedding whose first rows are W: tied weights (Press and Wolf 2017; Inan et al. 2017).

    Examples
    --------
    >>> softmax = FullSoftmax(2, 3)
    >>> softmax.reset(0.1)
    >>> hidden = torch.ones(5, 2)
    >>> softmax.log_probs(hidden).exp().sum(1).round().tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, dim: int, n_outputs: int, weight: nn.Parameter | None = None) -> None:
        super().__init__()
        self.n_outputs = n_outputs
        self.weight = nn.Parameter(torch.empty(n_outputs, dim)) if weight is None else weight
        self.bias = nn.Parameter(torch.zeros(n_outputs))

    def reset(self, bound: float, generator: torch.Generator | None = None) -> None:
        """Draw W evenly from plus and minus ``bound``; set b to zero."""
        with torch.no_grad():
            self.weight.uniform_(-bound, bound, generator=generator)
            self.bias.zero_()

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the sum of the negative log probabilities.

        Parameters
        ----------
        hidden : Tensor, shape (n, dim)
        targets : Tensor of int64, shape (n,)
        """
        return linear_cross_entropy(hidden, self.weight[: self.n_outputs], self.bias, targets)

    def log_probs(self, hidden: Tensor) -> Tensor:
        """Return all log probabilities, shape (n, n_outputs)."""
        with torch.autocast(hidden.device.type, enabled=False):  # sums over all outputs need their digits
            rows = hidden.to(self.weight.dtype)
            return functional.log_softmax(functional.linear(rows, self.weight[: self.n_outputs], self.bias), dim=1)

    def picked(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the log probabilities of the targets, shape (n,), holding few rows of logits at a time."""
        found = []
        with torch.autocast(hidden.device.type, enabled=False):
            for rows, wanted in _blocks(self.n_outputs, hidden.to(self.weight.dtype), targets):
                logits = functional.linear(rows, self.weight[: self.n_outputs], self.bias)
                found.append(logits.gather(1, wanted[:, None])[:, 0] - logits.logsumexp(1))
        return torch.cat(found) if found else hidden.new_zeros(0)


def _blocks(width: int, hidden: Tensor, targets: Tensor) -> list[tuple[Tensor, Tensor]]:
    step = max(1, _ENTRIES // width)
    return list(zip(torch.split(hidden, step), torch.split(targets, step), strict=True)) if len(hidden) else []


class SampledSoftmax(FullSoftmax):
    """The full softmax, trained on a sample of the outputs, shared by all rows of a batch.

    The sum over all outputs in log p = z_t - log sum_v exp z_v is estimated from a set S that holds each v with a
    probability of its own, pi_v: exp z_t + sum over v in S, v not t, of exp(z_v) / pi_v (Horvitz and Thompson 1952),
    that is, of logits less log pi_v. So Jean et al. 2015 (section 3) and Bengio and Senecal 2008 correct theirs, which
    are drawn with replacement; here no output is drawn twice, and frequent ones are in every sample, with pi_v = 1.

    Parameters
    ----------
    dim, n_outputs, weight
        As for :class:`FullSoftmax`.
    chances : array-like, shape (n_outputs,)
        pi, as :func:`inclusion` gives it.
    """

    log_chances: Tensor

    def __init__(self, dim: int, n_outputs: int, chances: ArrayLike, weight: nn.Parameter | None = None) -> None:
        super().__init__(dim, n_outputs, weight)
        made = torch.as_tensor(np.asarray(chances, np.float64))
        self.register_buffer("log_chances", made.log().float(), persistent=False)
        self.chances = made.float()

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the sum of the estimated negative log probabilities; as for :class:`FullSoftmax`."""
        drawn = torch.nonzero(torch.rand(self.n_outputs) < self.chances)[:, 0].to(hidden.device)
        return self.loss_of(hidden, targets, drawn)

    def loss_of(self, hidden: Tensor, targets: Tensor, drawn: Tensor) -> Tensor:
        """Return the loss for a given sample, shape (n_drawn,) of distinct outputs."""
        with torch.autocast(hidden.device.type, enabled=False):
            total: Tensor = _SampledCrossEntropy.apply(  # type: ignore[no-untyped-call]
                hidden.to(self.weight.dtype), self.weight, self.bias, (targets, drawn, self.log_chances[drawn])
            )
        return total


def inclusion(counts: ArrayLike, n_samples: int, proposal: str = "log-uniform") -> np.ndarray[Any, np.dtype[Any]]:
    """Return the probability that each output is in a sample, min(1, c q), with a sum of ``n_samples``.

    Parameters
    ----------
    counts : array-like, shape (n_outputs,)
        How often each occurs.
    n_samples : int
        Mean size of a sample.
    proposal : {"log-uniform", "unigram"}
        q: log((r + 2) / (r + 1)) for the output of rank r, counted from 0; or the count (at least 1).

    Examples
    --------
    >>> inclusion([8, 4, 1, 1], 2, "unigram").round(3).tolist()
    [1.0, 0.667, 0.167, 0.167]
    """
    counts = np.asarray(counts, np.float64)
    weights = np.maximum(counts, 1.0)
    if proposal == "log-uniform":
        weights = np.empty(len(counts))
        weights[np.argsort(-counts, kind="stable")] = np.log1p(1 / (np.arange(len(counts)) + 1.0))
    if n_samples >= len(counts):
        return np.ones(len(counts))
    # With the k heaviest at 1, c shares the rest of the sample among the others. The first k that fits is right.
    heavy = np.sort(weights)[::-1]
    rest = heavy.sum() - np.concatenate([[0.0], np.cumsum(heavy)[:-1]])  # what the places from k on weigh
    factors = (n_samples - np.arange(n_samples)) / rest[:n_samples]
    k = int(np.argmax(factors * heavy[:n_samples] <= 1.0))
    return np.asarray(np.minimum(weights * factors[k], 1.0))


class AdaptiveSoftmax(nn.Module):
    """Frequent outputs in a head, rare ones in clusters with shorter vectors (Grave et al. 2017): torch's, with ranks.

    Parameters
    ----------
    dim, n_outputs : int
    counts : array-like, shape (n_outputs,)
        How often each output occurs; it orders them.
    cutoffs : sequence of int
        Ranks at which clusters begin, ascending, each below ``n_outputs``.
    shrink : float
        How many times shorter the vectors of each cluster are than those before.

    Attributes
    ----------
    ranks : Tensor of int64, shape (n_outputs,)
        The rank of each output.
    """

    ranks: Tensor

    def __init__(
        self, dim: int, n_outputs: int, counts: ArrayLike, cutoffs: tuple[int, ...], shrink: float = 4.0
    ) -> None:
        super().__init__()
        self.n_outputs = n_outputs
        self.inner = nn.AdaptiveLogSoftmaxWithLoss(dim, n_outputs, list(cutoffs), shrink, head_bias=True)
        ranks = np.empty(n_outputs, np.int64)
        ranks[np.argsort(-np.asarray(counts, np.float64), kind="stable")] = np.arange(n_outputs)
        self.register_buffer("ranks", torch.as_tensor(ranks))

    def reset(self, bound: float, generator: torch.Generator | None = None) -> None:
        """Draw matrices evenly, by the length of their rows; the biases are zero.

        Raises
        ------
        ConfigError
            When the vectors of the last cluster have no length left.
        """
        if any(0 in parameter.shape for parameter in self.inner.parameters()):
            raise ConfigError("the adaptive softmax has no length left for its last cluster's vectors",
                              got=f"{self.inner.n_clusters} clusters, a length of {self.inner.in_features}",
                              remedy="give fewer cutoffs, or longer vectors")  # fmt: skip
        with torch.no_grad():
            for parameter in self.inner.parameters():
                if parameter.ndim == 1:
                    parameter.zero_()
                else:
                    side = 1 / math.sqrt(parameter.shape[1])
                    parameter.uniform_(-side, side, generator=generator)

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the sum of the negative log probabilities; as for :class:`FullSoftmax`."""
        return -self.picked(hidden, targets).sum()

    def log_probs(self, hidden: Tensor) -> Tensor:
        """Return all log probabilities, shape (n, n_outputs)."""
        return torch.as_tensor(self.inner.log_prob(hidden))[:, self.ranks]

    def picked(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the log probabilities of the targets, shape (n,)."""
        if not len(hidden):
            return hidden.new_zeros(0)
        return torch.as_tensor(self.inner(hidden, self.ranks[targets]).output)


class _LinearCrossEntropy(torch.autograd.Function):
    """Loss and gradients block by block, so that logits lie in the cache and are never kept.

    With e = exp(z - max z) and s its sum over a row, a row's loss is log s - (z_t - max z), and its gradient by z is
    e / s - 1 at t. The division is left to the rows of h and of its gradient, which are shorter.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        needs = any(ctx.needs_input_grad)
        total = hidden.new_zeros(())
        dh, dw, db = (torch.zeros_like(tensor) if needs else None for tensor in (hidden, weight, bias))
        at = 0
        for rows, wanted in _blocks(len(weight), hidden, targets):
            logits = torch.addmm(bias, rows, weight.t())
            logits.sub_(logits.amax(1, keepdim=True))
            told = logits.gather(1, wanted[:, None])[:, 0]
            sums = logits.exp_().sum(1)
            total += (sums.log() - told).sum()
            if dh is not None and dw is not None and db is not None:
                share = 1 / sums
                dh[at : at + len(rows)] = (logits @ weight) * share[:, None] - weight[wanted]
                dw.addmm_(logits.t(), rows * share[:, None]).index_add_(0, wanted, rows, alpha=-1)
                db.addmv_(logits.t(), share).index_add_(0, wanted, torch.ones_like(share), alpha=-1)
            at += len(rows)
        if needs:
            ctx.gradients = dh, dw, db
        return total

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, ()  # scaled where they lie, so that they serve once
        return (*(tensor.mul_(d) for tensor in gradients), None)


class _SampledCrossEntropy(torch.autograd.Function):
    """The estimate of :class:`SampledSoftmax` with its gradients, block by block as :class:`_LinearCrossEntropy`.

    With z the target's logit, l those of the sample less log pi (minus infinity where the target itself is drawn) and m
    the highest: a row's loss is log(exp(z - m) + sum exp(l - m)) - (z - m).
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, outputs: tuple[Tensor, Tensor, Tensor]
    ) -> Tensor:
        targets, drawn, log_chances = outputs
        needs = any(ctx.needs_input_grad)
        w, shift, told = weight[drawn], bias[drawn] - log_chances.to(bias.dtype), weight[targets]
        wanted = (hidden * told).sum(1) + bias[targets]
        places = torch.full_like(bias, -1, dtype=torch.int64)
        places[drawn] = torch.arange(len(drawn), device=drawn.device)
        hits = places[targets]  # column of each row's target in the sample, or -1
        dh, dw, db = torch.empty_like(hidden), torch.zeros_like(w), torch.zeros_like(shift)
        pull = torch.empty_like(wanted)  # gradient of each target's logit
        total, step = hidden.new_zeros(()), max(1, _SAMPLED_ENTRIES // max(len(drawn), 1))
        for first in range(0, len(hidden), step):
            part = slice(first, first + step)
            rows, z, hit = hidden[part], wanted[part], hits[part]
            logits = torch.addmm(shift, rows, w.t())
            found = torch.nonzero(hit >= 0)[:, 0]
            logits[found, hit[found]] = -math.inf
            top = torch.maximum(logits.amax(1), z) if len(drawn) else z
            logits.sub_(top[:, None]).exp_()
            ours = (z - top).exp()
            sums = logits.sum(1) + ours
            total += (sums.log() - (z - top)).sum()
            if needs:
                share = 1 / sums
                pull[part] = ours * share - 1
                dh[part] = (logits @ w) * share[:, None]
                dw.addmm_(logits.t(), rows * share[:, None])
                db.addmv_(logits.t(), share)
        if needs:
            dh.addcmul_(pull[:, None], told)
            ctx.gradients = (
                dh,
                torch.zeros_like(weight).index_copy_(0, drawn, dw).index_add_(0, targets, pull[:, None] * hidden),
                torch.zeros_like(bias).index_copy_(0, drawn, db).index_add_(0, targets, pull),
            )
        return total

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, ...]:
        gradients, ctx.gradients = ctx.gradients, ()  # scaled where they lie, so that they serve once
        return (*(tensor.mul_(d) for tensor in gradients), None)


def linear_cross_entropy(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Return the sum of -log softmax(W h + b) at the targets, with its gradients found on the way.

    Parameters
    ----------
    hidden : Tensor, shape (n, dim)
    weight : Tensor, shape (n_outputs, dim)
    bias : Tensor, shape (n_outputs,)
    targets : Tensor of int64, shape (n,)

    Returns
    -------
    Tensor, shape ()
    """
    with torch.autocast(hidden.device.type, enabled=False):
        total: Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
            hidden.to(weight.dtype), weight, bias, targets
        )
    return total
