"""The examples of the teaching pages run, and print what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "word2vec.md"
PAGES = [PAGE, PAGE.with_name("fasttext-classifier.md")]


def _examples(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def _promised(code: str) -> list[str]:
    return [said.strip() for said in re.findall(r"^print\(.*\)\s+# (.*)$", code, re.MULTILINE)]


def test_the_page_has_an_example_that_promises_something() -> None:
    assert ["梨子"] in [_promised(code) for code in _examples(PAGE)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_example_runs_and_prints_what_it_says(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}  # a page's later examples go on from its first
    for code in _examples(page):
        exec(compile(code, str(page), "exec"), namespace)
        assert capsys.readouterr().out.splitlines() == _promised(code)
