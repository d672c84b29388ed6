"""Recurrent language models in our own folder: the same numbers back, and no trust in what a folder claims."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import FormatError, MissingExtraError
from firth.lm.rnn import RNN, train
from firth.lm.rnn_model import RNNModel
from firth.tensors import read_tensors, write_tensors

TEXT = ["the cat sat", "a dog sat", "the dog saw a cat"] * 4
SMALL: dict[str, Any] = {"dim": 6, "hidden": 5, "batch": 4, "bptt": 6, "epochs": 1}
KINDS: list[dict[str, Any]] = [
    {"cell": "elman", "activation": "sigmoid", "tie": False},
    {"cell": "gru", "layers": 2},
    {"softmax": "sampled", "samples": 4},
    {"softmax": "adaptive", "tie": False, "cutoffs": (2, 5), "dim": 16, "hidden": 16},
]


def saved(tmp_path: Path, **options: Any) -> tuple[RNNModel, Path]:
    model = train(TEXT, RNN(**{**SMALL, **options}), threads=1).model
    firth.save(model, tmp_path / "model")
    return model, tmp_path / "model"


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_a_model_comes_back_as_it_was(options: dict[str, Any], tmp_path: Path) -> None:
    model, path = saved(tmp_path, **options)
    again: Any = firth.load(path)
    assert again.perplexity(TEXT) == model.perplexity(TEXT)
    assert again.metadata["options"] == model.metadata["options"]
    assert again.net.shape == model.net.shape


def test_a_tied_matrix_is_there_once_and_is_tied_again(tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    names = set(read_tensors(path / "model.safetensors")[0])
    assert "net.embedding" in names
    assert "net.softmax.weight" not in names
    again: Any = firth.load(path)
    assert again.net.softmax.weight is again.net.embedding


@pytest.mark.parametrize(
    "change",
    [
        {"dim": 7}, {"dim": 1 << 40}, {"dim": "6"}, {"layers": 2}, {"layers": 1 << 9}, {"cell": "gru"},
        {"cell": ["lstm"]},
        {"tie": 1}, {"cutoffs": [3, 2]}, {"cutoffs": [2]}, {"more": 1}, {"hidden": True}, {"activation": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_shape_that_does_not_fit_is_a_format_error(change: dict[str, Any], tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    config = json.loads((path / "config.json").read_text())
    config["shape"] |= change
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(FormatError):
        firth.load(path)


@pytest.mark.parametrize("fault", ["lacks", "shape", "nan"])
def test_a_tensor_that_does_not_fit_is_a_format_error(fault: str, tmp_path: Path) -> None:
    _, path = saved(tmp_path)
    tensors, _ = read_tensors(path / "model.safetensors", mmap=False)
    name = "net.layers.0.weight_hh"
    if fault == "lacks":
        del tensors[name]
    elif fault == "shape":
        tensors[name] = tensors[name][:-1]
    else:
        tensors[name][0, 0] = np.nan
    write_tensors(path / "model.safetensors", tensors)
    with pytest.raises(FormatError):
        firth.load(path)


def test_ranks_that_are_no_order_are_a_format_error(tmp_path: Path) -> None:
    _, path = saved(tmp_path, **KINDS[3])
    tensors, _ = read_tensors(path / "model.safetensors", mmap=False)
    tensors["net.softmax.ranks"][0] = 1 << 40
    write_tensors(path / "model.safetensors", tensors)
    with pytest.raises(FormatError, match="ranks"):
        firth.load(path)


def test_without_torch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = saved(tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="neural"):
        firth.load(path)
