"""The character layer against torch's convolutions and its own operations, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from firth import _core
from firth.contextual.char_filters import convolved, filtered
from firth.contextual.shape import CharacterShape
from firth.contextual.spelling import Spelling
from firth.contextual.token_layer import CharacterLayer, Highway

WIDTHS = [(1, 3), (2, 32), (3, 5), (7, 33), (9, 2)]


@pytest.fixture(params=_core.cpu_levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _core.cpu_level()
    _core.use_cpu_level(request.param)
    yield request.param
    _core.use_cpu_level(before)


def words(longest: int) -> Tensor:
    """Words of every length, one as long as a row, with filler behind them."""
    texts = ["a", "", "banana", "ab" * 3, "unbelievable", "x" * (longest - 2), "naïveté"]
    return torch.as_tensor(Spelling.bytes(longest).rows(texts)).long()


def weights_of(dim: int) -> list[Tensor]:
    return [torch.randn(number, dim, width, requires_grad=True) for width, number in WIDTHS]


@pytest.mark.parametrize("dim", [1, 5, 16])
@pytest.mark.usefixtures("level")
def test_filters_and_their_gradients_are_those_of_convolutions(dim: int) -> None:
    torch.manual_seed(dim)
    rows, embedding, weights = words(14), torch.randn(262, dim, requires_grad=True), weights_of(dim)
    found, twin = filtered(rows, embedding, weights, 261), convolved(rows, embedding, weights)
    torch.testing.assert_close(found, twin, rtol=2e-6, atol=2e-5)  # sums of 112 products up to 10
    d = torch.randn_like(found).relu()
    ours, theirs = (torch.autograd.grad(y, [embedding, *weights], d) for y in (found, twin))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        assert torch.equal(found, filtered(rows, embedding, weights, 261))


@pytest.mark.usefixtures("level")
def test_filters_give_the_same_bytes_on_any_number_of_threads() -> None:
    torch.manual_seed(0)
    rows, embedding, weights = words(20), torch.randn(262, 4, requires_grad=True), weights_of(4)
    found, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            y = filtered(rows, embedding, weights, 261)
            found.append([y, *torch.autograd.grad(y, [embedding, *weights], torch.ones_like(y))])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_the_mask_gets_no_gradient() -> None:
    embedding = torch.randn(262, 3, requires_grad=True)
    rows = torch.cat([words(14), torch.zeros(1, 14, dtype=torch.int64)])
    for run in (filtered(rows, embedding, weights_of(3), 261), convolved(rows, embedding, weights_of(3))):
        (d,) = torch.autograd.grad(run.sum(), embedding)
        assert not d[0].any()
        assert d[98].any()  # the letter a's


def test_what_is_no_number_stays_seen() -> None:
    embedding, weights = torch.randn(262, 3), weights_of(3)
    embedding[98, 1] = float("inf")
    assert filtered(words(14), embedding, weights, 261).isnan().all()


def test_filters_wider_than_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="wider"):
        filtered(words(8), torch.randn(262, 3), weights_of(3), 261)


@pytest.mark.parametrize("kind", ["range", "rows"])
def test_arrays_that_do_not_fit_are_refused(kind: str) -> None:
    ids = torch.full((2, 4), 9 if kind == "range" else 0, dtype=torch.int32).numpy()
    starts, weights = torch.zeros(2, dtype=torch.int32).numpy(), [torch.zeros(3, 2, 1).numpy()]
    best = torch.zeros(2 if kind == "range" else 1, 3).numpy()
    with pytest.raises(ValueError, match="out of range" if kind == "range" else "every word"):
        _core.char_filters(ids, starts, torch.zeros(5, 2).numpy(), weights, best, None, 1)


def test_highway_and_its_gradients_are_the_equation() -> None:
    torch.manual_seed(0)
    highway = Highway(5).double()
    for parameter in highway.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(4, 5, dtype=torch.double, requires_grad=True)
    torch.testing.assert_close(highway(x), highway.plain(x))
    assert torch.autograd.gradcheck(lambda x, *_: highway(x), (x, *highway.parameters()))


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_single_and_double_precision_agree(activation: str) -> None:
    """Double runs torch's convolutions, single the native kernel."""
    torch.manual_seed(0)
    shape = CharacterShape(dim=4, filters=((1, 4), (2, 40), (5, 8)), n_highway=2, activation=activation)
    layer = CharacterLayer(shape, 6)
    layer.reset()
    found = layer(words(20))
    torch.testing.assert_close(found.double(), layer.double()(words(20)), rtol=0, atol=1e-5)
