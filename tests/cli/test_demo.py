"""``firth demo``: the text it collects, and the folder it writes."""

from __future__ import annotations

import io
import json
import sysconfig
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firth.cli import demo, demo_text
from firth.cli.demo_sets import ANALOGIES, SIMILARITY
from firth.errors import DataError
from firth.formats.registry import load

Call = Callable[..., Any]

SOURCE = b'''#!/usr/bin/env python3
# -*- coding: utf-8 -*-
# Licensed to nobody in particular,
# and to everybody.
"""A module that opens files.

It closes them too.

    >>> open("a # b")
"""

class Reader:
    """Read ``bytes`` from a :class:`~io.RawIOBase`."""

    marker = "# no comment"  # but this one is
    #: Documented attribute here.

    def read(self):
        """Return one line."""
        # Two lines of comment
        # that belong together.
        return \'\'\'# nor this\'\'\'

# noqa: E501
'''


def test_prose_of_a_source_file() -> None:
    assert demo_text.prose_of_source(SOURCE) == [
        "A module that opens files.",
        "It closes them too.",
        "Read bytes from a io.RawIOBase.",
        "Return one line.",
        "Licensed to nobody in particular, and to everybody.",
        "but this one is",
        "Documented attribute here.",
        "Two lines of comment that belong together.",
    ]


@pytest.mark.parametrize(
    "source", [b"def f(:\n", b"\xff\xfe\x00", b"x = 1\x00", b"# coding: klingon\n", b"(" * 5000, b""]
)
def test_broken_sources_give_nothing(source: bytes) -> None:
    assert demo_text.prose_of_source(source) == []


def test_comments_are_those_that_tokenize_finds() -> None:
    root = Path(sysconfig.get_paths()["stdlib"])
    for file in sorted(root.glob("[a-d]*.py")):
        source = file.read_bytes()
        expected = [
            token.string[1:]
            for token in tokenize.tokenize(io.BytesIO(source).readline)
            if token.type == tokenize.COMMENT
        ]
        text = source.decode("utf-8", "replace")
        found = [m["comment"] for m in demo_text._STRING_OR_COMMENT.finditer(text) if m["comment"] is not None]
        assert found == expected, file


def test_a_library_without_sources_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_text.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    monkeypatch.setitem(__import__("sys").modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match="no source"):
        demo_text.collect()


def test_tests_and_foreign_packages_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kept.py", "test/out.py", "site-packages/out.py", "deep/kept_too.py", "deep/tests/out.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""Docstring of {path.stem}."""\n')
    monkeypatch.setattr(demo_text.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    monkeypatch.setitem(__import__("sys").modules, "pydoc_data.topics", None)
    assert demo_text.collect() == ["Docstring of kept_too.", "Docstring of kept."]


def test_the_sets_hold_no_question_twice() -> None:
    for pairs in ANALOGIES.values():
        assert len(set(pairs)) == len(pairs) > 5
    assert len({frozenset(pair[:2]) for pair in SIMILARITY}) == len(SIMILARITY)
    assert all(0 <= score <= 10 for *_, score in SIMILARITY)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train for a moment on the first part of the text."""
    paragraphs = demo_text.prose_of_source(SOURCE) * 5
    root = Path(sysconfig.get_paths()["stdlib"])
    for name in ("argparse", "ast", "datetime", "socket", "subprocess", "threading", "typing", "shutil", "codecs"):
        paragraphs += demo_text.prose_of_source((root / f"{name}.py").read_bytes())
    monkeypatch.setattr(demo_text, "collect", lambda: paragraphs)
    monkeypatch.setattr(demo, "OPTIONS", {"dim": 16, "epochs": 1, "min_count": 2})
    short = {"dim": 8, "epochs": 1}
    few = {"GloVe": short, "fastText": short | {"buckets": 500}, "PPMI-SVD": {"dim": 8}}
    for name, (place, config, _) in demo.OTHERS.items():
        monkeypatch.setitem(demo.OTHERS, name, (place, config, few[name]))


@pytest.mark.usefixtures("quick")
def test_the_folder_holds_all_of_it(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = call("demo", "--out", out)
    assert done.code == 0, done.err
    assert sorted(file.name for file in out.iterdir()) == [
        "analogies.txt", "map.png", "model", "report.json", "report.md", "similarity.txt", "text.txt",
    ]  # fmt: skip
    report = json.loads((out / "report.json").read_text())
    assert report["vocabulary"] == len(load(out / "model"))
    assert report["neighbours"]
    assert report["map"] == "map.png"
    assert (out / "map.png").read_bytes().startswith(b"\x89PNG")
    assert "![Words on a plane](map.png)" in (out / "report.md").read_text()
    assert "Nearest words" in done.out
    beside = {line["model"]: line for line in report["side_by_side"]}
    assert list(beside) == ["word2vec", "GloVe", "fastText", "PPMI-SVD"]
    assert beside["word2vec"]["similarity"] == round(100 * report["scores"]["similarity"]["spearman"], 1)
    assert len({json.dumps(line["nearest"]) for line in beside.values()}) == 4, "four models, four answers"
    scored = call("evaluate", out / "model", "--analogies", out / "analogies.txt", "--json")
    assert json.loads(scored.out)["analogies"][0]["total"] == report["scores"]["analogies"]["total"]
    assert [file.name for file in tmp_path.iterdir()] == ["demo"]


@pytest.mark.usefixtures("quick")
def test_an_earlier_demo_is_replaced_and_nothing_else(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    assert call("demo", "--out", out, "--quiet").code == 0
    assert call("demo", "--out", out, "--seed", 2, "--quiet").code == 0
    assert json.loads((out / "report.json").read_text())["options"]["seed"] == 2
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("x")
    refused = call("demo", "--out", mine)
    assert refused.code == 1
    assert "not the folder of a demo" in refused.complaint
    assert (mine / "thesis.txt").exists()


@pytest.mark.usefixtures("quick")
def test_without_matplotlib_the_rest_is_there(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from firth.errors import MissingExtraError

    def missing(*_: object, **__: object) -> None:
        raise MissingExtraError("drawing a picture", extra="plot")

    monkeypatch.setattr("firth.plot.word_map", missing)
    done = call("demo", "--out", tmp_path / "demo", "--json")
    assert done.code == 0
    assert json.loads(done.out)["map"] is None
    assert "firth[plot]" in done.err
    assert not (tmp_path / "demo" / "map.png").exists()


@pytest.mark.usefixtures("quick")
def test_an_interrupted_demo_leaves_nothing(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("firth.static.word2vec.train", interrupt)
    assert call("demo", "--out", tmp_path / "demo").code == 130
    assert list(tmp_path.iterdir()) == []
