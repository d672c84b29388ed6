"""The encoder-decoder: against a plain NumPy twin, differences, padding, and steps against all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from firth.seq2seq.model import Seq2Seq, smoothed
from firth.seq2seq.shape import BOS, EOS, PAD

Net = Callable[..., Seq2Seq]
SOURCES = [[4, 5, 6, 7, EOS], [8, 4, EOS], [EOS]]
TARGETS = [[4, 5, EOS], [6, 4, 4, 5, EOS], [EOS]]
WAYS: list[dict[str, Any]] = [
    {}, {"cell": "gru"}, {"place": "bottom", "decoder_layers": 3}, {"place": "top", "attention": "dot"},
    {"attention": "additive", "bidirectional": False}, {"attention": "location", "positions": 4}, {"attention": "none"},
    {"feeding": "input"}, {"feeding": "input", "cell": "gru", "place": "top", "decoder_layers": 1},
    {"feeding": "context", "attention": "additive"}, {"feeding": "context", "attention": "none", "cell": "gru"},
    {"layers": 3}, {"tie": "output"},
]  # fmt: skip


def beside(rows: list[list[int]], filler: int = PAD) -> tuple[torch.Tensor, torch.Tensor]:
    table = np.full((max(map(len, rows)), len(rows)), filler)
    for column, row in enumerate(rows):
        table[: len(row), column] = row
    return torch.from_numpy(table), torch.tensor([len(row) for row in rows])


# ------------------------------------------------------------------ the twin
class Twin:
    """The net's weights, and the papers' equations, one step of one sentence at a time."""

    def __init__(self, net: Seq2Seq) -> None:
        self.shape = net.shape
        self.w = {name: value.detach().numpy() for name, value in net.state_dict().items()}

    def cell(self, name: str, x: np.ndarray, state: np.ndarray) -> np.ndarray:
        w, n = {k: self.w.get(f"{name}.{k}") for k in ("weight_ih", "weight_hh", "bias", "bias_new")}, state.shape[1]
        own = w["weight_ih"] @ x + w["bias"]
        back = w["weight_hh"] @ state[0]
        s = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
        if self.shape.cell == "lstm":
            i, f, g, o = np.split(own + back, 4)
            c = s(f) * state[1] + s(i) * np.tanh(g)
            return np.stack([s(o) * np.tanh(c), c])
        r, z = s((own + back)[:n]), s((own + back)[n : 2 * n])
        new = np.tanh(own[2 * n :] + r * (back[2 * n :] + w["bias_new"]))
        return ((1 - z) * new + z * state[0])[None]

    def encode(self, ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
        table = self.w["encoder.embedding"] if self.shape.tie != "all" else self.w["target"]
        x = [table[number] for number in ids]
        directions = ("ahead", "back") if self.shape.bidirectional else ("ahead",)
        n = self.shape.hidden // len(directions)
        for layer in range(self.shape.layers):
            found = []
            for name in directions:
                state, out = np.zeros((self.shape.n_parts, n)), []
                for vector in x if name == "ahead" else x[::-1]:
                    state = self.cell(f"encoder.{name}.{layer}", vector, state)
                    out.append(state[0])
                found.append(out if name == "ahead" else out[::-1])
            ends = [found[0][-1], *([found[1][0]] if len(found) > 1 else [])]
            x = [np.concatenate(some) for some in zip(*found, strict=True)]
        return np.array(x), np.concatenate(ends)

    def look(self, place: int, h: np.ndarray, states: np.ndarray) -> np.ndarray:
        kind, p = self.shape.attention, f"decoder.attentions.{place}."
        if kind == "dot":
            scores = states @ h
        elif kind == "general":
            scores = states @ self.w[p + "weight"].T @ h
        elif kind == "location":
            scores = np.full(len(states), -np.inf)
            seen = (self.w[p + "weight"] @ h)[: len(states)]
            scores[: len(seen)] = seen
        else:
            mixed = np.tanh(self.w[p + "query"] @ h + states @ self.w[p + "weight"].T)
            scores = mixed @ self.w[p + "summit"]
        weights = np.exp(scores - scores.max())
        return weights / weights.sum() @ states

    def log_prob(self, source: list[int], target: list[int]) -> float:
        shape, (states, summary) = self.shape, self.encode(source)
        bridge = np.tanh(self.w["decoder.bridge.weight"] @ summary + self.w["decoder.bridge.bias"])
        layers = list(bridge.reshape(shape.decoder_layers, shape.n_parts, shape.hidden))
        readout, total = np.zeros(shape.dim), 0.0
        for before, wanted in zip([BOS, *target[:-1]], target, strict=True):
            x = self.w["target"][before]
            context = None if shape.attending else summary
            if shape.feeding == "context":
                if shape.attending:
                    context = self.look(shape.attending[0], layers[-1][0], states)
                x = np.concatenate([x, context])
            elif shape.feeding == "input":
                x = np.concatenate([x, readout])
            deep = None
            for place in range(shape.decoder_layers):
                layers[place] = self.cell(f"decoder.layers.{place}", x, layers[place])
                x = layers[place][0]
                if place in shape.attending and shape.feeding != "context":
                    deep = context = self.look(place, x, states)
                if deep is not None and place + 1 < shape.decoder_layers:
                    x = np.concatenate([x, deep])
            readout = np.tanh(
                self.w["decoder.combine.weight"] @ np.concatenate([x, context]) + self.w["decoder.combine.bias"]
            )
            softmax = self.w["softmax.weight"] if shape.tie == "none" else self.w["target"]
            logits = softmax @ readout + self.w["softmax.bias"]
            total += logits[wanted] - np.log(np.exp(logits).sum())
        return total


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_loss_is_that_of_the_twin(net: Net, way: dict[str, Any]) -> None:
    made = net(**way)
    source, lengths = beside(SOURCES)
    target, _ = beside(TARGETS)
    _, plain = made.loss(made.remember(source, lengths), target)
    twin = Twin(made)
    assert -plain.item() == pytest.approx(sum(map(twin.log_prob, SOURCES, TARGETS)), rel=1e-9)


def test_all_matrices_are_one(net: Net) -> None:
    made = net(n_source=7, tie="all")
    source, lengths = beside([[4, 5, EOS]])
    target, _ = beside([[6, EOS]])
    _, plain = made.loss(made.remember(source, lengths), target)
    assert -plain.item() == pytest.approx(Twin(made).log_prob([4, 5, EOS], [6, EOS]), rel=1e-9)
    assert sum(value.shape == (7, 6) for value in made.parameters()) == 1


# ------------------------------------------------------------------ gradients
@pytest.mark.parametrize(
    "way", [{}, {"feeding": "input", "cell": "gru"}, {"feeding": "context", "attention": "additive"}], ids=str
)
def test_gradients_against_differences(net: Net, way: dict[str, Any]) -> None:
    made = net(dim=3, hidden=4, **way)
    source, lengths = beside([[4, 5, EOS], [6, EOS]])
    target, _ = beside([[4, EOS], [5, 6, EOS]])

    def loss() -> torch.Tensor:
        return made.loss(made.remember(source, lengths), target, smoothing=0.2)[0]

    loss().backward()
    random = np.random.default_rng(0)
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        place = tuple(random.integers(side) for side in parameter.shape)
        with torch.no_grad():
            parameter[place] += 1e-6
            up = float(loss())
            parameter[place] -= 2e-6
            down = float(loss())
            parameter[place] += 1e-6
        assert float(parameter.grad[place]) == pytest.approx((up - down) / 2e-6, abs=1e-6), name


def test_smoothing_is_cross_entropy_with_an_even_share(net: Net) -> None:
    made = net()
    hidden, wanted = torch.randn(5, 6, dtype=torch.float64), torch.tensor([4, 5, 3, 6, 4])
    logits = hidden @ made.softmax.weight.T + made.softmax.bias
    plain, whole = (
        torch.nn.functional.cross_entropy(logits, wanted, reduction="sum", label_smoothing=s) for s in (0.0, 0.3)
    )
    assert (plain + 0.3 * smoothed(hidden, made.softmax, wanted)).item() == pytest.approx(whole.item())


# ------------------------------------------------------------------ padding
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_company_and_filler_change_nothing(net: Net, way: dict[str, Any]) -> None:
    made = net(**way)
    together, filler = beside(SOURCES), beside(SOURCES, filler=8)
    target, _ = beside(TARGETS)
    readouts = made.readouts(made.remember(*together), target)
    assert torch.equal(readouts, made.readouts(made.remember(*filler), target))
    for column, (source, wanted) in enumerate(zip(SOURCES, TARGETS, strict=True)):
        alone = made.readouts(made.remember(*beside([source])), beside([wanted])[0])
        assert torch.allclose(alone[:, 0], readouts[: len(wanted), column], rtol=1e-12, atol=1e-12)


def test_given_rows_are_the_states(net: Net) -> None:
    made = net(n_source=0, rows=3, bidirectional=False)
    rows = torch.randn(4, 2, 3, dtype=torch.float64)
    encoded = made.encoder(rows, torch.tensor([4, 2]))
    assert torch.allclose(encoded.states[0], made.encoder.rows(rows[:, 0]))
    assert torch.allclose(encoded.summary[1], made.encoder.rows(rows[:2, 1]).mean(0))
    target, _ = beside([[4, EOS], [5, EOS]])
    readouts = made.readouts(made.remember(rows, torch.tensor([4, 2])), target)
    alone = made.readouts(made.remember(rows[:2, 1:], torch.tensor([2])), target[:, 1:])
    assert torch.allclose(readouts[:, 1], alone[:, 0])


# ------------------------------------------------------------------ steps
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_step_by_step_is_all_at_once(net: Net, way: dict[str, Any]) -> None:
    made = net(**way)
    memory = made.remember(*beside(SOURCES))
    target, _ = beside(TARGETS)
    wanted = made.softmax.log_probs(made.readouts(memory, target).flatten(0, 1)).view(*target.shape, -1)
    state, ids = made.decoder.start(memory), torch.full((3, 1), BOS)
    for step in range(len(target)):
        said, weights, state = made.step(ids, state, memory)
        assert torch.allclose(said[:, 0, EOS:], wanted[step][:, EOS:])
        assert said[:, 0, [PAD, BOS]].isneginf().all()
        assert weights.shape[1:] == (1, 5 if made.shape.attending else 0)
        ids = target[step][:, None]


def test_beams_stand_beside_each_other(net: Net) -> None:
    for way in WAYS:
        made = net(**way)
        memory = made.remember(*beside(SOURCES))
        ids = torch.tensor([[4, 5], [6, 4], [5, 5]])
        rows = torch.arange(3).repeat_interleave(2)
        both, weights, _ = made.step(ids, made.decoder.start(memory).of(rows), memory)
        for beam in range(2):
            one, own, _ = made.step(ids[:, beam : beam + 1], made.decoder.start(memory), memory)
            assert torch.allclose(both[:, beam], one[:, 0])
            assert torch.allclose(weights[:, beam], own[:, 0])


# ------------------------------------------------------------------ the teacher
@pytest.mark.parametrize("way", [{}, {"feeding": "input"}, {"feeding": "context"}], ids=str)
def test_without_a_teacher_the_net_hears_itself(net: Net, way: dict[str, Any]) -> None:
    """With probabilities that are nearly 0 or 1, what is drawn is the likeliest word: greedy search says the same."""
    made = net(scale=1.0, **way)
    with torch.no_grad():
        made.softmax.weight.mul_(40_000)
    memory = made.remember(*beside(SOURCES))
    target, _ = beside([[4, 4, 4, EOS]] * 3)
    with torch.no_grad():
        free = made.softmax.log_probs(made.readouts(memory, target, teacher=0.0).flatten(0, 1)).view(4, 3, -1)
        ids, state = torch.full((3, 1), BOS), made.decoder.start(memory)
        for step in range(4):
            said = made.softmax.log_probs(made.decoder.step(made.target[ids[:, 0]], state, memory, 1)[0])
            _, _, state = made.step(ids, state, memory)
            assert torch.allclose(free[step], said)
            ids = said.argmax(1)[:, None]
        half = made.readouts(memory, target, teacher=0.999999999)
    assert torch.allclose(half, made.readouts(memory, target))
