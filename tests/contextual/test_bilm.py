"""The biLM's parts against closed forms; the published vectors are in tests/formats."""

from __future__ import annotations

import torch

from firth.contextual.bilm import BiLM, reversal
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling

SMALL = Shape(CharacterShape(dim=3, filters=((1, 4), (3, 5)), n_highway=1), cells=7, projection=4)


def test_reversing_twice_changes_nothing() -> None:
    lengths = [5, 3, 1]
    x = torch.arange(15).view(5, 3)
    turn = reversal(lengths)
    assert torch.equal(x.gather(0, turn).gather(0, turn), x)


def test_backward_layers_are_forward_layers_of_reversed_sentences() -> None:
    net = BiLM(SMALL).eval()
    net.reset(torch.Generator().manual_seed(1))
    net.backward_layers.load_state_dict(net.forward_layers.state_dict())
    tokens = torch.randn(6, 1, 4, generator=torch.Generator().manual_seed(2))
    ahead, _ = net(tokens, [6])
    turned, _ = net(tokens.flip(0), [6])
    assert torch.allclose(ahead[..., :4], turned.flip(1)[..., 4:], atol=1e-6)


def test_a_word_alone_and_beside_a_longer_one_has_one_vector() -> None:
    net = BiLM(SMALL).eval()
    net.reset(torch.Generator().manual_seed(1))
    spelling = Spelling.bytes(20)
    alone = net.tokens(torch.as_tensor(spelling.rows(["ab"])).long())
    beside = net.tokens(torch.as_tensor(spelling.rows(["ab", "abcdefghijklmnopqrstuv"])).long())
    assert torch.allclose(alone[0], beside[0], atol=1e-6)
