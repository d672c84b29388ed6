"""Attention against loops in NumPy, and its gradient against the formula of its page."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firth.seq2seq.attention import Attention

KINDS = ("general", "dot", "location", "additive")


def made(kind: str, positions: int = 5) -> Attention:
    attention = Attention(kind, 4, 4, positions).double()
    attention.reset(torch.Generator().manual_seed(3))
    return attention


def by_hand(attention: Attention, h: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Scores of one query, state by state."""
    own = {name: value.detach().numpy() for name, value in attention.named_parameters()}
    if attention.kind == "dot":
        return np.array([h @ e for e in states])
    if attention.kind == "general":
        return np.array([h @ own["weight"] @ e for e in states])
    if attention.kind == "location":
        return (own["weight"] @ h)[: len(states)]
    return np.array([own["summit"] @ np.tanh(own["query"] @ h + own["weight"] @ e) for e in states])


@pytest.mark.parametrize("kind", KINDS)
def test_weights_and_contexts_are_those_of_the_papers(kind: str) -> None:
    random, attention = np.random.default_rng(0), made(kind)
    states, queries = random.standard_normal((2, 5, 4)), random.standard_normal((2, 3, 4))
    lengths = [5, 2]
    real = torch.tensor([[place < n for place in range(5)] for n in lengths])
    given = torch.from_numpy(states)
    contexts, weights = attention(torch.from_numpy(queries), given, attention.keys(given), real)
    for row, n in enumerate(lengths):
        for step in range(3):
            scores = by_hand(attention, queries[row, step], states[row, :n])
            wanted = np.exp(scores - scores.max())
            wanted /= wanted.sum()
            assert np.allclose(weights[row, step, :n].detach(), wanted)
            assert weights[row, step, n:].tolist() == [0.0] * (5 - n)
            assert np.allclose(contexts[row, step].detach(), wanted @ states[row, :n])


def test_location_gives_no_weight_to_what_it_cannot_see() -> None:
    attention, states = made("location", positions=2), torch.ones(1, 4, 4, dtype=torch.float64)
    _, weights = attention(states[:, :1], states, attention.keys(states), torch.ones(1, 4, dtype=torch.bool))
    assert weights[0, 0, 2:].tolist() == [0.0, 0.0]
    assert float(weights.detach().sum()) == pytest.approx(1)


def test_the_gradient_of_a_score_is_that_of_the_derivation() -> None:
    """d score_s = a_s (g . e_s - g . c)."""
    torch.manual_seed(0)
    states = torch.randn(1, 4, 4, dtype=torch.float64)
    scores, g = torch.randn(4, dtype=torch.float64, requires_grad=True), torch.randn(4, dtype=torch.float64)
    weights = scores.softmax(0)
    context = weights @ states[0]
    (context @ g).backward()
    wanted = weights * (states[0] @ g - context @ g)
    assert scores.grad is not None
    assert torch.allclose(scores.grad, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_against_differences(kind: str) -> None:
    attention = made(kind)
    states = torch.randn(2, 5, 4, dtype=torch.float64, requires_grad=True)
    queries = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    real = torch.tensor([[True] * 5, [True, True, False, False, False]])

    def run(queries: torch.Tensor, states: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        return attention(queries, states, attention.keys(states), real)[0]

    assert torch.autograd.gradcheck(run, (queries, states, *attention.parameters()))
