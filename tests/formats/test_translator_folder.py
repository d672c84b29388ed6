"""Translators in our own folder: the same texts from a moved folder, and no trust in what a folder claims."""

from __future__ import annotations

import functools
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import FormatError, MissingExtraError
from firth.tasks.translator import Translator, train
from firth.tasks.translator_model import TranslatorModel
from firth.tensors import read_tensors, write_tensors
from firth.vectors.static import Vectors
from firth.vectors.subword import NgramRows, SubwordVectors

PAIRS = [("ein Hund", "a dog"), ("zwei Hunde\u2028!", "two dogs!"), ("Straße", "street")] * 3
SMALL: dict[str, Any] = {"dim": 6, "hidden": 8, "epochs": 1, "subwords": 40, "min_count": 1}
ROWS = np.random.default_rng(0).standard_normal((3, 2, 4)).astype(np.float32)


def subwords() -> SubwordVectors:
    grams = NgramRows(np.random.default_rng(1).standard_normal((50, 4)).astype(np.float32), 3, 4, 50)
    return SubwordVectors(["ein"], np.ones((1, 4), np.float32), subwords=grams)


def plain() -> Vectors:
    matrix = np.random.default_rng(2).standard_normal((2, 3)).astype(np.float32)
    return Vectors(["ein", "Hund"], matrix, counts=[2, 1], output=matrix, metadata={"corpus": "c"})


MADE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "joint": ({}, {}),
    "separate": ({"joint": False, "cell": "gru", "feeding": "input"}, {}),
    "words": ({"units": "words", "lower": True, "tokenizer": "chars", "tie": "none", "attention": "additive"}, {}),
    "location": ({"attention": "location", "bidirectional": False, "layers": 2, "feeding": "context"}, {}),
    "without": ({"attention": "none", "decoder_layers": 3}, {}),
    "vectors": ({"units": "words"}, {"vectors": plain}),
    "ngrams": ({}, {"vectors": subwords}),
    "rows": ({}, {"rows": True}),
}


@functools.cache
def model_of(name: str) -> TranslatorModel:
    options, others = MADE[name]
    pairs = [(rows, target) for rows, (_, target) in zip(ROWS, PAIRS, strict=False)] if "rows" in others else PAIRS
    vectors = others["vectors"]() if "vectors" in others else None
    return train(pairs, Translator(**{**SMALL, **options}), vectors=vectors, threads=1).model


def answers(model: TranslatorModel, name: str) -> list[tuple[Any, ...]]:
    given = list(ROWS) if name == "rows" else ["ein Hund", "Hund", "€ neu", ""]
    return [
        (one.text, one.tokens, one.score, one.source_tokens, one.attention.tolist())
        for one in model.translate(given, beam=2, longest=6)
    ]


@pytest.mark.parametrize("name", MADE)
def test_a_moved_translator_is_what_it_was(name: str, tmp_path: Path) -> None:
    model = model_of(name)
    firth.save(model, tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    again: Any = firth.load(tmp_path / "there")
    assert type(again) is TranslatorModel
    assert answers(again, name) == answers(model, name)
    assert again.net.shape == model.net.shape
    assert again.metadata == model.metadata
    firth.save(again, tmp_path / "again")
    for part in ("model.safetensors", "config.json"):
        assert (tmp_path / "again" / part).read_bytes() == (tmp_path / "there" / part).read_bytes()


def test_matrices_that_are_one_are_there_once(tmp_path: Path) -> None:
    firth.save(model_of("joint"), tmp_path / "model")
    names = set(read_tensors(tmp_path / "model" / "model.safetensors")[0])
    assert "net.target" in names
    assert not names & {"net.encoder.embedding", "net.softmax.weight"}
    again: Any = firth.load(tmp_path / "model")
    assert again.net.encoder.embedding is again.net.target is again.net.softmax.weight


@pytest.mark.parametrize(
    "change",
    [
        {"shape": None}, {"shape": {"hidden": 7}}, {"shape": {"hidden": 6}}, {"shape": {"dim": 1 << 40}},
        {"shape": {"dim": "6"}}, {"shape": {"layers": 2}}, {"shape": {"decoder_layers": 900}},
        {"shape": {"cell": "rnn"}},
        {"shape": {"attention": "location"}}, {"shape": {"feeding": "input"}},
        {"shape": {"n_target": 3}}, {"shape": {"n_source": 400}}, {"shape": {"n_source": 0, "rows": 5}},
        {"shape": {"rows": 2}}, {"shape": {"tie": "output"}}, {"shape": {"bidirectional": 1}}, {"shape": {"more": 1}},
        {"source": None}, {"source": {"kind": "given"}}, {"source": {"kind": "vectors"}},
        {"source": {"kind": "pieces"}}, {"source": {"kind": "vectors", "of": "tagger", "case": "exact", "config": {}}},
        {"pieces": {"units": "letters"}},
        {"pieces": {"lower": 1}}, {"pieces": {"units": "words"}}, {"pieces": None}, {"lists": []},
    ],
    ids=str,
)  # fmt: skip
def test_claims_that_do_not_fit(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "model"
    firth.save(model_of("joint"), path)
    config = json.loads((path / "config.json").read_text())
    for key, value in change.items():
        if isinstance(value, dict) and key != "source":
            config[key].update(value)
        else:
            config[key] = value
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(FormatError):
        firth.load(path)


@pytest.mark.parametrize("kind", ["joint", "ngrams", "location"])
def test_tensors_that_do_not_fit(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model"
    firth.save(model_of(kind), path)
    tensors = {name: np.array(value) for name, value in read_tensors(path / "model.safetensors")[0].items()}
    for name, value in tensors.items():
        if name.startswith("source."):
            continue  # vectors that are no numbers are theirs to judge, in their own folder too
        for other in ({**tensors, name: np.full_like(value, np.nan)}, {n: t for n, t in tensors.items() if n != name}):
            write_tensors(path / "model.safetensors", other)
            with pytest.raises(FormatError):
                firth.load(path)


def test_pieces_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "model"
    firth.save(model_of("joint"), path)
    pieces, merges = ((path / f"{name}.txt").read_text().splitlines() for name in ("vocab", "merges"))
    for name, lines in (
        ("vocab", pieces[:-1]), ("vocab", [*pieces[:-1], pieces[0]]), ("vocab", []), ("vocab", pieces[::-1]),
        ("merges", [*merges, "one"]), ("merges", [*merges, "not there"]), ("merges", ["a b c"]),
    ):  # fmt: skip
        firth.save(model_of("joint"), path)
        (path / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
        with pytest.raises(FormatError):
            firth.load(path)


def test_without_torch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    firth.save(model_of("joint"), tmp_path / "model")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="neural"):
        firth.load(tmp_path / "model")
