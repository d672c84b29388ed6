"""Tiny files that the programs of others made (``tests/golden/make_others.py``), with what those programs answered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from firth import convert, inspect, load
from firth.vectors.subword import SubwordVectors

GOLDEN = Path(__file__).parents[1] / "golden" / "others"
ASKED = json.loads((GOLDEN / "asked.json").read_text(encoding="utf-8"))
FORMATS = {"buckets.fifu": "finalfusion", "spacy": "spacy", "spacy-floret": "spacy"}


@pytest.mark.parametrize("name", ASKED)
def test_answers_as_the_program_that_made_it(name: str, tmp_path: Path) -> None:
    assert inspect(GOLDEN / name).format == FORMATS.get(name, "gensim")
    vectors = load(GOLDEN / name)
    for word, expected in ASKED[name].items():
        tolerance = 2e-6 if name.endswith(".fifu") else 1e-7  # finalfusion adds up in another order
        np.testing.assert_allclose(vectors[word], expected, rtol=1e-6, atol=tolerance)
    assert any("水" in word for word in vectors.words)
    # What is kept on the way through our folder is everything, n-grams of every kind too.
    assert not convert(GOLDEN / name, tmp_path / "ours")
    ours = load(tmp_path / "ours")
    assert isinstance(ours, SubwordVectors) == isinstance(vectors, SubwordVectors)
    for word in ASKED[name]:
        np.testing.assert_array_equal(ours[word], vectors[word])


@pytest.mark.parametrize("name", ["table.parquet", "table.feather"])
def test_tables(name: str) -> None:
    vectors = load(GOLDEN / name)
    assert list(vectors.words) == ["the", "水", "naïve", "mark"]
    np.testing.assert_array_equal(vectors.matrix.ravel(), (np.arange(16) - 7) / 4)
    assert vectors.counts is not None
    assert vectors.counts.tolist() == [4, 3, 2, 1]


def test_model2vec() -> None:
    vectors = load(GOLDEN / "model2vec")
    assert list(vectors.words) == ["[UNK]", "the", "水", "##s"]
    np.testing.assert_array_equal(vectors.matrix.ravel(), (np.arange(16) - 7) / 4)
    assert inspect(GOLDEN / "model2vec").details["tokenizer"] == "WordPiece"
