"""floret's files against what floret answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from firth import convert, inspect, load, save
from firth.errors import ConfigError, DataError
from firth.formats.registry import format_by_suffix
from firth.vectors.floret import FloretRows
from firth.vectors.static import Vectors
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.words import Words

GOLDEN = Path(__file__).parents[1] / "golden" / "floret"
ANSWERS: dict[str, dict[str, list[float]]] = json.loads((GOLDEN / "vectors.json").read_text())
TABLES = [name for name in ANSWERS if name.startswith("table")]


@pytest.mark.parametrize("name", ANSWERS)
def test_bin_files_give_what_floret_gives(name: str) -> None:
    vectors = load(GOLDEN / f"{name}.bin")
    assert inspect(GOLDEN / f"{name}.bin").format == "floret-bin"
    assert isinstance(vectors.subwords, FloretRows if name in TABLES else NgramRows)
    assert any(word in vectors for word in ANSWERS[name])
    assert any(word not in vectors for word in ANSWERS[name])
    for word, answer in ANSWERS[name].items():
        np.testing.assert_allclose(vectors[word], answer, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", TABLES)
def test_text_files_give_what_floret_gives(name: str) -> None:
    vectors = load(GOLDEN / f"{name}.floret")
    report = inspect(GOLDEN / f"{name}.floret")
    assert (report.format, report.words, report.dim) == ("floret", 0, 5)
    assert report.details["hashes"] == int(name[-1])
    for word, answer in ANSWERS[name].items():
        if word != "</s>":  # has a row of its own, which the text does not hold
            assert vectors.knows(word)
            np.testing.assert_allclose(vectors[word], answer, rtol=3e-4, atol=1e-6)


@pytest.mark.parametrize("name", TABLES)
def test_one_form_into_another(tmp_path: Path, name: str) -> None:
    source = load(GOLDEN / f"{name}.bin")
    save(source, tmp_path / "b.bin")
    assert format_by_suffix(Path("b.bin"), source).name == "floret-bin"
    assert convert(GOLDEN / f"{name}.bin", tmp_path / "folder") == []
    assert convert(tmp_path / "folder", tmp_path / "c.bin") == []
    assert (tmp_path / "c.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()
    notes = convert(tmp_path / "folder", tmp_path / "t.floret.gz")
    assert any("words" in note for note in notes)
    for path in ("b.bin", "folder", "t.floret.gz"):
        back = load(tmp_path / path)
        for word, answer in ANSWERS[name].items():
            if word in back or word != "</s>":
                np.testing.assert_allclose(back[word], answer, rtol=1e-6, atol=1e-8)
    # floret draws a row for every word at random and uses the first alone: all else in the file is the same.
    raw, other = ((tmp_path / "b.bin").read_bytes(), (GOLDEN / f"{name}.bin").read_bytes())
    rows = len(other) - 17 - 20 * len(source) - 20 * 40 - 20 * (len(source) - 1)
    assert raw[: rows - 1] == other[: rows - 1]
    assert raw[-17 - 20 * len(source) - 20 * 40 :] == other[-17 - 20 * len(source) - 20 * 40 :]


def test_the_example_of_floret_s_readme(tmp_path: Path) -> None:
    rows = np.arange(100, dtype=np.float32).reshape(10, 10)
    body = "".join(f"{i} {' '.join(map(str, row))} \n" for i, row in enumerate(rows.tolist()))
    (tmp_path / "x").write_text("10 10 2 3 2 2166136261 < >\n" + body)
    vectors = load(tmp_path / "x")
    # <apple> and its n-grams of 2 and 3 letters, two rows each.
    assert len(vectors.subwords.indices("apple")) == 2 * (1 + 6 + 5)
    np.testing.assert_array_equal(vectors.subwords.rows, rows)
    save(vectors, tmp_path / "y.floret")
    assert (tmp_path / "y.floret").read_text().splitlines()[0] == "10 10 2 3 2 2166136261 < >"
    np.testing.assert_array_equal(load(tmp_path / "y.floret").subwords.rows, rows)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    words = Words.of(["a"])
    odd = FloretRows(np.ones((4, 2), np.float32), 2, 3, 1, 9, "<", ">")
    vectors = SubwordVectors(words, Composed(None, odd, words), subwords=odd)
    with pytest.raises(DataError, match="seed"):
        save(vectors, tmp_path / "m.bin")
    save(vectors, tmp_path / "m.floret")
    np.testing.assert_array_equal(load(tmp_path / "m.floret")["a"], vectors["a"])
    with pytest.raises(DataError, match="cannot hold"):
        save(vectors, tmp_path / "n.bin", format="fasttext-bin")
    with pytest.raises(DataError, match="cannot hold"):
        save(Vectors(["a"], [[1.0]]), tmp_path / "n.floret")
    spaced = FloretRows(np.ones((4, 2), np.float32), begin="< ")
    with pytest.raises(DataError, match="spaces"):
        save(SubwordVectors([], np.zeros((0, 2)), subwords=spaced), tmp_path / "n.floret")
    with pytest.raises(ConfigError, match="limit"):
        load(GOLDEN / "table-1.floret", limit=3)
