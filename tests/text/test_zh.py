"""Chinese words: batches and processes change nothing; without the extra a clear error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import rjieba

from firth.errors import MissingExtraError
from firth.text import zh
from firth.text.corpus import as_corpus
from firth.text.lines import batches_of

TEXT = "我喜欢吃苹果，他喜欢吃梨子。\n\nFirth 3.14 版：小明硕士毕业于中国科学院计算所！\n"


def test_words_are_those_of_rjieba_without_punctuation() -> None:
    lines = [[word for word in rjieba.cut(line) if any(map(str.isalnum, word))] for line in TEXT.split("\n")]
    assert list(as_corpus([TEXT], tokenizer="zh").sentences()) == [line for line in lines if line]


def test_batches_and_processes_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text(TEXT * 200 + TEXT.replace("\n", "") * 100, encoding="utf-8")
    whole = as_corpus(tmp_path / "text", tokenizer="zh", cache=False)
    monkeypatch.setattr(zh, "BATCH", 1000)
    for threads in (1, 2, 3):
        assert as_corpus(tmp_path / "text", tokenizer="zh", threads=threads, cache=False).digest == whole.digest


def test_invalid_bytes_go_around_the_segmenter(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes("苹果".encode() + b"\xff" + "梨子 ok".encode())
    assert list(as_corpus(tmp_path / "text", tokenizer="zh").sentences()) == [["苹果", "\udcff", "梨子", "ok"]]


def test_long_lines_are_cut_at_marks_that_the_segmenter_does_not_look_beyond() -> None:
    text = ("苹果，梨子。" * 50).encode()
    batches = list(batches_of([text[:100], text[100:]], 64))
    assert b"".join(batches) == text
    assert all(batch.endswith(("，".encode(), "。".encode())) for batch in batches)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rjieba", None)
    with pytest.raises(MissingExtraError, match=r"firth\[zh\]"):
        as_corpus([TEXT], tokenizer="zh")
