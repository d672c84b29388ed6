r"""Attention: how the decoder chooses, at every step, which states of the encoder to read.

Without it, all that the decoder knows of the source is one vector of fixed length, however long the sentence. With it,
the decoder keeps all states e_1 ... e_S of the encoder, and at each step asks for those that it needs: a score for each
of them, by the decoder's state h (the query), is made a distribution, and the states' mean under it is the context c.

    score(h, e_s)  =  h . e_s                           dot       (Luong, Pham and Manning 2015, equation 8)
                      h . W e_s                         general   (the same)
                      (W h)_s                           location  (the same, equation 9: the place alone counts)
                      v . tanh(W h + U e_s)             additive  (Bahdanau, Cho and Bengio 2015, appendix A.1.2)

    a_s = exp(score_s) / sum_r exp(score_r),            c = sum_s a_s e_s

Why can that be learnt? Because everything in it is smooth. With g the gradient of the loss with respect to c, that of a
weight is g . e_s, and that of a score, by the softmax's derivative da_r/dscore_s = a_r ([r = s] - a_s),

    d score_s  =  sum_r (g . e_r) a_r ([r = s] - a_s)  =  a_s (g . e_s  -  g . c)

so that a state which would help more than the context as it is (against the gradient) gets a higher score, the more the
more it is looked at already. The states themselves get a_s g: through a weight near 1 the gradient reaches a source
word in one step, however far away it stands, where without attention it comes through every step of both nets.

In W e_s the products do not depend on the decoder: they are computed once a sentence (``keys``). So is U e_s.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Attention"]


class Attention(nn.Module):
    """Scores, weights and contexts of queries over the states of an encoder.

    Parameters
    ----------
    kind : {"general", "dot", "location", "additive"}
    n_query, n_state : int
        Length of a query and of a state; equal for ``dot``.
    positions : int
        States that ``location`` can see; those behind get no weight.

    Examples
    --------
    >>> states, real = torch.eye(3)[None], torch.tensor([[True, True, False]])
    >>> attention = Attention("dot", 3, 3)
    >>> context, weights = attention(torch.tensor([[[9.0, 0.0, 9.0]]]), states, attention.keys(states), real)
    >>> weights.round(decimals=2).tolist()
    [[[1.0, 0.0, 0.0]]]
    """

    def __init__(self, kind: str, n_query: int, n_state: int, positions: int = 0) -> None:
        super().__init__()
        self.kind = kind
        if kind in ("general", "additive"):
            self.weight = nn.Parameter(torch.empty(n_query, n_state))  # W of general, U of additive
        if kind == "location":
            self.weight = nn.Parameter(torch.empty(positions, n_query))
        if kind == "additive":
            self.query = nn.Parameter(torch.empty(n_query, n_query))  # W
            self.summit = nn.Parameter(torch.empty(n_query))  # v

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights evenly (Glorot and Bengio 2010)."""
        with torch.no_grad():
            for parameter in self.parameters():
                bound = math.sqrt(6 / (sum(parameter.shape) + (parameter.ndim == 1)))
                parameter.uniform_(-bound, bound, generator=generator)

    def keys(self, states: Tensor) -> Tensor:
        """Return what queries are held against, (batch, n_states, n_query), from states (batch, n_states, n_state)."""
        if self.kind in ("dot", "location"):
            return states
        return functional.linear(states, self.weight)

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return a score of each query (batch, n_queries, n_query) for each state, (batch, n_queries, n_states)."""
        if self.kind == "location":
            return self._by_place(queries, keys.shape[1])
        if self.kind == "additive":
            mixed = functional.linear(queries, self.query)[:, :, None] + keys[:, None]
            return mixed.tanh() @ self.summit
        return torch.bmm(queries, keys.transpose(1, 2))

    def _by_place(self, queries: Tensor, n_states: int) -> Tensor:
        seen = functional.linear(queries, self.weight[:n_states])
        return functional.pad(seen, (0, n_states - seen.shape[2]), value=-math.inf)

    def forward(self, queries: Tensor, states: Tensor, keys: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Return contexts and weights.

        Parameters
        ----------
        queries : Tensor, shape (batch, n_queries, n_query)
        states : Tensor, shape (batch, n_states, n_state)
        keys : Tensor
            Of :meth:`keys`.
        real : Tensor of bool, shape (batch, n_states)
            Which states are no filler; filler has a weight of exactly zero.

        Returns
        -------
        Tensor, shape (batch, n_queries, n_state)
        Tensor, shape (batch, n_queries, n_states)
        """
        scores = self.scores(queries, keys).masked_fill(~real[:, None], -math.inf)
        weights = scores.softmax(2)
        return torch.bmm(weights, states), weights
