"""Published ELMos: the fixture's own vectors, the exact layout back, and models that read words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import firth
from firth.contextual.bilm import BiLM
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling
from firth.contextual.word_table import WordTable
from firth.errors import DataError, FormatError
from firth.formats.registry import convert, inspect

FIXTURE = "elmo-fixtures/bilm-tf/model"
Data = Callable[[str], Path]


def datasets(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[...]}) if isinstance(item, h5py.Dataset) else None)
    return found


def stateful(model: ElmoModel, sentences: list[list[str]], state: Any) -> tuple[list[Any], Any]:
    """Read sentences side by side, longest first, and give their layers and the state in the given order."""
    order = sorted(range(len(sentences)), key=lambda i: -len(sentences[i]))
    back = [order.index(i) for i in range(len(sentences))]
    bounds = model.reader.boundaries()
    rows = [np.concatenate([bounds[:1], model.reader.rows(sentences[i]), bounds[1:]]) for i in order]
    lengths = [len(piece) for piece in rows]
    tokens = torch.zeros(max(lengths), len(rows), model.net.shape.projection)
    for place, piece in enumerate(rows):
        tokens[: len(piece), place] = model.net.tokens(torch.from_numpy(piece).long())
    if state is not None:
        state = tuple([(h[order], c[order]) for h, c in way] for way in state)
    layers, after = model.net(tokens, lengths, state)
    found = [layers[:, 1 : lengths[place] - 1, place].numpy() for place in back]
    return found, tuple([(h[back], c[back]) for h, c in way] for way in after)


@torch.no_grad()
def test_the_fixtures_vectors_stateful_and_clipped(data: Data) -> None:
    folder = data(FIXTURE)
    model: Any = firth.load(folder)
    texts = json.loads((folder / "lm_embeddings_sentences.json").read_text())
    wanted = [datasets(folder / f"lm_embeddings_{i}.hdf5") for i in range(3)]
    state, worst = None, 0.0
    for k in range(len(texts[0])):
        found, state = stateful(model, [text[k].split() for text in texts], state)
        for i, layers in enumerate(found):
            # The file holds the top layer, both directions: (2, n_tokens, 16).
            forward, backward = wanted[i][str(k)]
            worst = max(worst, float(np.abs(layers[-1] - np.concatenate([forward, backward], 1)).max()))
    assert len(texts[0]) == 10
    assert worst <= 2e-6


def test_the_fixture_goes_back_to_its_own_layout(data: Data, tmp_path: Path) -> None:
    source = data(FIXTURE) / "lm_weights.hdf5"
    lost = convert(source, tmp_path / "x_weights.hdf5")
    assert lost == []
    wanted, found = datasets(source), datasets(tmp_path / "x_weights.hdf5")
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        assert found[name].dtype == value.dtype
        if name.endswith("/B"):  # the forget gate's lost bits when 1 was added
            forget = slice(2 * len(value) // 4, 3 * len(value) // 4)
            np.testing.assert_array_equal(1 + found[name][forget], 1 + value[forget])
            found[name][forget] = value[forget]
        np.testing.assert_array_equal(found[name], value)
    options = json.loads((tmp_path / "x_options.json").read_text())
    assert options == json.loads((data(FIXTURE) / "options.json").read_text())


def test_what_is_written_is_read_to_the_same_bits_and_bytes(data: Data, tmp_path: Path) -> None:
    model: Any = firth.load(data(FIXTURE))
    firth.save(model, tmp_path / "a.hdf5")
    again: Any = firth.load(tmp_path / "a.hdf5")
    for name, value in model.net.state_dict().items():
        assert torch.equal(again.net.state_dict()[name], value), name
    firth.save(again, tmp_path / "b.hdf5")
    assert (tmp_path / "a.hdf5").read_bytes() == (tmp_path / "b.hdf5").read_bytes()
    assert (tmp_path / "a_options.json").read_bytes() == (tmp_path / "b_options.json").read_bytes()


def test_a_folder_of_ours_and_back(data: Data, tmp_path: Path) -> None:
    assert convert(data(FIXTURE), tmp_path / "ours") == []
    assert convert(tmp_path / "ours", tmp_path / "back.hdf5") == []
    firth.save(firth.load(data(FIXTURE)), tmp_path / "straight.hdf5")
    assert (tmp_path / "back.hdf5").read_bytes() == (tmp_path / "straight.hdf5").read_bytes()


def test_inspect_tells_sizes_and_uses(data: Data) -> None:
    report = inspect(data(FIXTURE))
    assert (report.format, report.kind, report.dim) == ("bilm", "elmo", 32)
    n = sum(value.size for value in datasets(data(FIXTURE) / "lm_weights.hdf5").values())
    assert report.details["parameters"] == n + 4  # the mask's row of 4
    assert report.details["output_layer"] is False
    assert "embed" in report.uses
    assert "score" not in report.uses


# --- models made here -------------------------------------------------------------------------------------------------


def made(**others: Any) -> ElmoModel:
    characters = CharacterShape(262, 3, ((1, 4), (3, 6)), 1, "tanh", 9)
    shape = Shape(**{"characters": characters, "cells": 7, "projection": 4, "projection_clip": 0.0, **others})
    net = BiLM(shape)
    net.reset(torch.Generator().manual_seed(5))
    return ElmoModel(net, Spelling.bytes(9) if shape.characters else WordTable(["the", "cat", "\udcff"]))


SENTENCES = [["the", "cat", "antidisestablishmentarianism"], ["\udcff"]]


@pytest.mark.parametrize("others", [{}, {"skip": False, "cell_clip": 0.0, "layers": 3}, {"projection": 7}], ids=str)
def test_a_model_of_ours_gives_the_same_vectors_from_hdf5(others: dict[str, Any], tmp_path: Path) -> None:
    model = made(**others)
    firth.save(model, tmp_path / "m.hdf5")
    again: Any = firth.load(tmp_path / "m.hdf5")
    assert again.net.shape == model.net.shape
    for found, wanted in zip(again.encode_layers(SENTENCES), model.encode_layers(SENTENCES), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_model_that_reads_words_brings_its_vocabulary(tmp_path: Path) -> None:
    model = made(characters=None, words=6, word_dim=5)
    firth.save(model, tmp_path / "w_weights.hdf5")
    assert (tmp_path / "w_vocab.txt").read_bytes() == b"<UNK>\n<S>\n</S>\nthe\ncat\n\xff\n"
    again: Any = firth.load(tmp_path / "w_weights.hdf5")
    # Their words have no projection: it is in the vectors now.
    assert again.net.shape.word_dim == 4
    for found, wanted in zip(again.encode_layers(SENTENCES), model.encode_layers(SENTENCES), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    (tmp_path / "w_vocab.txt").write_bytes(b"cat\n</S>\n<S>\n<UNK>\nthe\n\xff\n")
    with h5py.File(tmp_path / "w_weights.hdf5", "r+") as file:
        file["embedding"][...] = file["embedding"][...][[4, 2, 1, 0, 3, 5]]
    turned: Any = firth.load(tmp_path)
    assert turned.reader.words == ["cat", "the", "\udcff"]
    for found, wanted in zip(turned.encode_layers(SENTENCES), again.encode_layers(SENTENCES), strict=True):
        np.testing.assert_array_equal(found, wanted)
    (tmp_path / "w_vocab.txt").unlink()
    with pytest.raises(FormatError, match="lists them"):
        firth.load(tmp_path)


def test_a_net_without_projections_is_read_as_bilm_tf_builds_it(tmp_path: Path) -> None:
    """As many filters as outputs, and as many cells: bilm-tf then has neither CNN_proj nor W_P_0, nor a clip of it."""
    model = made(characters=CharacterShape(262, 3, ((1, 4), (3, 3)), 1, "relu", 9), cells=7, projection=7)
    with torch.no_grad():
        model.net.tokens.projection.weight.copy_(torch.eye(7))
        for layer in (*model.net.forward_layers, *model.net.backward_layers):
            layer.weight_hr.copy_(torch.eye(7))
    firth.save(model, tmp_path / "m.hdf5")
    assert not [name for name in datasets(tmp_path / "m.hdf5") if "W_P_0" in name or "CNN_proj" in name]
    options = json.loads((tmp_path / "m_options.json").read_text())
    options["lstm"]["proj_clip"] = 1e-3
    (tmp_path / "m_options.json").write_text(json.dumps(options))
    again: Any = firth.load(tmp_path / "m.hdf5")
    np.testing.assert_allclose(again.encode(SENTENCES)[0], model.encode(SENTENCES)[0], atol=1e-6)


@pytest.mark.parametrize("packing", [{"compression": "gzip"}, {"compression": "gzip", "shuffle": True}, {}], ids=str)
def test_packed_data_sets_are_read(packing: dict[str, Any], tmp_path: Path) -> None:
    firth.save(made(), tmp_path / "m.hdf5")
    plain = datasets(tmp_path / "m.hdf5")
    with h5py.File(tmp_path / "m.hdf5", "w") as file:
        for name, value in plain.items():
            chunks = tuple(max(1, (n + 1) // 2) for n in value.shape)
            file.create_dataset(name, data=value, chunks=chunks, **packing)
    again: Any = firth.load(tmp_path / "m.hdf5")
    for name, value in made().net.state_dict().items():
        torch.testing.assert_close(again.net.state_dict()[name], value, atol=1e-6, rtol=0)


def test_names_of_some_variety_are_found(data: Data, tmp_path: Path) -> None:
    folder = data(FIXTURE)
    for options, weights in (
        ("elmo_2x16_options.json", "elmo_2x16_weights.hdf5"), ("options.json", "weights.hdf5"),
        ("options.json", "model.h5"), ("any_options_2.json", "lm_weights.hdf5"),
    ):  # fmt: skip
        place = tmp_path / weights
        place.mkdir()
        shutil.copy(folder / "options.json", place / options)
        shutil.copy(folder / "lm_weights.hdf5", place / weights)
        assert firth.load(place).dim == firth.load(place / weights).dim == 32


def test_two_models_in_a_folder_are_told_apart_by_name(tmp_path: Path) -> None:
    firth.save(made(), tmp_path / "a_weights.hdf5")
    firth.save(made(layers=1), tmp_path / "b_weights.hdf5")
    with pytest.raises(FormatError, match="more than one model"):
        firth.load(tmp_path)
    assert firth.load(tmp_path / "b_weights.hdf5").n_layers == 2


def test_what_hdf5_cannot_hold_is_told(tmp_path: Path) -> None:
    spelling = Spelling.codepoints(["a", "b"], 9)
    characters = CharacterShape(spelling.n_ids, 3, ((1, 4),), 0, "relu", 9)
    model = ElmoModel(BiLM(Shape(characters, 7, 4), pad=spelling.marks.pad), spelling)
    with pytest.raises(DataError, match="bytes"):
        firth.save(model, tmp_path / "m.hdf5")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "m_options.json").write_text('{"mine": 1}')
    with pytest.raises(DataError, match="won't replace"):
        firth.save(made(), tmp_path / "m.hdf5")
    assert (tmp_path / "m_options.json").read_text() == '{"mine": 1}'


def test_converting_says_what_is_lost(tmp_path: Path) -> None:
    model = made()
    with torch.no_grad():
        model.mix.gamma.fill_(2.0)
        model.net.forward_layers[0].bias[7] = 0.1
    firth.save(model, tmp_path / "ours")
    assert sorted(convert(tmp_path / "ours", tmp_path / "m.hdf5")) == [
        "the last bit of some forget gates' biases, which are stored less one, cannot be kept in bilm",
        "the mix of the layers cannot be kept in bilm",
    ]
