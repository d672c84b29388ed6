"""The map of words: a real picture, words where their components put them, labels apart."""

from __future__ import annotations

import builtins
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from firth import plot
from firth.errors import DataError, MissingExtraError
from firth.evaluate.in_context import Place
from firth.evaluate.senses import Sense, Typical, WordSenses
from firth.plot import sense_map, word_map
from firth.vectors.static import Vectors


def words(n: int, dim: int = 10, seed: int = 0) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return Vectors([f"word{number}" for number in range(n)], rows)


def test_places_are_the_principal_components_of_the_unit_vectors(tmp_path: Path) -> None:
    vectors = words(30)
    places = word_map(vectors, {"all": list(vectors.words)}, tmp_path / "map.png")
    unit = vectors.matrix / np.linalg.norm(vectors.matrix, axis=1, keepdims=True)
    expected = PCA(2, svd_solver="full").fit_transform(unit)
    found = np.array([places[word] for word in vectors.words])
    for axis in range(2):
        assert abs(np.corrcoef(found[:, axis], expected[:, axis])[0, 1]) == pytest.approx(1, abs=1e-4)
        assert found[:, axis].std() == pytest.approx(expected[:, axis].std(), rel=1e-4)


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_pictures_are_what_their_names_say(suffix: str, magic: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"map.{suffix}"
    word_map(words(5), {"a": ["word0", "word1"], "": ["word2", "word3"]}, path, title="A $title_ with _marks^")
    assert path.read_bytes().startswith(magic)
    assert list(tmp_path.iterdir()) == [path]


def test_labels_hardly_cover_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = plot.write_figure
    monkeypatch.setattr(plot, "write_figure", lambda figure, path: (seen.append(figure), real(figure, path)))
    random = np.random.default_rng(1)
    rows = np.concatenate([random.normal(loc=place, scale=0.4, size=(12, 8)) for place in (0, 2, -2)])
    vectors = Vectors([f"someword{n}" for n in range(36)], rows.astype(np.float32))
    word_map(vectors, {"": list(vectors.words)}, tmp_path / "map.png")
    [figure] = seen
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 36
    frame = figure.axes[0].get_window_extent()
    covered = 0.0
    for number, box in enumerate(boxes):
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
        for other in boxes[:number]:
            width = min(box.x1, other.x1) - max(box.x0, other.x0)
            height = min(box.y1, other.y1) - max(box.y0, other.y0)
            covered += max(0, width) * max(0, height)
    assert covered < 0.02 * sum(box.width * box.height for box in boxes)


def test_chinese_words_are_drawn_or_the_missing_font_is_told_once(tmp_path: Path) -> None:
    vectors = Vectors(["苹果", "梨子", "香蕉"], np.eye(3, dtype=np.float32))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        word_map(vectors, {"水果": list(vectors.words)}, tmp_path / "map.png", title="水果")
    assert [str(warning.message) for warning in heard if "Noto Sans CJK" not in str(warning.message)] == []
    assert len(heard) <= 1
    assert (tmp_path / "map.png").stat().st_size > 1000


def test_equal_and_zero_vectors_have_a_place(tmp_path: Path) -> None:
    vectors = Vectors(["a", "b", "c"], np.zeros((3, 4), dtype=np.float32))
    places = word_map(vectors, {"": ["a", "b", "c"]}, tmp_path / "map.png")
    assert np.isfinite(list(places.values())).all()


def test_faults_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="at least 3"):
        word_map(words(5), {"a": ["word0"]}, tmp_path / "map.png")
    with pytest.raises(DataError, match="cannot write the picture"):
        word_map(words(5), {"a": ["word0", "word1", "word2"]}, tmp_path / "absent" / "map.png")
    with pytest.raises(DataError, match="cannot write the picture"):
        word_map(words(5), {"a": ["word0", "word1", "word2"]}, tmp_path / "map.docx")
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"firth\[plot\]"):
        word_map(words(5), {"a": ["word0", "word1", "word2"]}, tmp_path / "map.png")


def occurrences(n: int, word: str = "apple") -> WordSenses:
    random = np.random.default_rng(2)
    labels = np.arange(n) % 2
    vectors = random.normal(size=(n, 6)).astype(np.float32) + 4 * labels[:, None].astype(np.float32)
    places = tuple(Place(("cost", "$5", f"w{row}", word, "and", "more"), 3, 4) for row in range(n))
    parts = []
    for label in (0, 1):
        rows = [row for row in range(n) if labels[row] == label]
        typical = tuple(Typical(places[row], row + 1, 1.0) for row in rows[:3])
        parts.append(Sense(len(rows) / n, len(rows), typical, ((f"near{label}", 2.0),), ()))
    return WordSenses(word, tuple(parts), n, 0.5, (), places, labels, vectors, "mix")


def test_occurrences_are_mapped_by_sense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = plot.write_figure
    monkeypatch.setattr(plot, "write_figure", lambda figure, path: (seen.append(figure), real(figure, path)))
    found = occurrences(20)
    places = sense_map(found, tmp_path / "map.png", title="apple")
    expected = PCA(2, svd_solver="full").fit_transform(found.vectors)
    for axis in range(2):
        assert abs(np.corrcoef(places[:, axis], expected[:, axis])[0, 1]) == pytest.approx(1, abs=1e-4)
    axes = seen[0].axes[0]
    [dots] = axes.collections
    assert np.allclose(dots.get_offsets(), places)
    colours = [tuple(colour) for colour in dots.get_facecolors()]
    assert len(set(colours)) == 2
    assert all((colours[row] == colours[0]) == (found.labels[row] == 0) for row in range(20))
    labels = [text.get_text() for text in axes.texts]
    assert sorted(labels) == sorted(rf"cost \$5 w{row} apple and more" for row in range(6))
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["1 (50 %): near0", "2 (50 %): near1"]


def test_labels_of_occurrences_avoid_bare_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(plot, "write_figure", lambda figure, path: seen.append(figure))
    places = sense_map(occurrences(40), tmp_path / "map.png")
    axes = seen[0].axes[0]
    dots = axes.transData.transform(places)
    hidden = sum(
        int(((box.x0 < dots[:, 0]) & (dots[:, 0] < box.x1) & (box.y0 < dots[:, 1]) & (dots[:, 1] < box.y1)).sum())
        for box in (text.get_window_extent() for text in axes.texts)
    )
    assert hidden <= 3


def test_two_occurrences_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few occurrences for a map: got 2"):
        sense_map(occurrences(2), tmp_path / "map.png")
