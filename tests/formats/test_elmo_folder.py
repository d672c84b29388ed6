"""ELMo in our own folder: the same numbers back, whatever it reads and predicts, and no trust in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import firth
from firth.contextual.bilm import BiLM
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.layer_mix import LayerMix
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling
from firth.contextual.word_spelling import WordSpelling
from firth.contextual.word_table import WordTable
from firth.errors import FormatError
from firth.lm.lexicon import Lexicon
from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax, SampledSoftmax
from firth.tensors import read_tensors, write_tensors
from firth.text.vocab import Vocab

SENTENCES = [["the", "cat", "sat"], ["苹果", "a\u2028b", "\udcff", ""], []]
LEXICON = Lexicon.of(Vocab(["the", "cat", "苹果", "sat"], [9, 7, 5, 3]))
ALPHABET = ["a", "c", "\n", "果", "t"]


def shape(n_ids: int = 262, **others: Any) -> Shape:
    characters = CharacterShape(n_ids, 3, ((1, 4), (3, 5)), 1, "tanh", 9)
    return Shape(**{"characters": characters, "cells": 7, "projection": 8, "cell_clip": 0.0, "skip": False, **others})


def by_bytes(softmax: FullSoftmax | AdaptiveSoftmax | None = None, **others: Any) -> ElmoModel:
    lexicon = None if softmax is None else LEXICON
    mix = LayerMix(3, [0.5, -1.0, 2.0], 1.5, layer_norm=True)
    return drawn(ElmoModel(BiLM(shape(**others), softmax), Spelling.bytes(9), lexicon, mix, {"note": "made here"}))


def by_codepoints() -> ElmoModel:
    spelling = Spelling.codepoints(ALPHABET, 9)
    return drawn(ElmoModel(BiLM(shape(spelling.n_ids), pad=spelling.marks.pad), spelling))


def by_words() -> ElmoModel:
    table = WordTable(["the", "\udcff", "苹果"])
    return drawn(ElmoModel(BiLM(shape(characters=None, words=6, word_dim=5)), table))


def by_both() -> ElmoModel:
    spelling, table = Spelling.codepoints(ALPHABET, 9), WordTable(["the", "\udcff"])
    net = BiLM(shape(spelling.n_ids, words=5, word_dim=5), pad=spelling.marks.pad)
    return drawn(ElmoModel(net, WordSpelling.of(table, spelling)))


def drawn(model: ElmoModel) -> ElmoModel:
    model.net.reset(torch.Generator().manual_seed(3))
    return model


def full() -> ElmoModel:
    return by_bytes(FullSoftmax(8, LEXICON.n_outputs))


def sampled() -> ElmoModel:
    return by_bytes(SampledSoftmax(8, LEXICON.n_outputs, np.full(LEXICON.n_outputs, 0.5)))


def adaptive() -> ElmoModel:
    return by_bytes(AdaptiveSoftmax(8, LEXICON.n_outputs, LEXICON.vocab.counts[: LEXICON.n_outputs], (2, 4), 2.0))


MAKERS = [by_bytes, by_codepoints, by_words, by_both, full, sampled, adaptive]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_model_comes_back_as_it_was(make: Callable[[], ElmoModel], tmp_path: Path) -> None:
    model = make()
    firth.save(model, tmp_path / "model")
    again: Any = firth.load(tmp_path / "model")
    for found, wanted in ((again.encode, model.encode), (again.encode_layers, model.encode_layers)):
        for a, b in zip(found(SENTENCES), wanted(SENTENCES), strict=True):
            np.testing.assert_array_equal(a, b)
    assert again.net.shape == model.net.shape
    assert again.mix.layer_norm == model.mix.layer_norm
    assert (again.lexicon is None) == (model.lexicon is None)
    assert again.metadata.items() >= model.metadata.items()
    if model.net.softmax is not None:
        hidden = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
        assert torch.equal(again.net.softmax.log_probs(hidden), model.net.softmax.log_probs(hidden))
        assert again.lexicon == model.lexicon
    firth.save(again, tmp_path / "twice")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "twice" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()


def test_what_was_trained_by_samples_is_read_as_a_full_softmax(tmp_path: Path) -> None:
    firth.save(sampled(), tmp_path / "model")
    assert type(firth.load(tmp_path / "model").net.softmax) is FullSoftmax


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_inspect_tells_what_it_is_and_what_it_is_good_for(make: Callable[[], ElmoModel], tmp_path: Path) -> None:
    model = make()
    firth.save(model, tmp_path / "model")
    report = firth.formats.registry.inspect(tmp_path / "model")
    assert report.kind == "elmo"
    assert report.dim == 16
    assert report.details["parameters"] == sum(p.numel() for p in model.net.parameters())
    assert ("score" in report.uses) == (model.net.softmax is not None) == report.details["output_layer"]
    assert {"embed", "senses", "convert"} <= set(report.uses)


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    config = json.loads((path / "config.json").read_text())
    change(config)
    (path / "config.json").write_text(json.dumps(config))
    return path


@pytest.mark.parametrize(
    "change",
    [
        {"cells": 8}, {"cells": 1 << 40}, {"cells": "7"}, {"cells": 7.0}, {"projection": True}, {"layers": 3},
        {"layers": 0}, {"skip": 1}, {"cell_clip": -1}, {"cell_clip": "3"}, {"cell_clip": float("nan")}, {"more": 1},
        {"characters": None}, {"characters": []}, {"words": -1},
    ],
    ids=str,
)  # fmt: skip
def test_a_shape_that_does_not_fit_is_a_format_error(change: dict[str, Any], tmp_path: Path) -> None:
    firth.save(adaptive(), tmp_path / "model")
    with pytest.raises(FormatError):
        firth.load(changed(tmp_path / "model", lambda config: config["shape"].update(change)))


@pytest.mark.parametrize(
    "change",
    [
        {"n_ids": 261}, {"n_ids": 1 << 60}, {"dim": 0}, {"filters": []}, {"filters": [[1, 4]] * 200},
        {"filters": [[1, 4], [3, 1 << 50]]}, {"filters": [[1, 4], [10, 5]]}, {"filters": "ab"},
        {"filters": [[1, 4], 3]},
        {"n_highway": 2}, {"n_highway": -1}, {"activation": "gelu"}, {"activation": ["relu"]}, {"longest": 10},
        {"longest": 1 << 30}, {"more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_layer_that_does_not_fit_is_a_format_error(change: dict[str, Any], tmp_path: Path) -> None:
    firth.save(full(), tmp_path / "model")
    with pytest.raises(FormatError):
        firth.load(changed(tmp_path / "model", lambda config: config["shape"]["characters"].update(change)))


@pytest.mark.parametrize(
    "change",
    [
        {"reader": None}, {"reader": {"kind": "words"}}, {"reader": {"kind": "characters"}}, {"mix": None},
        {"mix": {"layer_norm": 1}}, {"lexicon": False}, {"softmax": "full"}, {"softmax": {"kind": "sampled"}},
        {"softmax": {"kind": "adaptive", "cutoffs": [4, 2], "shrink": 2.0}},
        {"softmax": {"kind": "adaptive", "cutoffs": [2, 4], "shrink": 0}},
        {"softmax": {"kind": "adaptive", "cutoffs": [2, 99], "shrink": 2.0}},
        {"softmax": {"kind": "full"}},
    ],
    ids=str,
)  # fmt: skip
def test_options_that_do_not_fit_are_a_format_error(change: dict[str, Any], tmp_path: Path) -> None:
    firth.save(adaptive(), tmp_path / "model")
    with pytest.raises(FormatError):
        firth.load(changed(tmp_path / "model", lambda config: config.update(change)))


@pytest.mark.parametrize("mark", ["bos", "pad", "unknown"])
@pytest.mark.parametrize("value", [-1, 1 << 40, None, "5", 1.0])
def test_a_mark_that_is_no_id_is_a_format_error(mark: str, value: Any, tmp_path: Path) -> None:
    firth.save(by_codepoints(), tmp_path / "model")
    with pytest.raises(FormatError):
        firth.load(changed(tmp_path / "model", lambda config: config["reader"].update({mark: value})))


@pytest.mark.parametrize("fault", ["lacks", "shape", "type", "nan", "ranks", "alphabet"])
def test_a_tensor_that_does_not_fit_is_a_format_error(fault: str, tmp_path: Path) -> None:
    firth.save(by_codepoints() if fault == "alphabet" else adaptive(), tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    tensors, _ = read_tensors(file, mmap=False)
    name = {"ranks": "net.softmax.ranks", "alphabet": "reader.ids"}.get(fault, "net.forward_layers.1.weight_hr")
    changes: dict[str, Callable[[Any], Any]] = {
        "shape": lambda x: x[:-1],
        "type": lambda x: x.astype(np.float64),
        "nan": lambda x: np.where(x == x.max(), np.nan, x).astype(x.dtype),
        "ranks": lambda x: x * 0,
        "alphabet": lambda x: x + 1000,
    }
    if fault == "lacks":
        del tensors[name]
    else:
        tensors[name] = changes[fault](tensors[name])
    write_tensors(file, tensors)
    with pytest.raises(FormatError):
        firth.load(tmp_path / "model")
