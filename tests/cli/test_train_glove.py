"""``firth train glove``: from a text or from counts to a model on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firth.formats.registry import load
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


def test_counts_stand_in_the_place_of_a_text(call: Call, text: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "counts", tmp_path / "model"
    assert call("train", "cooc", text, "--out", folder, "--window", 15, "--min-count", 1).code == 0
    done = call("train", "glove", folder, "--out", out, "--dim", 8, "--epochs", 2)
    assert done.code == 0, done.err
    expected = train(str(text), GloVe(dim=8, min_count=1, epochs=2)).vectors
    assert load(out).matrix.tobytes() == expected.matrix.tobytes()


@pytest.mark.parametrize("model", ["ppmi", "svd"])
def test_other_models_take_counts_too(call: Call, text: Path, tmp_path: Path, model: str) -> None:
    options = ("--dim", 2) if model == "svd" else ()
    assert call("train", "cooc", text, "--out", tmp_path / "counts", "--min-count", 1).code == 0
    assert call("train", model, tmp_path / "counts", "--out", tmp_path / "one", *options).code == 0
    assert call("train", model, text, "--out", tmp_path / "two", *options, "--min-count", 1).code == 0
    name = "model.safetensors"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_options_of_a_text_mean_nothing_to_counts(call: Call, text: Path, tmp_path: Path) -> None:
    assert call("train", "cooc", text, "--out", tmp_path / "counts", "--min-count", 1).code == 0
    done = call("train", "glove", tmp_path / "counts", "--out", tmp_path / "model", "--lower")
    assert done.code == 2
    assert "there is no text to read" in done.err


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
