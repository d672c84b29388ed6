"""Dynamic evaluation against a literal version that keeps its parameters in a dictionary."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from firth.errors import ConfigError
from firth.lm.dynamic import Dynamic, DynamicModel, mean_squares
from firth.lm.rnn_model import RNNModel

from .test_rnn import small_model

IDS = np.array([0, 1, 4, 5, 0, 1, 4, 2, 5, 0, 1, 3, 5], np.int32)


def literal(model: RNNModel, settings: Dynamic, squares: dict[str, Tensor] | None) -> list[float]:
    trained = {name: value.detach().clone() for name, value in model.net.named_parameters()}
    now = {name: value.clone().requires_grad_() for name, value in trained.items()}
    read = torch.tensor([model.lexicon.eos, *IDS[:-1].tolist()])
    state, found = model.net.start(1), []
    roots = {name: value.sqrt() for name, value in (squares or {}).items()}
    mean = sum(float(root.sum()) for root in roots.values()) / max(sum(root.numel() for root in roots.values()), 1)
    for first in range(0, len(IDS), settings.stretch):
        words, targets = read[first : first + settings.stretch], torch.tensor(IDS[first : first + settings.stretch])
        # Tied: the matrix stands under one name, which functional_call puts in both places.
        hidden, _, after = functional_call(model.net, now, (words[:, None], state))
        logits = hidden[:, 0] @ now["embedding"].t() + now["softmax.bias"]
        scores = torch.log_softmax(logits, 1)[torch.arange(len(targets)), targets]
        found += scores.tolist()
        state = [layer.detach() for layer in after]
        if len(words) < settings.stretch:
            break
        gradients = dict(zip(now, torch.autograd.grad(-scores.mean(), list(now.values())), strict=True))
        length = torch.cat([g.flatten() for g in gradients.values()]).norm()
        factor = min(1.0, settings.clip / float(length)) if settings.clip else 1.0
        for name, value in list(now.items()):
            step, pull = gradients[name] * factor, torch.tensor(settings.decay)
            if roots:
                step = step / (roots[name] + settings.epsilon)
                pull = (settings.decay * roots[name] / mean).clamp(max=1)
            old = value.detach()
            now[name] = (old - settings.rate * step + pull * (trained[name] - old)).requires_grad_()
    return found


SETTINGS = [
    Dynamic(update="sgd", rate=0.3, decay=0.1, stretch=3),
    Dynamic(update="sgd", rate=0.5, decay=0.0, stretch=4, clip=0.2),
    Dynamic(update="rms", rate=0.05, decay=0.7, stretch=3, epsilon=1e-3),
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("cuts", [[], [1, 2, 7], [3, 6]])
def test_it_is_the_literal_version_however_the_text_is_cut(settings: Dynamic, cuts: list[int]) -> None:
    model = small_model()
    generator = torch.Generator().manual_seed(0)
    squares = {name: torch.rand(value.shape, generator=generator) for name, value in model.net.named_parameters()}
    given = squares if settings.update == "rms" else None
    dynamic = DynamicModel(model, settings, given)
    found, state = [], dynamic.start()
    for piece in np.split(IDS, cuts):
        scores, state = dynamic.score(piece, state)
        found += scores.tolist()
    np.testing.assert_allclose(found, literal(model, settings, given), atol=2e-5)
    assert not np.allclose(found, model.score(IDS, model.start())[0], atol=1e-2)


def test_a_state_is_a_value_and_the_model_stays_as_it_was() -> None:
    model = small_model()
    before = copy.deepcopy(model.net.state_dict())
    dynamic = DynamicModel(model, SETTINGS[0])
    _, state = dynamic.score(IDS[:7], dynamic.start())
    once = dynamic.next_log_probs(state)
    dynamic.score(IDS, state)
    np.testing.assert_array_equal(dynamic.next_log_probs(state), once)
    assert np.exp(once).sum() == pytest.approx(1, abs=1e-9)
    assert dynamic.score(IDS[7:8], state)[0][0] == pytest.approx(once[IDS[7]], abs=1e-5)
    for name, value in model.net.state_dict().items():
        assert torch.equal(value, before[name])


def test_mean_squares_are_those_of_stretches_one_by_one() -> None:
    model = small_model()
    text = [list("abcd"), list("bb"), list("dac")]
    found = mean_squares(model, text, batch=1, stretch=4)
    ids = torch.tensor(model.lexicon.stream(text).ids.astype(np.int64))
    read, state = torch.cat([torch.tensor([model.lexicon.eos]), ids[:-1]]), model.net.start(1)
    sums: dict[str, Any] = dict.fromkeys(found, 0.0)
    for first in range(0, len(ids), 4):
        model.net.zero_grad()
        hidden, _, state = model.net(read[first : first + 4, None], [layer.detach() for layer in state])
        wanted = ids[first : first + 4]
        (
            -torch.log_softmax(hidden[:, 0] @ model.net.embedding.t() + model.net.softmax.bias, 1)[  # type: ignore[operator]
                torch.arange(len(wanted)), wanted
            ].mean()
        ).backward()
        for name, value in model.net.named_parameters():
            assert value.grad is not None
            sums[name] = sums[name] + value.grad**2
    for name, value in found.items():
        torch.testing.assert_close(value, sums[name] / 3, rtol=1e-4, atol=1e-7)


def test_rms_without_squares_is_refused() -> None:
    with pytest.raises(ConfigError, match="mean squares"):
        DynamicModel(small_model(), Dynamic(update="rms"))
