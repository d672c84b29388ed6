"""Attention against its equation in NumPy and torch's own layer, in every backend; positions; blocks with a memory."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from firth.nn.attention import BACKENDS, MultiHeadAttention, attend, band
from firth.nn.positions import rotated, rotation, sinusoids
from firth.nn.transformer import ACTIVATIONS, Block, BlockShape, reset_block

KERNELS = {"math": SDPBackend.MATH, "flash": SDPBackend.FLASH_ATTENTION, "any": None}


def equation(query: Tensor, key: Tensor, value: Tensor, allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Equation 1, place by place."""
    q, k, v = (part.double().numpy() for part in (query, key, value))
    found = np.zeros((*q.shape[:3], v.shape[-1]))
    for b, h, n in np.ndindex(*q.shape[:3]):
        read = [m for m in range(k.shape[2]) if allowed[b, n, m]]
        scores = np.array([q[b, h, n] @ k[b, h, m] / math.sqrt(q.shape[-1]) for m in read])
        weights = np.exp(scores - scores.max())
        found[b, h, n] = sum(w * v[b, h, m] for w, m in zip(weights / weights.sum(), read, strict=True))
    return found


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_every_backend_is_the_equation(
    kernel: str, backend: str, causal: bool, masked: bool, generator: torch.Generator
) -> None:
    query = torch.randn(2, 3, 4, 8, generator=generator)
    key, value = torch.randn(2, 2, 3, 6, 8, generator=generator)
    allowed = torch.ones(2, 4, 6, dtype=torch.bool)
    given = None
    if masked:
        given = torch.tensor([[True] * 6, [True, True, True, False, False, False]])[:, None, None]
        allowed &= given[:, 0]
    if causal:
        allowed &= band(4, 6)
    chosen = KERNELS[kernel]
    with contextlib.nullcontext() if chosen is None else sdpa_kernel(chosen):
        found = attend(query, key, value, given, causal=causal, backend=backend)
    np.testing.assert_allclose(found.numpy(), equation(query, key, value, allowed.numpy()), atol=2e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_heads_are_those_of_torchs_layer(backend: str, generator: torch.Generator) -> None:
    ours, theirs = MultiHeadAttention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    ours.backend = backend
    with torch.no_grad():
        theirs.in_proj_bias.normal_(generator=generator)
        ours.project.weight.copy_(theirs.in_proj_weight)
        ours.project.bias.copy_(theirs.in_proj_bias)
        ours.merge.load_state_dict(theirs.out_proj.state_dict())
    x = torch.randn(2, 5, 12, generator=generator)
    there = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    expected, weights = theirs(x, x, x, key_padding_mask=~there, average_attn_weights=False)
    allowed = there[:, None, None]
    torch.testing.assert_close(ours(x, allowed)[0], expected, atol=2e-6, rtol=0)
    torch.testing.assert_close(ours.weights(x, allowed), weights, atol=1e-6, rtol=0)


def test_dropout_leaves_weights_out_in_training_alone(generator: torch.Generator) -> None:
    layer = MultiHeadAttention(8, 2, dropout=0.5)
    x = torch.randn(1, 6, 8, generator=generator)
    torch.manual_seed(1)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


def test_a_band_ends_at_its_window() -> None:
    allowed = band(3, 5, 1)
    assert allowed.tolist() == [
        [False, True, True, False, False],
        [False, False, True, True, False],
        [False, False, False, True, True],
    ]


def test_rotations_tell_distances_alone(generator: torch.Generator) -> None:
    query, key = torch.randn(2, 8, generator=generator, dtype=torch.float64)
    turn = rotation(9, 8)
    queries, keys = rotated(query.expand(9, 8), turn), rotated(key.expand(9, 8), turn)
    products = queries @ keys.T
    for distance in range(-8, 9):
        same = products.diagonal(distance)
        torch.testing.assert_close(same, same[:1].expand_as(same), atol=1e-6, rtol=0)
    assert not torch.allclose(products.diagonal(1)[0], products.diagonal(2)[0])
    complex_turned = torch.polar(torch.ones(4), torch.atan2(turn[1][3], turn[0][3])).to(torch.complex128)
    expected = torch.complex(query[:4], query[4:]) * complex_turned
    torch.testing.assert_close(queries[3], torch.cat([expected.real, expected.imag]), atol=1e-6, rtol=0)


def test_waves_are_the_papers() -> None:
    waves = sinusoids(7, 6)
    for place, column in np.ndindex(7, 6):
        angle = place / 10_000 ** (2 * (column // 2) / 6)
        assert waves[place, column] == pytest.approx(math.cos(angle) if column % 2 else math.sin(angle), abs=1e-6)


def made(generator: torch.Generator, **facts: object) -> Block:
    block = Block(BlockShape(8, 2, 12, **facts)).eval()  # type: ignore[arg-type]
    reset_block(block, 0.5, 0, generator)
    return block


def test_a_post_norm_block_is_torchs_encoder_layer(generator: torch.Generator) -> None:
    block = made(generator, norm="post")
    theirs = nn.TransformerEncoderLayer(8, 2, 12, 0.0, "gelu", batch_first=True).eval()
    with torch.no_grad():
        theirs.self_attn.in_proj_weight.copy_(block.attention.project.weight)
        theirs.self_attn.in_proj_bias.copy_(block.attention.project.bias)
        for mine, other in (
            (block.attention.merge, theirs.self_attn.out_proj), (block.feed.inner, theirs.linear1),
            (block.feed.outer, theirs.linear2), (block.norm_attention, theirs.norm1), (block.norm_feed, theirs.norm2),
        ):  # fmt: skip
            other.load_state_dict(mine.state_dict())
    x = torch.randn(2, 4, 8, generator=generator)
    torch.testing.assert_close(block(x)[0], theirs(x), atol=5e-6, rtol=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("bias", [True, False])
def test_reading_in_pieces_with_a_memory_is_reading_at_once(
    activation: str, norm: str, bias: bool, generator: torch.Generator
) -> None:
    block = made(generator, activation=activation, norm=norm, bias=bias)
    x = torch.randn(2, 7, 8, generator=generator)
    whole, nothing = block(x, causal=True, rotation=rotation(7, 4))
    assert nothing is None
    memory, pieces = x.new_zeros(2, 2, 0, 8), []
    for piece in x.split([3, 1, 2, 1], 1):
        n = memory.shape[2] + piece.shape[1]
        found, memory = block(piece, causal=True, rotation=rotation(n, 4), memory=memory)
        pieces.append(found)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=5e-6, rtol=0)
    assert memory.shape == (2, 2, 7, 8)


def test_gradients_are_finite_differences(generator: torch.Generator) -> None:
    block = made(generator, activation="swiglu").double()
    x = torch.randn(1, 3, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: block(x, causal=True, rotation=rotation(3, 4))[0], (x,))
    block.attention.backend = "plain"
    assert torch.autograd.gradcheck(lambda x: block(x, causal=True, rotation=rotation(3, 4))[0], (x,))


def test_first_weights_before_sums_are_smaller(generator: torch.Generator) -> None:
    block = Block(BlockShape(64, 2, 64))
    reset_block(block, 0.02, 8, generator)
    assert float(block.feed.inner.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
    assert float(block.feed.outer.weight.detach().std()) == pytest.approx(0.005, rel=0.1)
    assert float(block.attention.merge.weight.detach().std()) == pytest.approx(0.005, rel=0.1)
