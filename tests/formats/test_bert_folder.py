"""BERT in our own folder: the same numbers back, whatever its form, and no trust in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import firth
from firth.contextual.bert_model import BertModel
from firth.contextual.bert_net import BertNet
from firth.contextual.bert_shape import BertShape
from firth.contextual.layer_mix import LayerMix
from firth.contextual.pieces import Pieces, wordpiece_json
from firth.errors import FormatError
from firth.tensors import read_tensors, write_tensors

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "苹", "果"]
SENTENCES = [["the", "cats"], ["苹果", "zebra", "\udcff", ""], []]
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "modern": {"positions": "rotary", "norm": "pre", "bias": False, "activation": "geglu", "epsilon": 1e-5},
    "shared": {"embedding": 4, "widens": True, "distinct": 1, "types": 2, "offset": 2},
    "headless": {"head": None},
}


def made(name: str, **options: Any) -> BertModel:
    net = BertNet(BertShape(10, 8, 2, 12, 2, longest=9, **SHAPES[name]))
    net.reset(torch.Generator().manual_seed(3))
    for value in net.parameters():
        value.data.add_(torch.linspace(-0.4, 0.4, value.numel()).view_as(value))
    return BertModel(net, Pieces(wordpiece_json(VOCABULARY)), **options)


@pytest.mark.filterwarnings("ignore:.*words have characters")
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("mix", [None, LayerMix(3, [0.5, -1.0, 2.0], 1.5, layer_norm=True)])
def test_a_folder_gives_the_model_back(name: str, mix: LayerMix | None, tmp_path: Path) -> None:
    model = made(name, pooling="last", mix=mix, metadata={"note": "made here"})
    firth.save(model, tmp_path / "bert")
    back = firth.load(tmp_path / "bert")
    assert (back.pooling, back.net.shape, back.has_chosen_mix) == ("last", model.net.shape, mix is not None)
    assert back.metadata["note"] == "made here"
    for found, expected in zip(back.encode(SENTENCES), model.encode(SENTENCES), strict=True):
        assert found.tobytes() == expected.tobytes()
    if model.net.head is not None:
        hidden = torch.ones(1, 8)
        assert torch.equal(back.net.logits(hidden), model.net.logits(hidden))
    firth.save(back, tmp_path / "again")
    for part in (tmp_path / "bert").iterdir():
        assert (tmp_path / "again" / part.name).read_bytes() == part.read_bytes()


def test_inspect_tells_pieces_and_layers(tmp_path: Path) -> None:
    from firth.formats.registry import inspect

    firth.save(made("modern"), tmp_path / "bert")
    report = inspect(tmp_path / "bert")
    assert (report.kind, report.words, report.dim, report.details["layers"]) == ("bert", 10, 8, 3)
    assert "distil" in report.uses


def change(**changes: Any) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        config["shape"] |= changes
        (folder / "config.json").write_text(json.dumps(config))

    return act


def outer(**changes: Any) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return act


def without(folder: Path) -> None:
    tensors = {name: np.array(value) for name, value in read_tensors(folder / "model.safetensors")[0].items()}
    del tensors["net.norm_embedding.bias"]
    write_tensors(folder / "model.safetensors", tensors)


BROKEN: list[tuple[Callable[[Path], Any], str]] = [
    (change(layers=1 << 30), "layers of the net's shape"),
    (change(layers=3), "a block lacks"),
    (change(distinct=3, layers=2), "more blocks than layers"),
    (change(pieces=1 << 25), "does not fit"),
    (change(heads=3), "spread over the heads"),
    (change(dim=True), "dim of the net's shape"),
    (change(positions="waves"), "positions of the net's shape"),
    (change(more=1), "no proper shape"),
    (change(longest=2), "does not fit|no place for a word"),
    (outer(shape=[]), "no proper shape"),
    (outer(pooling=["mean"]), "no such pooling"),
    (outer(pooling="max"), "no such pooling"),
    (outer(mix={"layer_norm": 1}), "mix of the layers"),
    (without, "norm_embedding.bias"),
    (lambda f: (f / "tokenizer.txt").write_text("{}\n{}\n"), "tokenizer is broken"),
    (lambda f: (f / "tokenizer.txt").write_text("{}\n"), "cannot read this tokenizer"),
    (lambda f: (f / "vocab.txt").write_text("a\n"), "not the tokenizer's"),
    (lambda f: (f / "tokenizer.txt").unlink(), "a part is missing"),
]


@pytest.mark.parametrize("place", range(len(BROKEN)))
def test_a_broken_folder_is_one_clear_line(place: int, tmp_path: Path) -> None:
    firth.save(made("plain"), tmp_path / "bert")
    act, message = BROKEN[place]
    act(tmp_path / "bert")
    with pytest.raises(FormatError, match=message):
        firth.load(tmp_path / "bert")
