"""The training loop: updates against closed forms, exact resume, what goes wrong, and several processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from firth import checkpoint
from firth.errors import ConfigError, DataError
from firth.events import EpochEnd, Event, Notice, Progress, Saved
from firth.nn.loop import Job, Loss, Outcome, Place, Plan, Run, run_job, settled

SGD = {"optimizer": "sgd", "decay": "constant"}


def point(start: float = 1.0) -> torch.nn.Module:
    """Return a module of one parameter w; the tests' losses are simple functions of it."""
    module = torch.nn.Module()
    module.w = torch.nn.Parameter(torch.tensor([start]))
    return module


def go(job: Job, plan: Plan, run: Run | None = None) -> Outcome:
    with settled("cpu", 1, seed=job.seed, deterministic=True) as place:
        return run_job(job, plan, run or Run(), place)


def squares(module: torch.nn.Module, batches: Sequence[Any], **more: Any) -> Job:
    """Return the job of minimising the sum of (w - x)^2 over the numbers of each batch."""

    def loss(batch: list[float], state: Any) -> Loss:
        return Loss(sum(((module.w - x) ** 2).sum() for x in batch), len(batch))

    return Job(module, lambda epoch: batches, loss, **more)


def test_sgd_follows_the_mean_gradient() -> None:
    module = point(1.0)
    done = go(squares(module, [[3.0, 5.0], [0.0]]), Plan(epochs=1, rate=0.1, **SGD))
    w = 1.0 - 0.1 * ((2 * (1 - 3) + 2 * (1 - 5)) / 2)  # 1.6
    assert done.losses == (pytest.approx((4 + 16 + w**2) / 3, abs=1e-6),)
    assert module.w.item() == pytest.approx(w - 0.1 * 2 * w, abs=1e-6)
    assert (done.steps, done.epochs) == (2, 1.0)


def test_accumulated_batches_are_one_batch() -> None:
    apart, together = point(), point()
    go(squares(apart, [[3.0, 5.0], [0.0], [7.0]]), Plan(epochs=2, accumulate=3, clip=0.5, rate=0.1, **SGD))
    go(squares(together, [[3.0, 5.0, 0.0, 7.0]]), Plan(epochs=2, clip=0.5, rate=0.1, **SGD))
    assert apart.w.item() == pytest.approx(together.w.item(), abs=1e-6)


def test_clipping_shortens_the_gradient_and_its_norm_is_told() -> None:
    module, events = point(0.0), list[Event]()
    job = squares(module, [[100.0]] * 3)
    go(job, Plan(steps=3, clip=1.0, rate=0.1, **SGD), Run(listen=events.append))
    assert module.w.item() == pytest.approx(0.3, abs=1e-5)  # three steps of 0.1 times a gradient of 1


def test_carried_state_goes_from_batch_to_batch_and_is_cut_off() -> None:
    module, seen = point(), list[Any]()

    def loss(batch: int, state: Any) -> Loss:
        seen.append(None if state is None else (state["sum"].item(), state["sum"].requires_grad))
        return Loss(
            module.w.sum(),
            1,
            {"sum": (0.0 if state is None else state["sum"]) + batch * module.w.sum() / module.w.sum()},
        )

    go(Job(module, lambda epoch: [1, 2, 3], loss), Plan(epochs=2, rate=0.0))
    assert seen == [None, (1.0, False), (3.0, False)] * 2


def test_best_parameters_are_kept_and_training_stops_early() -> None:
    module, notices = point(10.0), list[Event]()
    job = squares(module, [[0.0]], heldout=lambda: float((module.w.item() - 4.0) ** 2))
    plan = Plan(epochs=50, rate=0.1, patience=3, **SGD)
    done = go(job, plan, Run(listen=notices.append))
    path = [10.0 * 0.8**n for n in range(1, 51)]
    best = min(range(50), key=lambda n: (path[n] - 4.0) ** 2)
    assert module.w.item() == pytest.approx(path[best], rel=1e-5)
    assert (done.best, len(done.history)) == (best, best + 4)
    assert any("lowest held-out loss" in event.message for event in notices if isinstance(event, Notice))


def test_plateau_lowers_the_rate() -> None:
    module, rates = point(0.0), list[float]()

    def loss(batch: Any, state: Any) -> Loss:
        rates.append(module.w.item())
        return Loss(-module.w.sum(), 1)

    losses = iter([3.0, 4.0, 5.0, 2.0])
    go(Job(module, lambda epoch: [0], loss, heldout=lambda: next(losses)), Plan(epochs=4, rate=1.0, plateau=0.5, **SGD))
    assert rates == [0.0, 1.0, 2.0, 2.5]


def test_averaged_parameters_are_the_mean_since_the_trigger() -> None:
    module, steps = point(0.0), list[float]()

    def loss(batch: Any, state: Any) -> Loss:
        steps.append(module.w.item())
        return Loss(-module.w.sum(), 1)

    seen = list[float]()

    def heldout() -> float:
        seen.append(module.w.item())
        return [1.0, 2.0, 3.0, 4.0, 0.5][len(seen) - 1]

    go(Job(module, lambda epoch: [0], loss, heldout=heldout), Plan(epochs=5, rate=1.0, average_after=1, **SGD))
    # w is 1, 2, 3, ... at the epochs' ends; the second loss is above the first, so averaging starts from w = 2.
    assert steps == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert seen == [1.0, 2.0, pytest.approx(2.5), pytest.approx(3.0), pytest.approx(3.5)]
    assert module.w.item() == pytest.approx(3.5)


def test_time_budget_ends_in_time_with_the_rate_near_zero() -> None:
    module, events = point(), list[Event]()
    job = squares(module, [[2.0]] * 1000, words=1000, heldout=lambda: 1.0)
    done = go(job, Plan(minutes=0.02, rate=0.1, **{**SGD, "decay": "linear"}), Run(listen=events.append))
    assert done.seconds >= 1.0
    assert done.steps > 10
    rates = [event.rate for event in events if isinstance(event, Progress)]
    assert rates
    assert rates == sorted(rates, reverse=True)
    assert any(f"{done.steps:,} steps" in event.message for event in events if isinstance(event, Notice))


def net_job(**more: Any) -> Job:
    """Return a job with dropout, a carried state, random batches: all that a resume must restore."""
    torch.manual_seed(5)
    module = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1))

    def epoch(number: int) -> list[torch.Tensor]:
        rng = np.random.default_rng([7, number])
        return [torch.from_numpy(rng.normal(size=(4, 3)).astype(np.float32)) for _ in range(10)]

    def loss(batch: torch.Tensor, state: Any) -> Loss:
        state = torch.zeros(3) if state is None else state[0]
        total = (module(batch + state) - batch.sum(1, keepdim=True)).square().sum()
        return Loss(total, len(batch), (0.5 * state + batch.mean(0), [1]))

    fixed = torch.ones(2, 3)

    def heldout() -> float:
        return float((module(fixed) - 3).square().mean())

    return Job(module, epoch, loss, heldout, facts={"model": "test", "options": {"rate": 0.01, "x": 1}}, **more)


PLAN = Plan(epochs=6, rate=0.02, average_after=1, plateau=0.9, accumulate=2, evaluate_steps=3, keep_best=False)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("after", [1, 7, 13, 29])
def test_a_run_stopped_anywhere_goes_on_to_the_same_bytes(tmp_path: Path, optimizer: str, after: int) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is born deaf to it
    plan = Plan(**{**PLAN.__dict__, "optimizer": optimizer, "momentum": 0.5})
    whole = net_job()
    one = go(whole, plan)
    half, stopped = net_job(), threading.Event()
    inner, calls = half.loss, 0

    def loss(batch: Any, state: Any) -> Loss:
        nonlocal calls
        calls += 1
        if calls == 2 * after:  # within a step: it is finished before Ctrl-C has its way
            signal.raise_signal(signal.SIGINT)
            stopped.set()
        return inner(batch, state)

    with pytest.raises(KeyboardInterrupt):
        go(Job(half.module, half.epoch, loss, half.heldout, facts=half.facts), plan, Run(checkpoint=tmp_path))
    assert stopped.is_set()
    assert checkpoint.load(tmp_path)[1]["steps"] == after
    again = net_job()
    two = go(again, plan, Run(checkpoint=tmp_path, resume=True))
    assert same(whole.module, again.module)
    assert one.history == two.history


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_loop import PLAN, Job, Run, go, net_job
job, calls = net_job(), [0]
def loss(batch, state):
    calls[0] += 1
    if calls[0] == 31:
        os.kill(os.getpid(), 9)
    return job.loss(batch, state)
go(Job(job.module, job.epoch, loss, job.heldout, facts=job.facts), PLAN, Run(checkpoint={folder!r}, save_seconds=0.0))
"""


def test_a_killed_process_leaves_a_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    code = KILLED.format(here=str(Path(__file__).parent), folder=str(tmp_path / "kept"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    whole, again = net_job(), net_job()
    go(whole, PLAN)
    done_again = go(again, PLAN, Run(checkpoint=tmp_path / "kept", resume=True))
    assert 0 < checkpoint.load(tmp_path / "kept")[1]["steps"] < done_again.steps
    assert same(whole.module, again.module)


def test_a_loss_that_is_no_number_stops_at_the_last_good_checkpoint(tmp_path: Path) -> None:
    module = point(1.0)

    def loss(batch: int, state: Any) -> Loss:
        return Loss(module.w.sum() * (float("nan") if batch == 5 else 1.0), 1)

    with pytest.raises(DataError, match=r"diverged.*step 6.*--rate.*checkpoint, of step 5") as told:
        go(Job(module, lambda epoch: range(9), loss, facts={}), Plan(), Run(checkpoint=tmp_path, save_seconds=0.0))
    assert str(tmp_path) in str(told.value)
    assert np.isfinite(checkpoint.load(tmp_path)[0]["module.w"]).all()


def test_a_diverged_run_may_go_on_at_another_rate_but_not_with_other_options(tmp_path: Path) -> None:
    def facts(**options: Any) -> Job:
        return squares(point(), [[1.0]] * 4, facts={"options": options})

    def stop(event: Event) -> None:
        if isinstance(event, EpochEnd):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(facts(rate=1.0, dim=3), Plan(epochs=3), Run(checkpoint=tmp_path, listen=stop))
    events = list[Event]()
    done = go(facts(rate=0.5, dim=3), Plan(epochs=3), Run(checkpoint=tmp_path, resume=True, listen=events.append))
    assert done.steps == 12
    assert any("going on with rate 0.5" in event.message for event in events if isinstance(event, Notice))
    with pytest.raises(DataError, match="another job: got a different options: dim"):
        go(facts(rate=1.0, dim=4), Plan(epochs=3), Run(checkpoint=tmp_path, resume=True))
    with pytest.raises(ConfigError, match="nothing to resume"):
        go(facts(), Plan(), Run(resume=True))


def test_events_tell_perplexity_steps_and_saves(tmp_path: Path) -> None:
    events = list[Event]()
    job = squares(point(), [[1.5]] * 3, words=3, perplexity=True, heldout=lambda: 2.0)
    go(job, Plan(epochs=2, rate=0.0), Run(listen=events.append, checkpoint=tmp_path, save_seconds=0.0))
    ends = [event for event in events if isinstance(event, EpochEnd)]
    assert [(end.epoch, end.steps) for end in ends] == [(1, 3), (2, 6)]
    assert ends[0].perplexity == pytest.approx(np.exp(0.25))
    assert ends[0].heldout_perplexity == pytest.approx(np.exp(2.0))
    assert Saved(str(tmp_path)) in events


def test_what_a_run_sets_it_puts_back() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    with settled("cpu", 1, seed=3, deterministic=True):
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
        torch.rand(3)
    after = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])


def test_bfloat16_products_come_near_float32() -> None:
    whole, half = net_job(), net_job()
    plan = {"epochs": 3, "rate": 0.01, "optimizer": "sgd"}
    go(whole, Plan(**plan))
    go(half, Plan(**plan, precision="bfloat16"))
    for a, b in zip(whole.module.parameters(), half.module.parameters(), strict=True):
        assert not torch.equal(a, b)
        assert torch.allclose(a, b, atol=0.02)
    with pytest.raises(ConfigError, match="precision"):
        go(net_job(), Plan(precision="float16"))


def test_unfit_settings_are_told() -> None:
    with pytest.raises(ConfigError, match="device"), settled("nonsense", 1, seed=1, deterministic=True):
        pass
    with pytest.raises(ConfigError, match="threads"), settled("cpu", 0, seed=1, deterministic=True):
        pass
    with pytest.raises(DataError, match="nothing to train on"):
        go(squares(point(), []), Plan())


def shared(place: Place) -> tuple[Job, Plan]:
    """Return a job of which each process takes its share of every batch."""
    module = torch.nn.Linear(2, 1)
    with torch.no_grad():
        module.weight.fill_(0.5)
        module.bias.fill_(0.0)
    data = [torch.arange(2.0 * n).reshape(n, 2) / n for n in (5, 8, 3)]

    def loss(batch: torch.Tensor, state: Any) -> Loss:
        return Loss((module(batch) - 1).square().sum(), len(batch))

    def epoch(number: int) -> list[torch.Tensor]:
        return [batch[place.rank :: place.world] for batch in data]

    return Job(module, epoch, loss, lambda: float(module.weight.sum())), Plan(
        epochs=4, rate=0.05, clip=0.5, average_after=1, keep_best=False
    )


TWO = """
import json, sys
sys.path.insert(0, {here!r})
from test_loop import Run, run_job, settled, shared
with settled("cpu", 1, seed=1, deterministic=True) as place:
    job, plan = shared(place)
    events = []
    done = run_job(job, plan, Run(events.append, {folder!r}, save_seconds=0.0), place)
found = {{"world": place.world, "losses": done.losses, "w": job.module.weight.tolist(), "events": len(events)}}
open({out!r} + str(place.rank), "w").write(json.dumps(found))
"""


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    with settled("cpu", 1, seed=1, deterministic=True) as place:
        job, plan = shared(place)
        alone = run_job(job, plan, Run(), place)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    code = TWO.format(here=str(Path(__file__).parent), folder=str(tmp_path / "kept"), out=str(tmp_path / "rank"))
    env = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    running = [
        subprocess.Popen([sys.executable, "-c", code], env={**env, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(2)
    ]
    assert [process.wait(120) for process in running] == [0, 0]
    first, second = (json.loads((tmp_path / f"rank{rank}").read_text()) for rank in range(2))
    assert first["world"] == second["world"] == 2
    np.testing.assert_allclose(first["losses"], alone.losses, rtol=1e-6)
    np.testing.assert_allclose(first["w"], job.module.weight.tolist(), rtol=1e-5)
    assert first["w"] == second["w"]
    assert first["events"] > 0
    assert second["events"] == 0
    assert checkpoint.exists(tmp_path / "kept")
