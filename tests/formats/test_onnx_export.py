"""ONNX graphs of ELMos, run by onnxruntime, against the model itself."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from firth.contextual.bilm import BiLM
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.layer_mix import LayerMix
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling
from firth.contextual.word_spelling import WordSpelling
from firth.contextual.word_table import WordTable
from firth.errors import ConfigError, DataError, MissingExtraError
from firth.formats.onnx_export import write_onnx
from firth.formats.registry import convert, inspect, load, save
from firth.vectors.static import Vectors

WORDS = ["a", "bank", "of", "the", "river", "苹果", "unbelievably", "antidisestablishmentarianism", ""]


def model(kind: str) -> ElmoModel:
    torch.set_num_threads(1)
    limits = {"cell_clip": 0.0, "projection_clip": 0.0} if kind == "unclipped" else {}
    if kind == "clipped":
        limits = {"cell_clip": 0.3, "projection_clip": 0.2}
    if kind == "words":
        net, reader = BiLM(Shape(None, 20, 6, words=len(WORDS) + 2, word_dim=5)), WordTable(WORDS[:-1])
    else:
        activation = "tanh" if kind == "unclipped" else "relu"
        characters = CharacterShape(
            dim=4, filters=((1, 4), (3, 8), (5, 4)), n_highway=2, longest=12, activation=activation
        )
        net = BiLM(Shape(characters, 20, 6, 1 if kind == "unclipped" else 3, skip=kind != "unclipped", **limits))
        reader = Spelling.bytes(12)  # type: ignore[assignment]
    if kind == "both":
        net = BiLM(dataclasses.replace(net.shape, words=len(WORDS) + 2, word_dim=5))
        reader = WordSpelling.of(WordTable(WORDS[:-1]), reader)  # type: ignore[assignment, arg-type]
    net.reset(torch.Generator().manual_seed(3))
    with torch.no_grad():
        for layer in (*net.forward_layers, *net.backward_layers):
            layer.weight_ih.mul_(4)
    layers = net.shape.layers + 1
    weights = [0.3 * k for k in range(layers)]
    return ElmoModel(net, reader, mix=LayerMix(layers, weights, 1.5, layer_norm=kind == "clipped"))


def run(path: Path, elmo: ElmoModel, sentences: list[list[str]], filler: int = 7) -> tuple[np.ndarray, np.ndarray]:
    runtime = pytest.importorskip("onnxruntime")
    longest, width = max(map(len, sentences)), elmo.reader.boundaries().shape[1]
    rows = np.full((len(sentences), longest, width), filler, np.int64)
    for place, sentence in enumerate(sentences):
        rows[place, : len(sentence)] = elmo.reader.rows(sentence)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    layers, mixed = session.run(None, {"rows": rows, "lengths": np.array([len(s) for s in sentences], np.int64)})
    return layers, mixed


@pytest.mark.parametrize("kind", ["clipped", "unclipped", "words", "both"])
@pytest.mark.filterwarnings("ignore:.*tokens")
def test_the_graph_gives_the_models_layers(tmp_path: Path, kind: str) -> None:
    elmo = model(kind)
    write_onnx(elmo, tmp_path / "m.onnx")
    random = np.random.default_rng(1)
    for lengths in ([1], [5, 2, 3], [1, 0, 9], [17]):
        sentences = [[WORDS[int(k)] for k in random.integers(0, len(WORDS), length)] for length in lengths]
        layers, mixed = run(tmp_path / "m.onnx", elmo, sentences)
        assert layers.shape == (elmo.n_layers, len(lengths), max(lengths), elmo.dim)
        for row, sentence in enumerate(sentences):
            n = len(sentence)
            np.testing.assert_allclose(layers[:, row, :n], elmo.encode_layers([sentence])[0], atol=1e-5)
            np.testing.assert_allclose(mixed[row, :n], elmo.encode([sentence])[0], atol=1e-5)
            assert not layers[:, row, n:].any()
            assert not mixed[row, n:].any()


@pytest.mark.filterwarnings("ignore:.*tokens")
def test_the_clips_fire() -> None:
    """What the test above compares would differ without them."""
    elmo = model("clipped")
    layers = elmo.encode_layers([WORDS])[0]
    elmo.net.forward_layers[0].cell_clip = 0.0  # type: ignore[assignment]
    elmo.net.forward_layers[0].projection_clip = 0.0  # type: ignore[assignment]
    assert np.abs(elmo.encode_layers([WORDS])[0] - layers).max() > 0.01


def test_published_sizes_of_characters(tmp_path: Path) -> None:
    """50 characters a word, five groups of filters."""
    characters = CharacterShape(dim=4, filters=((1, 4), (2, 8), (3, 16), (4, 32), (5, 64)))
    net = BiLM(Shape(characters, 64, 16))
    net.reset(torch.Generator().manual_seed(1))
    elmo = ElmoModel(net, Spelling.bytes(50))
    write_onnx(elmo, tmp_path / "m.onnx")
    layers, _ = run(tmp_path / "m.onnx", elmo, [["the", "bank"], ["苹果"]])
    np.testing.assert_allclose(layers[:, 0], elmo.encode_layers([["the", "bank"]])[0], atol=1e-5)


def test_a_reader_can_be_made_of_the_metadata(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    elmo = model("clipped")
    save(elmo, tmp_path / "m")
    assert convert(tmp_path / "m", tmp_path / "m.onnx") == ["the model's options and origin cannot be kept in onnx"]
    told = {entry.key: entry.value for entry in onnx.load(str(tmp_path / "m.onnx")).metadata_props}
    reader = json.loads(told["firth.reader"])
    assert (reader["kind"], reader["scheme"], reader["longest"]) == ("characters", "bytes", 12)
    assert reader["marks"]["bow"] == 259
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)


def test_the_file_is_known_and_not_read(tmp_path: Path) -> None:
    save(model("words"), tmp_path / "m.onnx")
    assert inspect(tmp_path / "m.onnx").format == "onnx"
    with pytest.raises(ConfigError, match="other runtimes"):
        load(tmp_path / "m.onnx")


def test_what_is_no_elmo_is_refused(tmp_path: Path) -> None:
    save(Vectors(["a"], np.ones((1, 2), np.float32)), tmp_path / "v.txt")
    with pytest.raises(DataError, match="onnx cannot hold this model: got Vectors"):
        convert(tmp_path / "v.txt", tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_without_onnx_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"firth\[onnx\]"):
        write_onnx(model("words"), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
