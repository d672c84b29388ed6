"""``firth task`` with a tagger: from files of labelled words to labels on standard output."""

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
OPTIONS = ("--hidden", 12, "--epochs", 12, "--rate", 0.03, "--batch", 4, "--dropout", 0.1, "--threads", 1)
NAMES = (
    "Ann B-PER\nLee I-PER\nsaw O\nBonn B-LOC\n\nwe O\nsaw O\nAnn B-PER\n\n-DOCSTART- O\n\nBonn B-LOC\ngrows O\n\n" * 4
)
TREE = "".join(
    "\t".join(line.split(" ")) + "\n"
    for line in ("1-2 du _ _ _ _ _ _ _ _", "1 de de ADP IN _ 2 case _ _", "2 vin vin NOUN NN _ 0 root _ _", "")
)


@pytest.fixture(name="names")
def names_fixture(tmp_path: Path) -> Path:
    path = tmp_path / "names.txt"
    path.write_text(NAMES)
    return path


@pytest.fixture(name="tagger")
def tagger_fixture(call: Call, names: Path, tmp_path: Path) -> Path:
    words = ["Ann", "Lee", "Bonn", "saw", "we", "grows"]
    save(Vectors(words, np.eye(6, dtype=np.float32)), tmp_path / "vectors")
    out = tmp_path / "tagger"
    done = call(
        "task",
        "train",
        "tag",
        names,
        "--vectors",
        tmp_path / "vectors",
        "--heldout",
        names,
        "--out",
        out,
        *OPTIONS,
        "--no-keep-best",
    )
    assert done.code == 0, done.err
    assert done.err.count(", held-out loss") == 12
    return out


def test_train_run_and_evaluate(call: Call, tagger: Path, names: Path, tmp_path: Path) -> None:
    found = call("task", "run", tagger, "-", stdin="we saw Ann Lee\n\nBonn grows\n")
    assert found.out == "we\tO\nsaw\tO\nAnn\tB-PER\nLee\tI-PER\n\n\nBonn\tB-LOC\ngrows\tO\n\n"
    record = json.loads(call("task", "run", tagger, "-", "--json", stdin="we saw Ann Lee").out)
    assert record["labels"] == ["O", "O", "B-PER", "I-PER"]
    assert record["spans"] == [{"first": 2, "end": 4, "type": "PER", "text": "Ann Lee"}]
    columns = call("task", "run", tagger, names, "--format", "columns")
    assert columns.out.splitlines()[:4] == [line.replace(" ", "\t") for line in NAMES.splitlines()[:4]]
    scores = json.loads(call("task", "evaluate", tagger, names, "--json").out)
    assert (scores["sentences"], scores["gold"], scores["f1"], scores["accuracy"]) == (12, 16, 1.0, 1.0)
    assert call("task", "evaluate", tagger, names).out.splitlines()[:2] == [
        "type\tgold\tfound\tprecision\trecall\tf1", "all\t16\t16\t1.0000\t1.0000\t1.0000"
    ]  # fmt: skip
    other = tmp_path / "other.txt"
    other.write_text("Ann B-ORG\n")
    assert "labels unseen in training: ORG" in call("task", "evaluate", tagger, other).err
    report = json.loads(call("inspect", tagger, "--json").out)
    assert (report["kind"], report["uses"]) == ("tagger", ["task run", "task evaluate"])


def test_chinese_by_characters(call: Call, tagger: Path) -> None:
    found = call("task", "run", tagger, "-", "--tokenizer", "chars", stdin="小明在")
    assert [line.split("\t")[0] for line in found.out.split("\n")] == ["小", "明", "在", "", ""]


def test_parts_of_speech_from_conllu_and_back(call: Call, tmp_path: Path) -> None:
    path, out = tmp_path / "a.conllu", tmp_path / "out"
    path.write_text(TREE * 8)
    assert call("task", "train", "tag", path, "--column", "xpos", "--out", out, *OPTIONS, "--quiet").code == 0
    empty = TREE.replace("IN", "_").replace("NN", "_")
    path.write_text(empty)
    found = call("task", "run", out, path, "--format", "conllu", "--column", "xpos")
    assert found.out == TREE
    path.write_text(TREE)
    assert call("task", "evaluate", out, path, "--column", "xpos").out == "words\taccuracy\n2\t1.0000\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{folder}/nothing"], 1, "no such file"),
        (["{folder}/binary"], 1, "binary file"),
        (["{folder}/empty"], 1, "no labelled words"),
        (["{folder}/lacks"], 1, "line 2 has another number of columns"),
        (["{folder}/latin"], 1, "not UTF-8"),
        (["{folder}/illegal"], 1, "neither IOB1 nor IOB2: in sentence 1, word 3, I-X follows O"),
        (["{folder}/illegal", "--scheme", "iob2"], 1, "line 3: I-X follows O, which IOB2 does not allow"),
        (["{names}", "--column", "7"], 1, "too few columns"),
        (["{names}", "--vectors", "{names}"], 1, "firth:"),
        (["{names}", "--dropout", "2"], 2, "--dropout is too large"),
        (["{names}", "--features", "middle"], 2, "need two LSTMs"),
        (["{names}", "-"], 1, "cannot be mixed"),
    ],
)
def test_bad_input_is_one_line(  # noqa: PLR0917
    call: Call, names: Path, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    files = {
        "binary": bytes(range(32)) * 100, "empty": b"", "lacks": b"a O\nb\n", "latin": b"a O\n\xe9t\xe9 O\n",
        "illegal": b"a B-X\nb O\nc I-X\n",
    }  # fmt: skip
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    given = [argument.format(names=names, folder=tmp_path) for argument in arguments]
    done = call("task", "train", "tag", *given, "--out", tmp_path / "out", "--threads", 1)
    assert done.code == code
    assert said in done.complaint or said in "firth: " + done.complaint
    assert not (tmp_path / "out").exists()


def test_options_of_the_other_kind_of_model(call: Call, tagger: Path, names: Path) -> None:
    assert "a tagger takes no -k" in call("task", "run", tagger, names, "-k", 3).complaint
    assert "--column goes with" in call("task", "run", tagger, names, "--column", "upos").complaint
    assert "the words of such a file are given" in call(
        "task", "run", tagger, names, "--format", "columns", "--tokenizer", "chars"
    ).complaint  # fmt: skip
