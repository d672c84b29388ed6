"""``firth train glove``: from a text or from counts to a model on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firth.formats.registry import load
from firth.static.cooccurrence import Cooc
from firth.static.cooccurrence import train as count
from firth.static.glove import GloVe, train

Call = Callable[..., Any]
SMALL = ("--dim", 8, "--min-count", 1, "--epochs", 2, "--threads", 1)


def test_train_glove(call: Call, text: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    done = call("train", "glove", text, "--out", out, *SMALL, "--keep-output")
    assert done.code == 0
    assert done.out == ""
    assert "epoch 2 done: mean loss" in done.err
    vectors = load(out)
    expected = train(str(text), GloVe(dim=8, min_count=1, epochs=2), keep_output=True).vectors
    assert vectors.matrix.tobytes() == expected.matrix.tobytes()
    assert vectors.output.tobytes() == expected.output.tobytes()
    assert vectors.metadata["model"] == "glove"
    assert not list(tmp_path.glob("*.checkpoint"))


def test_counts_stand_in_the_place_of_a_text(
    call: Call, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = count(str(text), Cooc(window=15, min_count=1)).model
    folder, out = tmp_path / "counts", tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").touch()
    monkeypatch.setattr("firth.formats.registry.load", lambda path, **options: counts)
    done = call("train", "glove", folder, "--out", out, "--dim", 8, "--epochs", 2)
    monkeypatch.undo()
    assert done.code == 0
    expected = train(str(text), GloVe(dim=8, min_count=1, epochs=2)).vectors
    assert load(out).matrix.tobytes() == expected.matrix.tobytes()


def test_a_model_that_is_no_counts_is_refused(call: Call, text: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    assert call("train", "glove", text, "--out", out, *SMALL).code == 0
    done = call("train", "glove", out, "--out", tmp_path / "other", *SMALL)
    assert done.code == 1
    assert "got Vectors, expected a text or a corpus or CooccurrenceMatrix" in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_options_that_glove_does_not_take(call: Call, text: Path, tmp_path: Path) -> None:
    done = call("train", "glove", text, "--out", tmp_path / "model", *SMALL, "--heldout", text)
    assert done.code == 2
    assert "takes no --heldout" in done.err


@pytest.mark.parametrize(("option", "value"), [("--x-max", 0), ("--alpha", -1), ("--memory", 1), ("--vectors", "both")])
def test_absurd_options_are_one_line(call: Call, text: Path, tmp_path: Path, option: str, value: Any) -> None:
    done = call("train", "glove", text, "--out", tmp_path / "model", option, value)
    assert done.code == 2
    assert option.strip("-") in done.err.lower()
