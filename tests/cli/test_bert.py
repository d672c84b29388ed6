"""BERT from the command line: train, train on, evaluate, embed, senses, distil, convert."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Call = Callable[..., Any]

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw the dog\n" * 4
OTHER = "the cat saw a log\nthe zebra sat\n"
SMALL = (
    "--layers", 1, "--dim", 8, "--heads", 2, "--hidden", 12, "--vocab-size", 60, "--length", 16, "--batch", 64,
    "--epochs", 2, "--threads", 1,
)  # fmt: skip


pytestmark = pytest.mark.filterwarnings("ignore:.*words have characters")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    (folder / "train.txt").write_text(TEXT)
    (folder / "other.txt").write_text(OTHER)
    return folder


@pytest.fixture(scope="module")
def model(text: Path) -> Path:
    from firth.contextual.bert import BERT, train
    from firth.formats.registry import save

    config = BERT(layers=1, dim=8, heads=2, hidden=12, vocab_size=60, length=16, batch=64, epochs=2)
    save(train(text / "train.txt", config, threads=1), text / "model")
    return text / "model"


def test_from_text_to_vectors_and_losses(call: Call, text: Path, tmp_path: Path) -> None:
    out = tmp_path / "made"
    made = call("train", "bert", text / "train.txt", "--heldout", text / "other.txt", *SMALL, "--out", out)
    assert made.code == 0, made.err
    assert "by their frequencies alone the loss is" in made.err
    from firth.formats.registry import load

    kept = load(out)
    assert kept.metadata["tokenizer"]["name"] == "words"
    assert kept.encode([["the", "zebra"]])[0].shape == (2, 8)
    done = call("evaluate", out, "--text", text / "other.txt", "--json")
    found = json.loads(done.out)[str(text / "other.txt")]
    assert found["own_counts"]
    assert found["n"] >= 1
    head, row = (line.split("\t") for line in call("evaluate", out, "--text", text / "other.txt").out.splitlines())
    assert (head[1], head[3]) == ("masked loss", "by frequencies")
    assert (float(row[1]), float(row[3])) == pytest.approx((found["loss"], found["unigram"]), abs=1e-4)


def test_a_published_form_goes_out_and_comes_back(call: Call, text: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    train = call("train", "bert", text / "train.txt", "--recipe", "original", *SMALL, "--out", made, "--quiet")
    assert train.code == 0, train.err
    there, back = tmp_path / "there", tmp_path / "back"
    done = call("convert", made, there, "--format", "bert")
    assert done.code == 0, done.err
    assert "the mix of layers cannot be kept in bert" in done.err
    assert json.loads((there / "config.json").read_text())["model_type"] == "bert"
    report = json.loads(call("inspect", there, "--json").out)
    assert (report["format"], report["details"]["family"]) == ("bert", "bert")
    assert call("convert", there, back).code == 0
    from firth.formats.registry import load

    words = [["the", "cat"]]
    np.testing.assert_array_equal(load(made).encode(words)[0], load(back).encode(words)[0])
    own = call("evaluate", there, "--text", text / "other.txt")
    assert own.code == 0
    assert "frequencies are those of each text" in own.err


def test_what_has_no_published_form_is_one_line(call: Call, model: Path, tmp_path: Path) -> None:
    done = call("convert", model, tmp_path / "no", "--format", "bert")
    assert done.code == 2
    assert "no published form" in done.complaint


def test_a_model_is_trained_on(call: Call, text: Path, model: Path, tmp_path: Path) -> None:
    more = ("train", "bert", text / "other.txt", "--length", 16, "--batch", 32, "--epochs", 1, "--threads", 1)
    assert call(*more, "--init", model, "--out", tmp_path / "on").code == 0
    wrong = call(*more, "--init", model, "--dim", 9, "--out", tmp_path / "no", "--quiet")
    assert wrong.code == 2
    assert "keeps its shape" in wrong.complaint
    assert not (tmp_path / "no").exists()


def test_vectors_senses_and_distilled_vectors(call: Call, text: Path, model: Path, tmp_path: Path) -> None:
    done = call("embed", model, text / "other.txt", "--out", tmp_path / "v.npy", "--layers", "top")
    assert done.code == 0, done.err
    assert np.load(tmp_path / "v.npy").shape == (8, 8)
    senses = call("senses", model, text / "train.txt", "cat", "--senses", 2, "--json")
    assert senses.code == 0, senses.err
    assert len(json.loads(senses.out)["senses"]) == 2
    out = tmp_path / "static"
    distilled = call("distil", model, "--text", text / "train.txt", "--out", out, "--min-count", 4, "--dim", 3)
    assert distilled.code == 0, distilled.err
    near = call("nearest", out, "cat", "-n", 2)
    assert near.code == 0
    alone = call("distil", model, "--out", tmp_path / "alone.vec", "--layer", 0)
    assert alone.code == 0, alone.err
    lines = (tmp_path / "alone.vec").read_text().splitlines()
    assert {"the", "cat", "dog"} <= {line.split()[0] for line in lines[1:]}
    assert not any(line.startswith("##") for line in lines)
    wrong = call("distil", out, "--out", tmp_path / "no")
    assert "same vector in every sentence" in wrong.complaint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--apart",), "--packing sentences"),
        (("--masked", 0), "--masked is too small"),
        (("--norm", "middle"), "middle"),
    ],
)
def test_bad_options_are_one_line(
    options: tuple[object, ...], message: str, call: Call, text: Path, tmp_path: Path
) -> None:
    done = call("train", "bert", text / "train.txt", *SMALL, *options, "--out", tmp_path / "no", "--quiet")
    assert done.code == 2
    assert message in done.complaint
    assert not (tmp_path / "no").exists()
