"""SCWS: pairs as they stand in the file, correlations as SciPy's."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from firth.errors import DataError, FormatError
from firth.evaluate.in_context import Place
from firth.evaluate.similarity_in_context import read_scws, similarity_in_context
from firth.vectors.static import Vectors

ROWS = [
    ("bank", "money", "near the <b> bank </b> of a river", "some <b> money </b> here", 2.5),
    ("bank", "shore", "a <b> bank </b> with loans", "the <b> shore </b> , there", 1.0),
    ("Cat", "dog", "my <b> Cat </b> sleeps", "your <b> dog </b> barks", 7.0),
    ("hot dog", "dog", "a <b> hot dog </b> !", "<b> dog </b>", 4.0),
    ("cat", "yak", "one <b> cat </b>", "one <b> yak </b> more", 5.0),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    lines = [
        "\t".join([str(n), one, "n", two, "n", first, second, str(score), *["1.0"] * 10])
        for n, (one, two, first, second, score) in enumerate(ROWS, 1)
    ]
    (tmp_path / "ratings.txt").write_text("\n".join(lines) + "\n")
    return tmp_path / "ratings.txt"


def test_the_pairs_of_a_file(path: Path) -> None:
    pairs = read_scws(path)
    assert len(pairs) == 5
    assert pairs[0].words == ("bank", "money")
    assert pairs[0].places[0] == Place(("near", "the", "bank", "of", "a", "river"), 2, 3)
    assert pairs[3].places[0].word == ("hot", "dog")
    assert pairs[0].score == 2.5


def cosine(a: Any, b: Any) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("tokenizer", [None, "words"])
def test_correlations_in_context(path: Path, tokenizer: str | None, neighbour_mix: Any) -> None:
    model = neighbour_mix()
    model.metadata = {"tokenizer": {"name": tokenizer}} if tokenizer else {}
    scores = similarity_in_context(model, path)
    assert [score.system for score in scores] == ["layer 0", "layer 1", "mean"]
    for layer in (0, 1):
        cosines = []
        for pair in read_scws(path):
            sides = []
            for place in pair.places:
                kept = [n for n, token in enumerate(place.sentence) if not tokenizer or token.isalnum()]
                layers = model.encode_layers([[place.sentence[n] for n in kept]])[0]
                inside = [at for at, n in enumerate(kept) if place.start <= n < place.end]
                sides.append(layers[layer, inside].mean(0))
            cosines.append(cosine(*sides))
        assert scores[layer].spearman == pytest.approx(spearmanr(cosines, [row[4] for row in ROWS])[0])
        assert (scores[layer].pairs, scores[layer].found) == (5, 5)


def test_correlations_of_static_vectors(path: Path) -> None:
    random = np.random.default_rng(1)
    words = ["bank", "money", "shore", "cat", "dog", "hot dog"]
    vectors = Vectors(words, random.normal(size=(6, 8)).astype(np.float32))
    [score] = similarity_in_context(vectors, path)
    pairs = [("bank", "money", 2.5), ("bank", "shore", 1.0), ("cat", "dog", 7.0), ("hot dog", "dog", 4.0)]
    expected = spearmanr([cosine(vectors[a], vectors[b]) for a, b, _ in pairs], [human for *_, human in pairs])[0]
    assert score.system == "static vectors"
    assert (score.pairs, score.found) == (5, 4)
    assert score.spearman == pytest.approx(expected)


def test_an_undefined_correlation_is_none(path: Path) -> None:
    [score] = similarity_in_context(Vectors(["bank", "money"], np.eye(2, dtype=np.float32)), path)
    assert math.isnan(score.spearman)
    assert score.as_dict()["spearman"] is None


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("1\ta\tn\tb\tn\t<b> a </b>\t<b> b </b>", "7 fields of 8"),
        ("1\ta\tn\tb\tn\t<b> a </b>\tb\t1.0", "marks no word"),
        ("1\ta\tn\tb\tn\t<b> </b>\t<b> b </b>\t1.0", "marks no word"),
        ("1\ta\tn\tb\tn\t<b> a </b>\t<b> b </b>\tx", "could not convert"),
        ("1\ta\tn\tb\tn\t<b> a </b>\t<b> b </b>\tnan", "not finite"),
    ],
)
def test_broken_lines_are_named(line: str, what: str, path: Path) -> None:
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(FormatError, match=f"ratings.txt: line 6 is no pair in context .*{what}"):
        read_scws(path)


def test_an_empty_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(DataError, match="holds no pairs"):
        read_scws(tmp_path / "none.txt")


def test_the_real_set(data: Callable[[str], Path]) -> None:
    pairs = read_scws(data("scws/ratings.txt.gz"))
    assert len(pairs) == 2003
    assert all(0 <= pair.score <= 10 for pair in pairs)
    same = sum(
        " ".join(place.word) == word for pair in pairs for word, place in zip(pair.words, pair.places, strict=True)
    )
    assert same > 0.8 * 2 * 2003  # the others differ by their ending
