"""ELMoForManyLangs folders: the vectors of its own code (tests/golden/make_manylangs.py), and no trust in a folder."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import firth
from firth.errors import FormatError
from firth.formats.registry import convert, inspect

GOLDEN = Path(__file__).parents[1] / "golden" / "manylangs"
KINDS = ["both", "characters", "words"]
SENTENCES = [
    ["我", "吃", "了", "一个", "苹果"], ["abc", "zzz"], ["abcdefghabcdefgh", "gh", "\u3000", "abc"], ["x"],
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_vectors_of_their_own_code(kind: str) -> None:
    model: Any = firth.load(GOLDEN / kind)
    wanted = np.load(GOLDEN / kind / "vectors.npz")
    layers, mean = model.encode_layers(SENTENCES), model.encode(SENTENCES)
    for i in range(len(SENTENCES)):
        assert np.abs(wanted[f"alone{i}"]).max() > 0.5
        for way in ("alone", "together"):
            np.testing.assert_allclose(layers[i], wanted[f"{way}{i}"], atol=3e-6, rtol=0)
        np.testing.assert_allclose(mean[i], wanted[f"mean{i}"], atol=3e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_they_go_into_a_folder_of_ours(kind: str, tmp_path: Path) -> None:
    assert convert(GOLDEN / kind, tmp_path / "ours") == []
    ours: Any = firth.load(tmp_path / "ours")
    theirs: Any = firth.load(GOLDEN / kind)
    for a, b in zip(ours.encode_layers(SENTENCES), theirs.encode_layers(SENTENCES), strict=True):
        np.testing.assert_array_equal(a, b)


def test_inspect_tells_what_it_reads() -> None:
    report = inspect(GOLDEN / "both")
    assert (report.format, report.kind, report.dim) == ("manylangs", "elmo", 24)
    assert "word vectors of 6" in report.details["token_layer"]
    n = sum(
        value.numel()
        for part in ("encoder", "token_embedder")
        for value in torch.load(GOLDEN / "both" / f"{part}.pkl", weights_only=True).values()
    )
    assert report.details["parameters"] == n + 12  # the projection's bias stands twice, once as zeros


def copied(kind: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / kind, tmp_path / kind))


def test_options_are_found_beside_and_under_configs(tmp_path: Path) -> None:
    folder = copied("words", tmp_path)
    wanted = firth.load(folder).encode(SENTENCES)[0]
    (folder / "configs").mkdir()
    (folder / "small.json").rename(folder / "configs" / "small.json")
    np.testing.assert_array_equal(firth.load(folder).encode(SENTENCES)[0], wanted)
    (folder / "configs").rename(tmp_path / "configs")
    np.testing.assert_array_equal(firth.load(folder).encode(SENTENCES)[0], wanted)


def test_options_that_are_nowhere(tmp_path: Path) -> None:
    folder = copied("words", tmp_path)
    (folder / "small.json").unlink()
    with pytest.raises(FormatError, match=r"small\.json in the folder"):
        firth.load(folder)
    named = "../elmoformanylangs/configs/cnn_50_100_512_4096_sample.json"
    (folder / "config.json").write_text(json.dumps({"config_path": named}))
    with pytest.warns(UserWarning, match="as ELMoForManyLangs has them"), pytest.raises(FormatError, match="char_emb"):
        firth.load(folder)


@pytest.mark.parametrize("path", ["/dev/zero", "../../../../dev/zero", "", "a\0b", 3, None, "fifo"])
def test_a_path_of_options_leads_nowhere_else(path: Any, tmp_path: Path) -> None:
    folder = copied("words", tmp_path)
    os.mkfifo(folder / "fifo")
    (folder / "config.json").write_text(json.dumps({"config_path": path}))
    with pytest.raises(FormatError):
        firth.load(folder)


@pytest.mark.parametrize(
    ("part", "change", "says"),
    [
        ("encoder", {"name": "lstm"}, "another encoder than Firth reads: got lstm"),
        ("encoder", {"name": None}, "another encoder"),
        ("encoder", {"dim": 21}, "don't fit the options"),
        ("encoder", {"dim": 1 << 50}, "no proper size"),
        ("encoder", {"n_layers": 3}, "lacks forward_layer_2"),
        ("encoder", {"cell_clip": "3"}, "no limit"),
        ("token_embedder", {"name": "lstm"}, "another token_embedder"),
        ("token_embedder", {"activation": "gelu"}, "no such activation"),
        ("token_embedder", {"filters": [[1, 4]]}, "don't fit the options"),
        ("token_embedder", {"filters": [[1, 4], [2, 5], [12, 6]]}, "shorter than a filter"),
        ("token_embedder", {"max_characters_per_token": None}, "no proper size"),
        ("token_embedder", {"word_dim": 7}, "don't fit the options"),
        ("token_embedder", {"word_dim": 0, "char_dim": 0}, "neither characters nor words"),
    ],
    ids=str,
)
def test_options_that_do_not_fit(part: str, change: dict[str, Any], says: str, tmp_path: Path) -> None:
    folder = copied("both", tmp_path)
    options = json.loads((folder / "small.json").read_text())
    options[part].update(change)
    (folder / "small.json").write_text(json.dumps(options))
    with pytest.raises(FormatError) as caught:
        firth.load(folder)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("char.dic", b"a\t0\n", "lacks a mark"),
        ("char.dic", b"a\tx\n", "no text, tab and id: got line 1"),
        ("char.dic", b"a\t99999999999999999999\n", "no text, tab and id"),
        ("char.dic", b"\xff\t0\n", "not UTF-8"),
        ("word.dic", b"<oov>\t0\n<pad>\t1\nx\t500\n", "no embedding: got 500"),
        ("word.dic", b"a\t1\t2\n", "no text, tab and id"),
        ("encoder.pkl", b"", "not a file of torch|broken or cut short"),
        ("token_embedder.pkl", b"\x80\x02cos\nsystem\n(S'true'\ntR.", "nothing of it was run"),
    ],
    ids=str,
)
def test_parts_that_are_broken(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    folder = copied("both", tmp_path)
    (folder / name).write_bytes(content)
    with pytest.raises(FormatError, match=says) as caught:
        firth.load(folder)
    assert name in str(caught.value)


def test_a_dictionary_that_lacks(tmp_path: Path) -> None:
    folder = copied("both", tmp_path)
    (folder / "word.dic").unlink()
    with pytest.raises(FormatError, match="cannot read a part"):
        firth.load(folder)
