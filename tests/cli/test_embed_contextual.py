"""``firth embed`` and ``firth convert`` with a model of words in context."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from firth.contextual.bilm import BiLM
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling
from firth.formats.registry import save

Call = Callable[..., Any]
LINES = ["the bank of the river", "", "a bank", "the bank of the river"]
SENTENCES = [line.split() for line in LINES]


@pytest.fixture(scope="module")
def elmo(tmp_path_factory: pytest.TempPathFactory) -> tuple[ElmoModel, Path]:
    characters = CharacterShape(dim=4, filters=((1, 4), (2, 8)), n_highway=1, longest=12)
    net = BiLM(Shape(characters, 16, 6))
    net.reset(torch.Generator().manual_seed(1))
    model = ElmoModel(net, Spelling.bytes(12), metadata={"tokenizer": {"name": "whitespace"}})
    path = tmp_path_factory.mktemp("elmo") / "model"
    save(model, path)
    return model, path


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def test_h5_is_in_allennlps_layout(call: Call, elmo: tuple[ElmoModel, Path], lines: Path, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    model, path = elmo
    done = call("embed", path, lines, "--out", tmp_path / "v.h5")
    assert (done.code, done.err) == (0, "")
    with h5py.File(tmp_path / "v.h5") as file:
        assert set(file) == {"0", "1", "2", "3", "sentence_to_index"}
        for number, layers in enumerate(model.encode_layers(SENTENCES)):
            stored = file[str(number)][...]
            assert stored.dtype == np.float32
            np.testing.assert_array_equal(stored, layers)
        index = file["sentence_to_index"]
        assert index.shape == (1,)
        assert json.loads(index[0]) == {"the bank of the river": "3", "": "1", "a bank": "2"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], lambda layers: layers.mean(0)),
        (["--layers", "0"], lambda layers: layers[0]),
        (["--layers", "top"], lambda layers: layers[2]),
        (["--mix", "0.2,0.3,0.5"], lambda layers: np.tensordot([0.2, 0.3, 0.5], layers, 1)),
        (["--mix", "sum"], lambda layers: layers.sum(0)),
        (["--layers", "all"], lambda layers: layers.swapaxes(0, 1)),
        (["--what", "sentences"], lambda layers: layers.mean(0).sum(0, keepdims=True) / max(1, layers.shape[1])),
    ],
)
def test_layers_and_mixes(  # noqa: PLR0917
    options: list[str], expected: Any, call: Call, elmo: tuple[ElmoModel, Path], lines: Path, tmp_path: Path
) -> None:
    model, path = elmo
    done = call("embed", path, lines, "--out", tmp_path / "v.npy", *options)
    assert (done.code, done.err) == (0, "")
    want = np.concatenate([expected(layers) for layers in model.encode_layers(SENTENCES)])
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), want, atol=1e-6)


def test_safetensors_and_parquet_of_all_layers(
    call: Call, elmo: tuple[ElmoModel, Path], lines: Path, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    parquet = pytest.importorskip("pyarrow.parquet")
    model, path = elmo
    whole = np.concatenate(model.encode_layers(SENTENCES), axis=1)  # (3, 12, 12)
    for suffix in (".safetensors", ".parquet"):
        assert call("embed", path, lines, "--out", tmp_path / f"v{suffix}", "--layers", "all").code == 0
    held = load_file(tmp_path / "v.safetensors")
    np.testing.assert_array_equal(held["vectors"], whole.swapaxes(0, 1))
    assert held["ends"].tolist() == [5, 5, 7, 12]
    table = parquet.read_table(tmp_path / "v.parquet").to_pydict()
    assert table["token"] == [token for sentence in SENTENCES for token in sentence]
    assert table["sentence"] == [0] * 5 + [2] * 2 + [3] * 5
    np.testing.assert_array_equal(np.array([table[f"layer_{k}"] for k in range(3)], np.float32), whole)


def test_state_is_carried_by_name_only(call: Call, elmo: tuple[ElmoModel, Path], lines: Path, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    model, path = elmo
    options = ("--stateful", "--batch-sentences", 2)
    assert call("embed", path, lines, "--out", tmp_path / "v.h5", *options).code == 0
    session = model.stateful()
    expected = session.encode_layers(SENTENCES[:2]) + session.encode_layers(SENTENCES[2:])
    with h5py.File(tmp_path / "v.h5") as file:
        for number, layers in enumerate(expected):
            np.testing.assert_allclose(file[str(number)][...], layers, atol=1e-6)
        assert not np.allclose(file["3"][...], model.encode_layers(SENTENCES[3:])[0], atol=1e-4)


def test_standard_input_threads_and_batches(call: Call, elmo: tuple[ElmoModel, Path], tmp_path: Path) -> None:
    model, path = elmo
    options = ("--threads", 1, "--batch-tokens", 3, "--device", "cpu")
    done = call("embed", path, "-", "--out", tmp_path / "v.npy", *options, stdin="\n".join(LINES))
    assert done.code == 0, done.err
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), np.concatenate(model.encode(SENTENCES)))


def test_cut_words_are_told_once(call: Call, elmo: tuple[ElmoModel, Path], tmp_path: Path) -> None:
    _, path = elmo
    (tmp_path / "t.txt").write_text("a " + "x" * 1000 + "\n" + "y" * 11 + "\n", encoding="utf-8")
    done = call("embed", path, tmp_path / "t.txt", "--out", tmp_path / "v.npy")
    assert done.err.splitlines() == ["note: 2 of 3 tokens are longer than 10 bytes: read by their first ones"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--layers", "3"], 2, "no such layer: got 3, expected 0"),
        (["--layers", "bottom"], 2, "no such layers: got bottom, expected all, mix, top or a number"),
        (["--mix", "0.5,0.5"], 2, "a mix has one weight for each layer: got 2 weights, expected 3"),
        (["--mix", "a,b,c"], 2, "--mix is no list of numbers"),
        (["--mix", "0,0,0"], 2, "shares of layers are at least 0"),
        (["--mix", "nan,1,1"], 2, "no finite number"),
        (["--mix", "1,1,1", "--layers", "all"], 2, "--mix is for --layers mix"),
        (["--batch-tokens", "0"], 2, "--batch-tokens is too small"),
        (["--batch-sentences", "0"], 2, "--batch-sentences is too small"),
        (["--device", "tpu"], 2, "no such device"),
        (["--threads", "0"], 2, "threads is out of range"),
        (["--weighting", "sif"], 2, "--weighting and --oov are for models that hold one vector"),
        (["--limit", "3"], 1, "limit 3"),
    ],
)
def test_bad_options_give_one_line_and_no_file(  # noqa: PLR0917
    options: list[str], code: int, message: str, call: Call, elmo: tuple[ElmoModel, Path], lines: Path, tmp_path: Path
) -> None:
    done = call("embed", elmo[1], lines, "--out", tmp_path / "v.npy", *options)
    assert done.code == code
    assert message in done.complaint
    assert sorted(found.name for found in tmp_path.iterdir()) == ["lines.txt"]


def test_an_empty_text_gives_one_line_and_no_file(call: Call, elmo: tuple[ElmoModel, Path], tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("")
    done = call("embed", elmo[1], tmp_path / "t.txt", "--out", tmp_path / "v.h5")
    assert (done.code, done.complaint) == (1, "the text is empty")
    assert [found.name for found in tmp_path.iterdir()] == ["t.txt"]


def test_vectors_without_context_have_no_layers(call: Call, model: Path, lines: Path, tmp_path: Path) -> None:
    done = call("embed", model, lines, "--out", tmp_path / "v.npy", "--layers", "all", "--stateful")
    assert done.code == 2
    assert done.complaint.endswith("without context: got --layers --stateful")


def test_ctrl_c_leaves_nothing_half_written(elmo: tuple[ElmoModel, Path], tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("signals of POSIX")
    text, out = tmp_path / "t.txt", tmp_path / "v.h5"
    text.write_text("the bank of the river runs dry\n" * 200_000, encoding="utf-8")
    command = [sys.executable, "-m", "firth", "embed", str(elmo[1]), str(text), "--out", str(out)]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not list(tmp_path.glob(".firth-*")) and running.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert told.splitlines()[-1].startswith("firth: interrupted")
    assert [found.name for found in tmp_path.iterdir()] == ["t.txt"]


def test_convert_to_onnx_and_back_is_told(call: Call, elmo: tuple[ElmoModel, Path], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    done = call("convert", elmo[1], tmp_path / "m.onnx")
    assert done.code == 0, done.err
    assert (tmp_path / "m.onnx").stat().st_size > 1000
    again = call("embed", tmp_path / "m.onnx", tmp_path / "t.txt", "--out", tmp_path / "v.npy")
    assert (again.code, "does not read them" in again.complaint) == (2, True)


def test_a_text_is_embedded_without_tensorflow_or_allennlp(elmo: tuple[ElmoModel, Path]) -> None:
    code = (
        "import sys\n"
        "import firth\n"
        "assert 'torch' not in sys.modules\n"
        f"model = firth.load({str(elmo[1])!r})\n"
        "model.encode([['the', 'bank']])\n"
        "print(*[name for name in sys.modules if name.split('.')[0] in ('tensorflow', 'allennlp', 'transformers')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
