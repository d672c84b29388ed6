"""Elman, GRU and LSTM layers over whole sequences.

An Elman or a GRU layer multiplies all its inputs at once, then steps through time with one product a step. Backward it
steps through time the other way, and the gradients of the weights are one product each at the end, where autograd would
add up one small product a step. ``docs/rnn.md`` derives the gradients. For the LSTM torch has a layer of oneDNN's that
is a tenth to a sixth faster than the same done for it, and on a GPU cuDNN has all three.

Elman 1990, "Finding Structure in Time"; Hochreiter and Schmidhuber 1997, "Long Short-Term Memory", with the forget gate
of Gers, Schmidhuber and Cummins 2000; Cho et al. 2014 (arXiv 1406.1078), the GRU in the form that resets after the
product, as cuDNN and torch have it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["CELLS", "Layer", "elman", "gru"]

CELLS = {"elman": 1, "gru": 3, "lstm": 4}  # gates


class Layer(nn.Module):
    """The weights of one layer, in torch's order of gates (LSTM: input, forget, cell, output; GRU: reset, update, new).

    Parameters
    ----------
    cell : {"elman", "gru", "lstm"}
    n_in, n_out : int
        Length of an input and of a hidden state.
    activation : {"tanh", "sigmoid"}
        Of an Elman layer.

    Attributes
    ----------
    weight_ih, weight_hh : Parameter, shapes (n_gates * n_out, n_in) and (n_gates * n_out, n_out)
    bias : Parameter, shape (n_gates * n_out,)
    bias_new : Parameter, shape (n_out,), or None
        Of a GRU: what is added to the state's part of the new gate, before it is reset.
    """

    def __init__(self, cell: str, n_in: int, n_out: int, activation: str = "tanh") -> None:
        super().__init__()
        self.cell, self.n_in, self.n_out, self.activation = cell, n_in, n_out, activation
        n = CELLS[cell] * n_out
        self.weight_ih = nn.Parameter(torch.empty(n, n_in))
        self.weight_hh = nn.Parameter(torch.empty(n, n_out))
        self.bias = nn.Parameter(torch.empty(n))
        self.bias_new = nn.Parameter(torch.empty(n_out)) if cell == "gru" else None

    def reset(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights evenly from plus and minus 1 / sqrt(n_out), as torch does."""
        bound = 1 / math.sqrt(self.n_out)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-bound, bound, generator=generator)

    def zeros(self, batch: int) -> Tensor:
        """Return the state before anything was read, shape (1 or 2, batch, n_out): hidden, and the LSTM's cell."""
        return self.bias.new_zeros(2 if self.cell == "lstm" else 1, batch, self.n_out)

    def forward(self, x: Tensor, state: Tensor, weight_hh: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read a sequence.

        Parameters
        ----------
        x : Tensor, shape (n_steps, batch, n_in)
        state : Tensor, shape (1 or 2, batch, n_out)
        weight_hh : Tensor, optional
            In the place of the layer's own: one with dropped weights.

        Returns
        -------
        Tensor, shape (n_steps, batch, n_out)
            Hidden states.
        Tensor, shape (1 or 2, batch, n_out)
            State after the last step.
        """
        recurrent = self.weight_hh if weight_hh is None else weight_hh
        if self.cell == "lstm" or (x.is_cuda and self.activation == "tanh"):
            return self._fused(x, state, recurrent)
        if self.cell == "gru":
            assert self.bias_new is not None  # for the type checker
            y = gru(x, state[0], self.weight_ih, recurrent, self.bias, self.bias_new)
        else:
            y = elman(x, state[0], self.weight_ih, recurrent, self.bias, self.activation)
        return y, y[-1:]

    def _fused(self, x: Tensor, state: Tensor, recurrent: Tensor) -> tuple[Tensor, Tensor]:
        second = torch.zeros_like(self.bias)
        if self.bias_new is not None:
            second = torch.cat([second[: 2 * self.n_out], self.bias_new])
        weights = [self.weight_ih, recurrent.contiguous(), self.bias, second]
        options = (weights, True, 1, 0.0, self.training, False, False)
        if self.cell == "lstm":
            y, hidden, cell = torch.lstm(x, [state[:1].contiguous(), state[1:].contiguous()], *options)
            return y, torch.cat([hidden, cell])
        run = torch.gru if self.cell == "gru" else torch.rnn_tanh
        y, hidden = run(x, state.contiguous(), *options)
        return y, hidden


class _Elman(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any, x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, activation: str
    ) -> Tensor:
        n_steps, batch, _ = x.shape
        h = torch.cat([h0[None], torch.addmm(bias, x.flatten(0, 1), w_ih.t()).view(n_steps, batch, -1)])
        back = w_hh.t()
        for t in range(n_steps):
            h[t + 1].addmm_(h[t], back)
            h[t + 1].sigmoid_() if activation == "sigmoid" else h[t + 1].tanh_()
        ctx.save_for_backward(x, w_ih, w_hh, h)
        ctx.activation = activation
        return h[1:]

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, w_ih, w_hh, h = ctx.saved_tensors
        y = h[1:]
        slope = y * (1 - y) if ctx.activation == "sigmoid" else 1 - y * y  # (n_steps, batch, n_out)
        d = torch.empty_like(y)  # of what goes into the activation
        dh = torch.zeros_like(h[0])
        for t in range(len(d) - 1, -1, -1):
            torch.mul(dh.add_(dy[t]), slope[t], out=d[t])
            torch.mm(d[t], w_hh, out=dh)
        return (*_of_weights(ctx, x, h, d, w_ih, dh), None)


def _of_weights(  # noqa: PLR0917
    ctx: Any, x: Tensor, h: Tensor, d: Tensor, w_ih: Tensor, dh: Tensor, d_hidden: Tensor | None = None
) -> tuple[Tensor | None, ...]:
    """Return the gradients of x, h0, w_ih, w_hh and bias from ``d``, those of the gates' sums, of all steps."""
    flat = d.flatten(0, 1)
    hidden = flat if d_hidden is None else d_hidden.flatten(0, 1)
    dx = (flat @ w_ih).view_as(x) if ctx.needs_input_grad[0] else None
    dw_hh = hidden.t() @ h[:-1].flatten(0, 1)
    return dx, dh, flat.t() @ x.flatten(0, 1), dw_hh, flat.sum(0)


class _GRU(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any, x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, bias_new: Tensor
    ) -> Tensor:
        n_steps, batch, _ = x.shape
        n = w_hh.shape[1]
        gates = torch.addmm(bias, x.flatten(0, 1), w_ih.t()).view(n_steps, batch, 3 * n)
        h = torch.cat([h0[None], x.new_empty(n_steps, batch, n)])
        news = x.new_empty(n_steps, batch, n)  # the state's part of the new gate, before it is reset
        both, last = w_hh[: 2 * n].t(), w_hh[2 * n :].t()
        for t in range(n_steps):
            r, z, new = torch.split(gates[t], n, dim=1)
            gates[t, :, : 2 * n].addmm_(h[t], both).sigmoid_()
            torch.addmm(bias_new, h[t], last, out=news[t])
            new.addcmul_(r, news[t]).tanh_()
            torch.lerp(new, h[t], z, out=h[t + 1])
        ctx.save_for_backward(x, w_ih, w_hh, gates, h, news)
        return h[1:]

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, w_ih, w_hh, gates, h, news = ctx.saved_tensors
        n = w_hh.shape[1]
        d = torch.empty_like(gates)
        of_state = torch.empty_like(gates)  # as d, but of the state's part: they differ in the new gate
        dh = torch.zeros_like(h[0])
        for t in range(len(d) - 1, -1, -1):
            r, z, new = torch.split(gates[t], n, dim=1)
            dr, dz, dnew = torch.split(d[t], n, dim=1)
            dh.add_(dy[t])
            torch.mul(dh * (h[t] - new), z - z * z, out=dz)
            torch.mul(dh * (1 - z), 1 - new * new, out=dnew)
            torch.mul(dnew * news[t], r - r * r, out=dr)
            of_state[t].copy_(d[t])[:, 2 * n :].mul_(r)
            dh.mul_(z).addmm_(of_state[t], w_hh)
        found = _of_weights(ctx, x, h, d, w_ih, dh, of_state)
        return (*found, of_state[:, :, 2 * n :].sum((0, 1)))


def elman(  # noqa: PLR0917
    x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, activation: str = "tanh"
) -> Tensor:
    """Return h_t = f(W x_t + U h_(t-1) + b), shape (n_steps, batch, n_out)."""
    y: Tensor = _Elman.apply(x, h0, w_ih, w_hh, bias, activation)  # type: ignore[no-untyped-call]
    return y


def gru(  # noqa: PLR0917
    x: Tensor, h0: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, bias_new: Tensor
) -> Tensor:
    """Return a GRU's hidden states, shape (n_steps, batch, n_out).

    r = s(W_r x + U_r h + b_r), z = s(W_z x + U_z h + b_z), n = tanh(W_n x + b_n + r (U_n h + b_new)) and
    h' = (1 - z) n + z h.
    """
    y: Tensor = _GRU.apply(x, h0, w_ih, w_hh, bias, bias_new)  # type: ignore[no-untyped-call]
    return y
