"""``firth compare tasks``: from files and models to a report."""

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
NAMES = "Ann B-PER\nsaw O\nBonn B-LOC\n\nwe O\nsaw O\nAnn B-PER\n\nBonn B-LOC\ngrows O\n\n" * 3
SMALL = ("--shares", 0.5, 1.0, "--seeds", 2, "--steps", 4, "--hidden", 4, "--threads", 1)


@pytest.fixture(name="place")
def place_fixture(tmp_path: Path) -> Path:
    words = ["Ann", "Bonn", "saw", "we", "grows"]
    for name in ("one", "two"):
        save(Vectors(words, np.random.default_rng(len(name)).standard_normal((5, 4)).astype(np.float32)),
             tmp_path / name)  # fmt: skip
    (tmp_path / "names.txt").write_text(NAMES)
    (tmp_path / "texts.tsv").write_text("x\tAnn saw\ny\tBonn grows\n" * 4)
    return tmp_path


def test_a_report_that_goes_on(call: Call, place: Path) -> None:
    names, texts = place / "names.txt", place / "texts.tsv"
    command = ("compare", "tasks", place / "one", f"both={place / 'one'}+{place / 'two'}", "--ner", names, names,
               "--pos", names, names, "--classify", texts, texts, "--out", place / "out", *SMALL)  # fmt: skip
    done = call(*command)
    assert done.code == 0, done.err
    assert done.err.count("left, about") == 3 * 3 * 2 * 2
    lines = done.out.splitlines()
    assert lines[0] == "names, F1 (unseen)\t50 %\t100 %"
    assert [line.split("\t")[0] for line in lines[1:4]] == ["labels alone", "one", "both"]
    found = json.loads((place / "out" / "report.json").read_text())
    assert list(found["tasks"]) == ["names", "parts of speech", "classes of texts"]
    assert [about["dim"] for about in found["models"]["both"]] == [4, 4]
    assert len(found["cells"]) == 36
    assert (place / "out" / "report.html").read_text().startswith("<!doctype html>")
    again = call(*command, "--json", "--quiet")
    assert json.loads(again.out)["curves"] == found["curves"]
    assert again.err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{one}"], 2, "there is no task"),
        (["--no-alone", "--ner", "{names}", "{names}"], 2, "nothing to compare"),
        (["{one}", "{one}", "--ner", "{names}", "{names}"], 2, "two models have one name"),
        (["{one}", "--ner", "{names}"], 2, "ner"),
        (["{one}", "--ner", "{names}", "{folder}/none"], 1, "no such file"),
        (["{names}", "--ner", "{names}", "{names}"], 1, ""),
        (["{one}", "--pos", "{names}", "{folder}/empty"], 1, "no labelled words"),
        (["{one}", "--pos", "{names}", "{names}", "--shares", "3"], 2, "shares are none"),
    ],
)
def test_bad_input_is_one_line(call: Call, place: Path, arguments: list[str], code: int, said: str) -> None:
    (place / "empty").write_text("")
    given = [argument.format(one=place / "one", names=place / "names.txt", folder=place) for argument in arguments]
    done = call("compare", "tasks", *given, "--out", place / "out")
    assert done.code == code, done.err
    assert said in done.complaint
    assert not (place / "out" / "report.json").exists()
