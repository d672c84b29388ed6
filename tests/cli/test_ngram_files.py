"""``firth inspect`` and ``firth convert`` on n-gram models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from firth import load

GOLDEN = Path(__file__).parents[1] / "golden" / "kenlm"
Call = Callable[..., Any]


def test_arpa_to_a_folder_and_back(call: Call, tmp_path: Path) -> None:
    assert call("convert", GOLDEN / "lmplz.arpa", tmp_path / "m").code == 0
    assert call("convert", tmp_path / "m", tmp_path / "again.arpa.gz").code == 0
    assert call("convert", tmp_path / "again.arpa.gz", tmp_path / "again.arpa").code == 0
    again, first = (path.read_text().split("\n\\") for path in (tmp_path / "again.arpa", GOLDEN / "lmplz.arpa"))
    assert [sorted(part.split("\n")) for part in again] == [sorted(part.split("\n")) for part in first]


def test_inspect_tells_of_both(call: Call, tmp_path: Path) -> None:
    call("convert", GOLDEN / "lmplz.arpa", tmp_path / "m")
    file = json.loads(call("inspect", GOLDEN / "lmplz.arpa", "--json").out)
    folder = json.loads(call("inspect", tmp_path / "m", "--json").out)
    assert (file["format"], file["kind"], file["words"]) == ("arpa", "ngram", 18)
    assert (folder["format"], folder["kind"], folder["words"]) == ("firth", "ngram", 18)
    assert file["details"]["ngrams"] == folder["details"]["ngram"]["counts"]
    assert "order" in call("inspect", GOLDEN / "lmplz.arpa").out


def test_what_is_lacking_and_what_compression_costs_is_told(call: Call, tmp_path: Path) -> None:
    told = call("convert", GOLDEN / "thin.arpa", tmp_path / "m", "--compress", "int8")
    assert told.code == 0
    assert "are lacking" in told.err
    assert "mean shift" in told.err
    small, whole = load(tmp_path / "m"), load(GOLDEN / "lmplz.arpa")
    ids = np.arange(small.lexicon.n_outputs, dtype=np.int32)
    assert abs(small.matched(ids)[0] - whole.matched(ids)[0]).max() < 1


def test_a_broken_file_gives_one_line_with_the_byte(call: Call, tmp_path: Path) -> None:
    raw = (GOLDEN / "lmplz.arpa").read_bytes()
    (tmp_path / "cut.arpa").write_bytes(raw[: len(raw) // 2])
    ran = call("convert", tmp_path / "cut.arpa", tmp_path / "m")
    assert ran.code == 1
    assert "byte" in ran.complaint
    assert not (tmp_path / "m").exists()


def test_vectors_are_no_ngrams(call: Call, model: Path, tmp_path: Path) -> None:
    ran = call("convert", model, tmp_path / "m.arpa")
    assert ran.code == 1
    assert "arpa cannot hold this model" in ran.complaint
