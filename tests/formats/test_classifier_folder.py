"""Classifiers in folders of our own: everything comes back, and broken ones are told."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.errors import FormatError
from firth.tasks.fasttext import FastTextClassifier, all_buckets
from firth.tasks.fasttext_predict import predict
from firth.tasks.fasttext_quantize import quantize
from firth.tasks.fasttext_train import FastTextClassify, train
from firth.tensors import map_tensors, write_tensors
from firth.vectors.storage import dense


def _model(**options: object) -> FastTextClassifier:
    lines = [("warm", "sun and sand née"), ("cold", "snow and ice \udcff")] * 30
    values = {"dim": 9, "word_ngrams": 2, "buckets": 300, "rate": 0.5, **options}
    return train(lines, FastTextClassify(**values), threads=1).model  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["lazy", "whole", "plain", "quantised", "norms", "tree"])
def test_everything_comes_back(tmp_path: Path, kind: str) -> None:
    model = _model(loss="hierarchical") if kind == "tree" else _model(word_ngrams=1) if kind == "plain" else _model()
    if kind == "whole":
        model = all_buckets(model)
    elif kind in ("quantised", "norms"):
        model = quantize(model, qnorm=kind == "norms", qout=True, cutoff=12)
    firth.save(model, tmp_path / "m")
    back = firth.load(tmp_path / "m")
    assert isinstance(back, FastTextClassifier)
    for field in dataclasses.fields(model):
        ours, theirs = getattr(model, field.name), getattr(back, field.name)
        if field.name in ("input", "output"):
            np.testing.assert_array_equal(dense(theirs), dense(ours))
        elif field.name == "kept":
            assert (theirs is None) == (ours is None)
            assert ours is None or dict(theirs) == dict(ours)
        elif isinstance(ours, np.ndarray):
            np.testing.assert_array_equal(theirs, ours)
        else:
            assert theirs == ours
    texts = ["sun and ice", "\udcff née", ""]
    for ours, theirs in zip(predict(model, texts, -1), predict(back, texts, -1), strict=True):
        assert [label for label, _ in theirs] == [label for label, _ in ours]
        np.testing.assert_allclose([p for _, p in theirs], [p for _, p in ours], rtol=1e-6)
    report = firth.inspect(tmp_path / "m")
    assert (report.kind, report.words) == ("classifier", len(model.words))
    assert report.dim == 9
    assert "task run" in report.uses


def _broken(folder: Path, tensors: dict | None = None, **options: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["classifier"] |= options
    (folder / "config.json").write_text(json.dumps(config))
    if tensors:
        found = {name: np.array(value) for name, value in map_tensors(folder / "model.safetensors").items()}
        write_tensors(folder / "model.safetensors", {**found, **tensors})


@pytest.mark.parametrize(
    ("options", "tensors"),
    [
        ({"loss": "other"}, {}),
        ({"dim": 0}, {}),
        ({"dim": 10}, {}),
        ({"buckets": 1 << 40}, {}),
        ({"buckets": 3}, {}),
        ({"word_ngrams": -1}, {}),
        ({"word_ngrams": 2.5}, {}),
        ({"label_prefix": 3}, {}),
        ({}, {"buckets": np.zeros(3, np.int32)}),
        ({}, {"counts": np.zeros(3, np.int64)}),
        ({}, {"label_counts": np.zeros(2, np.float32)}),
        ({}, {"input": np.zeros((3, 9), np.float32)}),
        ({}, {"output": np.zeros((2, 8), np.float32)}),
        ({}, {"input_codes": np.zeros((2, 8), np.uint8), "input_centroids": np.zeros((5, 9, 2), np.float32)}),
        ({}, {"input_codes": np.zeros((2, 8), np.uint8), "input_centroids": np.zeros((5, 256, 0), np.float32)}),
        ({}, {"input_codes": np.zeros((2, 8), np.uint8), "input_centroids": np.zeros((5, 256, 2), np.float32)}),
    ],
)
def test_broken_folders(tmp_path: Path, options: dict, tensors: dict) -> None:
    firth.save(_model(), tmp_path / "m")
    _broken(tmp_path / "m", tensors, **options)
    with pytest.raises(FormatError):
        firth.load(tmp_path / "m")
