"""AllenNLP archives: the ELMo inside gives what its published files give, and archives of strangers do no harm."""

from __future__ import annotations

import io
import json
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import firth
from firth.errors import FormatError
from firth.formats.registry import convert, inspect
from firth.formats.torch_files import read_state

Data = Callable[[str], Path]
PLACE = "text_field_embedder.token_embedder_elmo._elmo."
SENTENCES = [["The", "cat", "sat"], ["Nürnberg"]]
CONFIG: dict[str, Any] = {
    "model": {
        "type": "simple_tagger",
        "text_field_embedder": {
            "token_embedders": {
                "elmo": {"type": "elmo_token_embedder", "options_file": "https://x.org/a/x_options.json"}
            }
        },
    }
}


def state_of(weights: Path) -> dict[str, torch.Tensor]:
    """Lay out published weights as AllenNLP's modules hold them."""
    found: dict[str, torch.Tensor] = {}
    with h5py.File(weights) as file:

        def put(name: str, value: np.ndarray[Any, Any]) -> None:
            found[PLACE + "_elmo_lstm." + name] = torch.from_numpy(np.array(value, np.float32))

        embedding = file["char_embed"][...]
        put("_token_embedder._char_embedding_weights", np.concatenate([embedding[:1] * 0, embedding]))
        for k in range(5):
            put(f"_token_embedder.char_conv_{k}.weight", file[f"CNN/W_cnn_{k}"][0].transpose(2, 1, 0))
            put(f"_token_embedder.char_conv_{k}.bias", file[f"CNN/b_cnn_{k}"][...])
        for k in range(2):
            group = file[f"CNN_high_{k}"]
            for leaf, of in (("weight", "W"), ("bias", "b")):
                halves = [group[f"{of}_transform"][...].T, -group[f"{of}_carry"][...].T]
                put(f"_token_embedder._highways._layers.{k}.{leaf}", np.concatenate(halves))
        put("_token_embedder._projection.weight", file["CNN_proj/W_proj"][...].T)
        put("_token_embedder._projection.bias", file["CNN_proj/b_proj"][...])
        for side, way in enumerate(("forward", "backward")):
            for k in range(2):
                group = file[f"RNN_{side}/RNN/MultiRNNCell/Cell{k}/LSTMCell"]
                order = np.arange(256).reshape(4, 64)[[0, 2, 1, 3]].ravel()
                kernel, bias = group["W_0"][...].T[order], group["B"][...][order]
                bias[64:128] += 1
                cell = f"_elmo_lstm.{way}_layer_{k}."
                put(cell + "input_linearity.weight", kernel[:, :16])
                put(cell + "state_linearity.weight", kernel[:, 16:])
                put(cell + "state_linearity.bias", bias)
                put(cell + "state_projection.weight", group["W_P_0"][...].T)
    for k, weight in enumerate((0.5, -1.0, 2.0)):
        found[PLACE + f"scalar_mix_0.scalar_parameters.{k}"] = torch.tensor([weight])
    found[PLACE + "scalar_mix_0.gamma"] = torch.tensor([1.5])
    found["tag_projection_layer._module.bias"] = torch.zeros(4)
    return found


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def saved(state: Any, *, legacy: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


@pytest.fixture(scope="module")
def published(data: Data) -> tuple[dict[str, torch.Tensor], bytes]:
    """Return the state and the options of the fixture, with the skip connections that AllenNLP always has."""
    folder = data("elmo-fixtures/bilm-tf/model")
    options = json.loads((folder / "options.json").read_text())
    options["lstm"]["use_skip_connections"] = True
    return state_of(folder / "lm_weights.hdf5"), json.dumps(options).encode()


@pytest.fixture
def wanted(data: Data, tmp_path: Path, published: tuple[dict[str, torch.Tensor], bytes]) -> Any:
    """Return the fixture, loaded from HDF5, with the same options."""
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "options.json").write_bytes(published[1])
    (tmp_path / "w" / "weights.hdf5").symlink_to(data("elmo-fixtures/bilm-tf/model/lm_weights.hdf5"))
    return firth.load(tmp_path / "w")


Published = tuple[dict[str, torch.Tensor], bytes]


@pytest.mark.parametrize("legacy", [True, False])
def test_the_elmo_of_a_task_is_the_published_one(
    legacy: bool, published: Published, wanted: Any, tmp_path: Path
) -> None:
    state, options = published
    files = {
        "config.json": json.dumps(CONFIG).encode(),
        "weights.th": saved(state, legacy=legacy),
        "fta/model.text_field_embedder.token_embedders.elmo.options_file": options,
    }
    model: Any = firth.load(archive(tmp_path / "model.tar.gz", files))
    for name, value in wanted.net.state_dict().items():
        assert torch.equal(model.net.state_dict()[name], value), name
    assert model.net.shape == wanted.net.shape
    s = np.exp([0.5, -1.0, 2.0]) / np.exp([0.5, -1.0, 2.0]).sum()
    for mixed, layers in zip(model.encode(SENTENCES), wanted.encode_layers(SENTENCES), strict=True):
        np.testing.assert_allclose(mixed, 1.5 * np.einsum("l,lnd->nd", s, layers), atol=1e-5)
    report = inspect(tmp_path / "model.tar.gz")
    assert (report.format, report.kind, report.details["task"]) == ("allennlp", "elmo", "simple_tagger")
    assert convert(tmp_path / "model.tar.gz", tmp_path / "ours") == []
    np.testing.assert_array_equal(firth.load(tmp_path / "ours").encode(SENTENCES)[0], model.encode(SENTENCES)[0])


def test_options_from_beside_or_as_published(published: Published, wanted: Any, tmp_path: Path) -> None:
    state, options = published
    path = archive(
        tmp_path / "model.tar.gz", {"./config.json": json.dumps(CONFIG).encode(), "./weights.th": saved(state)}
    )
    with pytest.warns(UserWarning, match=r"\(x_options\.json\): taken as all that AllenNLP published"):
        assert firth.load(path).net.shape == wanted.net.shape
    changed = json.loads(options)
    changed["lstm"]["cell_clip"] = 2
    (tmp_path / "x_options.json").write_text(json.dumps(changed))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert firth.load(path).net.shape.cell_clip == 2


@pytest.mark.parametrize("fault", ["lacks", "shape", "nan", "type", "twice", "none", "mix"])
def test_weights_that_do_not_fit(fault: str, published: Published, tmp_path: Path) -> None:
    state, options = dict(published[0]), published[1]
    name = PLACE + "_elmo_lstm._elmo_lstm.backward_layer_1.state_linearity.bias"
    anchor = PLACE + "_elmo_lstm._token_embedder._char_embedding_weights"
    if fault == "lacks":
        del state[name]
    elif fault == "twice":
        state["other." + anchor] = state[anchor]
    elif fault == "none":
        del state[anchor]
    elif fault == "mix":
        state[PLACE + "scalar_mix_0.scalar_parameters.1"] = torch.zeros(2)
    else:
        changes = {"shape": state[name][1:], "nan": state[name] * torch.nan, "type": state[name].long()}
        state[name] = changes[fault]
    files = {"config.json": json.dumps(CONFIG).encode(), "weights.th": saved(state), "fta/options_file": options}
    with pytest.raises(FormatError) as caught:
        firth.load(archive(tmp_path / "model.tar.gz", files))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../escaped", "/tmp/firth-escaped", "fta/../../escaped"])
def test_members_lead_nowhere(name: str, published: Published, tmp_path: Path) -> None:
    place = tmp_path / "in"
    place.mkdir()
    files = {"config.json": json.dumps(CONFIG).encode(), "weights.th": saved(published[0]), name: b"x"}
    archive(place / "model.tar.gz", {**files, "fta/options_file": published[1]})
    firth.load(place / "model.tar.gz")
    assert [path.name for path in place.iterdir()] == ["model.tar.gz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    assert not Path("/tmp/firth-escaped").exists()


def test_a_link_is_no_member(published: Published, tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in ("config.json", "weights.th"):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(member)
    with pytest.raises(FormatError, match="not an AllenNLP archive"):
        firth.load(path)


@pytest.mark.parametrize(
    "config", [b"", b"[]", b"{", b'{"model": 3}', b"[" * 100_000, b"\xff"], ids=lambda c: repr(c[:9])
)
def test_a_config_that_is_none(config: bytes, published: Published, tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        firth.load(archive(tmp_path / "m.tar.gz", {"config.json": config, "weights.th": saved(published[0])}))


def test_an_archive_cut_short_or_packed_too_well(published: Published, tmp_path: Path) -> None:
    files = {"config.json": json.dumps(CONFIG).encode(), "weights.th": saved(published[0])}
    path = archive(tmp_path / "model.tar.gz", files)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(FormatError, match="cut short"):
        firth.load(path)
    bomb = archive(tmp_path / "bomb.tar.gz", {**files, "weights.th": bytes(1 << 26)})
    with pytest.raises(FormatError, match=r"unfolds to too much|not a file of torch|broken"):
        firth.load(bomb)


# --- files of torch ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("legacy", [True, False])
def test_torchs_files_are_read_as_torch_reads_them(legacy: bool) -> None:
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    state = {
        "a": x, "b": x.t(), "c": x[1:3, 2:4], "d": torch.nn.Parameter(x.half()), "e": torch.arange(4),
        "f": torch.zeros(0, 3), "g": torch.tensor(True), "h": x.double(),
    }  # fmt: skip
    found = read_state(saved(state, legacy=legacy), Path("x"))
    assert list(found) == list(state)
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value.detach().numpy())


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("run",))


@pytest.mark.parametrize("legacy", [True, False])
def test_nothing_in_torchs_files_is_run(legacy: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FormatError, match="nothing of it was run"):
        read_state(saved({"a": Evil()}, legacy=legacy), Path("x"))
    with pytest.raises(FormatError):
        read_state(saved(torch.nn.Linear(2, 2), legacy=legacy), Path("x"))
    with pytest.raises(FormatError):
        read_state(saved([1, 2], legacy=legacy), Path("x"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("legacy", [True, False])
def test_torchs_files_with_bytes_changed_load_or_tell(legacy: bool) -> None:
    raw = saved({"a": torch.arange(12.0).view(3, 4), "b": torch.zeros(2)}, legacy=legacy)
    chance = np.random.default_rng(2)
    for _ in range(1500):
        broken = bytearray(raw)
        for at in chance.integers(0, len(raw), 2).tolist():
            broken[at] = int(chance.integers(256))
        try:
            found = read_state(bytes(broken), Path("x"))
        except FormatError:
            continue
        assert sum(value.size for value in found.values()) <= len(raw)
