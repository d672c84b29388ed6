"""The examples of the teaching pages run, and print what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = {"word2vec.md": "梨子", "glove.md": "True"}  # and what one of its examples promises


def _examples(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def _promised(code: str) -> list[str]:
    return [said.strip() for said in re.findall(r"^print\(.*\)\s+# (.*)$", code, re.MULTILINE)]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_has_an_example_that_promises_something(page: str) -> None:
    assert [PAGES[page]] in [_promised(code) for code in _examples(DOCS / page)]


@pytest.mark.parametrize("page", PAGES)
def test_every_example_runs_and_prints_what_it_says(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    for code in _examples(DOCS / page):
        namespace: dict[str, Any] = {}
        exec(compile(code, page, "exec"), namespace)
        assert capsys.readouterr().out.splitlines() == _promised(code)
