"""Word similarity: against gensim, on the published sets as they are, and on unfit files."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from firth.errors import ConfigError, DataError
from firth.evaluate import similarity
from firth.evaluate.sets import read_pairs
from firth.vectors.static import Vectors

PUBLISHED = {
    "similarity-en/EN-MC-30.txt": (30, ("car", "automobile", 3.92)),
    "similarity-en/EN-MTurk-287.txt": (287, ("episcopal", "russia", 2.75)),
    "similarity-en/EN-RG-65.txt": (65, ("gem", "jewel", 3.94)),
    "similarity-en/EN-SIMLEX-999.txt": (999, ("old", "new", 1.58)),
    "similarity-en/EN-VERB-143.txt": (144, ("happen", "say", 0.19)),
    "similarity-en/EN-WS-353-ALL.txt": (353, ("love", "sex", 6.77)),
    "similarity-en/EN-WS-353-REL.txt": (252, ("computer", "keyboard", 7.62)),
    "similarity-en/EN-WS-353-SIM.txt": (203, ("tiger", "cat", 7.35)),
    "similarity-en/EN-YP-130.txt": (130, ("brag", "boast", 4.0)),
    "similarity-zh/wordsim-240.txt": (240, ("李白", "诗", 9.2)),
    "similarity-zh/wordsim-240.JWE.txt": (240, ("李白", "诗", 9.2)),
    "similarity-zh/wordsim-297.txt": (297, ("足球", "足球", 4.98)),
}


def vectors_of(words: list[str], dim: int = 8, seed: int = 0) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(len(words), dim)).astype(np.float32)
    return Vectors(words, rows)


def gensim_of(vectors: Vectors) -> KeyedVectors:
    other = KeyedVectors(vectors.dim)
    other.add_vectors(list(vectors.words), np.array(vectors.matrix))
    return other


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sets_are_read_whole(name: str, data: Callable[[str], Path]) -> None:
    count, first = PUBLISHED[name]
    pairs = read_pairs(data(name))
    assert len(pairs) == count
    assert (pairs[0].first, pairs[0].second, pairs[0].score) == first
    assert all(pair.first == pair.first.strip() and pair.second == pair.second.strip() for pair in pairs)


def test_equals_gensim_on_wordsim_353(data: Callable[[str], Path]) -> None:
    path = data("similarity-en/EN-WS-353-ALL.txt")
    words = sorted({word.lower() for pair in read_pairs(path) for word in (pair.first, pair.second)})
    vectors = vectors_of(words[:-20])
    [score] = similarity(vectors, path, case="ignore", resamples=10)
    (pearson, _), (spearman, _), oov_percent = gensim_of(vectors).evaluate_word_pairs(str(path))
    assert score.spearman == pytest.approx(spearman, abs=1e-6)
    assert score.pearson == pytest.approx(pearson, abs=1e-6)
    assert 100 * score.oov_rate == pytest.approx(oov_percent)
    assert score.found < score.pairs


def test_missing_pairs_are_left_out_or_scored_zero(tmp_path: Path) -> None:
    path = tmp_path / "set.txt"
    path.write_text("a b 9\na c 5\nb c 1\na q 4\n")
    vectors = Vectors(["a", "b", "c"], np.array([[1, 0], [1, 0.1], [-0.2, 1]], dtype=np.float32))
    [skipped] = similarity(vectors, path)
    [zeroed] = similarity(vectors, path, missing="zero")
    assert (skipped.found, skipped.pairs, skipped.oov_rate) == (3, 4, 0.25)
    assert (zeroed.found, zeroed.missing) == (3, "zero")
    cosines = [0.995, -0.196, -0.098]
    assert skipped.spearman == pytest.approx(0.5)
    assert zeroed.pearson == pytest.approx(np.corrcoef([*cosines, 0], [9, 5, 1, 4])[0, 1], abs=1e-3)


@pytest.mark.parametrize(
    ("case", "found"),
    [("exact", [False, True, False]), ("fallback", [True, True, False]), ("ignore", [True, True, True])],
)
def test_case_policies(case: str, found: list[bool], tmp_path: Path) -> None:
    vectors = vectors_of(["tiger", "cat", "Freud", "US"])
    lines = ["Tiger cat 1", "Freud tiger 2", "us cat 3"]
    for line, expected in zip(lines, found, strict=True):
        path = tmp_path / "one.txt"
        path.write_text(line + "\n")
        [score] = similarity(vectors, path, case=case, resamples=2)  # type: ignore[arg-type]
        assert bool(score.found) is expected


@pytest.mark.parametrize(
    "text",
    [
        "tiger\tcat\t7.35\nlove\tsex\t6.77\n",
        "tiger cat 7.35\r\nlove  sex  6.77\r\n",
        "tiger,cat,7.35\n\nlove,sex,6.77",
        "# a comment\nWord 1,Word 2,Human (mean)\ntiger,cat,7.35\nlove,sex,6.77\n",
        "word1\tword2\tPOS\tSimLex999\tconc\ntiger\tcat\tN\t7.35\t1\nlove\tsex\tN\t6.77\t2\n",
        ",word1,word2,similarity\n0,tiger,cat,7.35\n1,love,sex,6.77\n",
        "tiger;cat;7.35\nlove;sex;6.77\n",
        "\ufefftiger\t cat\t7.35\nlove\tsex \t6.77\n",
        'tiger,"cat",7.35\nlove,"sex",6.77\n',
    ],
)
def test_layouts_of_the_wild_read_the_same(text: str, tmp_path: Path) -> None:
    path = tmp_path / "set.txt"
    path.write_bytes(text.encode())
    pairs = read_pairs(path)
    assert [(p.first, p.second, p.score) for p in pairs] == [("tiger", "cat", 7.35), ("love", "sex", 6.77)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no pairs"),
        (b"# only a comment\n\n", "no pairs"),
        (b"a\tb\t1\na b 2\n", "line 2"),
        (b"a b 1\na b nan\n", "line 2"),
        (b"a b 1\nc d\n", "line 2"),
        (b"a b 1\n\xff\xfe b 1\n", "line 2 is not UTF-8"),
        (b"\x00\x01\x02", "line 1"),
        (b"a" * 100_000 + b"\n", "line 1"),
    ],
)
def test_an_unfit_file_is_told_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "set.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read_pairs(path)
    assert "set.txt" in str(error.value)
    assert len(str(error.value)) < 1000


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_pairs_or_a_data_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set"
        path.write_bytes(content)
        with contextlib.suppress(DataError):
            assert read_pairs(path)


def test_missing_path_and_empty_folder(tmp_path: Path) -> None:
    vectors = vectors_of(["a", "b"])
    with pytest.raises(DataError, match="No such file"):
        similarity(vectors, tmp_path / "absent.txt")
    with pytest.raises(DataError, match="no evaluation set"):
        similarity(vectors, tmp_path)
    with pytest.raises(ConfigError, match="one of skip, zero"):
        similarity(vectors, tmp_path, missing="drop")  # type: ignore[arg-type]


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a.csv", "README.md"):
        (tmp_path / name).write_text("a,b,1\nb,c,2\na,c,3\n")
    scores = similarity(vectors_of(["a", "b", "c"]), tmp_path, resamples=5)
    assert [score.name for score in scores] == ["a", "b"]


def test_scores_are_plain_json_even_when_undefined(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("a b 1\n")
    [score] = similarity(vectors_of(["a", "b"]), path, resamples=5)
    values = json.loads(json.dumps(score.as_dict(), allow_nan=False))
    assert values["spearman"] is None
    assert values["interval"] == [None, None]
    assert values["found"] == 1


def test_zero_and_broken_vectors_count_as_unrelated(tmp_path: Path) -> None:
    path = tmp_path / "set.txt"
    path.write_text("a b 1\na c 2\nb c 3\n")
    rows = np.array([[1, 0], [0, 0], [np.nan, 1]], dtype=np.float32)
    [score] = similarity(Vectors(["a", "b", "c"], rows), path, resamples=5)
    assert np.isnan(score.spearman)


def test_unknown_words_are_composed_on_request(tmp_path: Path) -> None:
    from firth.vectors.subword import NgramRows, SubwordVectors

    rows = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    grams = NgramRows(rows, minn=3, maxn=4, buckets=50)
    vectors = SubwordVectors(["cat", "dog", "x"], rows[:3], subwords=grams)
    path = tmp_path / "set.txt"
    path.write_text("cat dog 9\ncat catty 8\ndoggy catty 1\nx 狗 5\n", encoding="utf-8")
    [skipped] = similarity(vectors, path, resamples=10)
    assert (skipped.found, skipped.composed) == (1, 0)
    [composed] = similarity(vectors, path, resamples=10, missing="compose")
    assert (composed.found, composed.composed) == (1, 3)
    asked = (("cat", "dog"), ("cat", "catty"), ("doggy", "catty"), ("x", "狗"))
    cosines = np.array([vectors.similarity(a, b) for a, b in asked])
    assert composed.spearman == pytest.approx(spearmanr(cosines, [9, 8, 1, 5]).statistic)
