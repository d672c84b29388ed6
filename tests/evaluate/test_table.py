"""Scores as text."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from firth.evaluate import AnalogyScore, SectionScore, SimilarityScore
from firth.evaluate.table import ANALOGY_COLUMNS, SIMILARITY_COLUMNS, analogy_rows, drawn, markdown, similarity_rows

NAN = float("nan")
SCORES = [
    SimilarityScore("wordsim", "w.txt", 353, 350, 0, "skip", 0.61234, -0.5, (0.55, 0.68), 0.95),
    SimilarityScore("梨子", "l.txt", 3, 1, 0, "skip", NAN, NAN, (NAN, NAN), 0.95),
]


def analogy_score(n: int) -> AnalogyScore:
    sections = tuple(SectionScore(f"s{number}", 10, 8, 2) for number in range(n))
    total = SectionScore("total", 10 * n, 8 * n, 2 * n)
    return AnalogyScore("q", "q.txt", sections, total, SectionScore("syntactic", 0, 0, 0), total, "3cosadd", 9, "exact")


def text_of(columns: tuple[str, ...], rows: list[list[str]], width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(drawn(columns, rows, title="A [title]"))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_similarity_rows() -> None:
    assert similarity_rows(SCORES) == [
        ["wordsim", "350", "353", "0.8 %", "61.2", "55.0 to 68.0", "-50.0"],
        ["梨子", "1", "3", "66.7 %", "nan", "nan to nan", "nan"],
    ]


def test_analogy_rows_sum_up_many_sections() -> None:
    few, many = analogy_rows(analogy_score(2)), analogy_rows(analogy_score(41))
    assert [row[0] for row in few] == ["s0", "s1", "total"]
    assert few[1:] == [["s1", "2", "8", "10", "25.0 %"], ["total", "4", "16", "20", "25.0 %"]]
    assert [row[0] for row in many] == ["(41 sections: see --json)", "total"]
    assert len(analogy_rows(analogy_score(41), sections=True)) == 42


def test_figures_stand_to_the_right_and_words_to_the_left() -> None:
    rows = similarity_rows(SCORES)
    assert markdown(SIMILARITY_COLUMNS, rows).splitlines()[1] == "|---|---:|---:|---:|---:|---:|---:|"
    assert markdown(("word", "neighbours"), [["a", "list, 400"], ["b", "|"]]).splitlines()[1:] == [
        "|---|---|", "| a | list, 400 |", "| b | \\| |",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [120, 30])
def test_a_drawn_table_loses_nothing(width: int) -> None:
    written = text_of(SIMILARITY_COLUMNS, similarity_rows(SCORES), width)
    kept = "".join(written.split())
    assert "A[title]" in kept
    if width == 120:
        for row in similarity_rows(SCORES):
            assert all(cell in written for cell in row)
    assert "…" not in written
    assert text_of(ANALOGY_COLUMNS, [], width)
