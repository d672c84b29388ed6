"""What is printed is always one printable line, and JSON always holds the exact word."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.cli.output import error_line, print_json, shown

ANY_TEXT = st.text(st.characters(exclude_categories=())).filter(lambda text: "\0" not in text)


@given(ANY_TEXT)
def test_shown_is_one_printable_line(text: str) -> None:
    line = shown(text)
    assert line.isprintable()
    line.encode("utf-8")
    if text.isprintable():
        assert line == text


@given(ANY_TEXT)
def test_json_gives_back_every_word(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []
        patch.setattr("builtins.print", written.append)
        print_json({"word": text})
    assert json.loads("".join(written)) == {"word": text}
    "".join(written).encode("utf-8")


@given(ANY_TEXT)
def test_errors_are_one_line(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []
        patch.setattr("builtins.print", lambda line, **_: written.append(line))
        error_line(text)
    assert len(written) == 1
    assert len(written[0].splitlines()) == 1
