"""Output layers: equal to torch's losses, distributions that sum to one, and samples that estimate the full sum."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from firth.nn import softmax as module
from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax, SampledSoftmax, inclusion, linear_cross_entropy


def rows(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.double, requires_grad=True)


@pytest.mark.parametrize("entries", [1, 20, 1 << 20])
def test_linear_cross_entropy_is_torchs(entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ENTRIES", entries)  # blocks of one row, of two rows, all
    torch.manual_seed(0)
    hidden, weight, bias, targets = rows(6, 4), rows(9, 4), rows(9), torch.randint(0, 9, (6,))
    ours = linear_cross_entropy(hidden, weight, bias, targets)
    theirs = functional.cross_entropy(functional.linear(hidden, weight, bias), targets, reduction="sum")
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-12)
    found = torch.autograd.grad(3 * ours, (hidden, weight, bias))
    torch.testing.assert_close(found, torch.autograd.grad(3 * theirs, (hidden, weight, bias)), rtol=0, atol=1e-12)


def test_logits_of_any_size_give_no_infinity() -> None:
    hidden = torch.tensor([[1e4], [-1e4]], requires_grad=True)
    loss = linear_cross_entropy(hidden, torch.tensor([[1.0], [-1.0]]), torch.zeros(2), torch.tensor([0, 0]))
    assert loss.item() == pytest.approx(2e4)


def test_full_softmax_tells_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ENTRIES", 20)
    torch.manual_seed(0)
    softmax = FullSoftmax(4, 9)
    softmax.reset(1.0)
    hidden, targets = torch.randn(7, 4), torch.randint(0, 9, (7,))
    table = softmax.log_probs(hidden)
    assert table.exp().sum(1).tolist() == pytest.approx([1] * 7, abs=1e-5)
    torch.testing.assert_close(softmax.picked(hidden, targets), table[torch.arange(7), targets])
    assert softmax.loss(hidden, targets).item() == pytest.approx(
        -softmax.picked(hidden, targets).sum().item(), rel=1e-5
    )
    assert softmax.picked(hidden[:0], targets[:0]).shape == (0,)


def test_tied_weights_are_one_tensor_and_get_both_gradients() -> None:
    embedding = nn.Parameter(torch.randn(5, 3))
    softmax = FullSoftmax(3, 5, embedding)
    assert softmax.weight is embedding
    hidden = torch.randn(2, 3)
    (softmax.loss(hidden, torch.tensor([1, 4])) + embedding[0].sum()).backward()
    alone = torch.autograd.grad(softmax.loss(hidden, torch.tensor([1, 4])), embedding)[0]
    assert embedding.grad is not None
    torch.testing.assert_close(embedding.grad[0], alone[0] + 1)


# ---------------------------------------------------------------- samples
@given(
    st.lists(st.integers(0, 10**6), min_size=2, max_size=40),
    st.integers(1, 50),
    st.sampled_from(["log-uniform", "unigram"]),
)
@settings(deadline=None, max_examples=200)
def test_chances_are_chances_and_sum_to_the_sample(counts: list[int], n: int, proposal: str) -> None:
    chances = inclusion(counts, n, proposal)
    assert chances.min() > 0
    assert chances.max() <= 1
    assert chances.sum() == pytest.approx(min(n, len(counts)))
    order = np.argsort(-np.array(counts), kind="stable")
    assert (np.diff(chances[order]) <= 1e-12).all()  # the more frequent, the likelier


def test_a_sample_of_everything_is_the_full_softmax() -> None:
    torch.manual_seed(0)
    sampled = SampledSoftmax(4, 9, inclusion(range(9), 9)).double()
    sampled.reset(1.0)
    hidden, targets = rows(6, 4), torch.randint(0, 9, (6,))
    full = functional.cross_entropy(functional.linear(hidden, sampled.weight, sampled.bias), targets, reduction="sum")
    loss = sampled.loss(hidden, targets)
    assert loss.item() == pytest.approx(full.item(), abs=1e-10)
    torch.testing.assert_close(torch.autograd.grad(loss, hidden), torch.autograd.grad(full, hidden))


def test_samples_estimate_the_sum_without_bias() -> None:
    """The mean, over all samples by their probability, of the estimated sum of exponentials is that sum."""
    torch.manual_seed(0)
    chances = inclusion([9, 5, 3, 2, 1], 3, "unigram")
    sampled = SampledSoftmax(2, 5, chances).double()
    sampled.log_chances = torch.as_tensor(chances).log()
    sampled.reset(1.0)
    hidden, target = torch.randn(1, 2, dtype=torch.double), torch.tensor([2])
    logits = functional.linear(hidden, sampled.weight, sampled.bias)[0]
    mean = 0.0
    for mask in range(32):
        drawn = [v for v in range(5) if mask >> v & 1]
        chance = math.prod(chances[v] if v in drawn else 1 - chances[v] for v in range(5))
        if chance:
            loss = sampled.loss_of(hidden, target, torch.tensor(drawn, dtype=torch.long)).item()
            mean += chance * math.exp(loss + logits[2].item())
    assert mean == pytest.approx(logits.exp().sum().item(), rel=1e-9)


def test_what_is_measured_of_a_sampled_softmax_is_the_whole_distribution() -> None:
    sampled = SampledSoftmax(4, 9, inclusion(range(9), 2))
    sampled.reset(1.0)
    hidden = torch.randn(3, 4)
    expected = functional.log_softmax(functional.linear(hidden, sampled.weight, sampled.bias), 1)
    torch.testing.assert_close(sampled.log_probs(hidden), expected)
    torch.testing.assert_close(sampled.picked(hidden, torch.tensor([0, 1, 8])), expected[[0, 1, 2], [0, 1, 8]])


# ---------------------------------------------------------------- adaptive
def test_adaptive_softmax_is_torchs_on_ranks() -> None:
    torch.manual_seed(0)
    counts = [1, 50, 7, 30, 2, 9]
    softmax = AdaptiveSoftmax(8, 6, counts, (2, 4), shrink=2)
    softmax.reset(0.1)
    assert softmax.ranks.tolist() == [5, 0, 3, 1, 4, 2]
    hidden, targets = torch.randn(5, 8), torch.tensor([0, 1, 2, 3, 5])
    table = softmax.log_probs(hidden)
    assert table.exp().sum(1).tolist() == pytest.approx([1] * 5, abs=1e-5)
    torch.testing.assert_close(table[:, 1], softmax.inner.log_prob(hidden)[:, 0])
    torch.testing.assert_close(softmax.picked(hidden, targets), table[torch.arange(5), targets])
    assert softmax.loss(hidden, targets).item() == pytest.approx(
        -table[torch.arange(5), targets].sum().item(), rel=1e-5
    )


@pytest.mark.parametrize("kind", ["full", "sampled"])
def test_half_precision_around_an_output_layer_keeps_the_layer_in_single(kind: str) -> None:
    torch.manual_seed(0)
    layer = FullSoftmax(8, 30) if kind == "full" else SampledSoftmax(8, 30, np.ones(30))
    layer.reset(0.5)
    hidden = torch.randn(20, 8, requires_grad=True)
    targets = torch.randint(30, (20,))
    found = []
    for half in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = layer.loss(hidden, targets)
        layer.zero_grad()
        (gradient,) = torch.autograd.grad(loss, hidden)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found.append(
                [loss.detach(), gradient, layer.picked(hidden, targets).detach(), layer.log_probs(hidden).detach()]
            )
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.loss(hidden.bfloat16(), targets).dtype == torch.float32
