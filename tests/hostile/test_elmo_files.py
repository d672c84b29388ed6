"""Broken and hostile ELMo files: one clear error each, and no memory for what is only claimed."""

from __future__ import annotations

import contextlib
import json
import sys
import tracemalloc
import zlib
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
from firth.errors import ConfigError, FormatError, MissingExtraError
from firth.formats.registry import inspect

CELL = "RNN_0/RNN/MultiRNNCell/Cell0/LSTMCell/"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    net = BiLM(Shape(CharacterShape(262, 3, ((1, 4), (3, 6)), 1, "tanh", 9), 7, 4))
    net.reset(torch.Generator().manual_seed(5))
    firth.save(ElmoModel(net, Spelling.bytes(9)), tmp_path / "m.hdf5")
    return tmp_path / "m.hdf5"


def told(path: Path) -> str:
    """Return the one line of the error that loading and inspecting give."""
    with pytest.raises(FormatError) as caught:
        firth.load(path)
    with pytest.raises(FormatError):
        inspect(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def with_options(weights: Path, part: str | None, change: dict[str, Any]) -> Path:
    path = weights.with_name("m_options.json")
    options = json.loads(path.read_text())
    (options if part is None else options[part]).update(change)
    path.write_text(json.dumps(options))
    return weights


@pytest.mark.parametrize(
    ("part", "change", "says"),
    [
        ("lstm", {"dim": 8}, "don't fit the options"),
        ("lstm", {"projection_dim": 5}, "don't fit the options"),
        ("lstm", {"projection_dim": 1000}, "longer than the cells"),
        ("lstm", {"dim": 1 << 40}, "no proper size"),
        ("lstm", {"dim": 1 << 20}, "don't fit the options"),
        ("lstm", {"dim": "7"}, "no proper size"),
        ("lstm", {"dim": None}, "no proper size"),
        ("lstm", {"n_layers": 3}, "lacks RNN_0/RNN/MultiRNNCell/Cell2/LSTMCell/W_0"),
        ("lstm", {"n_layers": 1 << 30}, "no proper size"),
        ("lstm", {"cell_clip": "3"}, "no limit"),
        ("lstm", {"proj_clip": -1}, "no limit"),
        ("lstm", {"use_skip_connections": "yes"}, "true or false"),
        ("char_cnn", {"activation": "gelu"}, "no such activation: got gelu, expected relu or tanh"),
        ("char_cnn", {"activation": None}, "no such activation"),
        ("char_cnn", {"n_characters": 5000}, "n_characters"),
        ("char_cnn", {"n_characters": 262.0}, "n_characters"),
        ("char_cnn", {"embedding": 3}, "char_cnn is broken"),
        ("char_cnn", {"embedding": {"dim": 4}}, "don't fit the options"),
        ("char_cnn", {"filters": [[1, 4]]}, "don't fit the options"),
        ("char_cnn", {"filters": [[1, 4], [3, 6], [4, 2]]}, "lacks CNN/W_cnn_2"),
        ("char_cnn", {"filters": [[1, 1 << 40]]}, "no proper size"),
        ("char_cnn", {"filters": [[1, 4]] * 100_000}, "filters are broken"),
        ("char_cnn", {"filters": {"1": 4}}, "filters are broken"),
        ("char_cnn", {"n_highway": 2}, "lacks CNN_high_1/W_transform"),
        ("char_cnn", {"n_highway": "two"}, "no proper size"),
        ("char_cnn", {"max_characters_per_token": 2}, "shorter than a filter"),
        ("char_cnn", {"max_characters_per_token": 1 << 40}, "no proper size"),
        (None, {"lstm": None}, "not the options"),
        (None, {"char_cnn": []}, "char_cnn is broken"),
        (None, {"bidirectional": False}, "one direction"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_options_that_make_no_sense(part: str | None, change: dict[str, Any], says: str, weights: Path) -> None:
    assert says in told(with_options(weights, part, change))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"3", b"{", b"\xff\xfe", b"[" * 100_000, b'{"lstm": {}}'], ids=lambda raw: repr(raw[:20])
)
def test_options_that_are_none(content: bytes, weights: Path) -> None:
    weights.with_name("m_options.json").write_bytes(content[:100_000])
    told(weights)


def test_weights_without_options(weights: Path) -> None:
    weights.with_name("m_options.json").unlink()
    assert "options are missing" in told(weights)


def test_an_hdf5_file_of_something_else(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "vectors.h5", "w") as file:
        file["0"] = np.zeros((3, 2, 4), np.float32)
    assert "holds no weights of a biLM" in told(tmp_path / "vectors.h5")


def test_a_clip_that_is_absurd_but_a_number_is_taken(weights: Path) -> None:
    assert firth.load(with_options(weights, "lstm", {"cell_clip": 1e30})).net.shape.cell_clip == 1e30


@pytest.mark.parametrize("name", [CELL + "W_0", CELL + "B", "char_embed", "CNN/b_cnn_1", "CNN_high_0/W_carry"])
def test_a_data_set_that_lacks(name: str, weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        del file[name]
    assert f"the file lacks {name}" in told(weights)


def test_no_proper_group(weights: Path) -> None:
    with h5py.File(weights, "r+") as file:
        del file["CNN"], file[CELL + "B"]
        file["CNN"] = np.zeros(3)
        file.create_group(CELL + "B")
    assert "the file lacks CNN/W_cnn_0" in told(weights)


def put(weights: Path, make: Callable[[Any], None]) -> Path:
    """Put another data set in the place of the bias of the first cell."""
    with h5py.File(weights, "r+") as file:
        old = file[CELL + "B"][...]
        del file[CELL + "B"]
        make(file[CELL])
    assert old.shape == (28,)
    return weights


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda cell: cell.create_dataset("B", data=np.full(28, np.nan, np.float32)), "what is no number"),
        (lambda cell: cell.create_dataset("B", data=np.full(28, np.inf, np.float32)), "what is no number"),
        (lambda cell: cell.create_dataset("B", data=np.full(28, 1e300)), "what is no number"),
        (lambda cell: cell.create_dataset("B", data=np.zeros((28, 1), np.float32)), "don't fit the options"),
        (lambda cell: cell.create_dataset("B", data=1.0), "don't fit the options"),
        (lambda cell: cell.create_dataset("B", data=h5py.Empty("f4")), "no plain numbers"),
        (lambda cell: cell.create_dataset("B", data=["a"] * 28), "no plain numbers"),
        (lambda cell: cell.create_dataset("B", (28,), h5py.vlen_dtype(np.float32)), "no plain numbers"),
        (lambda cell: cell.create_dataset("B", (28,), h5py.ref_dtype), "no plain numbers"),
        (lambda cell: cell.create_dataset("B", (28,), np.dtype([("a", "f4")])), "no plain numbers"),
        (lambda cell: cell.create_dataset("B", data=np.zeros(28, np.complex64)), "no plain numbers"),
        (lambda cell: cell.create_dataset("B", data=np.zeros(28), chunks=(7,), compression="lzf"), "h5repack"),
        (lambda cell: cell.create_dataset("B", (28,), "f4", maxshape=(None,), chunks=(1 << 24,)), "chunks larger"),
        (lambda cell: cell.create_dataset("B", (28,), "f4", external=[("/etc/passwd", 0, 112)]), "another file"),
        (lambda cell: cell.__setitem__("B", h5py.ExternalLink("/etc/passwd", "/B")), "is a link"),
        (lambda cell: cell.__setitem__("B", h5py.SoftLink("/CNN/b_cnn_0")), "is a link"),
        (lambda cell: cell.create_group("B"), "a group"),
    ],
)
def test_a_data_set_that_is_not_what_it_should_be(make: Callable[[Any], None], says: str, weights: Path) -> None:
    message = told(put(weights, make))
    assert says in message
    assert CELL + "B" in message


def test_a_virtual_data_set_is_not_followed(weights: Path) -> None:
    layout = h5py.VirtualLayout((28,), np.float32)
    layout[:] = h5py.VirtualSource("/etc/passwd", "B", (28,))
    assert "another file" in told(put(weights, lambda cell: cell.create_virtual_dataset("B", layout)))


def test_sizes_that_are_only_claimed_cost_no_memory(weights: Path) -> None:
    """The options and the file agree on half a terabyte, none of which was ever written."""
    n = 1 << 18
    with_options(weights, "lstm", {"dim": n, "projection_dim": n})
    with h5py.File(weights, "r+") as file:
        del file["RNN_0"]
        file.create_dataset(CELL + "W_0", (2 * n, 4 * n), np.float32, chunks=(1024, 1024))
        file.create_dataset(CELL + "W_P_0", (n, n), np.float32, chunks=(1024, 1024))
        del file["CNN_proj"]
        file["CNN_proj/W_proj"] = np.zeros((10, n), np.float32)
        file["CNN_proj/b_proj"] = np.zeros(n, np.float32)
    tracemalloc.start()
    message = told(weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "claims more than the file holds" in message
    assert peak < 1 << 28


def test_a_chunk_that_unfolds_to_too_much_is_not_unfolded(weights: Path) -> None:
    bomb = zlib.compress(bytes(1 << 27), 9)

    def make(cell: Any) -> None:
        made = cell.create_dataset("B", (28,), np.float32, chunks=(28,), compression="gzip")
        made.id.write_direct_chunk((0,), bomb)

    tracemalloc.start()
    message = told(put(weights, make))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "is broken" in message
    assert peak < 1 << 25


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_short(share: float, weights: Path) -> None:
    raw = weights.read_bytes()
    weights.write_bytes(raw[: int(len(raw) * share)])
    message = told(weights)
    if share >= 0.1:
        assert message.endswith(f"cut short (at byte {int(len(raw) * share):,})")


def test_files_with_single_bytes_changed_load_or_tell(weights: Path) -> None:
    raw = weights.read_bytes()
    chance = np.random.default_rng(1)
    for _ in range(60):
        broken = bytearray(raw)
        for at in chance.integers(0, min(len(raw), 8000), 3).tolist():
            broken[at] = int(chance.integers(256))
        weights.write_bytes(bytes(broken))
        with contextlib.suppress(FormatError):
            firth.load(weights)


def test_a_limit_has_no_meaning(weights: Path) -> None:
    with pytest.raises(FormatError, match="in part"):
        firth.load(weights, limit=3)
    with pytest.raises(ConfigError):
        firth.load(weights, format="nothing")


@pytest.mark.parametrize("missing", ["torch", "h5py"])
def test_a_missing_package_is_told(missing: str, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"firth\[neural\]"):
        firth.load(weights)
