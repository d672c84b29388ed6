"""The same questions to gensim's KeyedVectors and to ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import KeyedVectors as Theirs

from firth.compat.gensim import KeyedVectors as Ours
from firth.errors import FirthError

WORDS = [f"w{i}" for i in range(120)]
MATRIX = np.random.default_rng(11).standard_normal((120, 8)).astype(np.float32)


@pytest.fixture
def pair() -> tuple[Ours, Theirs]:
    ours, theirs = Ours(8), Theirs(8)
    for keyed in (ours, theirs):
        keyed.add_vectors(WORDS, MATRIX)
        for row, word in enumerate(WORDS):
            keyed.set_vecattr(word, "count", 1 + row % 7)
    return ours, theirs


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "most_similar": lambda kv: kv.most_similar("w1"),
    "positive and negative": lambda kv: kv.most_similar(positive=["w1", "w2"], negative=["w3"], topn=5),
    "weights": lambda kv: kv.most_similar(positive=[("w1", 0.3), ("w2", 2.0)], negative=[("w3", -0.5)]),
    "vector and row": lambda kv: kv.most_similar(positive=[MATRIX[3] * 2, 5]),
    "restrict_vocab": lambda kv: kv.most_similar("w1", restrict_vocab=20),
    "clip": lambda kv: kv.most_similar("w50", clip_start=40, clip_end=90),
    "topn None": lambda kv: kv.most_similar("w1", topn=None),
    "topn 0": lambda kv: kv.most_similar("w1", topn=0),
    "similar_by_word": lambda kv: kv.similar_by_word("w9", 3),
    "similar_by_vector": lambda kv: kv.similar_by_vector(MATRIX[4] + MATRIX[5], topn=4),
    "cosmul": lambda kv: kv.most_similar_cosmul(positive=["w1", "w2"], negative=["w3"], topn=6),
    "cosmul None": lambda kv: kv.most_similar_cosmul(positive=["w1"], topn=None),
    "similarity": lambda kv: kv.similarity("w1", "w2"),
    "distance": lambda kv: kv.distance("w1", "w2"),
    "distances": lambda kv: kv.distances("w1"),
    "distances to some": lambda kv: kv.distances("w1", ["w5", "w1"]),
    "n_similarity": lambda kv: kv.n_similarity(["w1", "w2"], ["w3"]),
    "doesnt_match": lambda kv: kv.doesnt_match(["w1", "w2", "w3", "w4"]),
    "rank": lambda kv: kv.rank("w1", "w7"),
    "closer_than": lambda kv: kv.closer_than("w1", "w7"),
    "given": lambda kv: kv.most_similar_to_given("w1", ["w2", "w3", "w4"]),
    "mean": lambda kv: kv.get_mean_vector(["w1", "w2", "gone", MATRIX[4]], weights=[1, -2, 3, 0.5]),
    "mean, post": lambda kv: kv.get_mean_vector(["w1", "w2"], pre_normalize=False, post_normalize=True),
    "get_vector": lambda kv: kv.get_vector("w3"),
    "get_vector norm": lambda kv: kv.get_vector("w3", norm=True),
    "items": lambda kv: kv[["w3", "w4"]],
    "normed": lambda kv: kv.get_normed_vectors(),
    "in": lambda kv: ["w1" in kv, "gone" in kv, 5 in kv, 500 in kv],
    "size": lambda kv: [len(kv), kv.vector_size, kv.index_to_key[:3], kv.key_to_index["w4"]],
    "count": lambda kv: kv.get_vecattr("w9", "count"),
    "relative": lambda kv: kv.relative_cosine_similarity("w1", "w2", topn=5),
    "centrality": lambda kv: [word for _, word in kv.rank_by_centrality(["w1", "w2", "w3"])],
    "cosines": lambda kv: kv.cosine_similarities(MATRIX[0], MATRIX[:5]),
}


def same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, list) and theirs and isinstance(theirs[0], tuple):
        assert [word for word, _ in ours] == [word for word, _ in theirs]
        np.testing.assert_allclose([x for _, x in ours], [x for _, x in theirs], rtol=1e-5, atol=2e-6)
    elif isinstance(theirs, float | np.floating | np.ndarray):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6)
    else:
        assert ours == theirs


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers_as_gensim(pair: tuple[Ours, Theirs], question: str) -> None:
    ours, theirs = (QUESTIONS[question](keyed) for keyed in pair)
    same(ours, theirs)


@pytest.mark.parametrize(
    "question",
    [
        lambda kv: kv["gone"],
        lambda kv: kv.most_similar("gone"),
        lambda kv: kv.similarity("w1", "gone"),
        lambda kv: kv.get_mean_vector(["gone"], ignore_missing=False),
    ],
)
def test_missing_keys_raise_as_gensim(pair: tuple[Ours, Theirs], question: Callable[[Any], Any]) -> None:
    for keyed in pair:
        with pytest.raises(KeyError):
            question(keyed)


def test_changing(pair: tuple[Ours, Theirs]) -> None:
    for keyed in pair:
        keyed["new"] = np.arange(8, dtype=np.float32)
        keyed["w1"] = np.ones(8, dtype=np.float32)
        keyed.add_vectors(["w2", "newer"], [np.zeros(8), np.ones(8)])
    ours, theirs = pair
    assert ours.index_to_key == theirs.index_to_key
    np.testing.assert_array_equal(ours.vectors, theirs.vectors)


def test_sort_by_frequency(pair: tuple[Ours, Theirs]) -> None:
    for keyed in pair:
        keyed.sort_by_descending_frequency()
    ours, theirs = pair
    assert ours.index_to_key == theirs.index_to_key
    np.testing.assert_array_equal(ours.vectors, theirs.vectors)
    assert ours.get_vecattr("w6", "count") == 7


@pytest.mark.parametrize("binary", [True, False])
def test_word2vec_files(pair: tuple[Ours, Theirs], tmp_path: Path, binary: bool) -> None:
    for keyed, name in zip(pair, ("ours", "theirs"), strict=True):
        keyed.save_word2vec_format(str(tmp_path / name), fvocab=str(tmp_path / f"{name}.vocab"), binary=binary)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert (tmp_path / "ours.vocab").read_bytes() == (tmp_path / "theirs.vocab").read_bytes()
    loaded = [
        kind.load_word2vec_format(str(tmp_path / "ours"), fvocab=str(tmp_path / "ours.vocab"), binary=binary, limit=50)
        for kind in (Ours, Theirs)
    ]
    assert loaded[0].index_to_key == loaded[1].index_to_key
    np.testing.assert_array_equal(loaded[0].vectors, loaded[1].vectors)
    assert loaded[0].get_vecattr("w6", "count") == loaded[1].get_vecattr("w6", "count")


def test_no_header(pair: tuple[Ours, Theirs], tmp_path: Path) -> None:
    for keyed, name in zip(pair, ("ours", "theirs"), strict=True):
        keyed.save_word2vec_format(str(tmp_path / name), write_header=False)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert len(Ours.load_word2vec_format(tmp_path / "theirs", no_header=True)) == 120


def test_save_and_load_keep_counts(pair: tuple[Ours, Theirs], tmp_path: Path) -> None:
    pair[0].save(tmp_path / "model")
    again = Ours.load(tmp_path / "model")
    assert again.get_vecattr("w9", "count") == 3
    np.testing.assert_array_equal(again.vectors, MATRIX)


def test_evaluate_word_pairs(pair: tuple[Ours, Theirs], tmp_path: Path) -> None:
    lines = [f"{'wW'[i % 2]}{i}\tw{i * 3 % 121}\t{i % 11}.5" for i in range(1, 100)]
    (tmp_path / "pairs").write_text("# a comment\nbroken line\n" + "\n".join(lines) + "\n")
    for options in ({}, {"dummy4unknown": True}, {"case_insensitive": False}, {"restrict_vocab": 60}):
        ours, theirs = (keyed.evaluate_word_pairs(str(tmp_path / "pairs"), **options) for keyed in pair)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-4)
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-4)
        assert ours[2] == pytest.approx(theirs[2])


def test_evaluate_word_analogies(pair: tuple[Ours, Theirs], tmp_path: Path) -> None:
    ours, theirs = pair
    lines = [": one"]
    for row in range(60):
        a, b, c = WORDS[row], WORDS[row + 1], WORDS[row + 2]
        right = theirs.most_similar(positive=[b, c], negative=[a], topn=2)[row % 2][0]
        lines += [": two"] if row == 30 else []
        lines.append(f"{a} {b} {c.upper()} {right}")
    lines.append("w1 w2 gone w3")
    (tmp_path / "questions").write_text("\n".join(lines) + "\n")
    for options in ({}, {"dummy4unknown": True}, {"restrict_vocab": 80}):
        assert ours.evaluate_word_analogies(str(tmp_path / "questions"), **options) == theirs.evaluate_word_analogies(
            str(tmp_path / "questions"), **options
        )


def test_missing_evaluation_set(pair: tuple[Ours, Theirs]) -> None:
    with pytest.raises(FirthError):
        pair[0].evaluate_word_pairs("/nowhere/pairs.tsv")
