"""The CRF against all sequences counted one by one, and against its twin in NumPy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.nn.crf import CRF, Legal
from firth.nn.crf_reference import best_reference, log_partition_reference, score_reference
from firth.text.spans import fault_in, labels_for, legal_steps

LABELS = labels_for(["X"], "bioes")


def drawn(n_labels: int, lengths: list[int], seed: int, legal: Legal | None = None) -> tuple[CRF, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    crf = CRF(n_labels, legal).double()
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.normal_(generator=generator)
    emissions = torch.randn(max(lengths), len(lengths), n_labels, generator=generator, dtype=torch.float64)
    return crf, emissions.requires_grad_()


def ruled(crf: CRF, legal: Legal | None) -> list[np.ndarray]:
    """Return starts, transitions and ends with minus infinity for what is illegal."""
    scores = [value.detach().numpy() for value in (crf.starts, crf.follows, crf.ends)]
    if legal is None:
        return scores
    return [np.where(allowed, score, -np.inf) for allowed, score in zip(legal, scores, strict=True)]


def all_scores(emissions: np.ndarray, scores: list[np.ndarray]) -> dict[tuple[int, ...], float]:
    n, n_labels = emissions.shape
    return {
        path: score_reference(list(path), emissions, *scores) for path in itertools.product(range(n_labels), repeat=n)
    }


def log_sum(values: list[float]) -> float:
    return math.log(sum(map(math.exp, values)))


@pytest.mark.parametrize("legal", [None, legal_steps(LABELS, "bioes")], ids=["free", "bioes"])
@pytest.mark.parametrize("lengths", [[4], [4, 1, 3, 2]])
def test_partition_loss_and_best_of_all_sequences(lengths: list[int], legal: Legal | None) -> None:
    crf, emissions = drawn(5, lengths, 3, legal)
    scores = ruled(crf, legal)
    partition = crf.log_partition(emissions, lengths).tolist()
    best = crf.best(emissions, lengths)
    for column, length in enumerate(lengths):
        own = emissions[:length, column].detach().numpy()
        counted = all_scores(own, scores)
        assert partition[column] == pytest.approx(log_sum(list(counted.values())), abs=1e-9)
        assert tuple(best[column]) == max(counted, key=lambda path: counted[path])
        assert partition[column] == pytest.approx(log_partition_reference(own, *scores), abs=1e-9)
        assert best[column] == best_reference(own, *scores)
    labels = torch.zeros(max(lengths), len(lengths), dtype=torch.int64)  # of BIOES only O, which is always legal
    loss = crf.loss(emissions, labels, lengths).tolist()
    wanted = [
        part - score_reference([0] * length, emissions[:length, column].detach().numpy(), *scores)
        for column, (length, part) in enumerate(zip(lengths, partition, strict=True))
    ]
    assert loss == pytest.approx(wanted, abs=1e-9)


def test_probabilities_sum_to_one_and_are_those_of_all_sequences() -> None:
    legal = legal_steps(LABELS, "bioes")
    crf, emissions = drawn(5, [4], 5, legal)
    counted = all_scores(emissions[:, 0].detach().numpy(), ruled(crf, legal))
    whole = log_sum(list(counted.values()))
    wanted = np.zeros((4, 5))
    for path, score in counted.items():
        for step, label in enumerate(path):
            wanted[step, label] += math.exp(score - whole)
    found = crf.marginals(emissions, [4])[:, 0].numpy()
    assert np.allclose(found, wanted, atol=1e-6)
    assert np.allclose(found.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("legal", [None, legal_steps(LABELS, "bioes")], ids=["free", "bioes"])
def test_gradients_are_those_of_brute_force(legal: Legal | None) -> None:
    lengths = [3, 1, 2]
    crf, emissions = drawn(5, lengths, 7, legal)
    labels = torch.tensor([[1, 4, 0], [2, 0, 4], [3, 0, 0]])  # B I E, S, O S
    crf.loss(emissions, labels, lengths).sum().backward()
    found = [emissions.grad, *(parameter.grad for parameter in crf.parameters())]
    for value in (emissions, *crf.parameters()):
        value.grad = None
    rules = (crf.starts_rule, crf.follows_rule, crf.ends_rule)
    starts, follows, ends = (s + r for s, r in zip((crf.starts, crf.follows, crf.ends), rules, strict=True))

    def score(path: tuple[int, ...], column: int) -> torch.Tensor:
        steps = sum(emissions[t, column, label] for t, label in enumerate(path))
        return starts[path[0]] + ends[path[-1]] + steps + sum(follows[a, b] for a, b in itertools.pairwise(path))

    total = torch.zeros((), dtype=torch.float64)
    for column, length in enumerate(lengths):
        every = [score(path, column) for path in itertools.product(range(5), repeat=length)]
        total = total + torch.stack(every).logsumexp(0) - score(tuple(labels[:length, column].tolist()), column)
    total.backward()
    wanted = [emissions.grad, *(parameter.grad for parameter in crf.parameters())]
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-10)
    assert float(found[0][1:, 1].abs().sum()) == 0  # behind the end of the second sentence


def test_gradient_by_finite_differences() -> None:
    crf, emissions = drawn(3, [4, 2], 11)
    labels = torch.tensor([[0, 1], [2, 1], [1, 0], [1, 0]])
    assert torch.autograd.gradcheck(
        lambda e, s, f, n: crf.loss(e, labels, [4, 2]).sum(), (emissions, crf.starts, crf.follows, crf.ends)
    )


@given(st.integers(0, 10_000), st.sampled_from(["iob2", "bioes"]), st.lists(st.integers(1, 9), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_the_best_is_always_legal(seed: int, scheme: str, lengths: list[int]) -> None:
    labels = labels_for(["X", "Y"], scheme)
    crf, emissions = drawn(len(labels), lengths, seed, legal_steps(labels, scheme))
    found = crf.best(5 * emissions, lengths)
    assert [len(row) for row in found] == lengths
    assert all(fault_in([labels[label] for label in row], scheme) is None for row in found)


def test_without_rules_the_best_is_illegal_somewhere() -> None:
    labels = labels_for(["X", "Y"], "bioes")
    crf, emissions = drawn(len(labels), [9] * 8, 1)
    assert any(fault_in([labels[label] for label in row], "bioes") for row in crf.best(5 * emissions, [9] * 8))


def test_an_illegal_sequence_has_probability_zero() -> None:
    crf, emissions = drawn(5, [2], 13, legal_steps(LABELS, "bioes"))
    illegal = torch.tensor([[1], [0]])  # B O
    assert torch.exp(-crf.loss(emissions, illegal, [2])).item() == 0.0


def test_a_long_sentence_stays_finite() -> None:
    crf, emissions = drawn(9, [2_000], 17)
    found = crf.float().loss(50 * emissions.float(), torch.zeros(2_000, 1, dtype=torch.int64), [2_000])
    assert torch.isfinite(found).all()
    assert len(crf.best(emissions.float(), [2_000])[0]) == 2_000
