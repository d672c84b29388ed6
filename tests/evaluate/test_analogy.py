"""Analogies: against gensim and word2vec's rules, on the published sets as they are, and on unfit files."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError
from firth.evaluate import analogies
from firth.evaluate.analogy import best_rows
from firth.evaluate.sets import read_questions
from firth.vectors.static import Vectors

PUBLISHED = {
    "analogy-en/questions-words.txt": (19_544, 14),
    "analogy-en/questions-phrases.txt": (3_218, 5),
    "analogy-en/semeval.csv": (10_014, 79),
    "analogy-en/sat.csv": (5_610, 374),
    "analogy-en/jair.csv": (430, 20),
    "analogy-zh/CA8/morphological.txt": (10_177, 4),
    "analogy-zh/CA8/semantic.txt": (7_636, 4),
    "analogy-zh/CA_translated/ca_translated.txt": (953, 3),
    "analogy-zh/CWE-analogy.txt": (953, 3),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sets_are_read_whole(name: str, data: Callable[[str], Path]) -> None:
    questions = read_questions(data(name))
    assert len(questions) == PUBLISHED[name][0]
    assert len(Counter(question.section for question in questions)) == PUBLISHED[name][1]
    assert not any(word != word.strip() for q in questions for word in (q.section, q.a, q.b, q.c, q.answer))


@pytest.fixture(scope="module")
def google(data: Callable[[str], Path]) -> Path:
    return data("analogy-en/questions-words.txt")


def planted(path: Path, *, lower: bool, seed: int = 0) -> Vectors:
    """Vectors in which about half of the relations hold: a base for each pair and an offset for each section."""
    random = np.random.default_rng(seed)
    rows: dict[str, np.ndarray] = {}
    offsets: dict[str, np.ndarray] = {}
    for q in read_questions(path):
        offset = offsets.setdefault(q.section, random.normal(size=24))
        for left, right in ((q.a, q.b), (q.c, q.answer)):
            base = rows.setdefault(left, random.normal(size=24))
            rows.setdefault(right, base + offset + random.normal(size=24, scale=0.45))
    words = [word.lower() for word in rows] if lower else list(rows)
    table = dict(zip(words, rows.values(), strict=True))
    return Vectors(list(table), np.array(list(table.values()), dtype=np.float32))


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("restrict", [400, 30_000])
def test_equals_gensim_by_section(google: Path, lower: bool, restrict: int) -> None:
    vectors = planted(google, lower=lower)
    [ours] = analogies(vectors, google, restrict=restrict, case="ignore")
    other = KeyedVectors(vectors.dim)
    other.add_vectors(list(vectors.words), np.array(vectors.matrix))
    _, sections = other.evaluate_word_analogies(str(google), restrict_vocab=restrict, case_insensitive=True)
    theirs = {s["section"]: (len(s["correct"]), len(s["correct"]) + len(s["incorrect"])) for s in sections}
    assert (ours.total.correct, ours.total.asked) == theirs.pop("Total accuracy")
    assert {s.name: (s.correct, s.asked) for s in ours.sections} == theirs
    assert 0 < ours.total.correct < ours.total.asked < ours.total.questions + (restrict > 1000)


def test_lowercase_vocabulary_gives_the_same_under_fallback_and_ignore(google: Path) -> None:
    vectors = planted(google, lower=True)
    [fallback], [ignore] = (analogies(vectors, google, case=case) for case in ("fallback", "ignore"))  # type: ignore[arg-type]
    assert fallback.total == ignore.total
    [exact] = analogies(vectors, google, case="exact")
    assert exact.total.asked < fallback.total.asked


def test_sums_are_those_of_the_sections(google: Path) -> None:
    [score] = analogies(planted(google, lower=True), google, restrict=700)
    grams = [s for s in score.sections if s.name.startswith("gram")]
    others = [s for s in score.sections if not s.name.startswith("gram")]
    for total, parts in ((score.syntactic, grams), (score.semantic, others), (score.total, [*grams, *others])):
        assert total.questions == sum(part.questions for part in parts)
        assert total.asked == sum(part.asked for part in parts)
        assert total.correct == sum(part.correct for part in parts)


@given(st.integers(0, 10_000), st.sampled_from(["3cosadd", "3cosmul"]))
@settings(max_examples=40, deadline=None)
def test_best_rows_equal_the_definition(seed: int, method: str) -> None:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(12, 4)).astype(np.float32)
    questions = random.integers(0, 12, size=(5, 3))
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    for (a, b, c), best in zip(questions, best_rows(matrix, questions, method), strict=True):
        cos = unit @ unit[[a, b, c]].T
        score = cos[:, 1] - cos[:, 0] + cos[:, 2]
        if method == "3cosmul":
            moved = (1 + cos) / 2
            score = moved[:, 1] * moved[:, 2] / (moved[:, 0] + 1e-3)
        score[[a, b, c]] = -np.inf
        assert score[best] == pytest.approx(score.max(), abs=1e-5)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(50, 6)).astype(np.float32)
    questions = random.integers(0, 50, size=(40, 3))
    groups = np.arange(50) // 2 * 2
    whole = best_rows(matrix, questions, "3cosadd"), best_rows(matrix, questions, "3cosmul", groups)
    monkeypatch.setattr("firth.evaluate.analogy._ROWS_AT_ONCE", 7)
    monkeypatch.setattr("firth.evaluate.analogy._COSINES_AT_ONCE", 150)
    np.testing.assert_array_equal(whole[0], best_rows(matrix, questions, "3cosadd"))
    np.testing.assert_array_equal(whole[1], best_rows(matrix, questions, "3cosmul", groups))


def test_question_words_are_never_answers_and_nothing_left_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "q.txt"
    path.write_text("a b c a\n")
    vectors = Vectors(["a", "b", "c"], np.eye(3, dtype=np.float32))
    [score] = analogies(vectors, path)
    assert (score.total.asked, score.total.correct) == (1, 0)


def test_broken_rows_are_no_answers(tmp_path: Path) -> None:
    path = tmp_path / "q.txt"
    path.write_text("man woman king queen\n")
    rows = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [np.nan, 1, 1], [0, 0, 0]], dtype=np.float32)
    [score] = analogies(Vectors(["man", "woman", "king", "queen", "bad", "nil"], rows), path)
    assert score.total.correct == 1


def test_phrases_are_found_with_underscores(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",type,word1,word2,word3,target\n0,x,solar system ,atom, sun,nucleus\n")
    vectors = Vectors(["solar_system", "atom", "sun", "nucleus"], np.eye(4, dtype=np.float32))
    [score] = analogies(vectors, path)
    assert score.total.asked == 1
    assert [section.name for section in score.sections] == ["x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no analogy questions"),
        (b": only\n: headings\n", "no analogy questions"),
        (b": s\na b c d\na b c\n", "line 3"),
        (b"a b c d e\n", "line 1"),
        (b"a b c d\n\xff\n", "line 2 is not UTF-8"),
        (b"word1,word2,word3,target\na,b,c\n", "line 2"),
        (b"word1,word2,word3,target\na,b,,d\n", "line 2"),
    ],
)
def test_an_unfit_file_is_told_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "q.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_questions(path)


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_questions_or_a_data_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set"
        path.write_bytes(b"word1,word2,word3,target\n" + content if len(content) % 2 else content)
        with contextlib.suppress(DataError):
            assert read_questions(path)


def test_unfit_options(tmp_path: Path) -> None:
    vectors = Vectors(["a"], np.ones((1, 2), dtype=np.float32))
    with pytest.raises(ConfigError, match="3cosadd, 3cosmul"):
        analogies(vectors, tmp_path, method="cosine")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="at least 1"):
        analogies(vectors, tmp_path, restrict=0)
    with pytest.raises(ConfigError, match="fallback, exact, ignore"):
        analogies(vectors, tmp_path, case="upper")  # type: ignore[arg-type]


def test_scores_are_plain_json(google: Path) -> None:
    [score] = analogies(planted(google, lower=True), google, restrict=300)
    values = json.loads(json.dumps(score.as_dict(), allow_nan=False))
    assert values["total"]["asked"] + values["total"]["skipped"] == 19_544
    assert values["restrict"] == 300
    assert len(values["sections"]) == 14
