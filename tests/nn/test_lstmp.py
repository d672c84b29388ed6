"""Projected LSTMs with limits: the sequence by hand against torch's own operations, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from firth import _core
from firth.nn.lstmp import ProjectedLSTM
from firth.nn.lstmp_steps import gates, gates_back, projected_lstm

ACTIVE = [[4, 4, 4, 4, 4], [4, 3, 3, 1, 1]]


@pytest.fixture(params=_core.cpu_levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _core.cpu_level()
    _core.use_cpu_level(request.param)
    yield request.param
    _core.use_cpu_level(before)


def layer_of(cells: int, dtype: torch.dtype, clips: tuple[float, float]) -> ProjectedLSTM:
    layer = ProjectedLSTM(4, cells, 3, *clips).to(dtype)
    layer.reset()
    return layer


def results(layer: ProjectedLSTM, x: Tensor, state: list[Tensor], active: list[int], plain: bool) -> list[Tensor]:
    """Outputs, state and every gradient of a weighted sum of all of them."""
    y, (h, c) = layer.plain(x, (state[0], state[1]), active) if plain else layer(x, (state[0], state[1]), active)
    draw = torch.Generator().manual_seed(1)
    total = sum((value * torch.randn(value.shape, generator=draw, dtype=value.dtype)).sum() for value in (y, h, c))
    return [y, h, c, *torch.autograd.grad(total, [x, *state, *layer.parameters()])]  # type: ignore[arg-type]


@pytest.mark.parametrize("active", ACTIVE)
@pytest.mark.parametrize("clips", [(0.0, 0.0), (0.1, 0.0), (0.0, 0.1), (0.1, 0.1)])
@pytest.mark.parametrize("cells", [1, 13, 40])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.usefixtures("level")
def test_outputs_states_and_gradients_are_those_of_the_plain_steps(
    active: list[int], clips: tuple[float, float], cells: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    layer = layer_of(cells, dtype, clips)
    x, h, c = (torch.randn(*shape, dtype=dtype, requires_grad=True) for shape in [(5, 4, 4), (4, 3), (4, cells)])
    ours, theirs = (results(layer, x, [h, c], active, plain) for plain in (False, True))
    if clips[0]:
        assert (theirs[2].abs() == torch.tensor(clips[0], dtype=dtype)).any()  # some cells are cut
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-6 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize("active", ACTIVE)
def test_gradients_are_those_of_finite_differences(active: list[int]) -> None:
    torch.manual_seed(0)
    made = [(5, 4, 2), (4, 3), (4, 6), (24, 2), (24, 3), (24,), (3, 6)]
    values = [torch.randn(*shape, dtype=torch.double, requires_grad=True) for shape in made]
    assert torch.autograd.gradcheck(lambda *v: projected_lstm(*v, (0.5, 0.4), active), values)


def test_native_gates_are_those_of_torch(level: str) -> None:
    assert _core.cpu_level() == level
    torch.manual_seed(0)
    for n, cells in ((3, 29), (1, 1), (2, 64)):
        sums, before = torch.randn(n, 4 * cells) * 4, torch.randn(n, cells)
        found, d_found = [], []
        d_hidden, d_cells = torch.randn(n, cells), torch.randn(n, cells)
        for step, back in ((gates, gates_back), (_core.lstm_gates, _core.lstm_gates_back)):
            opened, after, hidden = sums.clone(), torch.empty(n, cells), torch.empty(n, cells)
            step(opened, before, after, hidden, 0.8)  # type: ignore[arg-type]
            found.append([opened, after, hidden])
            dc, d_sums = d_cells.clone(), torch.empty(n, 4 * cells)
            back(d_hidden, dc, found[0][0], before, found[0][1], 0.8, d_sums)  # type: ignore[arg-type]
            d_found.append([dc, d_sums])
        torch.testing.assert_close(found[1], found[0], rtol=4e-7, atol=1e-7)
        torch.testing.assert_close(d_found[1], d_found[0], rtol=2e-6, atol=5e-7)


@pytest.mark.usefixtures("level")
def test_native_gates_are_exact_at_every_size_of_a_sum() -> None:
    x = torch.cat([torch.linspace(-100, 100, 4001), torch.logspace(-30, 0, 301), -torch.logspace(-30, 0, 301)])
    n = len(x)
    sums = torch.cat([x, x, x, x])[None].clone()
    _core.lstm_gates(sums.numpy(), torch.zeros(1, n).numpy(), torch.zeros(1, n).numpy(), torch.zeros(1, n).numpy(), 0.0)
    i, _, g, _ = sums[0].double().chunk(4)
    torch.testing.assert_close(i, x.double().sigmoid(), rtol=8e-6, atol=2e-38)  # exp(x) of a large x is less exact
    torch.testing.assert_close(i, x.double().sigmoid(), rtol=0, atol=1.5e-7)
    torch.testing.assert_close(g, x.double().tanh(), rtol=4e-7, atol=0)


def test_what_is_no_number_stays_seen() -> None:
    layer = layer_of(9, torch.float32, (3.0, 3.0))
    x = torch.zeros(2, 1, 4)
    x[0, 0, 0] = float("nan")
    assert layer(x, layer.start(1))[0].isnan().all()


def test_arrays_that_do_not_fit_are_refused() -> None:
    def rows(n: int, width: int) -> object:
        return torch.zeros(n, width).numpy()

    with pytest.raises(ValueError, match="4 cells"):
        _core.lstm_gates(rows(2, 11), rows(2, 3), rows(2, 3), rows(2, 3), 0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="gradients"):
        _core.lstm_gates_back(rows(2, 3), rows(1, 3), rows(2, 12), rows(2, 3), rows(2, 3), 0.0, rows(2, 12))  # type: ignore[arg-type]


def test_a_sequence_in_two_parts_is_the_same_sequence() -> None:
    torch.manual_seed(0)
    layer = layer_of(6, torch.float32, (0.5, 0.2))
    x = torch.randn(6, 2, 4)
    whole, last = layer(x, layer.start(2))
    first, state = layer(x[:4], layer.start(2))
    second, after = layer(x[4:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(after, last)


def test_no_steps_leave_the_state_as_it_is() -> None:
    layer = layer_of(6, torch.float32, (0.5, 0.2))
    state = layer.start(2)
    y, after = layer(torch.zeros(0, 2, 4), state)
    assert y.shape == (0, 2, 3)
    assert after is state


def test_half_precision_around_a_layer_keeps_the_layer_in_single() -> None:
    torch.manual_seed(0)
    layer = layer_of(6, torch.float32, (0.5, 0.2))
    x = torch.randn(3, 2, 4)
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = layer(x.bfloat16(), layer.start(2))
        y.sum().backward()
    torch.testing.assert_close(y, layer(x.bfloat16().float(), layer.start(2))[0])
    assert layer.weight_hr.grad is not None
    assert layer.weight_hr.grad.dtype == torch.float32
