"""Words in context: sets as they stand in the files, thresholds against trying them all."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError, FormatError
from firth.evaluate.in_context import Place
from firth.evaluate.word_in_context import best_threshold, word_in_context
from firth.evaluate.word_pairs import read_word_pairs
from firth.text.tokenize import Tokenizer
from firth.vectors.static import Vectors

TOPICS = [["pie", "tree", "juice", "fruit"], ["phone", "firm", "shares", "screen"]]


def write_set(folder: Path, name: str, rows: list[tuple[str, str, str]], word: str = "apple") -> Path:
    """Write a set in MCL-WiC's syntax."""
    records = [
        {
            "id": f"{name}.{n}", "lemma": word, "pos": "NOUN", "sentence1": one, "sentence2": two,
            "start1": str(one.index(word)), "end1": str(one.index(word) + len(word)),
            "start2": str(two.index(word)), "end2": str(two.index(word) + len(word)),
        }
        for n, (one, two, _) in enumerate(rows)
    ]  # fmt: skip
    path = folder / f"{name}.data.gz"
    path.write_bytes(gzip.compress(json.dumps(records).encode()))
    gold = [{"id": f"{name}.{n}", "tag": tag} for n, (*_, tag) in enumerate(rows)]
    (folder / f"{name}.gold").write_text(json.dumps(gold))
    return path


ROWS = [
    ("An apple pie, juice!", "The tree and apple fruit", "T"),
    ("firm phone apple shares", "The screen apple firm", "T"),
    ("pie tree apple fruit", "Phone: phone firm apple shares screen", "F"),
    ("screen firm apple phone", "fruit juice apple pie", "F"),
]


@pytest.fixture
def model(neighbour_mix: Any) -> Any:
    made = neighbour_mix(topics=TOPICS)
    made.metadata = {"tokenizer": {"name": "words"}}
    return made


def test_pairs_of_mcl_wic(tmp_path: Path) -> None:
    pairs = read_word_pairs(write_set(tmp_path, "dev.en-en", ROWS))
    assert [pair.same for pair in pairs] == [True, True, False, False]
    assert pairs[0].places[0] == Place(("An", "apple", "pie", "juice"), 1, 2)
    assert pairs[2].places[1] == Place(("Phone", "phone", "firm", "apple", "shares", "screen"), 3, 4)


def test_pairs_of_wic(tmp_path: Path) -> None:
    (tmp_path / "dev.data.txt").write_text(
        "carry\tV\t2-1\tYou must carry your gear .\tSound carries well .\ngo\tN\t0-1\tGo !\tA go\n"
    )
    (tmp_path / "dev.gold.txt").write_text("F\nT\n")
    first, second = read_word_pairs(tmp_path / "dev.data.txt")
    assert first.places[0] == Place(("You", "must", "carry", "your", "gear", "."), 2, 3)
    assert first.places[1] == Place(("Sound", "carries", "well", "."), 1, 2)
    assert (first.same, second.same) == (False, True)
    lowered = read_word_pairs(tmp_path / "dev.data.txt", tokenizer=Tokenizer("words", lower=True))
    assert lowered[1].places[0] == Place(("go",), 0, 1)


@given(st.lists(st.tuples(st.sampled_from([-0.5, 0.0, 0.1, 0.25, 0.7, 0.9]), st.booleans()), min_size=1, max_size=12))
def test_no_threshold_is_better(pairs: list[tuple[float, bool]]) -> None:
    cosines, same = np.array([value for value, _ in pairs]), np.array([label for _, label in pairs])
    limit, share = best_threshold(cosines, same)
    assert share == pytest.approx(((cosines > limit) == same).mean())
    tried = [-math.inf, -0.25, 0.05, 0.2, 0.5, 0.8, math.inf]
    assert share >= max(((cosines > each) == same).mean() for each in tried) - 1e-12


def test_senses_in_context_are_told_apart(model: Any, tmp_path: Path) -> None:
    fit, test = write_set(tmp_path, "train", ROWS), write_set(tmp_path, "test", ROWS[::-1] + ROWS[:1])
    scores = {score.system: score for score in word_in_context(model, test, fit)}
    assert list(scores) == ["layer 0", "layer 1", "mean"]
    assert scores["layer 0"].accuracy in (2 / 5, 3 / 5)  # all cosines are 1 there
    assert scores["layer 1"].accuracy == 1.0
    assert scores["layer 1"].fit_accuracy == 1.0
    assert [score.system for score in scores.values() if score.chosen] == ["layer 1"]
    assert (scores["mean"].pairs, scores["mean"].same, scores["mean"].unread) == (5, 3 / 5, 0)
    assert scores["layer 1"].fitted_on == "train"
    # Each of the eight sentences is read once, though the test set has one pair twice.
    assert model.encoded == 8


def test_a_word_that_is_dropped_counts_as_different(model: Any, tmp_path: Path) -> None:
    fit = write_set(tmp_path, "train", ROWS)
    test = write_set(tmp_path, "test", [("10 % of pie", "a % of it", "F")], "%")
    for score in word_in_context(model, test, fit):
        assert (score.unread, score.accuracy) == (1, 1.0)


def test_labels_are_found_in_the_folders_of_mcl_wic(tmp_path: Path) -> None:
    folder = tmp_path / "test" / "multilingual"
    folder.mkdir(parents=True)
    (tmp_path / "test-gold").mkdir()
    path = write_set(folder, "test.en-en", ROWS)
    (folder / "test.en-en.gold").rename(tmp_path / "test-gold" / "test.en-en.gold")
    assert len(read_word_pairs(path)) == 4
    (tmp_path / "test-gold" / "test.en-en.gold").unlink()
    with pytest.raises(DataError, match=r"labels are not beside it.*expected test.en-en.gold"):
        read_word_pairs(path)


def test_bad_sets_are_refused(model: Any, tmp_path: Path) -> None:
    path = write_set(tmp_path, "dev", ROWS)
    with pytest.raises(DataError, match="there is no such set"):
        read_word_pairs(tmp_path / "absent.data")
    with pytest.raises(ConfigError, match="fitted on the test set"):
        word_in_context(model, path, path)
    with pytest.raises(DataError, match="same vector in every sentence"):
        word_in_context(Vectors(["a"], [[1.0]]), path, write_set(tmp_path, "fit", ROWS))
    (tmp_path / "dev.gold").write_text('[{"id": "dev.0", "tag": "T"}]')
    with pytest.raises(DataError, match=r"a pair has no label: got dev\.1"):
        read_word_pairs(path)
    (tmp_path / "dev.gold").write_text('[{"id": "dev.0", "tag": "maybe"}]')
    with pytest.raises(FormatError, match="neither T nor F: got maybe"):
        read_word_pairs(path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("[", "this is no JSON"),
        ("{}", "this is no list of pairs"),
        ("[]", "this is no list of pairs"),
        ("[" * 100_000, "this is no JSON"),
        ('[{"id": "dev.0"}]', "lacks 'sentence1'"),
        ('[{"id": "dev.0", "sentence1": "a", "start1": "0", "end1": "9"}]', "offsets of a word don't fit"),
        ('[{"id": "dev.0", "sentence1": "a", "start1": "x", "end1": "9"}]', "lacks invalid literal"),
    ],
)
def test_broken_sets_are_refused(content: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "dev.data").write_text(content)
    (tmp_path / "dev.gold").write_text('[{"id": "dev.0", "tag": "T"}]')
    with pytest.raises(FormatError, match=f"dev.data: .*{what}"):
        read_word_pairs(tmp_path / "dev.data")


@pytest.mark.parametrize("line", ["go\tV\t0-9\ta b\tc d", "go\tV\t0\ta b\tc d", "go\tV", "go\tV\tx-1\ta b\tc d"])
def test_broken_lines_of_wic_are_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "dev.data.txt").write_text(f"go\tV\t0-1\ta b\tc d\n{line}\n")
    (tmp_path / "dev.gold.txt").write_text("T\nF\n")
    with pytest.raises(FormatError, match="line 2 is no pair in context"):
        read_word_pairs(tmp_path / "dev.data.txt")
    (tmp_path / "dev.gold.txt").write_text("T\n")
    with pytest.raises(FormatError, match="got 1 labels, expected 2"):
        read_word_pairs(tmp_path / "dev.data.txt")


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("mcl-wic/training/training.en-en.data.gz", 8000),
        ("mcl-wic/dev/multilingual/dev.zh-zh.data.gz", 1000),
        ("mcl-wic/test/multilingual/test.en-en.data.gz", 1000),
        ("mcl-wic/test/multilingual/test.zh-zh.data.gz", 1000),
        ("wic/train/train.data.txt", 5428),
        ("wic/dev/dev.data.txt", 638),
    ],
)
def test_the_real_sets(name: str, n: int, data: Callable[[str], Path]) -> None:
    pairs = read_word_pairs(data(name), tokenizer=Tokenizer("chars") if "zh" in name else None)
    assert len(pairs) == n
    assert sum(pair.same for pair in pairs) == n // 2
    assert all(place is not None and place.word for pair in pairs for place in pair.places)
