"""Questions to vectors, against gensim and against the formulas written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError
from firth.protocols import Representation
from firth.vectors.static import UnknownWordError, Vectors

WORDS = [f"w{i}" for i in range(400)]
MATRIX = np.random.default_rng(7).standard_normal((400, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return Vectors(WORDS, MATRIX, counts=np.arange(400, 0, -1))


@pytest.fixture(scope="module")
def oracle() -> KeyedVectors:
    keyed = KeyedVectors(12)
    keyed.add_vectors(WORDS, MATRIX)
    return keyed


def same(ours: list[tuple[str, float]], theirs: list[tuple[str, float]]) -> None:
    assert [word for word, _ in ours] == [word for word, _ in theirs]
    np.testing.assert_allclose([score for _, score in ours], [score for _, score in theirs], atol=2e-6)


def test_is_a_representation(vectors: Vectors) -> None:
    assert isinstance(vectors, Representation)


def test_matrix_is_neither_copied_nor_writable() -> None:
    matrix = MATRIX.copy()
    held = Vectors(WORDS, matrix).matrix
    assert np.shares_memory(held, matrix)
    assert matrix.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        held[0, 0] = 1


@pytest.mark.parametrize("word", ["w0", "w123", "w399"])
def test_nearest_as_gensim(vectors: Vectors, oracle: KeyedVectors, word: str) -> None:
    same(vectors.nearest(word), oracle.most_similar(word))
    same(vectors.nearest(word, n=400), oracle.most_similar(word, topn=400))
    same(vectors.nearest(word, limit=50), oracle.most_similar(word, restrict_vocab=50))


def test_positive_and_negative_as_gensim(vectors: Vectors, oracle: KeyedVectors) -> None:
    same(
        vectors.nearest(positive=["w1", "w2"], negative=["w3"]),
        oracle.most_similar(positive=["w1", "w2"], negative=["w3"]),
    )
    same(
        vectors.nearest("w5", positive=[("w1", 0.5), MATRIX[9] * 3], negative=[("w3", -2.0)]),
        oracle.most_similar(positive=["w5", ("w1", 0.5), MATRIX[9] * 3], negative=[("w3", -2.0)]),
    )


def test_nearest_to_a_vector_excludes_nothing(vectors: Vectors) -> None:
    assert vectors.nearest(MATRIX[17], n=1)[0][0] == "w17"


def test_exclude(vectors: Vectors) -> None:
    assert vectors.nearest("w3", n=1, exclude=False)[0] == ("w3", pytest.approx(1))
    best, second = (word for word, _ in vectors.nearest("w3", n=2))
    assert [word for word, _ in vectors.nearest("w3", n=1, exclude=[best])] == [second]


def test_many_queries_answer_as_one_by_one(vectors: Vectors) -> None:
    assert vectors.nearest_many(WORDS, n=9) == [vectors.nearest(word, n=9) for word in WORDS]
    assert vectors.nearest_many(WORDS[:5], n=9, limit=30) == [vectors.nearest(w, n=9, limit=30) for w in WORDS[:5]]
    assert vectors.nearest_many(WORDS[:3], n=0) == [[], [], []]
    assert vectors.nearest_many([], n=3) == []
    vectorwise = vectors.nearest_many(MATRIX[:6], n=2)
    assert [pairs[0][0] for pairs in vectorwise] == WORDS[:6]


def test_many_queries_over_several_blocks(monkeypatch: pytest.MonkeyPatch, vectors: Vectors) -> None:
    expected = vectors.nearest_many(WORDS[:8], n=5)
    monkeypatch.setattr("firth.vectors.search._BLOCK_VALUES", 64)
    monkeypatch.setattr("firth.vectors.search._FIRST_ROWS", 7)
    rng = np.random.default_rng(1)
    large = Vectors([f"x{i}" for i in range(3000)], rng.standard_normal((3000, 6)))
    got = large.nearest_many([f"x{i}" for i in range(40)], n=20)
    unit = large.matrix / np.linalg.norm(large.matrix, axis=1, keepdims=True)
    for query, pairs in enumerate(got):
        scores = unit @ unit[query]
        scores[query] = -2
        assert [word for word, _ in pairs] == [f"x{row}" for row in np.argsort(-scores, kind="stable")[:20]]
    assert vectors.nearest_many(WORDS[:8], n=5) == expected


def test_equal_vectors_come_in_row_order() -> None:
    vectors = Vectors([f"t{i}" for i in range(5000)], np.ones((5000, 3)))
    assert [word for word, _ in vectors.nearest("t40", n=4)] == ["t0", "t1", "t2", "t3"]
    assert vectors.nearest_many(["t40", "t0"], n=4)[0] == vectors.nearest("t40", n=4)


def test_rows_without_direction_are_never_near() -> None:
    vectors = Vectors(["a", "zero", "nan", "inf", "b"], [[1, 0], [0, 0], [np.nan, 1], [np.inf, 1], [0.5, -0.1]])
    assert vectors.nearest("a", n=2)[0][0] == "b"
    assert vectors.similarity("a", "zero") == 0.0
    with pytest.raises(DataError, match="direction"):
        vectors.nearest("zero")


def test_tiny_and_huge_rows_keep_their_direction() -> None:
    vectors = Vectors(["a", "tiny", "huge", "odd"], np.array([[1, 2], [1e-25, 2e-25], [1e25, 2e25], [1, -1]], "f4"))
    assert [word for word, _ in vectors.nearest("a", n=3)] == ["tiny", "huge", "odd"]


@given(st.data())
def test_top_n_is_the_sorted_list(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 60))
    values = data.draw(st.lists(st.lists(st.integers(-2, 2), min_size=2, max_size=2), min_size=n, max_size=n))
    matrix = np.array(values, dtype=np.float32)
    vectors = Vectors([str(i) for i in range(n)], matrix)
    query = np.array([1, 2], dtype=np.float32)
    wide, lengths = matrix.astype(float), np.linalg.norm(matrix.astype(float), axis=1)
    cosines = np.where(lengths > 0, wide @ query / np.where(lengths, lengths, 1) / np.sqrt(5), 0).round(9)
    expected = np.lexsort((np.arange(n), -cosines))[: data.draw(st.integers(0, 70))]
    got = vectors.nearest(query, n=len(expected))
    np.testing.assert_allclose([score for _, score in got], cosines[expected], atol=1e-8)


def test_similarity(vectors: Vectors, oracle: KeyedVectors) -> None:
    assert vectors.similarity("w4", "w9") == pytest.approx(float(oracle.similarity("w4", "w9")), abs=1e-6)
    assert vectors.similarity("w4", MATRIX[4]) == pytest.approx(1)


def test_analogy_3cosadd(vectors: Vectors, oracle: KeyedVectors) -> None:
    theirs = oracle.most_similar(positive=["w2", "w3"], negative=["w1"], topn=7)
    same(vectors.analogy("w1", "w2", "w3", n=7), theirs)


@pytest.mark.parametrize("exclude", [True, False])
def test_analogy_3cosmul(vectors: Vectors, exclude: bool) -> None:
    unit = MATRIX / np.linalg.norm(MATRIX, axis=1, keepdims=True)
    near = (1 + unit @ unit[[1, 2, 3]].T) / 2
    scores = near[:, 1] * near[:, 2] / (near[:, 0] + 0.001)
    if exclude:
        scores[[1, 2, 3]] = -1
    best = np.argsort(-scores, kind="stable")[:7]
    same(
        vectors.analogy("w1", "w2", "w3", n=7, method="3cosmul", exclude=exclude),
        [(f"w{row}", float(scores[row])) for row in best],
    )


def test_unknown_method(vectors: Vectors) -> None:
    with pytest.raises(ConfigError, match="3cosmul"):
        vectors.analogy("w1", "w2", "w3", method="cosmul")


def test_odd_one_out(vectors: Vectors, oracle: KeyedVectors) -> None:
    for start in range(0, 40, 4):
        words = WORDS[start : start + 4]
        assert vectors.odd(words) == oracle.doesnt_match(words)


def test_rank(vectors: Vectors, oracle: KeyedVectors) -> None:
    assert [vectors.rank("w1", f"w{i}") for i in range(2, 30)] == [oracle.rank("w1", f"w{i}") for i in range(2, 30)]


def test_unknown_word_names_close_spellings() -> None:
    vectors = Vectors(["London", "Paris", "pears"], np.eye(3))
    with pytest.raises(UnknownWordError, match="London") as caught:
        vectors["london"]
    assert isinstance(caught.value, KeyError)
    with pytest.raises(UnknownWordError, match="pears"):
        vectors.nearest("peras")


@pytest.mark.parametrize(("oov", "expected"), [("zero", [0, 0]), ("skip", [0, 0]), ("mean", [2, 3]), ("unk", [3, 4])])
def test_policies(oov: str, expected: list[float]) -> None:
    vectors = Vectors(["a", "<unk>"], [[1, 2], [3, 4]], oov=oov)
    np.testing.assert_array_equal(vectors.encode([["missing", "a"]])[0], [expected, [1, 2]])


def test_random_policy_depends_on_the_word_alone() -> None:
    first, second = (Vectors(["a", "b"], [[1, 2], [3, 4]], oov="random") for _ in range(2))
    np.testing.assert_array_equal(first["new"], second["new"])
    assert not np.array_equal(first["new"], first["newer"])


def test_error_policy_and_unknown_policy() -> None:
    with pytest.raises(UnknownWordError):
        Vectors(["a"], [[1.0]]).encode([["b"]])
    with pytest.raises(ConfigError, match="skip"):
        Vectors(["a"], [[1.0]], oov="ignore")


def test_encode_shapes(vectors: Vectors) -> None:
    arrays = vectors.encode([["w1", "w2"], [], ["w3"]])
    assert [array.shape for array in arrays] == [(2, 12), (0, 12), (1, 12)]
    assert [array.shape for array in vectors.encode_layers([["w1", "w2"]])] == [(1, 2, 12)]
    np.testing.assert_array_equal(vectors[["w1", "w2"]], MATRIX[[1, 2]])


def test_sif_against_the_formula(vectors: Vectors) -> None:
    counts = np.arange(400, 0, -1)
    share = counts / counts.sum()
    sentences = [["w0", "w5", "w0"], ["w7"], ["w100", "w399"], ["w3", "w4", "w8"]]
    rows = [[int(word[1:]) for word in sentence] for sentence in sentences]
    weighted = np.stack([np.mean([MATRIX[r] * 1e-3 / (1e-3 + share[r]) for r in row], axis=0) for row in rows])
    np.testing.assert_allclose(vectors.sentences(sentences, "sif"), weighted, rtol=1e-5, atol=1e-7)
    first = np.linalg.svd(weighted, full_matrices=False)[2][0]
    expected = weighted - np.outer(weighted @ first, first)
    got = vectors.sentences(sentences, "sif", remove_component=True)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def test_mean_sentence(vectors: Vectors) -> None:
    np.testing.assert_allclose(vectors.sentence(["w1", "w2"]), MATRIX[[1, 2]].mean(axis=0), rtol=1e-6)
    assert not vectors.sentence([]).any()
    skipping = vectors.with_policy("skip")
    np.testing.assert_array_equal(skipping.sentence(["w1", "gone"]), MATRIX[1])


def test_sif_needs_counts() -> None:
    with pytest.raises(DataError, match="counts"):
        Vectors(["a"], [[1.0]]).sentence(["a"], "sif")


def test_limit(vectors: Vectors) -> None:
    few = vectors.limit(3)
    assert list(few.words) == WORDS[:3]
    assert "w3" not in few
    assert np.shares_memory(few.matrix, vectors.matrix)
    assert few.counts is not None
    assert few.counts.tolist() == [400, 399, 398]


def test_normalized(vectors: Vectors) -> None:
    np.testing.assert_allclose(np.linalg.norm(vectors.normalized().matrix, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("words", "matrix", "options"),
    [
        (["a", "a"], [[1.0], [2.0]], {}),
        (["a"], [[1.0], [2.0]], {}),
        (["a"], [1.0], {}),
        (["a", "b"], [["x"], ["y"]], {}),
        (["a"], [[1.0]], {"counts": [1, 2]}),
        (["a"], [[1.0]], {"output": [[1.0, 2.0]]}),
        ([3], [[1.0]], {}),
        (["\ud800"], [[1.0]], {}),
    ],
)
def test_unfit_parts_are_refused(words: list[str], matrix: list[list[float]], options: dict[str, object]) -> None:
    with pytest.raises(DataError):
        Vectors(words, matrix, **options)


def test_no_dimension_is_refused() -> None:
    with pytest.raises(ConfigError):
        Vectors(["a"], np.zeros((1, 0)))


@pytest.mark.parametrize("query", [np.ones(3), np.full(12, np.nan), np.zeros(12), 7, None])
def test_unfit_queries_are_refused(vectors: Vectors, query: object) -> None:
    with pytest.raises(DataError):
        vectors.nearest(query)
