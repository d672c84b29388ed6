"""Recurrent layers: equal to torch's own on the same weights, forward and backward, and to finite differences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from firth.nn.recurrent import Layer, elman, gru

OWN = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def double(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.double, requires_grad=True)


def twin(layer: Layer) -> nn.RNNBase:
    made: Any = OWN[layer.cell](layer.n_in, layer.n_out).double()
    n = layer.n_out
    with torch.no_grad():
        made.weight_ih_l0.copy_(layer.weight_ih)
        made.weight_hh_l0.copy_(layer.weight_hh)
        made.bias_ih_l0.copy_(layer.bias)
        made.bias_hh_l0.zero_()
        if layer.bias_new is not None:
            made.bias_hh_l0[2 * n :] = layer.bias_new
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize("cell", OWN)
@pytest.mark.parametrize("n_steps", [1, 7])
def test_layers_are_those_of_torch(cell: str, n_steps: int) -> None:
    torch.manual_seed(0)
    layer = Layer(cell, 5, 4).double()
    layer.reset()
    theirs: Any = twin(layer)
    x, state = double(n_steps, 3, 5), double(len(layer.zeros(3)), 3, 4)
    x2, state2 = (value.detach().clone().requires_grad_() for value in (x, state))
    y, after = layer(x, state)
    y2, after2 = theirs(x2, (state2[:1], state2[1:]) if cell == "lstm" else state2)
    after2 = torch.cat(after2) if cell == "lstm" else after2
    torch.testing.assert_close((y, after), (y2, after2), rtol=0, atol=1e-12)
    weights = torch.randn_like(y), torch.randn_like(after)
    ((y * weights[0]).sum() + (after * weights[1]).sum()).backward()
    ((y2 * weights[0]).sum() + (after2 * weights[1]).sum()).backward()
    pairs = [(x, x2), (state, state2), (layer.weight_ih, theirs.weight_ih_l0), (layer.weight_hh, theirs.weight_hh_l0)]
    pairs.append((layer.bias, theirs.bias_ih_l0))
    for ours, other in pairs:
        torch.testing.assert_close(ours.grad, other.grad, rtol=0, atol=1e-10)
    if layer.bias_new is not None:
        torch.testing.assert_close(layer.bias_new.grad, theirs.bias_hh_l0.grad[8:], rtol=0, atol=1e-10)


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    x, h = double(4, 2, 3), double(2, 2)
    for name in ("tanh", "sigmoid"):
        weights = double(2, 3), double(2, 2), double(2)
        assert torch.autograd.gradcheck(lambda *a, name=name: elman(*a, name), (x, h, *weights))
    assert torch.autograd.gradcheck(gru, (x, h, double(6, 3), double(6, 2), double(6), double(2)))


def test_sigmoid_elman_is_the_equation() -> None:
    torch.manual_seed(0)
    layer = Layer("elman", 2, 3, "sigmoid")
    layer.reset()
    x, h = torch.randn(2, 1, 2), torch.randn(1, 1, 3)
    y, _ = layer(x, h)
    for t, before in ((0, h[0]), (1, y[0])):
        expected = torch.sigmoid(x[t] @ layer.weight_ih.t() + before @ layer.weight_hh.t() + layer.bias)
        torch.testing.assert_close(y[t], expected)


@pytest.mark.parametrize("cell", OWN)
def test_a_sequence_in_two_parts_is_the_same_sequence(cell: str) -> None:
    torch.manual_seed(0)
    layer = Layer(cell, 2, 3)
    layer.reset()
    x = torch.randn(6, 2, 2)
    whole, last = layer(x, layer.zeros(2))
    first, state = layer(x[:4], layer.zeros(2))
    second, after = layer(x[4:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(after, last)
