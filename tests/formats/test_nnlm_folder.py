"""NNLM in folders: what is saved is read back, and a folder that lies gives one error."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firth
from firth.errors import FormatError
from firth.lm.nnlm import NNLM, train
from firth.tensors import read_tensors, write_tensors

TEXT = [["I", "like", "milk"], ["I", "love", "tea"], []]


@pytest.mark.parametrize("more", [{}, {"direct": True}, {"tie": True}, {"input": "onehot", "direct": True}], ids=str)
def test_what_is_saved_is_read_back(tmp_path: Path, more: dict[str, Any]) -> None:
    made = train(TEXT, NNLM(context=2, dim=4, hidden=4, epochs=2, **more), threads=1)
    firth.save(made, tmp_path / "model")
    read = firth.load(tmp_path / "model")
    assert read.metadata["options"]["context"] == 2
    for ours, theirs in zip(made.model.logprobs(TEXT), read.logprobs(TEXT), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    firth.save(read, tmp_path / "again")
    for name in ("config.json", "model.safetensors", "vocab.txt"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "model" / name).read_bytes()


def set_config(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def broken(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        change(config)
        (folder / "config.json").write_text(json.dumps(config))

    return broken


def set_tensors(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def broken(folder: Path) -> None:
        tensors = read_tensors(folder / "model.safetensors", mmap=False)[0]
        change(tensors)
        write_tensors(folder / "model.safetensors", tensors)

    return broken


LIES = {
    "no net": (set_config(lambda c: c.pop("net")), "description of the net"),
    "huge sides": (set_config(lambda c: c["net"].update(dim=1 << 24, hidden=1 << 24)), "does not fit"),
    "a side too many": (set_config(lambda c: c["net"].update(dropout=0.5)), "description of the net"),
    "a side of the wrong type": (set_config(lambda c: c["net"].update(dim=True)), "description of the net"),
    "tied without a fit": (set_config(lambda c: c["net"].update(tie=True, hidden=5)), "description of the net"),
    "a tensor lacks": (set_tensors(lambda t: t.pop("net.H.bias")), "'net.H.bias' does not fit"),
    "a tensor of another shape": (set_tensors(lambda t: t.update({"net.b": t["net.b"][:-1]})), "'net.b' does not fit"),
    "a tensor of no numbers": (set_tensors(lambda t: t["net.U"].fill(np.nan)), "no number"),
    "counts lack": (set_tensors(lambda t: t.pop("counts")), "'counts' does not fit"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_folder_that_lies_gives_one_error(tmp_path: Path, lie: str) -> None:
    firth.save(train(TEXT, NNLM(context=2, dim=4, hidden=4, epochs=1), threads=1), tmp_path / "model")
    breaks, message = LIES[lie]
    breaks(tmp_path / "model")
    with pytest.raises(FormatError, match=message) as told:
        firth.load(tmp_path / "model")
    assert str(tmp_path) in str(told.value)


def test_without_torch_the_command_has_help_and_training_names_the_extra(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("one two\n")
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from firth.cli.main import main\n"
        "main(['train', 'nnlm', *sys.argv[1:]])\n"
    )

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-c", code, *options]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)

    assert "--context" in run("--help").stdout
    failed = run(str(text), "--out", str(tmp_path / "model"))
    assert failed.stderr.strip().splitlines()[-1].endswith("pip install 'firth[neural]'")
