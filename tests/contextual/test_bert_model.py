"""BERT as a representation: the same vectors in any company, long sentences, words without pieces, fine-tuning."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.contextual.bert_model import BertModel
from firth.contextual.bert_net import BertNet
from firth.contextual.bert_reading import POOLINGS, stretches
from firth.contextual.bert_shape import BertShape
from firth.contextual.layer_mix import LayerMix
from firth.contextual.pieces import Pieces, wordpiece_json
from firth.errors import ConfigError, DataError
from firth.events import Event, Notice
from firth.protocols import Contextual

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh", *(f"##{c}" for c in "abcdefgh"), "abc"]
MODERN = {"positions": "rotary", "norm": "pre", "bias": False, "activation": "geglu"}
Make = Callable[..., BertModel]


@pytest.fixture(scope="module")
def bert() -> Make:
    """Return a function that makes a BERT with random weights of some size."""

    def make(longest: int = 12, layers: int = 2, seed: int = 1, pooling: str = "mean", **shape: Any) -> BertModel:
        net = BertNet(BertShape(len(VOCABULARY), 8, 2, 12, layers, longest=longest, **shape))
        net.reset(torch.Generator().manual_seed(seed))
        with torch.no_grad():
            for name, value in net.named_parameters():
                if "norm" not in name:
                    value.mul_(1.2)
        return BertModel(net, Pieces(wordpiece_json(VOCABULARY)), pooling)

    return make


def test_it_is_a_contextual_representation(bert: Make) -> None:
    model = bert()
    assert isinstance(model, Contextual)
    found = model.encode_layers([["abc", "cab", "a"], [], ["abc"]])
    assert [layers.shape for layers in found] == [(3, 3, 8), (3, 0, 8), (3, 1, 8)]
    assert found[0].dtype == np.float32
    context = np.abs(found[0][:, 0] - found[2][:, 0]).max(1)
    assert context[0] < 1e-6  # the same first place, other neighbours
    assert context[2] > 1e-2


words = st.text("abcdefgh", min_size=1, max_size=5)


@pytest.mark.parametrize("shape", [{}, MODERN])
@settings(max_examples=30)
@given(sentences=st.lists(st.lists(words, max_size=9), min_size=1, max_size=6), tokens=st.integers(1, 60))
def test_vectors_are_the_same_alone_and_in_any_batch(
    bert: Make, shape: dict[str, Any], sentences: list[list[str]], tokens: int
) -> None:
    model = bert(**shape)
    together = model.encode_layers(sentences, batch_tokens=tokens)
    for sentence, found in zip(sentences, together, strict=True):
        alone = model.encode_layers([sentence])[0]
        np.testing.assert_allclose(found, alone, atol=2e-6)
    for found, mixed in zip(together, model.encode(sentences), strict=True):
        np.testing.assert_allclose(mixed, found.mean(0), atol=2e-6)


@given(n=st.integers(0, 300), room=st.integers(1, 40))
def test_stretches_take_every_piece_once_and_far_from_their_edges(n: int, room: int) -> None:
    found = stretches(n, room)
    taken = [place for stretch in found for place in range(stretch.first, stretch.last)]
    assert taken == list(range(n))
    for stretch in found:
        assert stretch.begin <= stretch.first < stretch.last <= stretch.stop
        assert stretch.stop - stretch.begin == min(n, room)
        for place in range(stretch.first, stretch.last):
            before = place - stretch.begin if stretch.begin else room
            behind = stretch.stop - 1 - place if stretch.stop < n else room
            assert min(before, behind) >= (room - 3) // 4


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_long_sentence_loses_no_word(bert: Make, pooling: str) -> None:
    model = bert(longest=10, pooling=pooling)
    sentence = ["ab", "c", "fedcba" * 5, "abc", "h", "gg", "a"] * 3  # a word alone is longer than the net's places
    layers = model.encode_layers([sentence])[0]
    assert layers.shape == (3, 21, 8)
    assert np.abs(layers).min(2).max() > 0  # none was left at zero
    cut = model.pieces.rows(sentence)
    flat = [piece for row in cut for piece in row]
    of_pieces = np.zeros((3, len(flat), 8), np.float32)
    for stretch in stretches(len(flat), 8):  # by hand, one at a time
        ids = torch.tensor([[2, *flat[stretch.begin : stretch.stop], 3]])
        with torch.no_grad():
            found = model.net.layers(ids)[:, 0, 1:-1].numpy()
        of_pieces[:, stretch.first : stretch.last] = found[:, stretch.first - stretch.begin :][
            :, : stretch.last - stretch.first
        ]
    begin = 0
    for place, row in enumerate(cut):
        own = of_pieces[:, begin : begin + len(row)]
        wanted = {"first": own[:, 0], "last": own[:, -1], "mean": own.mean(1)}[pooling]
        np.testing.assert_allclose(layers[:, place], wanted, atol=2e-6)
        begin += len(row)


def test_words_without_pieces_are_unknown_and_counted(bert: Make) -> None:
    model = bert()
    heard: list[Event] = []
    odd = [["abc", "", " ", "\x00", "xyz", "\ud800"], ["a"]]
    found = model.encode(odd, listen=heard.append)
    assert found[0].shape == (6, 8)
    assert [str(event.message) for event in heard if isinstance(event, Notice)] == [
        "5 of 7 words have characters that no piece has: read as unknown"
    ]
    with pytest.warns(UserWarning, match="5 of 7"):
        again = model.encode(odd)
    assert again[0].tobytes() == found[0].tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.encode([["abc"]])


def test_the_text_is_streamed(bert: Make) -> None:
    taken = 0

    def lines() -> Any:
        nonlocal taken
        for _ in range(500):
            taken += 1
            yield ["abc", "a"]

    stream = bert().stream(lines(), batch_tokens=16)
    next(stream)
    assert taken < 50
    assert sum(1 for _ in stream) == 499


def test_mixes_and_bad_options(bert: Make) -> None:
    model = bert()
    layers = model.encode_layers([["abc", "b"]])[0]
    np.testing.assert_allclose(model.with_mix(-1).encode([["abc", "b"]])[0], layers[2], atol=1e-6)
    np.testing.assert_allclose(
        model.with_mix([0.5, 0.0, 0.5]).encode([["abc", "b"]])[0], (layers[0] + layers[2]) / 2, atol=1e-6
    )
    for wrong in (
        lambda: model.with_mix(3),
        lambda: model.with_pooling("max"),
        lambda: model.encode([], batch_tokens=0),
    ):
        with pytest.raises(ConfigError):
            wrong()
    with pytest.raises(DataError, match="lists of tokens"):
        model.encode("abc")
    with pytest.raises(DataError, match="more pieces"):
        BertModel(BertNet(BertShape(3, 8, 2, 12, 1)), model.pieces)


# ---------------------------------------------------------------- a part of a task's net
BATCH = [["abc", "hgfedcbahgfedcbahgfedcba", "b"], [], ["ab", "c", "d"], ["e"]]


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("freeze", [True, False])
def test_the_module_gives_the_models_vectors(bert: Make, freeze: bool, pooling: str) -> None:
    model = bert(longest=10, pooling=pooling).with_mix("mean")
    module = model.module(freeze=freeze).eval()
    found = module(BATCH)
    assert found.shape == (4, 3, 8)
    mask = module.mask(BATCH)
    assert mask.sum().item() == 7
    assert bool((found[~mask] == 0).all())
    for row, vectors in zip(found.detach().numpy(), model.encode(BATCH), strict=True):
        np.testing.assert_allclose(row[: len(vectors)], vectors, atol=2e-6)
    assert module([]).shape == (0, 0, 8)
    assert module([[], []]).shape == (2, 0, 8)


def test_fine_tuning_reaches_every_parameter_of_a_copy(bert: Make) -> None:
    model = bert(types=2)
    before = {name: value.clone() for name, value in model.net.state_dict().items()}
    module = model.module(freeze=False)
    shares = module.mix.shares
    assert shares[-1] == pytest.approx(0.9)
    assert sum(shares) == pytest.approx(1.0)
    module.train()
    module(BATCH).square().sum().backward()
    reached = {name for name, value in module.named_parameters() if value.grad is not None}
    assert {name for name, _ in module.named_parameters()} - reached == {
        name for name, _ in module.named_parameters() if "head" in name
    }
    with torch.no_grad():
        for value in module.parameters():
            value.add_(0.05)
    learnt = module.model()
    assert all(torch.equal(value, before[name]) for name, value in model.net.state_dict().items())
    module.eval()
    np.testing.assert_allclose(module([["abc"]])[0].detach().numpy(), learnt.encode([["abc"]])[0], atol=2e-6)
    assert not np.allclose(learnt.encode([["abc"]])[0], model.encode([["abc"]])[0])


def test_dropout_is_of_training_alone(bert: Make) -> None:
    module = bert().module(freeze=False, inner_dropout=0.5)
    module.train()
    assert not torch.equal(module(BATCH), module(BATCH))
    module.eval()
    assert torch.equal(module(BATCH), module(BATCH))
    frozen = bert().module().train()
    assert torch.equal(frozen(BATCH), frozen(BATCH))
    with pytest.raises(ConfigError, match="dropout"):
        bert().module(dropout=1.0)


def test_gradients_of_the_module_are_finite_differences(bert: Make) -> None:
    module = bert(longest=10).with_mix(LayerMix(3, [0.1, 0.2, 0.3])).module(freeze=False, inner_dropout=0.0)
    module.double()
    table = module.net.pieces.weight

    def loss() -> torch.Tensor:
        return module(BATCH).sin().sum()

    loss().backward()
    assert table.grad is not None
    generator = np.random.default_rng(2)
    for _ in range(6):
        at = int(generator.integers(2, len(table))), int(generator.integers(8))
        step = 1e-6
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                table[at] += sign * step
                values.append(loss().item())
                table[at] -= sign * step
        assert table.grad[at].item() == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-6, rel=1e-5)
