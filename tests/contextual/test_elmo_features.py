"""The part of a task's net: its vectors are the model's, its gradients are checked against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from firth.contextual.elmo_model import ElmoModel
from firth.errors import ConfigError

SENTENCES = [["the", "bank"], [], ["a", "river", "of", "banks"], ["x"]]
Make = Callable[..., ElmoModel]


@pytest.mark.parametrize("freeze", [True, False])
def test_it_gives_the_models_vectors(elmo: Make, freeze: bool) -> None:
    model = elmo().with_mix([0.2, 0.3, 0.5])
    module = model.module(freeze=freeze)
    found = module(SENTENCES).detach().numpy()
    assert found.shape == (4, 4, module.dim)
    assert module.mask(SENTENCES).tolist() == [[k < len(s) for k in range(4)] for s in SENTENCES]
    for row, (sentence, vectors) in enumerate(zip(SENTENCES, model.encode(SENTENCES), strict=True)):
        np.testing.assert_allclose(found[row, : len(sentence)], vectors, atol=1e-6)
        assert not found[row, len(sentence) :].any()
    assert module([]).shape == (0, 0, 16)
    assert module([[], []]).shape == (2, 0, 16)


def test_a_frozen_net_has_a_mix_to_learn(elmo: Make) -> None:
    model = elmo()
    module = model.module(mix="sum")
    module(SENTENCES).square().sum().backward()
    assert {name for name, p in module.named_parameters() if p.grad is not None} == {"mix.weights", "mix.gamma"}
    assert module.net is model.net
    assert module.mix is not model.mix


def test_gradients_reach_the_characters(elmo: Make) -> None:
    model = elmo(clip=0.0, scale=1.0)
    module = model.module(freeze=False).double()
    before = model.encode(SENTENCES)[0]

    def loss() -> torch.Tensor:
        return torch.as_tensor(module(SENTENCES).square().sum())

    loss().backward()
    for name in ("mix.gamma", "net.tokens.embedding", "net.backward_layers.1.weight_hh", "net.forward_layers.0.bias"):
        parameter = module.get_parameter(name)
        assert parameter.grad is not None
        at = int(parameter.grad.abs().argmax())
        ends = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter.view(-1)[at] += step
                ends.append(loss().item())
                parameter.view(-1)[at] -= step
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(parameter.grad.view(-1)[at].item(), rel=1e-4)
    assert np.array_equal(model.encode(SENTENCES)[0], before)  # the model itself is not trained


def test_training_changes_the_module_and_what_is_made_of_it(elmo: Make) -> None:
    model = elmo()
    module = model.module(freeze=False, dropout=0.1)
    module.train()
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    target = torch.ones(module.dim)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = (module([["the", "bank"]]) - target).square().mean() + module.mix.penalty(0.001)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    trained = module.model()
    module.eval()
    np.testing.assert_allclose(trained.encode([["the"]])[0], module([["the"]])[0].detach(), atol=1e-6)
    assert not np.allclose(trained.encode([["the"]])[0], model.encode([["the"]])[0], atol=1e-2)


def test_dropout_is_for_training_only(elmo: Make) -> None:
    module = elmo().module(dropout=0.5)
    module.train()
    torch.manual_seed(1)
    dropped = (module([["the", "bank"]]) == 0).float().mean().item()
    assert 0.2 < dropped < 0.8
    module.eval()
    assert not (module([["the", "bank"]]) == 0).any()


def test_unfit_dropout(elmo: Make) -> None:
    with pytest.raises(ConfigError, match="dropout"):
        elmo().module(dropout=1.0)
