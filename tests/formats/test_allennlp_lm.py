"""AllenNLP's language models: what its own modules give (tests/golden/make_allennlp_lm.py), and no trust in files."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import firth
from firth.errors import DataError, FormatError
from firth.formats.registry import convert, inspect
from firth.protocols import Contextual

GOLDEN = Path(__file__).parents[1] / "golden" / "allennlp_lm"
KINDS = ["transformer", "lstm", "stacked", "plain"]
SENTENCES = [
    ["The", "cat", "sat", "on", "the", "mat", "."], ["Nürnberg"], ["我", "吃", "苹果"], ["x" * 60, "", "The", "<b>"],
]  # fmt: skip
CUT = "ignore:1 of .* are longer than 48 bytes"
CONTEXT, TOKENS = "_contextualizer.", "_text_field_embedder.token_embedder_token_characters."
Data = Callable[[str], Path]
State = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def content(kind: str) -> tuple[dict[str, Any], State]:
    """Return config and weights of a golden archive."""
    with tarfile.open(GOLDEN / f"{kind}.tar.gz") as tar:
        config, weights = (tar.extractfile(name) for name in ("config.json", "weights.th"))
        assert config is not None
        assert weights is not None
        return json.load(config), torch.load(io.BytesIO(weights.read()), weights_only=True)


def archive(path: Path, config: Any, state: Any) -> Path:
    weights = io.BytesIO()
    torch.save(state, weights)
    with tarfile.open(path, "w:gz") as tar:
        for name, raw in (("config.json", json.dumps(config).encode()), ("weights.th", weights.getvalue())):
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    return path


def told(path: Path) -> str:
    """Return the one line of the error that loading gives."""
    with pytest.raises(FormatError) as caught:
        firth.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.filterwarnings(CUT)
@pytest.mark.parametrize("kind", [*KINDS, "published"])
def test_the_layers_of_their_own_modules(kind: str, data: Data) -> None:
    path = data("elmo-fixtures/allennlp-language_model/model.tar.gz") if kind == "published" else None
    model: Any = firth.load(path or GOLDEN / f"{kind}.tar.gz")
    assert isinstance(model, Contextual)
    wanted = np.load(GOLDEN / "vectors.npz")
    for i, layers in enumerate(model.encode_layers(SENTENCES)):
        assert np.abs(wanted[f"{kind}{i}"]).max() > 0.5
        np.testing.assert_allclose(layers, wanted[f"{kind}{i}"], atol=2e-6, rtol=2e-7)


@pytest.mark.filterwarnings(CUT)
def test_the_mix_of_a_task(tmp_path: Path) -> None:
    wanted = np.load(GOLDEN / "vectors.npz")
    alone = Path(shutil.copy(GOLDEN / "task.tar.gz", tmp_path / "model.tar.gz"))
    beside: Any = firth.load(GOLDEN / "task.tar.gz")  # the archive that it names lies there too
    with pytest.warns(UserWarning, match=r"\(transformer\.tar\.gz\): taken as all that AllenNLP published"):
        guessed: Any = firth.load(alone)
    for model in (beside, guessed):
        for i, mixed in enumerate(model.encode(SENTENCES)):
            np.testing.assert_allclose(mixed, wanted[f"task{i}"], atol=2e-6)
    report = inspect(alone)
    assert (report.kind, report.details["task"], len(report.details["notes"])) == ("context", "crf_tagger", 1)


@pytest.mark.filterwarnings("ignore:.*taken as all")
def test_a_task_that_takes_the_top_layer_of_bare_sentences(tmp_path: Path) -> None:
    config, state = content("task")
    state = {name: value for name, value in state.items() if "_scalar_mix" not in name}
    embedder = config["model"]["text_field_embedder"]["token_embedders"]["elmo"]
    embedder |= {"top_layer_only": True, "bos_eos_tokens": None}
    with pytest.warns(UserWarning, match="gives sentences no marks"):
        model: Any = firth.load(archive(tmp_path / "m.tar.gz", config, state))
    wanted = model.encode_layers(SENTENCES[:1])[0][-1]
    np.testing.assert_allclose(model.encode(SENTENCES[:1])[0], wanted, atol=1e-6)


def test_version_one_keeps_its_cells_elsewhere(tmp_path: Path) -> None:
    config, state = content("stacked")
    moved = {
        name.replace(".input_l", ".cell.input_l").replace(".state_l", ".cell.state_l"): v for name, v in state.items()
    }
    assert moved.keys() != state.keys()
    ours: Any = firth.load(archive(tmp_path / "m.tar.gz", config, moved))
    theirs: Any = firth.load(GOLDEN / "stacked.tar.gz")
    np.testing.assert_array_equal(ours.encode(SENTENCES[:3])[0], theirs.encode(SENTENCES[:3])[0])


@pytest.mark.filterwarnings(CUT)
@pytest.mark.parametrize("kind", [*KINDS, "task"])
def test_they_go_into_a_folder_of_ours(kind: str, tmp_path: Path) -> None:
    assert convert(GOLDEN / f"{kind}.tar.gz", tmp_path / "ours") == []
    ours: Any = firth.load(tmp_path / "ours")
    theirs: Any = firth.load(GOLDEN / f"{kind}.tar.gz")
    for way in ("encode", "encode_layers"):
        for a, b in zip(getattr(ours, way)(SENTENCES), getattr(theirs, way)(SENTENCES), strict=True):
            np.testing.assert_array_equal(a, b)
    assert ours.metadata["origin"] == "AllenNLP"
    report = inspect(tmp_path / "ours")
    assert (report.kind, report.uses, report.dim) == ("context", ("embed", "senses", "convert"), ours.dim)


@pytest.mark.parametrize("suffix", [".onnx", ".hdf5"])
def test_other_files_cannot_hold_them(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot hold this model"):
        convert(GOLDEN / "lstm.tar.gz", tmp_path / f"m{suffix}")


def test_inspect_tells_what_it_is() -> None:
    report = inspect(GOLDEN / "transformer.tar.gz")
    assert (report.format, report.kind, report.dim) == ("allennlp", "context", 32)
    assert "2 highway layers before a projection to 16, normed" in report.details["token_layer"]
    assert (report.details["layers"], report.details["longest_sentence"]) == (3, 22)
    assert report.details["output_layer"] is False
    assert "behind a projection" in inspect(GOLDEN / "stacked.tar.gz").details["token_layer"]
    assert "6 does not divide 14" in inspect(GOLDEN / "lstm.tar.gz").details["token_layer_left_out"]


def test_a_sentence_longer_than_the_positions() -> None:
    model: Any = firth.load(GOLDEN / "transformer.tar.gz")
    assert model.encode([["a"] * 22])[0].shape == (22, 32)
    with pytest.raises(DataError, match="23 tokens, expected at most 22; split it"):
        model.encode([["a"], ["a"] * 23])


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["stacked_self_attention", "gru", "gated-cnn-encoder", 3])
def test_other_contextualizers_are_refused_by_name(kind: Any, tmp_path: Path) -> None:
    config, state = content("lstm")
    config["model"]["contextualizer"]["type"] = kind
    assert str(kind) in told(archive(tmp_path / "m.tar.gz", config, state))


OPTIONS: dict[str, tuple[str, Callable[[dict[str, Any], dict[str, Any]], Any]]] = {
    "one direction": ("one direction only", lambda m, e: m.update(bidirectional=False)),
    "layers": ("num_layers 4", lambda m, e: m["contextualizer"].update(num_layers=4)),
    "cells": ("hidden_dim", lambda m, e: m["contextualizer"].update(hidden_dim="20")),
    "filters": ("filters", lambda m, e: e["encoder"].update(filters=[[1, 4]])),
    "norm": ("do_layer_norm", lambda m, e: e["encoder"].update(do_layer_norm=False)),
    "encoder": ("another encoder", lambda m, e: e["encoder"].update(type="cnn")),
    "activation": ("no such activation", lambda m, e: e["encoder"].update(activation=["x"])),
    "no projection": ("no known place", lambda m, e: e["encoder"].update(projection_location=None)),
    "early projection": ("don't fit the options", lambda m, e: e["encoder"].update(projection_location="after_cnn")),
    "type": ("no such contextualizer", lambda m, e: m["contextualizer"].update(type="lstm")),
}


@pytest.mark.parametrize("fault", OPTIONS)
def test_options_that_do_not_fit(fault: str, tmp_path: Path) -> None:
    config, state = content("transformer")
    says, change = OPTIONS[fault]
    model = config["model"]
    change(model, model["text_field_embedder"]["token_embedders"]["token_characters"])
    assert says in told(archive(tmp_path / "m.tar.gz", config, state))


@pytest.mark.parametrize("indexer", [{"type": "characters"}, {"type": "elmo_characters", "tokens_to_add": {"x": 3}}])
def test_words_spelled_otherwise(indexer: dict[str, Any], tmp_path: Path) -> None:
    config, state = content("transformer")
    config["dataset_reader"] = {
        "type": "multiprocess",
        "base_reader": {"token_indexers": {"token_characters": indexer}},
    }
    assert "spelled in an unknown way" in told(archive(tmp_path / "m.tar.gz", config, state))


BLOCK = CONTEXT + "_backward_transformer.layers.1."
STATES: dict[str, tuple[str, str, Callable[[State], Any]]] = {
    "lacks": ("transformer", "lacks", lambda s: s.pop(BLOCK + "self_attn.linears.2.bias")),
    "short": ("transformer", "don't fit", lambda s: s.update({BLOCK + "feed_forward.w_2.weight": torch.zeros(16, 19)})),
    "nan": ("transformer", "no number", lambda s: s[BLOCK + "sublayer.0.norm.gamma"].fill_(torch.nan)),
    "integers": ("transformer", "don't fit", lambda s: s.update(
        {BLOCK + "feed_forward.w_1.bias": torch.zeros(20).int()})),
    "heads": ("transformer", "multiple of the heads", lambda s: s.update(
        {CONTEXT + "_forward_transformer.norm.gamma": torch.ones(12)})),
    "no position": ("transformer", "no positions", lambda s: s.update(
        {CONTEXT + "_position.positional_encoding": torch.zeros(1, 2, 16)})),
    "flat positions": ("transformer", "no positions", lambda s: s.update(
        {CONTEXT + "_position.positional_encoding": torch.zeros(0)})),
    "no characters": ("transformer", "no single character CNN", lambda s: s.pop(TOKENS + "_embedding._module.weight")),
    "more words": ("transformer", "no single character CNN", lambda s: s.update(
        {"_text_field_embedder.token_embedder_tokens.weight": torch.zeros(3, 3)})),
    "few characters": ("transformer", "n_ids", lambda s: s.update(
        {TOKENS + "_embedding._module.weight": torch.zeros(100, 4)})),
    "no filters": ("stacked", "filters", lambda s: [s.pop(TOKENS + f"_encoder._module.char_conv_{k}.weight")
                                                    for k in range(2)]),
    "flat filter": ("stacked", "width", lambda s: s.update(
        {TOKENS + "_encoder._module.char_conv_0.weight": torch.zeros(4)})),
    "no layers": ("transformer", "lacks", lambda s: s.pop(
        CONTEXT + "_forward_transformer.layers.0.feed_forward.w_1.weight")),
    "gru": ("lstm", "no LSTM", lambda s: s.update({CONTEXT + "_module.weight_hh_l0": torch.zeros(21, 7)})),
    "projected": ("lstm", "no LSTM", lambda s: s.update({CONTEXT + "_module.weight_hr_l0": torch.zeros(3, 7)})),
    "forward alone": ("lstm", "one direction", lambda s: s.pop(CONTEXT + "_module.weight_hh_l0_reverse")),
    "no bias": ("lstm", "lacks", lambda s: s.pop(CONTEXT + "_module.bias_ih_l2_reverse")),
    "gates": ("stacked", "no LSTM", lambda s: s.update(
        {CONTEXT + "_module.forward_layer_0.state_linearity.weight": torch.zeros(18, 6)})),
    "one backward": ("stacked", "backward_layer_1", lambda s: s.pop(
        CONTEXT + "_module.backward_layer_1.state_linearity.weight")),
    "two models": ("plain", "more than one", lambda s: s.update({"other." + CONTEXT + "x": torch.zeros(1)})),
    "none": ("plain", "no contextualizer", lambda s: [s.pop(name) for name in list(s) if CONTEXT in name]),
    "another": ("plain", "no such contextualizer", lambda s: [
        s.update({name.replace("_layer_", "_block_"): s.pop(name)}) for name in list(s) if CONTEXT in name]),
}  # fmt: skip


@pytest.mark.parametrize("fault", STATES)
def test_weights_that_do_not_fit(fault: str, tmp_path: Path) -> None:
    kind, says, change = STATES[fault]
    config, state = content(kind)
    if fault in ("few characters", "no filters", "flat filter", "no layers"):
        del config["model"]["text_field_embedder"], config["model"]["contextualizer"]
    change(state)
    assert says in told(archive(tmp_path / "m.tar.gz", config, state))


@pytest.mark.filterwarnings("ignore:.*taken as all")
@pytest.mark.parametrize("value", [torch.zeros(2), torch.tensor([torch.inf])])
def test_a_mix_that_is_none(value: torch.Tensor, tmp_path: Path) -> None:
    config, state = content("task")
    state["text_field_embedder.token_embedder_elmo._scalar_mix.scalar_parameters.1"] = value
    assert "scalar_parameters.1" in told(archive(tmp_path / "m.tar.gz", config, state))


FOLDER: dict[str, Callable[[dict[str, Any]], Any]] = {
    "context": lambda s: s.update(context="gru"),
    "a list for a name": lambda s: s.update(context=["lstm"]),
    "many layers": lambda s: s.update(layers=64),
    "layers beyond any": lambda s: s.update(layers=1 << 40),
    "hidden": lambda s: s.update(hidden=1 << 20),
    "heads": lambda s: s.update(heads=3),
    "no heads": lambda s: s.update(heads=0),
    "positions": lambda s: s.update(positions=1 << 24),
    "projection": lambda s: s.update(projection=1 << 20),
    "first": lambda s: s.update(project_first=True),
    "norm": lambda s: s.update(token_norm=1),
    "few characters": lambda s: s["characters"].update(n_ids=200),
    "highways": lambda s: s["characters"].update(n_highway=64),
    "filters": lambda s: s["characters"].update(filters=[[1, 1 << 20]]),
    "a key more": lambda s: s.update(more=1),
    "a key less": lambda s: s.pop("heads"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("context") / "ours"
    convert(GOLDEN / "transformer.tar.gz", place)
    return place


@pytest.mark.parametrize("fault", FOLDER)
def test_folders_that_claim_another_net(fault: str, folder: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(folder, tmp_path / "ours"))
    config = json.loads((place / "config.json").read_text())
    FOLDER[fault](config["shape"])
    (place / "config.json").write_text(json.dumps(config))
    told(place)


@pytest.mark.parametrize("mix", [None, {"layer_norm": 1}])
def test_a_folder_with_a_broken_mix(mix: Any, folder: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(folder, tmp_path / "ours"))
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(config | {"mix": mix}))
    assert "mix of the layers" in told(place)
