"""Scores as rows of text, drawn by rich or written as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from firth.evaluate.analogy import AnalogyScore, SectionScore
from firth.evaluate.similarity import SimilarityScore

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["analogy_rows", "drawn", "markdown", "similarity_rows"]

SIMILARITY_COLUMNS = ("set", "found", "pairs", "OOV", "Spearman", "interval", "Pearson")
ANALOGY_COLUMNS = ("section", "correct", "asked", "questions", "accuracy")
_MOST_SECTIONS = 40
_FIGURE = re.compile(r"|-|((^| to )(nan|-?[\d,.]+)( %)?){1,2}")


def similarity_rows(scores: Sequence[SimilarityScore]) -> list[list[str]]:
    """Return a row of :data:`SIMILARITY_COLUMNS` per score; correlations are in hundredths."""
    return [
        [
            score.name,
            f"{score.found:,}" + (f" + {score.composed:,}" if score.composed else ""),
            f"{score.pairs:,}",
            f"{100 * score.oov_rate:.1f} %",
            f"{100 * score.spearman:.1f}",
            f"{100 * score.interval[0]:.1f} to {100 * score.interval[1]:.1f}",
            f"{100 * score.pearson:.1f}",
        ]
        for score in scores
    ]


def analogy_rows(score: AnalogyScore, *, sections: bool | None = None) -> list[list[str]]:
    """Return a row of :data:`ANALOGY_COLUMNS` per section and per sum.

    Parameters
    ----------
    score : AnalogyScore
    sections : bool, optional
        Whether sections get rows; by default where there are at most 40 (SAT has 374), else one row says how many.
    """
    if sections is None:
        sections = len(score.sections) <= _MOST_SECTIONS
    rows = [_row(section) for section in score.sections] if sections else []
    if not sections:
        rows.append([f"({len(score.sections):,} sections: see --json)", "", "", "", ""])
    both = score.semantic.questions and score.syntactic.questions
    return rows + [_row(part) for part in ((score.semantic, score.syntactic) if both else ())] + [_row(score.total)]


def _row(part: SectionScore) -> list[str]:
    accuracy = "-" if part.accuracy is None else f"{100 * part.accuracy:.1f} %"
    return [part.name or "(no section)", f"{part.correct:,}", f"{part.asked:,}", f"{part.questions:,}", accuracy]


def drawn(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "") -> Table:
    """Return a rich table: words to the left, figures to the right, nothing cut."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if _holds_figures(rows, number) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _holds_figures(rows: Sequence[Sequence[str]], column: int) -> bool:
    """Whether the column is made of figures, so that it reads best from the right; the first one never is."""
    return column > 0 and all(_FIGURE.fullmatch(row[column]) for row in rows)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with the same alignment.

    Examples
    --------
    >>> print(markdown(["word", "cosine"], [["cat", "0.71"]]))
    | word | cosine |
    |---|---:|
    | cat | 0.71 |
    """
    rule = ["---:" if _holds_figures(rows, number) else "---" for number in range(len(columns))]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (columns, *rows)]
    return "\n".join([lines[0], "|" + "|".join(rule) + "|", *lines[1:]])
