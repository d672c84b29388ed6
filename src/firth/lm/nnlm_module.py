"""The net of Bengio et al. 2003, section 2, and its loss, in torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["INPUTS", "NNLMModule", "cross_entropy"]

INPUTS = ("embedding", "onehot")


class NNLMModule(nn.Module):
    """y = b + W x + U tanh(d + H x), x the vectors C(w) of the previous words, end to end, the oldest first.

    Parameters
    ----------
    n_words : int
        Words that can be read.
    n_outputs : int
        Words that are predicted, the first of those.
    context : int
        Previous words in x.
    dim : int
        Length of a vector C(w).
    hidden : int
        Length of the hidden layer.
    direct : bool
        Whether there is W; else W = 0.
    tie : bool
        Whether U is C, so that a word has one vector for being read and being predicted (Press and Wolf 2017); needs
        ``hidden == dim``.
    input : {"embedding", "onehot"}
        ``onehot``: C is the identity, so that no word is like another; ``dim`` is then ``n_words``.
    dropout, hidden_dropout : float
        Chance of an element of x, and of the hidden layer, to be left out in training.

    Attributes
    ----------
    C : nn.Embedding, (n_words, dim), or None
    H : nn.Linear, context * dim to hidden; its bias is d
    W : nn.Linear or None, context * dim to n_outputs, without bias
    U : Parameter, (n_outputs, hidden), or None where it is C
    b : Parameter, (n_outputs,)
    """

    def __init__(
        self,
        n_words: int,
        n_outputs: int,
        *,
        context: int,
        dim: int,
        hidden: int,
        direct: bool = False,
        tie: bool = False,
        input: str = "embedding",
        dropout: float = 0.0,
        hidden_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.n_words, self.n_outputs, self.context, self.dim = n_words, n_outputs, context, dim
        self.dropout, self.hidden_dropout = dropout, hidden_dropout
        self.C = nn.Embedding(n_words, dim) if input == "embedding" else None
        side = context * (dim if self.C is not None else n_words)
        self.H = nn.Linear(side, hidden)
        self.W = nn.Linear(side, n_outputs, bias=False) if direct else None
        self.U = None if tie else nn.Parameter(torch.empty(n_outputs, hidden))
        self.b = nn.Parameter(torch.zeros(n_outputs))

    @torch.no_grad()
    def reset(self, shares: Tensor) -> None:
        """Draw the parameters anew; b starts from the words' shares of the text, shape (n_outputs,), all above 0."""
        if self.C is not None:
            self.C.weight.uniform_(-0.1, 0.1)
        self.H.reset_parameters()
        if self.W is not None:
            self.W.weight.zero_()  # W only adds to what U gives
        if self.U is not None:
            self.U.uniform_(-0.1, 0.1)
        self.b.copy_(shares.log())

    def forward(self, contexts: Tensor) -> Tensor:
        """Return y.

        Parameters
        ----------
        contexts : Tensor of int64, shape (B, context)
            Ids of the previous words, the oldest first.

        Returns
        -------
        Tensor, shape (B, n_outputs)
        """
        if self.C is None:
            x = contexts + self.n_words * torch.arange(self.context, device=contexts.device)
            before = _columns(self.H.weight, x) + self.H.bias  # (B, hidden)
        else:
            x = self.C(contexts).flatten(1)  # (B, context * dim)
            x = functional.dropout(x, self.dropout, self.training)
            before = self.H(x)
        a = functional.dropout(torch.tanh(before), self.hidden_dropout, self.training)
        y = torch.addmm(self.b, a, self.output.t())
        if self.W is not None:
            y = y + (_columns(self.W.weight, x) if self.C is None else self.W(x))
        return y

    @property
    def output(self) -> Tensor:
        """U, shape (n_outputs, hidden)."""
        if self.U is not None:
            return self.U
        assert_tied: Any = self.C
        rows: Tensor = assert_tied.weight[: self.n_outputs]
        return rows


def _columns(weight: Tensor, places: Tensor) -> Tensor:
    """Return the product of a matrix (n, m) and vectors that are 1 at ``places`` (B, k) and else 0: (B, n)."""
    return functional.embedding(places, weight.t()).sum(1)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the sum of -log softmax(logits) at the targets; ``logits`` is used up.

    Its gradient, softmax(logits) less 1 at the target, is made in the memory of the logits themselves. That makes a
    step a tenth quicker than torch's own loss, which goes over the B x n_outputs numbers twice more.

    Parameters
    ----------
    logits : Tensor, shape (B, n_outputs)
    targets : Tensor of int64, shape (B,)

    Examples
    --------
    >>> round(cross_entropy(torch.zeros(2, 4), torch.tensor([0, 3])).item(), 4) == round(2 * 1.386294, 4)
    True
    """
    wide = logits.float() if logits.dtype.itemsize < 4 else logits
    found: Tensor = _CrossEntropy.apply(wide, targets)  # type: ignore[no-untyped-call]
    return found


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        logits.sub_(logits.amax(1, keepdim=True))
        picked = logits.gather(1, targets[:, None])
        weights = logits.exp_()  # (B, n_outputs): softmax but for its sums
        sums = weights.sum(1, keepdim=True)
        ctx.save_for_backward(weights, sums, targets)
        return (sums.log() - picked).sum()

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, ...]:
        weights, sums, targets = ctx.saved_tensors
        weights.mul_(d / sums)
        weights.scatter_add_(1, targets[:, None], (-d).expand(len(targets), 1))
        return weights, None
