"""``firth train maxent``: from text to a folder that predicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.formats.registry import load
from firth.lm.maxent import MaxEnt, train

Call = Callable[..., Any]


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    path = tmp_path / "cats.txt"
    path.write_text("I have a cat\na cat eats fish\nI have a dog\na dog eats meat\n" * 3)
    return path


def test_text_becomes_a_model(call: Call, cats: Path, tmp_path: Path) -> None:
    held = tmp_path / "held.txt"
    held.write_text("I have a fish\na cat eats meat\n")
    out = tmp_path / "m"
    given = ("--order", 3, "--classes", 4, "--l1", 0.1, "--cutoffs", 1, "--cutoffs", 2, "--iterations", 12)
    done = call("train", "maxent", cats, "--out", out, "--heldout", held, *given)
    assert done.code == 0, done.err
    assert "perplexity of the held-out text" in done.err
    model = load(out)
    wanted = train(cats, MaxEnt(order=3, classes=4, l1=0.1, cutoffs=(1, 2), iterations=12), heldout=None).model
    assert model.n_classes == wanted.n_classes == 4
    assert list(model.vocab) == list(wanted.vocab)
    assert np.exp(model.next_log_probs(model.start())).sum() == pytest.approx(1, abs=1e-6)
    report = json.loads(call("inspect", out, "--json").out)
    assert report["kind"] == "maxent"
    assert report["details"]["options"]["cutoffs"] == [1, 2]


def test_bad_options_are_one_line(call: Call, cats: Path, tmp_path: Path) -> None:
    for given in (("--order", 0), ("--cutoffs", 3, "--cutoffs", 2), ("--l2", "nan"), ("--resume",), ("--classes", -1)):
        done = call("train", "maxent", cats, "--out", tmp_path / "m", *given)
        assert done.code, given
        assert len(done.err.strip().splitlines()) == 1 or "╭" in done.err
        assert not (tmp_path / "m").exists()
