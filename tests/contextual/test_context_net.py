"""Nets that read whole sentences: the same bits in any company, each direction blind to the other, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from firth.contextual.context_model import ContextModel
from firth.contextual.context_net import ContextNet
from firth.contextual.context_shape import ContextShape
from firth.contextual.grain import Grain
from firth.contextual.rowwise import Rowwise
from firth.contextual.shape import CharacterShape
from firth.contextual.spelling import Spelling
from firth.nn.deviation_norm import DeviationNorm

SENTENCES = [["the", "bank"], [], ["a", "river", "of", "banks"], ["x"], ["the", "bank", "of", "the", "river", "."]]
KINDS = ["transformer", "lstm", "highway_lstm"]


def model(context: str, hidden: int = 12) -> ContextModel:
    characters = CharacterShape(dim=4, filters=((1, 6), (2, 6)), n_highway=1, longest=14)
    heads = {"heads": 2, "positions": 40} if context == "transformer" else {}
    net = ContextNet(
        ContextShape(characters, 12, context == "lstm", context == "transformer", context, hidden, 2, **heads)
    )
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for value in net.state_dict().values():
            value.copy_(torch.randn(value.shape, generator=generator) * (0.5 if value.ndim > 1 else 1.0))
    return ContextModel(net, Spelling.bytes(14))


@pytest.mark.parametrize("context", KINDS)
def test_the_same_bits_alone_and_in_any_batch(context: str) -> None:
    made = model(context)
    alone = [made.encode_layers([sentence])[0] for sentence in SENTENCES]
    assert [layers.shape for layers in alone] == [(3, len(sentence), 24) for sentence in SENTENCES]
    orders = np.random.default_rng(1)
    for batch_tokens in (1, 9, 2048):
        order = orders.permutation(np.repeat(np.arange(len(SENTENCES)), 3)).tolist()
        found = made.encode_layers([SENTENCES[place] for place in order], batch_tokens=batch_tokens)
        for place, layers in zip(order, found, strict=True):
            np.testing.assert_array_equal(layers, alone[place])


def test_each_transformer_sees_one_side_alone() -> None:
    made = model("transformer")
    (whole,), (changed,) = (made.encode_layers([[*"abc", word, *"de"]]) for word in ("x", "y"))
    same = np.isclose(whole, changed, atol=1e-5).all(0)  # (n_tokens, dim)
    assert same[:3, :12].all()
    assert same[4:, 12:].all()
    assert (whole[1:, 4, :12] != changed[1:, 4, :12]).any()
    assert (whole[1:, 2, 12:] != changed[1:, 2, 12:]).any()


def test_an_upper_lstm_sees_both_sides() -> None:
    made = model("lstm")
    (whole,), (changed,) = (made.encode_layers([["a", word]]) for word in ("x", "y"))
    np.testing.assert_array_equal(whole[1, 0, :12], changed[1, 0, :12])
    assert (whole[2, 0, :12] != changed[2, 0, :12]).any()


def test_stacked_lstms_are_torchs() -> None:
    net = model("lstm").net.context
    twin = nn.LSTM(12, 12, 2, bidirectional=True)
    with torch.no_grad():
        for k in range(2):
            for end, way in (("", net.ahead), ("_reverse", net.back)):
                layer: Any = way[k]
                getattr(twin, f"weight_ih_l{k}{end}").copy_(layer.weight_ih)
                getattr(twin, f"weight_hh_l{k}{end}").copy_(layer.weight_hh)
                getattr(twin, f"bias_ih_l{k}{end}").copy_(layer.bias)
                getattr(twin, f"bias_hh_l{k}{end}").zero_()
        x = torch.randn(9, 12, generator=torch.Generator().manual_seed(1))
        found = net(x, [5, 3, 1], Rowwise())[-1]
        for part, rows in zip(x.split([5, 3, 1]), found.split([5, 3, 1]), strict=True):
            np.testing.assert_allclose(rows, twin(part[:, None])[0][:, 0], atol=2e-6)


@pytest.mark.parametrize("scale", [1.0, 1e-6, 0.0])
def test_the_norm_divides_by_the_deviation(scale: float) -> None:
    x = np.random.default_rng(2).normal(3, scale, (5, 7)).astype(np.float32)
    norm = DeviationNorm(7)
    with torch.no_grad():
        norm.weight.copy_(torch.arange(7.0))
        norm.bias.fill_(0.25)
    exact = x.astype(np.float64)
    wanted = np.arange(7) * (exact - exact.mean(1, keepdims=True)) / (exact.std(1, keepdims=True) + 1e-6) + 0.25
    np.testing.assert_allclose(norm(torch.from_numpy(x)).detach(), wanted, atol=2e-5 if scale == 1 else 1.5)
    if scale == 1e-6:  # where torch's own would make almost nothing of it
        assert np.abs(wanted - 0.25).max() > 1


@pytest.mark.parametrize("context", KINDS)
@pytest.mark.parametrize("freeze", [True, False])
def test_the_part_of_a_task_gives_the_models_vectors(context: str, freeze: bool) -> None:
    made = model(context).with_mix([0.2, 0.3, 0.5])
    module = made.module(freeze=freeze)
    found = module(SENTENCES).detach().numpy()
    for row, (sentence, vectors) in enumerate(zip(SENTENCES, made.encode(SENTENCES), strict=True)):
        np.testing.assert_allclose(found[row, : len(sentence)], vectors, atol=1e-5)
        assert not found[row, len(sentence) :].any()


@pytest.mark.parametrize("context", KINDS)
def test_gradients_reach_the_characters(context: str) -> None:
    module = model(context).module(freeze=False).double()

    def loss() -> torch.Tensor:
        return torch.as_tensor(module(SENTENCES).square().sum())

    loss().backward()
    lowest = "ahead.blocks.0.attention.project.weight" if context == "transformer" else "ahead.0.weight_hh"
    for name in ("mix.gamma", "net.tokens.embedding", f"net.context.{lowest}", "net.tokens.projection.bias"):
        parameter = module.get_parameter(name)
        assert parameter.grad is not None
        at = int(parameter.grad.abs().argmax())
        ends = []
        for step in (1e-6, -1e-6):
            with torch.no_grad():
                parameter.view(-1)[at] += step
                ends.append(loss().item())
                parameter.view(-1)[at] -= step
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(parameter.grad.view(-1)[at].item(), rel=1e-4)


def test_token_layers_that_do_not_fit_are_left_out() -> None:
    made = model("lstm", hidden=7)
    assert (made.n_layers, made.dim, made.net.shape.copies) == (2, 14, 0)
    assert made.encode_layers([["a", "b"]])[0].shape == (2, 2, 14)
    twice = model("highway_lstm")
    layers = twice.encode_layers([["a"]])[0]
    np.testing.assert_array_equal(layers[0, 0, :12], layers[0, 0, 12:])


@settings(max_examples=15, deadline=None)
@given(n=st.integers(0, 140), rows=st.sampled_from([1, 4, 8, 64]), most=st.sampled_from([None, 64]))
def test_rows_are_given_in_whole_blocks(n: int, rows: int, most: int | None) -> None:
    sizes: list[int] = []

    def function(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        sizes.append(len(x))
        return torch.cat([x + 1, y], 1)

    x = torch.arange(2.0 * n).view(n, 2)
    found = Rowwise(Grain(rows, most))(function, x, -x)
    assert torch.equal(found, torch.cat([x + 1, -x], 1))
    assert not n or all(size % rows == 0 and size <= (most or 4096) for size in sizes)
