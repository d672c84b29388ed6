"""``firth train cooc``, ``ppmi`` and ``svd``: from text to folders that the other verbs take."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.formats.registry import load
from firth.static.cooccurrence import Cooc, train

Call = Callable[..., Any]
CATS = "I have a cat\ncat eat fish\nI have a apple\n"


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    path = tmp_path / "cats.txt"
    path.write_text(CATS)
    return path


def test_cooc_counts_the_cats(call: Call, cats: Path, tmp_path: Path) -> None:
    out = tmp_path / "counts"
    done = call("train", "cooc", cats, "--out", out, "--window", 0, "--weights", "flat", "--min-count", 1)
    assert done.code == 0, done.err
    counts = load(out)
    assert (counts["I", "have"], counts["I", "cat"]) == (2, 1)
    report = json.loads(call("inspect", out, "--json").out)
    assert (report["kind"], report["words"]) == ("cooccurrence", 7)
    assert report["details"]["options"]["weights"] == "flat"


def test_every_option_of_counting_counts(call: Call, text: Path, tmp_path: Path) -> None:
    options = {
        "window": 3,
        "sides": "left",
        "weights": "linear",
        "min_count": 2,
        "max_vocab": 5,
        "sample": 0.01,
        "seed": 7,
    }
    given = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    done = call("train", "cooc", text, "--out", tmp_path / "c", *given, "--memory", 64, "--threads", 2)
    assert done.code == 0, done.err
    wanted = train(text, Cooc(**options)).model  # type: ignore[arg-type]
    found = load(tmp_path / "c")
    np.testing.assert_array_equal(found.values, wanted.values)
    assert list(found.words) == list(wanted.words)


def test_counts_become_glove_s_file(call: Call, cats: Path, tmp_path: Path) -> None:
    assert call("train", "cooc", cats, "--out", tmp_path / "c", "--min-count", 1).code == 0
    (tmp_path / "glove").mkdir()
    done = call("convert", tmp_path / "c", tmp_path / "glove" / "c.cooc")
    assert done.code == 0, done.err
    found, wanted = load(tmp_path / "glove" / "c.cooc"), load(tmp_path / "c")
    np.testing.assert_array_equal(found.values, wanted.values)
    assert json.loads(call("inspect", tmp_path / "glove" / "c.cooc", "--json").out)["format"] == "glove-cooccurrence"


def test_ppmi_and_svd(call: Call, cats: Path, tmp_path: Path) -> None:
    assert call("train", "ppmi", cats, "--out", tmp_path / "p", "--min-count", 1, "--shift", 1.5).code == 0
    assert load(tmp_path / "p").metadata["options"]["shift"] == 1.5
    assert json.loads(call("inspect", tmp_path / "p", "--json").out)["kind"] == "ppmi"
    done = call("train", "svd", cats, "--out", tmp_path / "v", "--min-count", 1, "--dim", 3, "--keep-output")
    assert done.code == 0, done.err
    assert load(tmp_path / "v").output is not None
    assert call("nearest", tmp_path / "v", "cat").code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("cooc", "--window", -1), "window"),
        (("cooc", "--weights", "linear", "--window", 0), "linear"),
        (("cooc", "--memory", 2), "memory"),
        (("cooc", "--resume"), "--resume"),
        (("ppmi", "--alpha", 5), "alpha"),
        (("svd", "--dim", 0), "dim"),
        (("svd", "--sides", "top"), "sides"),
    ],
)
def test_bad_options_give_one_line(
    call: Call, cats: Path, tmp_path: Path, arguments: tuple[Any, ...], complaint: str
) -> None:
    done = call("train", arguments[0], cats, "--out", tmp_path / "m", *arguments[1:])
    assert done.code == 2
    assert complaint in done.complaint


@pytest.mark.parametrize(("model", "complaint"), [("cooc", "min_count"), ("svd", "min_count")])
def test_a_text_of_rare_words(call: Call, cats: Path, tmp_path: Path, model: str, complaint: str) -> None:
    done = call("train", model, cats, "--out", tmp_path / "m", "--quiet")
    assert done.code == 1
    assert complaint in done.complaint


def test_counts_are_no_vectors(call: Call, cats: Path, tmp_path: Path) -> None:
    assert call("train", "cooc", cats, "--out", tmp_path / "c", "--min-count", 1).code == 0
    done = call("nearest", tmp_path / "c", "cat")
    assert done.code == 1
    assert "vectors" in done.complaint
