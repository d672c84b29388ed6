"""The mix of layers against its formula, its penalty against its gradient, its layer norm over real tokens."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from firth.contextual.layer_mix import LayerMix, mix_of
from firth.errors import ConfigError

LAYERS = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))


def test_learned_weights_go_through_a_softmax() -> None:
    w, gamma = np.array([0.5, -1.0, 2.0]), 1.7
    s = np.exp(w) / np.exp(w).sum()
    expected = gamma * np.einsum("l,lnd->nd", s, LAYERS.numpy())
    np.testing.assert_allclose(LayerMix(3, w.tolist(), gamma)(LAYERS).detach(), expected, atol=1e-6)


def test_shares_by_hand_are_taken_as_they_are() -> None:
    mix = LayerMix.by_hand([0.2, 0.3, 0.5])
    assert mix.shares == pytest.approx([0.2, 0.3, 0.5], rel=1e-6)
    assert LayerMix.by_hand([0, 2, 4]).shares == pytest.approx([0, 2, 4], rel=1e-6)
    assert mix_of("sum", 4).shares == pytest.approx([1, 1, 1, 1], rel=1e-6)


@pytest.mark.parametrize("layer", [0, 1, 2, -1, -3])
def test_one_layer_alone_is_that_layer_exactly(layer: int) -> None:
    assert torch.equal(LayerMix.only(layer, 3)(LAYERS), LAYERS[layer])


def test_the_penalty_is_of_the_weights_before_the_softmax() -> None:
    mix = LayerMix(3, [1.0, -2.0, 0.5], 3.0)
    mix.penalty(0.1).backward()
    assert mix.penalty(0.1).item() == pytest.approx(0.1 * (1 + 4 + 0.25))
    assert mix.weights.grad is not None
    np.testing.assert_allclose(mix.weights.grad, [0.2, -0.4, 0.1], rtol=1e-6)
    assert mix.gamma.grad is None


def test_a_strong_penalty_keeps_the_mean_and_a_weak_one_learns() -> None:
    ends = []
    for strength in (1.0, 0.0001):
        mix = LayerMix(3)
        optimizer = torch.optim.SGD(mix.parameters(), 0.05)
        for _ in range(400):
            optimizer.zero_grad()
            ((mix(LAYERS) - LAYERS[1]).square().mean() + mix.penalty(strength)).backward()
            optimizer.step()
        ends.append(mix.weights.softmax(0)[1].item())
    assert ends[0] == pytest.approx(1 / 3, abs=0.1)
    assert ends[1] > 0.8


def test_layer_norm_is_over_the_real_tokens_of_each_sentence() -> None:
    mix = LayerMix(3, layer_norm=True)
    lengths = [5, 2, 0]
    batch = torch.full((3, 3, 5, 4), math.pi)
    mask = torch.zeros(3, 5, dtype=torch.bool)
    for row, length in enumerate(lengths):
        batch[:, row, :length] = LAYERS[:, :length] * (row + 1)
        mask[row, :length] = True
    mixed = mix(batch, mask).detach()
    for row, length in enumerate(lengths[:2]):
        x = LAYERS[:, :length].double().numpy()
        normed = (x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True)
        np.testing.assert_allclose(mixed[row, :length], normed.mean(0), atol=1e-5)
        np.testing.assert_allclose(mix(LAYERS[:, :length]).detach(), normed.mean(0), atol=1e-5)
    assert torch.isfinite(mixed).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1.0], "one weight for each layer: got 1 weights, expected 3"),
        ([0.5, math.nan, 0.5], "no finite number"),
        ([0.5, -0.5, 1.0], "at least 0"),
        ([0.0, 0.0, 0.0], "at least 0"),
        (3, "no such layer: got 3"),
        (-4, "no such layer"),
        ("middle", "no such mix of layers: got middle, expected mean, sum"),
        (LayerMix(2), "one weight for each layer"),
    ],
)
def test_unfit_mixes(given: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mix_of(given, 3)  # type: ignore[arg-type]


def test_unfit_weights() -> None:
    with pytest.raises(ConfigError, match="one weight for each layer"):
        LayerMix(3, [0.0])
