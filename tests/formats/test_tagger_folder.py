"""Taggers in our own folder: the same labels from a moved folder, and no trust in what a folder claims."""

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
from firth.formats.kinds import kinds
from firth.tasks.tagger import Tagger, train
from firth.tasks.tagger_model import TaggerModel
from firth.tensors import read_tensors, write_tensors
from firth.vectors.static import Vectors
from firth.vectors.subword import NgramRows, SubwordVectors

PAIRS = [
    (["Ann", "Lee", "farms"], ["B-PER", "I-PER", "O"]),
    (["we", "saw", "Bonn", "\n"], ["O", "O", "B-LOC", "O"]),
]
UNSEEN = [["Annie", "saw", "Lee", "", "é\n"], ["pear"], []]
SMALL: dict[str, Any] = {"hidden": 5, "epochs": 1, "character_hidden": 3}


def subwords() -> SubwordVectors:
    grams = NgramRows(np.random.default_rng(1).standard_normal((50, 4)).astype(np.float32), 3, 4, 50)
    return SubwordVectors(["Ann"], np.ones((1, 4), np.float32), subwords=grams)


def plain() -> Vectors:
    matrix = np.random.default_rng(2).standard_normal((2, 3)).astype(np.float32)
    return Vectors(["ann", "pear"], matrix, counts=[2, 1], output=matrix, metadata={"corpus": "c"}, oov="mean")


def elmo() -> ElmoModel:
    net = BiLM(Shape(CharacterShape(dim=3, filters=((1, 4), (3, 5)), n_highway=1, longest=20), cells=7, projection=4))
    net.reset(torch.Generator().manual_seed(1))
    return ElmoModel(net, Spelling.bytes(20))


def trained(representation: Any = (), **options: Any) -> TaggerModel:
    return train(PAIRS, Tagger(**{**SMALL, **options}), representation=representation, threads=1).model


MADE: dict[str, Callable[[], TaggerModel]] = {
    "learnt": trained,
    "two": lambda: trained([plain(), subwords()], characters="lstm", layers=2, encoding="iob2"),
    "tuned": lambda: trained(subwords(), finetune="static"),
    "softmax": lambda: trained(plain(), decoder="softmax", characters="none", casing=False, case="exact"),
}


def same(one: TaggerModel, other: Any) -> None:
    assert type(other) is TaggerModel
    assert other.tag(UNSEEN) == one.tag(UNSEEN)
    for sentence in UNSEEN:
        assert np.array_equal(one.probabilities(sentence), other.probabilities(sentence))
    assert (other.labels, other.scheme, other.writes) == (one.labels, one.scheme, one.writes)
    assert other.net.shape == one.net.shape
    assert other.metadata["options"] == one.metadata["options"]


@pytest.mark.parametrize("name", MADE)
def test_a_moved_tagger_is_what_it_was(name: str, tmp_path: Path) -> None:
    model = MADE[name]()
    firth.save(model, tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    again: Any = firth.load(tmp_path / "there")
    same(model, again)
    firth.save(again, tmp_path / "again")
    for part in ("model.safetensors", "config.json"):
        assert (tmp_path / "again" / part).read_bytes() == (tmp_path / "there" / part).read_bytes()


def test_with_a_contextual_model_in_it(tmp_path: Path) -> None:
    given = elmo()
    if not any(kind.fits(given) for kind in kinds().values()):
        pytest.skip("no folder holds an ELMo yet")
    model = trained([plain(), given], features="output")
    firth.save(model, tmp_path / "model")
    same(model, firth.load(tmp_path / "model"))


def test_a_fine_tuned_contextual_model_lies_in_it(tmp_path: Path) -> None:
    given = elmo()
    if not hasattr(given, "module") or not any(kind.fits(given) for kind in kinds().values()):
        pytest.skip("an ELMo has no module, or no folder, yet")
    model = trained(given, finetune="contextual", epochs=3)
    firth.save(model, tmp_path / "model")
    same(model, firth.load(tmp_path / "model"))


def test_given_rows(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((4, 3))
    model = train([(rows, ["a", "b", "a", "a"])], Tagger(**SMALL), threads=1).model
    firth.save(model, tmp_path / "model")
    again: Any = firth.load(tmp_path / "model")
    assert np.array_equal(again.probabilities(rows), model.probabilities(rows))


def test_counts_and_output_vectors_are_left_out(tmp_path: Path) -> None:
    firth.save(MADE["softmax"](), tmp_path / "model")
    names = set(read_tensors(tmp_path / "model" / "model.safetensors")[0])
    assert {name for name in names if name.startswith("source0")} == {"source0.vectors"}


@pytest.mark.parametrize(
    "change",
    [
        {"shape": None}, {"shape": {"hidden": 6}}, {"shape": {"hidden": 1 << 40}}, {"shape": {"layers": 2}},
        {"shape": {"layers": 1 << 9}}, {"shape": {"crf": 1}}, {"shape": {"characters": "rnn"}},
        {"shape": {"characters": "none"}}, {"shape": {"more": 1}}, {"shape": {"casing": False}},
        {"sources": []}, {"sources": [{}]}, {"sources": "x"}, {"source": {"dim": 4}}, {"source": {"layers": 3}},
        {"source": {"place": "top"}}, {"source": {"kind": "given"}}, {"source": {"kind": "ngram"}},
        {"source": {"kind": "tagger"}}, {"source": {"kind": 3}}, {"source": {"case": "any"}},
        {"source": {"config": {"oov": "guess"}}}, {"schemes": ["iob2", "iob2"]}, {"schemes": ["bioes"]},
        {"schemes": [["bioes"], "iob2"]}, {"lists": []}, {"lists": ["characters"]},
    ],
    ids=str,
)  # fmt: skip
def test_claims_that_do_not_fit(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "model"
    firth.save(trained(plain()), path)
    config = json.loads((path / "config.json").read_text())
    for key, value in change.items():
        if key == "source":
            config["sources"][0].update(value)
        elif isinstance(value, dict):
            config[key].update(value)
        else:
            config[key] = value
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(FormatError):
        firth.load(path)


def test_tensors_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "model"
    firth.save(trained(plain()), path)
    tensors = {name: np.array(value) for name, value in read_tensors(path / "model.safetensors")[0].items()}
    for name, value in tensors.items():
        for other in ({**tensors, name: np.full_like(value, np.nan)}, {n: t for n, t in tensors.items() if n != name}):
            if name == "source0.vectors" and name in other:
                continue  # vectors that are no numbers are theirs to judge, in their own folder too
            write_tensors(path / "model.safetensors", other)
            with pytest.raises(FormatError):
                firth.load(path)


def test_labels_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "model"
    firth.save(trained(plain()), path)
    labels = (path / "vocab.txt").read_text().splitlines()
    for other in (labels[:-1], [*labels[:-1], labels[0]], []):
        (path / "vocab.txt").write_text("".join(f"{label}\n" for label in other))
        with pytest.raises(FormatError):
            firth.load(path)


def test_without_torch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    firth.save(trained(plain()), tmp_path / "model")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="neural"):
        firth.load(tmp_path / "model")
