"""``firth task`` with a classifier over representations: from labelled texts to labels on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.formats.registry import save
from firth.vectors.static import Vectors

Call = Callable[..., Any]
LINES = "__label__good a fine film\n__label__bad a dull film\n__label__good fine , fine !\n__label__bad so dull\n" * 4
NET = ("--epochs", 8, "--rate", 0.1, "--dropout", 0.1, "--batch", 4, "--maps", 4, "--hidden", 5)


@pytest.fixture(name="place")
def place_fixture(tmp_path: Path) -> Path:
    words = ["fine", "good", "dull", "bad", "film"]
    rows = np.array([[1, 0], [0.9, 0.1], [-1, 0], [-0.9, 0], [0, 0.5]], np.float32)
    save(Vectors(words, rows), tmp_path / "vectors")
    (tmp_path / "texts.txt").write_text(LINES)
    return tmp_path


def trained(call: Call, place: Path, *options: object, name: str = "model") -> Path:
    done = call("task", "train", "classify", place / "texts.txt", "--vectors", place / "vectors", "--out", place / name,
                "--threads", 1, *options)  # fmt: skip
    assert done.code == 0, done.err
    return place / name


@pytest.mark.parametrize("kind", ["average", "cnn", "lstm", "contextual"])
def test_train_run_and_evaluate(call: Call, place: Path, kind: str) -> None:
    own = ("--l2", 0.1) if kind == "average" else (*NET, "--heldout", place / "texts.txt", "--finetune", "none")
    model = trained(call, place, "--model", kind, *own)
    found = call("task", "run", model, "-", stdin="so good\n\nBAD film .\n")
    answers = [line.split() for line in found.out.splitlines()]
    assert (answers[0][0], answers[2][0]) == ("good", "bad")
    assert all(0 < float(answer[1]) <= 1 for answer in answers)
    assert "1 lines have no words" in found.err
    both = call("task", "run", model, "-", "-k", -1, "--json", stdin="good\n")
    record = json.loads(both.out)
    assert record["labels"] == ["good", "bad"]
    assert sum(record["probabilities"]) == pytest.approx(1)
    scores = json.loads(call("task", "evaluate", model, place / "texts.txt", "--json").out)
    assert (scores["n"], scores["accuracy"], scores["macro"]["f1"]) == (16, 1.0, 1.0)
    assert scores["confusion"] == [[8, 0], [0, 8]]
    table = call("task", "evaluate", model, place / "texts.txt").out.splitlines()
    assert table[0] == "n\taccuracy\tlog_loss\tbrier\tece"
    assert table[4] == "micro\t16\t16\t1.0000\t1.0000\t1.0000"
    assert table[-3:] == ["gold \\ found\tbad\tgood", "bad\t8\t0", "good\t0\t8"]
    report = json.loads(call("inspect", model, "--json").out)
    assert (report["kind"], report["uses"]) == ("text-classifier", ["task run", "task evaluate"])


def test_other_formats_and_chinese(call: Call, place: Path) -> None:
    (place / "zh.csv").write_text("文,类\n好看,好\n难看,坏\n好,好\n难,坏\n")
    options = ("--label", "类", "--text", "文", "--tokenizer", "chars", "--ngrams", 1, "--model", "average")
    done = call("task", "train", "classify", place / "zh.csv", *options, "--out", place / "zh", "--quiet")
    assert done.code == 0, done.err
    assert call("task", "run", place / "zh", "-", stdin="难").out.split()[0] == "坏"
    scores = call("task", "evaluate", place / "zh", place / "zh.csv", "--label", "类", "--text", "文", "--json").out
    assert json.loads(scores)["accuracy"] == 1.0
    model = trained(call, place, "--model", "average", "--l2", 1)
    (place / "odd.tsv").write_text("good\tfine\nodd\tdull\ngood\t...\n")
    found = call("task", "evaluate", model, place / "odd.tsv")
    assert "1 of 3 texts have no words" in found.err
    assert "1 texts have labels unseen in training: odd" in found.err


def test_pictures(call: Call, place: Path) -> None:
    pytest.importorskip("matplotlib")
    model = trained(call, place, "--model", "average", "--l2", 1)
    pictures = place / "c.png", place / "r.svg"
    done = call("task", "evaluate", model, place / "texts.txt", "--confusion", pictures[0], "--calibration",
                pictures[1])  # fmt: skip
    assert done.code == 0, done.err
    assert pictures[0].read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in pictures[1].read_bytes()[:1000]
    refused = call("task", "evaluate", model, place / "texts.txt", "--confusion", place / "c.txt")
    assert "no such kind of picture" in refused.complaint


def test_resume_and_calibration(call: Call, place: Path) -> None:
    model = trained(call, place, "--model", "cnn", *NET, "--heldout", place / "texts.txt", "--calibrate", "--resume")
    temperature = json.loads((model / "config.json").read_text())["temperature"]
    assert temperature != 1.0
    again = trained(call, place, "--model", "cnn", *NET, "--heldout", place / "texts.txt", "--calibrate", name="again")
    assert (again / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{texts}", "--model", "average", "--minn", "2"], 2, "--model average takes no --minn"),
        (["{texts}", "--model", "cnn", "--init", "{vectors}"], 2, "--model cnn takes no --init"),
        (["{texts}", "--vectors", "{vectors}"], 2, "--model fasttext takes no --vectors"),
        (["{texts}", "--hidden", "3"], 2, "--model fasttext takes no --hidden"),
        (["{texts}", "--model", "cnn", "--dropout", "2"], 2, "--dropout is too large"),
        (["{texts}", "--model", "cnn", "--pooling", "last"], 2, "does not go with the model"),
        (["{texts}", "--model", "average"], 2, "nothing to average"),
        (["{texts}", "--model", "average", "--vectors", "{texts}"], 1, "firth:"),
        (["{texts}", "-", "--model", "average"], 1, "cannot be mixed"),
        (["{folder}/none", "--model", "average"], 1, "no such file"),
        (["{folder}/plain", "--model", "average"], 1, "line 1: there is no label"),
        (["{folder}/empty", "--model", "cnn"], 1, "no training texts"),
        (["{texts}", "--model", "cnn", "--calibrate"], 2, "held-out texts"),
    ],
)
def test_bad_input_is_one_line(call: Call, place: Path, arguments: list[str], code: int, said: str) -> None:
    (place / "plain").write_text("no label\n")
    (place / "empty").write_text("")
    given = [a.format(texts=place / "texts.txt", vectors=place / "vectors", folder=place) for a in arguments]
    done = call("task", "train", "classify", *given, "--out", place / "out")
    assert done.code == code, done.err
    assert said in done.complaint or said in "firth: " + done.complaint
    assert not (place / "out").exists()


def test_options_of_another_kind_of_model(call: Call, place: Path) -> None:
    model, texts = trained(call, place, "--model", "average", "--l2", 1), place / "texts.txt"
    assert "a classifier takes no --column" in call("task", "run", model, texts, "--column", "upos").complaint
    assert "takes no -k" in call("task", "evaluate", model, texts, "-k", 2).complaint
    assert "takes no --format conllu" in call("task", "evaluate", model, texts, "--format", "conllu").complaint
    plain = call("task", "train", "classify", texts, "--out", place / "plain", "--dim", 4, "--quiet")
    assert plain.code == 0, plain.err
    assert "this model takes no --label" in call("task", "evaluate", place / "plain", texts, "--label", 1).complaint
