"""A linear-chain conditional random field on top of scores (Lafferty, McCallum and Pereira 2001; Lample et al. 2016).

The score of a sequence of labels y over n steps is the sum of what each step and each pair of neighbours gives::

    s(y) = start[y_1] + sum_t emission[t, y_t] + sum_t transition[y_t, y_(t+1)] + end[y_n]

and P(y) = exp s(y) / Z, where Z sums over all sequences. Z comes from the forward algorithm in n * n_labels**2 steps,
the best sequence from Viterbi's, which has max in the place of the sum. :mod:`firth.nn.crf_reference` has both in
NumPy.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["CRF", "RULED_OUT", "Legal"]

# Which labels may begin a sequence, (n_labels,), follow each other, (n_labels, n_labels), and end one, (n_labels,).
Legal: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]

# What is added to the score of an illegal step. Its exponential is 0 in float32 and float64, and unlike minus infinity
# it leaves gradients finite where all ways to a label are illegal.
RULED_OUT = -1e4


class CRF(nn.Module):
    """Scores of neighbouring labels, and all that follows from them.

    Parameters
    ----------
    n_labels : int
    legal : tuple of ndarray of bool, optional
        What may begin, follow and end; everything by default. An illegal sequence has probability 0 and is never the
        best, so long as there is a legal one.

    Examples
    --------
    >>> crf = CRF(2, (np.array([True, True]), np.array([[True, False], [True, True]]), np.array([True, True])))
    >>> emissions = torch.tensor([[[1.0, 0.0]], [[0.0, 1.5]]])
    >>> crf.best(emissions, [2]), round(float(crf.log_partition(emissions, [2]).detach()), 4)
    ([[1, 1]], 2.1041)
    """

    starts_rule: Tensor
    follows_rule: Tensor
    ends_rule: Tensor

    def __init__(self, n_labels: int, legal: Legal | None = None) -> None:
        super().__init__()
        self.starts = nn.Parameter(torch.zeros(n_labels))
        self.follows = nn.Parameter(torch.zeros(n_labels, n_labels))
        self.ends = nn.Parameter(torch.zeros(n_labels))
        self.rule(legal)

    def rule(self, legal: Legal | None) -> None:
        """Set what is legal. The rules are no part of the state: they follow from the labels."""
        n = len(self.starts)
        made = legal or (np.ones(n, np.bool_), np.ones((n, n), np.bool_), np.ones(n, np.bool_))
        device = "cpu" if self.starts.is_meta else self.starts.device
        for name, allowed in zip(("starts_rule", "follows_rule", "ends_rule"), made, strict=True):
            penalty = torch.zeros(allowed.shape, device=device)
            penalty[~torch.from_numpy(np.asarray(allowed, np.bool_)).to(device)] = RULED_OUT
            self.register_buffer(name, penalty, persistent=False)

    def loss(self, emissions: Tensor, labels: Tensor, lengths: list[int]) -> Tensor:
        """Return minus the log probability of each sentence's labels, shape (batch,).

        Parameters
        ----------
        emissions : Tensor, shape (n_steps, batch, n_labels)
            What stands behind a sentence's end is not looked at.
        labels : Tensor of int64, shape (n_steps, batch)
            Any label behind the end.
        lengths : list of int
            Of the sentences, each at least 1.
        """
        return self.log_partition(emissions, lengths) - self.score(emissions, labels, lengths)

    def score(self, emissions: Tensor, labels: Tensor, lengths: list[int]) -> Tensor:
        """Return s(y) of each sentence, shape (batch,)."""
        emissions, starts, follows, ends = self._scores(emissions)
        inside = _inside(lengths, emissions)
        own = emissions.gather(2, labels[:, :, None])[:, :, 0]  # (n_steps, batch)
        total = torch.where(inside, own, 0.0).sum(0) + starts[labels[0]]
        total = total + torch.where(inside[1:], follows[labels[:-1], labels[1:]], 0.0).sum(0)
        last = labels.gather(0, torch.tensor(lengths, device=labels.device)[None] - 1)[0]
        return total + ends[last]

    def log_partition(self, emissions: Tensor, lengths: list[int]) -> Tensor:
        """Return log Z of each sentence, shape (batch,): the forward algorithm.

        alpha_t[j] is the log of the sum over all beginnings that reach label j at step t. Its gradient with respect to
        the emissions is the probability of each label at each step.
        """
        emissions, starts, follows, ends = self._scores(emissions)
        inside = _inside(lengths, emissions)
        alpha = starts + emissions[0]  # (batch, n_labels)
        for t in range(1, len(emissions)):
            further = torch.logsumexp(alpha[:, :, None] + follows, 1) + emissions[t]
            alpha = torch.where(inside[t][:, None], further, alpha)
        return torch.logsumexp(alpha + ends, 1)

    @torch.no_grad()
    def best(self, emissions: Tensor, lengths: list[int]) -> list[list[int]]:
        """Return the likeliest labels of each sentence: Viterbi's algorithm."""
        emissions, starts, follows, ends = self._scores(emissions)
        inside = _inside(lengths, emissions)
        best, came = starts + emissions[0], []
        stay = torch.arange(best.shape[1], device=best.device).expand_as(best)
        for t in range(1, len(emissions)):
            most, which = (best[:, :, None] + follows).max(1)
            best = torch.where(inside[t][:, None], most + emissions[t], best)
            came.append(torch.where(inside[t][:, None], which, stay))
        at = (best + ends).argmax(1)
        path = [at]
        for back in reversed(came):
            at = back.gather(1, at[:, None])[:, 0]
            path.append(at)
        table = torch.stack(path[::-1], 1).tolist()
        return [row[:length] for row, length in zip(table, lengths, strict=True)]

    def marginals(self, emissions: Tensor, lengths: list[int]) -> Tensor:
        """Return the probability of each label at each step, shape (n_steps, batch, n_labels); 0 behind the end."""
        with torch.enable_grad():
            given = emissions.detach().float().requires_grad_()
            (found,) = torch.autograd.grad(self.log_partition(given, lengths).sum(), given)
        return found

    def _scores(self, emissions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return emissions in full precision, and starts, transitions and ends with what is ruled out."""
        if emissions.dtype in (torch.float16, torch.bfloat16):
            emissions = emissions.float()
        return (
            emissions,
            self.starts + self.starts_rule,
            self.follows + self.follows_rule,
            self.ends + self.ends_rule,
        )


def _inside(lengths: list[int], emissions: Tensor) -> Tensor:
    """Return whether each step is within its sentence, shape (n_steps, batch)."""
    steps = torch.arange(len(emissions), device=emissions.device)[:, None]
    return steps < torch.tensor(lengths, device=emissions.device)
