"""Scores of words in context as rows of text."""

from __future__ import annotations

from collections.abc import Sequence

from firth.evaluate.similarity_in_context import ContextSimilarityScore
from firth.evaluate.word_in_context import WicScore
from firth.evaluate.wsd import WsdScore

__all__ = ["SCWS_COLUMNS", "WIC_COLUMNS", "WSD_COLUMNS", "scws_rows", "wic_rows", "wsd_rows"]

WSD_COLUMNS = ("set", "system", "F1", "correct", "answered", "instances", "by vector", "by first sense")
SCWS_COLUMNS = ("set", "system", "Spearman", "found", "pairs")
WIC_COLUMNS = ("set", "system", "accuracy", "same", "pairs", "threshold", "fitted on", "accuracy there", "chosen there")


def wsd_rows(scores: Sequence[WsdScore]) -> list[list[str]]:
    """Return a row of :data:`WSD_COLUMNS` per score."""
    return [
        [
            score.name,
            score.system,
            f"{100 * score.f1:.1f}",
            f"{score.correct:,}",
            f"{score.answered:,}",
            f"{score.instances:,}",
            f"{score.by_vector:,}",
            f"{score.by_first_sense:,}",
        ]
        for score in scores
    ]


def scws_rows(scores: Sequence[ContextSimilarityScore]) -> list[list[str]]:
    """Return a row of :data:`SCWS_COLUMNS` per score, correlations in hundredths."""
    return [
        [score.name, score.system, f"{100 * score.spearman:.1f}", f"{score.found:,}", f"{score.pairs:,}"]
        for score in scores
    ]


def wic_rows(scores: Sequence[WicScore]) -> list[list[str]]:
    """Return a row of :data:`WIC_COLUMNS` per score."""
    return [
        [
            score.name,
            score.system,
            f"{100 * score.accuracy:.1f} %",
            f"{100 * score.same:.1f} %",
            f"{score.pairs:,}",
            f"{score.threshold:.3f}",
            score.fitted_on,
            f"{100 * score.fit_accuracy:.1f} %",
            "yes" if score.chosen else "",
        ]
        for score in scores
    ]
