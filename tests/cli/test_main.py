"""The frame of the command line: help, endings, exit codes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firth.cli.main import VERBS, main
from firth.errors import FormatError


def test_help_lists_every_verb(call: Callable[..., Any]) -> None:
    done = call("--help")
    assert done.code == 0
    assert all(verb in done.out for verb in VERBS)
    assert done.err == ""


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, call: Callable[..., Any]) -> None:
    done = call(verb, "--help")
    assert done.code == 0
    assert f"Usage: firth {verb}" in done.out


def test_version(call: Callable[..., Any]) -> None:
    done = call("--version")
    assert done.code == 0
    assert re.fullmatch(r"firth( \d+\.\d+\.\d+.*|, run from a source tree)\n", done.out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nearst", "m", "w"], "unknown command nearst: did you mean nearest"),
        (["qqqq"], "expected one of demo, corpus, train"),
        (["nearest"], "MODEL"),
        (["nearest", "m", "w", "--cuont", "3"], "--cuont. Did you mean --count"),
        (["nearest", "m", "w", "-n", "many"], "-n"),
        (["nearest", "m", "w", "-n", "0"], "--count is too small: got 0, expected at least 1"),
        (["analogy", "m", "a", "b", "c", "--method", "cos"], "3cosmul"),
        (["similarity", "m", "a", "b", "c"], "one argument too many: c"),
        (["train"], None),
        (["train", "word2vce", "t"], "unknown model word2vce: did you mean word2vec"),
        (["train", "word2vec", "t"], "--out"),
        (["train", "word2vec", "t", "--out", "o", "--dim", "0"], "--dim is too small: got 0, expected at least 1"),
        (["train", "word2vec", "t", "--out", "o", "--epochs", "-2"], "--epochs is too small"),
        (["train", "word2vec", "t", "--out", "o", "--dim", "1e3"], "--dim"),
        (["train", "word2vec", "t", "--out", "o", "--sample", "nan"], "--sample"),
        (["train", "word2vec", "t", "--out", "o", "--loss", "hinge"], "hierarchical"),
        (["train", "word2vec", "t", "--out", "o", "--wndow", "4"], "--wndow. Did you mean --window"),
        (["train", "word2vec", "t", "--out", "o", "--freeze"], "--freeze needs --init"),
        (["odd", "m", "a", "b"], "too few words: got 2"),
        (["evaluate", "m", "--similarity", "f", "--resamples", "100000000000"], "--resamples is out of range"),
        (["evaluate", "m"], "--similarity, --analogies or --text"),
        (["evaluate", "m", "--analogies", "f", "--restrict", "-1"], "--restrict"),
    ],
)
def test_a_bad_command_line_is_one_line_and_two(
    arguments: list[str], message: str | None, call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(*arguments)
    if message is None:
        assert done.code == 0
        assert "word2vec" in done.out
        return
    assert done.code == 2
    assert message in done.complaint
    assert done.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nearest", "absent", "w"], "absent"),
        (["similarity", "absent", "a", "b"], "absent"),
        (["inspect", "absent"], "absent"),
        (["evaluate", "absent", "--analogies", "x"], "absent"),
        (["convert", "absent", "x.txt"], "absent"),
        (["corpus", "absent.txt", "--out", "c"], "absent.txt"),
        (["train", "word2vec", "absent.txt", "--out", "m"], "absent.txt"),
        (["train", "word2vec", "-", "other.txt", "--out", "m"], "standard input cannot be mixed"),
        (["embed", "absent", "t.txt", "--out", "v.npy"], "absent"),
        (["train", "word2vec", "absent.txt", "--out", "deep/er/m"], "absent.txt"),
        (["convert", "absent", "deep/x.txt"], "absent"),
    ],
)
def test_a_failure_is_one_line_and_one(
    arguments: list[str], message: str, call: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(*arguments)
    assert done.code == 1
    assert message in done.complaint
    assert list(tmp_path.iterdir()) == []


def raising(error: BaseException) -> object:
    def stop(*_: object, **__: object) -> None:
        raise error

    return stop


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (FormatError("cut short", path="a.bin", offset=7), 1, "a.bin: cut short (at byte 7)"),
        (OSError(28, "No space left on device", "out/model"), 1, "out/model: No space left on device"),
        (MemoryError(), 1, "not enough memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("oops\nmore"), 1, "internal error: ZeroDivisionError: oops more; please report"),
        (PermissionError(13, "Permission denied", "\x1b[31mred\n"), 1, "\\x1b[31mred : Permission denied"),
    ],
)
def test_every_ending_is_one_line(
    error: BaseException, code: int, line: str, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firth.cli.similarity.load_vectors", raising(error))
    done = call("similarity", "m", "a", "b")
    assert done.code == code
    assert done.complaint.startswith(line)


def test_debug_lets_the_traceback_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.cli.similarity.load_vectors", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["similarity", "m", "a", "b", "--debug"])


def test_debug_after_two_dashes_is_a_word(call: Callable[..., Any], model: Path) -> None:
    done = call("similarity", model, "--", "king", "--debug")
    assert done.code == 1
    assert "--debug" in done.complaint


def test_a_closed_stderr_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["similarity", "absent", "a", "b"]) == 1
