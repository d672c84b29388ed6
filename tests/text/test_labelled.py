"""Files of labelled texts: five formats, and what is wrong with a line."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError, FormatError
from firth.text.labelled import read_labelled

WANTED = [("good", "a fine film"), ("坏", "片子 , 不好")]


def read(path: Path, raw: str | bytes, **options: Any) -> list[tuple[str, Any]]:
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return [(found.label, found.text) for found in read_labelled(path, **options)]


@pytest.mark.parametrize(
    ("name", "raw", "options"),
    [
        ("a.txt", "__label__good a fine film\n\n__label__坏 片子 , 不好\r\n", {}),
        ("a.txt", "good a fine film\n坏 片子 , 不好", {"format": "first"}),
        ("a.txt", "good\ta fine film\n坏\t片子 , 不好\n", {}),
        ("a.tsv", "good\t9\ta fine film\n坏\t1\t片子 , 不好\n", {}),
        ("a.tsv", "1\ta fine film\tgood\n2\t片子 , 不好\t坏\n", {"label": -1, "text": 2}),
        ("a.csv", 'text,label\na fine film,good\n"片子 , 不好",坏\n', {}),
        ("a.csv", '"a fine film",good\n"片子 , 不好",坏\n', {"label": 2, "text": 1}),
        ("a.csv", 'kind,what\ngood,a fine film\n坏,"片子 , 不好"\n', {"label": "kind", "text": "what"}),
        ("a.jsonl", '{"label": "good", "text": "a fine film"}\n\n{"text": "片子 , 不好", "label": "坏"}\n', {}),
    ],
)
def test_formats(tmp_path: Path, name: str, raw: str, options: dict[str, Any]) -> None:
    assert read(tmp_path / name, raw, **options) == WANTED
    assert read(tmp_path / (name + ".gz"), gzip.compress(raw.encode()), **options) == WANTED


def test_lines_are_known(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"two\nlines",x\none,y\n')
    assert [(found.text, found.line) for found in read_labelled(path)] == [("two\nlines", 3), ("one", 4)]
    assert read(tmp_path / "b.jsonl", '{"label": 3, "text": ["two", "words"]}') == [("3", ["two", "words"])]
    assert read(tmp_path / "empty", "") == []


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.text(st.characters(codec="utf-8"))), max_size=5))
def test_what_was_written_as_json_is_read(rows: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw = "".join(json.dumps({"label": label, "text": text}) + "\n" for label, text in rows)
        assert read(Path(folder) / "a.jsonl", raw) == rows


@pytest.mark.parametrize(
    ("name", "raw", "options", "said"),
    [
        ("a", "no label\n", {}, "line 1: there is no label"),
        ("a", "__label__x a\nb\n", {}, "line 2: there is no label"),
        ("a", "__label__ a\n", {}, "line 1: there is no label"),
        ("a", "__label__x __label__y a\n", {}, "more than one label"),
        ("a", b"__label__x \xe9t\xe9\n", {}, "not UTF-8"),
        ("a", bytes(range(32)) * 100, {}, "binary file"),
        ("a.tsv", "x\ta\ny\n", {}, "line 2: another number of columns"),
        ("a.tsv", "x\ta\n", {"label": 5}, "no such column"),
        ("a.tsv", "x\ta\n", {"label": 2}, "label and text are one column"),
        ("a.tsv", "x\n", {}, "label and text are one column"),
        ("a.tsv", "\ta\n", {}, "the label is empty"),
        ("a.csv", "kind,text\nx,a\n", {}, "the header has no column 'label'"),
        ("a.csv", 'label,text\nx,"a\n', {}, "no CSV"),
        ("a.jsonl", "{\n", {}, "line 1: no JSON"),
        ("a.jsonl", "[1]\n", {}, "an object lacks a field"),
        ("a.jsonl", '{"label": "x"}\n', {}, "an object lacks a field"),
        ("a.jsonl", '{"label": [], "text": "a"}\n', {}, "the label is no text"),
        ("a.jsonl", '{"label": "x", "text": 3}\n', {}, "the text is none"),
        ("a.jsonl", "[" * 100_000, {}, "no JSON"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, name: str, raw: str | bytes, options: dict[str, Any], said: str) -> None:
    with pytest.raises((FormatError, DataError), match=said):
        read(tmp_path / name, raw, **options)


def test_options_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such format"):
        read(tmp_path / "a", "", format="xml")
    with pytest.raises(ConfigError, match="have no columns"):
        read(tmp_path / "a", "__label__x a\n", label=1)
