"""Backpropagation through time by hand, against autograd, to 1e-10 in double."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from firth.lm import lstm_reference, rnn_reference
from firth.lm.lstm_reference import LSTM
from firth.lm.rnn_module import RecurrentNet, Shape
from firth.lm.rnn_reference import Elman

N, DIM, HIDDEN, STEPS, BATCH = 7, 3, 4, 6, 2


def net_of(cell: str, activation: str = "tanh", *, tie: bool = False) -> RecurrentNet:
    torch.manual_seed(0)
    net = RecurrentNet(Shape(cell, activation, N, DIM, HIDDEN, 1, tie)).double()
    net.reset()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_()
    return net.eval()


def letters(net: RecurrentNet, *, gradients: bool = False) -> dict[str, Any]:
    layer: Any = net.layers[0]
    tensors = {"E": net.embedding, "W": layer.weight_ih, "U": layer.weight_hh, "b": layer.bias}
    tensors |= {"V": net.softmax.weight, "c": net.softmax.bias}
    return {name: (value.grad if gradients else value.detach()).numpy() for name, value in tensors.items()}  # type: ignore[union-attr]


def text() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    generator = np.random.default_rng(1)
    return generator.integers(0, N, (STEPS, BATCH)), generator.integers(0, N, (STEPS, BATCH))


def check(found: Any, net: RecurrentNet) -> None:
    for name, value in letters(net, gradients=True).items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=0, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_elman_by_hand_equals_autograd(activation: str) -> None:
    net, (read, predicted) = net_of("elman", activation), text()
    h0 = np.random.default_rng(2).normal(size=(BATCH, HIDDEN))
    loss, found, after = rnn_reference.loss_and_gradients(Elman(**letters(net)), read, predicted, h0, activation)
    hidden, _, state = net(torch.from_numpy(read), [torch.from_numpy(h0)[None]])
    total = net.softmax.loss(hidden.flatten(0, 1), torch.from_numpy(predicted).flatten())
    total.backward()
    assert loss == pytest.approx(total.item(), abs=1e-10)
    np.testing.assert_allclose(after, state[0][0].detach().numpy(), atol=1e-12)
    check(found, net)


def test_lstm_by_hand_equals_autograd() -> None:
    net, (read, predicted) = net_of("lstm"), text()
    start = np.random.default_rng(2).normal(size=(2, BATCH, HIDDEN))
    loss, found, after = lstm_reference.loss_and_gradients(LSTM(**letters(net)), read, predicted, *start)
    hidden, _, state = net(torch.from_numpy(read), [torch.from_numpy(start)])
    total = net.softmax.loss(hidden.flatten(0, 1), torch.from_numpy(predicted).flatten())
    total.backward()
    assert loss == pytest.approx(total.item(), abs=1e-10)
    np.testing.assert_allclose(np.stack(after), state[0].detach().numpy(), atol=1e-12)
    check(found, net)


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_gradient_flow_is_the_gradient_by_earlier_states(cell: str) -> None:
    """Autograd, by a zero that is added to every state."""
    net, (read, predicted) = net_of(cell), text()
    layer: Any = net.layers[0]
    states, hidden = [], layer.zeros(BATCH)
    for words in torch.from_numpy(read):
        _, after = layer(net.embedding[words][None], hidden)
        hidden = after.detach().requires_grad_() if not states else after
        hidden.retain_grad()
        states.append(hidden)
    net.softmax.loss(hidden[0], torch.from_numpy(predicted[-1])).backward()
    norms = [state.grad.norm(dim=-1).mean(1) for state in reversed(states)]  # (1 or 2,) each
    if cell == "elman":
        found = rnn_reference.gradient_flow(Elman(**letters(net)), read, predicted)
        np.testing.assert_allclose(found, [norm[0].item() for norm in norms], atol=1e-10)
    else:
        by_h, _ = lstm_reference.gradient_flow(LSTM(**letters(net)), read, predicted)
        np.testing.assert_allclose(by_h, [norm[0].item() for norm in norms], atol=1e-10)


def flow(scale: float, activation: str = "tanh") -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(0)
    n = 32
    turn = np.linalg.qr(generator.normal(size=(n, n)))[0]
    net = Elman(
        generator.normal(size=(9, n)) * 0.1,
        np.eye(n),
        scale * turn,
        np.zeros(n),
        generator.normal(size=(9, n)),
        np.zeros(9),
    )
    read = generator.integers(0, 9, (30, 4))
    return rnn_reference.gradient_flow(net, read, read, activation)


def test_small_weights_make_the_gradient_vanish_and_large_ones_explode() -> None:
    small, large = flow(0.5), flow(2.5)
    bound = 0.5 ** np.arange(30)  # no singular value of U is above 0.5, no slope of tanh above 1
    assert (small <= small[0] * bound * (1 + 1e-9)).all()
    assert large[-1] > 100 * large[0]
    assert flow(2.5, "sigmoid")[-1] < 1e-3 * flow(2.5, "sigmoid")[0]  # whose slope is at most a quarter
