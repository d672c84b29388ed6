"""Pictures of scores: what stands in them, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from firth.errors import DataError

pytest.importorskip("matplotlib")

from firth.plot_scores import confusion_matrix, reliability


def test_counts_and_names_stand_in_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "confusion.svg"
    confusion_matrix([[1207, 3], [0, 0]], ["$good$", "bad"], path)
    text = path.read_text(encoding="utf-8")
    assert "<!-- 1,207 -->" in text
    assert "<!-- $good$ -->" in text or "good" in text
    many = [f"label {n}" for n in range(40)]
    confusion_matrix([[int(a == b) for a in range(40)] for b in range(40)], many, tmp_path / "many.png")
    assert (tmp_path / "many.png").stat().st_size > 1000


def test_reliability(tmp_path: Path) -> None:
    bins = [{"low": 0.5, "high": 0.75, "n": 3, "confidence": 0.6, "accuracy": 2 / 3},
            {"low": 0.75, "high": 1.0, "n": 9, "confidence": 0.9, "accuracy": 0.8}]  # fmt: skip
    path = tmp_path / "reliability.svg"
    reliability(bins, path, error=0.0917)
    assert "expected calibration error 9.2 %" in path.read_text(encoding="utf-8")


def test_what_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no square"):
        confusion_matrix([[1]], ["a", "b"], tmp_path / "a.png")
    with pytest.raises(DataError, match="no answers"):
        reliability([], tmp_path / "a.png")
    with pytest.raises(DataError, match="cannot write"):
        confusion_matrix([[1]], ["a"], tmp_path / "none" / "a.png")
