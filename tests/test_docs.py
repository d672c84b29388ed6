"""The examples of the teaching pages run, and print what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def _examples(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def _promised(code: str) -> list[str]:
    return [said.strip() for said in re.findall(r"^print\(.*\)\s+# (.*)$", code, re.MULTILINE)]


# The teaching pages: those whose examples say what they print.
PAGES = [page for page in sorted(DOCS.glob("*.md")) if any(map(_promised, _examples(page)))]


def test_the_teaching_pages_are_found() -> None:
    assert {"word2vec", "fasttext"} <= {page.stem for page in PAGES}
    assert ["梨子"] in [_promised(code) for code in _examples(DOCS / "word2vec.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_example_runs_and_prints_what_it_says(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for code in _examples(page):
        namespace: dict[str, Any] = {}
        exec(compile(code, str(page), "exec"), namespace)
        assert capsys.readouterr().out.splitlines() == _promised(code)
