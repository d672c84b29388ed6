"""Text classifiers in our own folder: the same answers from a moved folder, and no trust in what a folder claims."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import firth
from firth.contextual.bilm import BiLM
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling
from firth.errors import FormatError, MissingExtraError
from firth.tasks.classifier import Classifier, train
from firth.tasks.classifier_model import ClassifierModel
from firth.tensors import read_tensors, write_tensors
from firth.vectors.static import Vectors
from firth.vectors.subword import NgramRows, SubwordVectors

PAIRS = [("a fine pear", "good"), ("fine , fine !", "good"), ("a dull plum", "bad\n"), ("dull", "bad\n")]
UNSEEN = ["finest pear", "", "a plum is a plum", ["two words", "é\n"]]
SMALL: dict[str, Any] = {"hidden": 5, "maps": 4, "widths": (2, 3), "epochs": 2, "batch": 2}


def plain() -> Vectors:
    matrix = np.random.default_rng(2).standard_normal((4, 3)).astype(np.float32)
    return Vectors(["fine", "dull", "pear", "a"], matrix, counts=[4, 3, 2, 1], output=matrix)


def subwords() -> SubwordVectors:
    grams = NgramRows(np.random.default_rng(1).standard_normal((50, 4)).astype(np.float32), 3, 4, 50)
    return SubwordVectors(["fine"], np.ones((1, 4), np.float32), subwords=grams)


def elmo() -> ElmoModel:
    net = BiLM(Shape(CharacterShape(dim=3, filters=((1, 4), (3, 5)), n_highway=1, longest=20), cells=7, projection=4))
    net.reset(torch.Generator().manual_seed(1))
    return ElmoModel(net, Spelling.bytes(20))


def trained(representation: Any = (), **options: Any) -> ClassifierModel:
    return train(PAIRS, Classifier(**{**SMALL, **options}), representation=representation, threads=1).model


MADE: dict[str, Callable[[], ClassifierModel]] = {
    "average": lambda: trained(plain()),
    "all averages": lambda: trained([plain(), subwords()], ngrams=2, weighting="sif", pooling="mean-max", lower=True),
    "n-grams": lambda: trained(ngrams=3, tokenizer="chars"),
    "cnn": lambda: trained(model="cnn"),
    "channels": lambda: trained(plain(), model="cnn", finetune="both"),
    "lstm": lambda: trained(subwords(), model="lstm", layers=2, pooling="attention", finetune="static"),
    "pooled": lambda: trained([plain(), elmo()], model="contextual", finetune="none", pooling="mean-max"),
    "fine-tuned": lambda: trained(elmo(), model="contextual"),
}


def same(one: ClassifierModel, other: Any) -> None:
    assert type(other) is ClassifierModel
    assert np.array_equal(other.probabilities(UNSEEN), one.probabilities(UNSEEN))
    assert other.predict(UNSEEN) == one.predict(UNSEEN)
    assert (other.labels, other.tokenizer, other.temperature) == (one.labels, one.tokenizer, one.temperature)
    assert other.metadata["options"] == json.loads(json.dumps(one.metadata["options"]))


@pytest.mark.parametrize("name", MADE)
def test_a_moved_classifier_is_what_it_was(name: str, tmp_path: Path) -> None:
    model = MADE[name]()
    model.temperature = 1.25
    firth.save(model, tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    again: Any = firth.load(tmp_path / "there")
    same(model, again)
    firth.save(again, tmp_path / "again")
    for part in ("model.safetensors", "config.json"):
        assert (tmp_path / "again" / part).read_bytes() == (tmp_path / "there" / part).read_bytes()


@pytest.mark.parametrize("kind", ["average", "cnn", "lstm", "contextual"])
def test_given_rows(kind: str, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((6, 3))
    made = train((rows, ["a", "b"] * 3), Classifier(model=kind, **SMALL), threads=1).model
    firth.save(made, tmp_path / "model")
    again: Any = firth.load(tmp_path / "model")
    assert np.array_equal(again.probabilities(rows), made.probabilities(rows))


def test_counts_and_output_vectors_are_left_out(tmp_path: Path) -> None:
    firth.save(MADE["average"](), tmp_path / "model")
    assert set(read_tensors(tmp_path / "model" / "model.safetensors")[0]) == {"table", "constant", "source0.vectors"}


AVERAGE = [
    {"average": None}, {"average": {"pooling": "last"}}, {"average": {"ngrams": 2}}, {"average": {"ngrams": "1"}},
    {"average": {"more": 1}}, {"shape": {}}, {"sources": []}, {"sources": None}, {"temperature": 0.0},
    {"temperature": "1"}, {"temperature": 1}, {"tokenizer": {"name": "custom"}}, {"tokenizer": "words"},
    {"source": {"dim": 4}}, {"source": {"layers": 2}}, {"source": {"kind": "text-classifier"}},
    {"source": {"kind": "tagger"}}, {"source": {"case": "any"}}, {"sources": [{"kind": "given"}] * 2},
]  # fmt: skip
NET = [
    {"shape": None}, {"shape": {"model": "average"}}, {"shape": {"model": "lstm"}}, {"shape": {"maps": 5}},
    {"shape": {"maps": 1 << 40}}, {"shape": {"widths": [2, 3, 4]}}, {"shape": {"widths": [2]}},
    {"shape": {"widths": [2, 0]}}, {"shape": {"widths": 3}}, {"shape": {"hidden": 1}}, {"shape": {"pooling": "last"}},
    {"average": {"pooling": "mean", "ngrams": 0}}, {"source": {"dim": 4}}, {"sources": []},
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), [*(("average", c) for c in AVERAGE), *(("cnn", c) for c in NET)], ids=str)
def test_claims_that_do_not_fit(name: str, change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "model"
    firth.save(trained(plain(), model=name), path)
    config = json.loads((path / "config.json").read_text())
    for key, value in change.items():
        if key == "source":
            config["sources"][0].update(value)
        elif isinstance(value, dict) and isinstance(config.get(key), dict):
            config[key].update(value)
        else:
            config[key] = value
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(FormatError):
        firth.load(path)


@pytest.mark.parametrize("name", ["all averages", "cnn"])
def test_tensors_that_do_not_fit(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model"
    firth.save(MADE[name](), path)
    tensors = {name: np.array(value) for name, value in read_tensors(path / "model.safetensors")[0].items()}
    for broken, right in tensors.items():
        for wrong in (None, right[:1], np.full_like(right, np.nan)):
            if broken.startswith("source"):
                continue
            kept = {key: value for key, value in tensors.items() if key != broken or wrong is not None}
            write_tensors(path / "model.safetensors", kept | ({} if wrong is None else {broken: wrong}))
            with pytest.raises(FormatError):
                firth.load(path)


def test_averages_need_no_torch_and_nets_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    firth.save(MADE["average"](), tmp_path / "average")
    firth.save(MADE["cnn"](), tmp_path / "cnn")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert firth.load(tmp_path / "average").predict(["fine"])
    with pytest.raises(MissingExtraError, match="this classifier"):
        firth.load(tmp_path / "cnn")
