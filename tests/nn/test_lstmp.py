"""Projected LSTMs with limits: the sequence by hand against torch's own operations, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from firth import _core
from firth.nn.lstmp import ProjectedLSTM, together
from firth.nn.lstmp_library import library_lstm
from firth.nn.lstmp_sequence import projected_lstms
from firth.nn.lstmp_steps import Direction

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
    assert torch.autograd.gradcheck(lambda *v: projected_lstms([Direction(*v)], (0.5, 0.4), active)[0], values)


def gates_at(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the native kernel makes of a gate's sum x by the logistic function, and by tanh."""
    layer = ProjectedLSTM(1, len(x), len(x))
    with torch.no_grad():
        for weight in (layer.weight_ih, layer.weight_hh):
            weight.zero_()
        layer.weight_hr.copy_(torch.eye(len(x)))
        layer.bias.copy_(torch.cat([torch.full_like(x, 20), torch.zeros_like(x), x, torch.full_like(x, 20)]))
        cells = layer(torch.zeros(1, 1, 1), layer.start(1))[1][1][0]
        layer.bias.copy_(torch.cat([x, torch.zeros_like(x), torch.full_like(x, 20), torch.full_like(x, 20)]))
        return layer(torch.zeros(1, 1, 1), layer.start(1))[1][1][0], cells


@pytest.mark.usefixtures("level")
def test_native_gates_are_exact_at_every_size_of_a_sum() -> None:
    x = torch.cat([torch.linspace(-100, 100, 401), torch.logspace(-30, 0, 61), -torch.logspace(-30, 0, 61)])
    logistic, tanh = gates_at(x)
    torch.testing.assert_close(logistic.double(), x.double().sigmoid(), rtol=8e-6, atol=2e-38)  # less so far out
    torch.testing.assert_close(logistic.double(), x.double().sigmoid(), rtol=0, atol=1.5e-7)
    torch.testing.assert_close(tanh.double(), x.double().tanh(), rtol=4e-7, atol=0)


def test_what_is_no_number_stays_seen() -> None:
    layer = layer_of(9, torch.float32, (3.0, 3.0))
    x = torch.zeros(2, 1, 4)
    x[0, 0, 0] = float("nan")
    assert layer(x, layer.start(1))[0].isnan().all()


@pytest.mark.usefixtures("level")
def test_layers_read_together_as_they_do_alone_on_any_number_of_threads() -> None:
    """A sentence's outputs are the same bytes; gradients of weights are sums over all sentences."""
    torch.manual_seed(0)
    layers = [layer_of(37, torch.float32, (0.1, 0.1)) for _ in range(2)]
    xs = [torch.randn(6, 9, 4, requires_grad=True) for _ in layers]
    states = [(torch.randn(9, 3), torch.randn(9, 37)) for _ in layers]
    active, before, found = [9, 9, 7, 4, 4, 1], torch.get_num_threads(), []
    try:
        for threads in (1, 2, 7):
            torch.set_num_threads(threads)
            pairs = together(layers, xs, states, active)
            outputs = [value for y, state in pairs for value in (y, *state)]
            inputs = torch.autograd.grad(sum(value.square().sum() for value in outputs), xs)  # type: ignore[arg-type]
            with torch.no_grad():
                again = [value for y, state in together(layers, xs, states, active) for value in (y, *state)]
            found.append([*outputs, *again, *inputs])
        with torch.no_grad():
            for layer, x, (h, c), (y, _) in zip(layers, xs, states, pairs, strict=True):
                for k in range(9):
                    n = sum(count > k for count in active)
                    alone, _ = layer(x[:n, k : k + 1], (h[k : k + 1], c[k : k + 1]))
                    assert torch.equal(alone[:, 0], y[:n, k])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(found[0][:6], found[0][6:12], strict=True))


@pytest.mark.parametrize("kind", ["begin", "rows", "weights"])
def test_arrays_that_do_not_fit_are_refused(kind: str) -> None:
    def rows(*shape: int) -> object:
        return np.zeros(shape, np.float32)

    begin = np.array([0, 2, 3 if kind != "begin" else 5])
    w_hh = rows(12 if kind != "weights" else 11, 2)
    n = 3 if kind != "rows" else 4
    direction = (
        rows(n, 4),
        rows(2, 2),
        rows(2, 3),
        rows(12, 4),
        w_hh,
        rows(12),
        rows(2, 3),
        rows(3, 2),
        None,
        [rows(2, 3)],
    )
    with pytest.raises(ValueError, match="over" if kind == "begin" else "fit"):
        _core.lstm_forward([direction], begin, 0.0, 0.0, 1)


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


def test_weights_that_changed_are_read_anew_without_gradients() -> None:
    torch.manual_seed(0)
    layer = layer_of(40, torch.float32, (0.5, 0.2))
    x, state = torch.randn(3, 2, 4), layer.start(2)
    weights = layer.weight_ih, layer.weight_hh, layer.weight_hr
    changes = [lambda weight=weight: weight.data.numpy().__setitem__((0, 0), 3.0) for weight in weights]  # tells nobody
    changes += [lambda weight=weight: weight.data.neg_() for weight in weights]
    for change in changes:
        with torch.no_grad():
            before, _ = layer(x, state)
            change()
            after, _ = layer(x, state)
            torch.testing.assert_close(after, layer.plain(x, state, [2, 2, 2])[0], rtol=0, atol=1e-6)
            assert not torch.equal(before, after)


def test_a_fused_optimizer_changes_weights_that_are_kept() -> None:
    torch.manual_seed(0)
    layer = layer_of(40, torch.float32, (0.5, 0.2))
    x, state = torch.randn(3, 2, 4), layer.start(2)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1, fused=True)
    for _ in range(3):
        with torch.no_grad():
            found, _ = layer(x, state)
            torch.testing.assert_close(found, layer.plain(x, state, [2, 2, 2])[0], rtol=0, atol=1e-6)
        layer(x, state)[0].sum().backward()
        optimizer.step()


@pytest.mark.parametrize("threads", [1, 2, 3])
@torch.no_grad()
def test_sentences_of_several_lengths_on_several_threads_are_the_plain_steps(threads: int) -> None:
    """More rows than a block of steps holds, whose number falls: parts of the batch are in different blocks."""
    draw = torch.Generator().manual_seed(1)
    layer = ProjectedLSTM(16, 128, 16, 0.3, 0.3)
    layer.reset(draw)
    lengths = sorted(torch.randint(1, 40, (150,), generator=draw).tolist(), reverse=True)
    active = [sum(length > t for length in lengths) for t in range(lengths[0])]
    x = torch.randn(lengths[0], 150, 16, generator=draw)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        y, _ = layer(x, layer.start(150), active)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(y, layer.plain(x, layer.start(150), active)[0], rtol=0, atol=2e-6)


# ---------------------------------------------------------------- the library's layer, as a GPU runs it
@pytest.mark.parametrize("active", ACTIVE)
@pytest.mark.parametrize(
    ("clips", "cuts"), [((0.0, 0.0), False), ((9.0, 9.0), False), ((0.2, 0.0), True), ((0.0, 0.05), True)]
)
def test_the_librarys_layer_is_taken_where_no_limit_cuts(
    active: list[int], clips: tuple[float, float], cuts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer = layer_of(7, torch.float32, clips)
    x, h, c = (0.5 * torch.randn(*shape) for shape in [(5, 4, 4), (4, 3), (4, 7)])
    if cuts:
        h, c = torch.zeros_like(h), torch.zeros_like(c)  # the limit is passed on the way, not before
    values = [value.requires_grad_() for value in (x, h, c)]
    direction = Direction(*values, layer.weight_ih, layer.weight_hh, layer.bias, layer.weight_hr)
    assert (library_lstm(direction, clips, active) is None) == cuts
    theirs = results(layer, *values[:1], values[1:], active, True)
    ran = []

    def watched(*given: object) -> object:
        ran.append(library_lstm(*given))  # type: ignore[arg-type]
        return ran[-1]

    monkeypatch.setattr("firth.nn.lstmp_sequence.uses_library", lambda value: True)
    monkeypatch.setattr("firth.nn.lstmp_sequence.library_lstm", watched)
    ours = results(layer, *values[:1], values[1:], active, False)
    assert len(ran) == 1
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-6)


@pytest.mark.parametrize("place", range(5))
def test_the_guard_sees_a_cell_that_is_too_large_at_any_step(place: int) -> None:
    layer = ProjectedLSTM(1, 3, 2, 0.5)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.bias[:3] = 10.0  # the input gate is open
        layer.bias[3:6] = -10.0  # nothing is kept: a cell is large for one step only
        layer.weight_ih[6:9] = 1.0  # g = tanh x
        layer.weight_hr.copy_(torch.eye(2, 3))
    x = torch.zeros(5, 2, 1)
    x[place, 0] = 0.6
    direction = Direction(x, *layer.start(2), layer.weight_ih, layer.weight_hh, layer.bias, layer.weight_hr)
    active = [2, 2, 1, 1, 1]
    assert library_lstm(direction, (0.5, 0.0), active) is None
    assert library_lstm(direction, (0.55, 0.0), active) is not None
