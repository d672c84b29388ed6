"""The examples of the teaching pages run, and print what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "word2vec.md"
PAGES = [PAGE, DOCS / "counts.md", DOCS / "glove.md"]


def _examples(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def _promised(code: str) -> list[str]:
    return [said.strip() for said in re.findall(r"^print\(.*\)\s+# (.*)$", code, re.MULTILINE)]


def test_the_page_has_an_example_that_promises_something() -> None:
    assert ["梨子"] in [_promised(code) for code in _examples(PAGE)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_runs_and_prints_what_it_says(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert any(map(_promised, _examples(page)))
    for code in _examples(page):
        namespace: dict[str, Any] = {}
        exec(compile(code, str(page), "exec"), namespace)
        assert capsys.readouterr().out.splitlines() == _promised(code)
