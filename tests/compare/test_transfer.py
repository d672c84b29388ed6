"""The transfer report: samples, cells, curves, and that vectors pay where labels are few."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from firth.compare import transfer
from firth.compare.cells import Cells, Key
from firth.compare.curves import Curve, bars, chart
from firth.compare.remembered import Remembered
from firth.compare.report import page, report, write_report
from firth.compare.summary import interval, layers, summary
from firth.compare.tasks import Classification, Tagging
from firth.compare.transfer import ALONE, Transfer, compare_tasks, sample
from firth.errors import ConfigError, DataError
from firth.events import Event, Notice
from firth.vectors.static import Vectors

KINDS = {"PER": [f"per{n}" for n in range(20)], "LOC": [f"loc{n}" for n in range(20)]}
FILLER = ["went", "to", "saw", "the"]
SMALL: dict[str, Any] = {
    "shares": (0.1, 1.0),
    "seeds": 2,
    "steps": 60,
    "epochs": 30,
    "hidden": 8,
    "batch": 4,
    "tagger_rate": 0.03,
}


def vectors() -> Vectors:
    """Vectors that tell persons from places."""
    random = np.random.default_rng(1)
    words = [*KINDS["PER"], *KINDS["LOC"], *FILLER]
    side = [1.0] * 20 + [-1.0] * 20 + [0.0] * 4
    rows = np.array([[s, *0.1 * random.standard_normal(4), float(s == 0)] for s in side])
    return Vectors(words, rows.astype(np.float32))


def tagged(n: int, seed: int, first: int, last: int) -> list[tuple[list[str], list[str]]]:
    """Sentences whose names are numbers ``first`` to ``last`` of their kind."""
    random, found = np.random.default_rng(seed), []
    for _ in range(n):
        kind = str(random.choice(list(KINDS)))
        filler = [str(word) for word in random.choice(FILLER, 2)]
        name = KINDS[kind][int(random.integers(first, last))]
        found.append(([filler[0], name, filler[1]], ["O", f"B-{kind}", "O"]))
    return found


def texts(n: int, seed: int, first: int, last: int) -> list[tuple[str, str]]:
    return [(" ".join(words), labels[1][2:]) for words, labels in tagged(n, seed, first, last)]


def both_tasks() -> list[Any]:
    return [
        Tagging("names", tagged(20, 1, 0, 6), tagged(40, 2, 4, 20), spans=True),
        Classification("classes", texts(20, 1, 0, 6), texts(40, 2, 4, 20)),
    ]


def test_vectors_pay_where_labels_are_few(tmp_path: Path) -> None:
    heard: list[Event] = []
    config = Transfer(**{**SMALL, "steps": 100, "shares": (0.1, 1.0), "seeds": 1})
    rows = compare_tasks(
        {"vectors": [vectors()]}, both_tasks(), config, folder=tmp_path, threads=1, listen=heard.append
    )
    assert len(rows) == config.n_cells(2, 1) == 8
    means = {(line["task"], line["representation"], line["share"]): line for line in summary(rows)}
    for task in ("names", "classes"):
        known, alone = (means[task, name, 1.0] for name in ("vectors", ALONE))
        assert known["score"] > 0.9 > alone["score"]
        assert known["unseen"] > alone["unseen"]
    assert {row["n"] for row in rows} == {2, 20}
    said = [event.message for event in heard if isinstance(event, Notice)]
    assert said[0] == "8 trainings of at most 100 updates"
    assert said[-1].startswith("classes, vectors, 100 % (20), seed 1: ")
    assert said[-1].endswith("0 left, about 0 min")


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, config = both_tasks()[1], Transfer(**SMALL)
    real, count = Classification.cell, 0

    def counted(self: Classification, *args: Any) -> dict[str, Any]:
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt
        return real(self, *args)

    monkeypatch.setattr(Classification, "cell", counted)
    with pytest.raises(KeyboardInterrupt):
        compare_tasks({"v": [vectors()]}, [task], config, folder=tmp_path / "a", threads=1)
    kept = (tmp_path / "a" / "cells.jsonl").read_text()
    (tmp_path / "a" / "cells.jsonl").write_text(kept + '{"task": "classes", "repre')  # cut short
    again = compare_tasks({"v": [vectors()]}, [task], config, folder=tmp_path / "a", threads=1)
    assert count == 4 + 5
    whole = compare_tasks({"v": [vectors()]}, [task], config, folder=tmp_path / "b", threads=1)

    def timeless(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "seconds": 0} for row in rows]

    assert timeless(again) == timeless(whole)
    count = 100
    assert compare_tasks({"v": [vectors()]}, [task], config, folder=tmp_path / "a", threads=1) == again
    assert count == 100  # nothing is left to do
    more = Transfer(**{**SMALL, "seeds": 3})
    compare_tasks({"v": [vectors()]}, [task], more, folder=tmp_path / "a", threads=1)
    assert count == 104  # the third seed alone
    other = Vectors(vectors().words, vectors().matrix * 2)
    compare_tasks({"v": [other]}, [task], more, folder=tmp_path / "a", threads=1)
    assert count == 110  # other vectors under the same name


@given(st.integers(1, 500), st.floats(1e-4, 1), st.floats(1e-4, 1), st.integers(0, 20))
def test_samples_are_nested(n: int, one: float, other: float, seed: int) -> None:
    small, large = (set(sample(n, share, seed)) for share in sorted((one, other)))
    assert small <= large <= set(range(n))
    assert len(small) == max(1, round(min(one, other) * n))


class Layers:
    """Two layers: the vectors, and noise."""

    dim = 6

    def __init__(self) -> None:
        self.calls: list[int] = []

    def encode(self, sentences: Iterable[Sequence[str]]) -> list[np.ndarray]:
        return [vectors()[list(words)].reshape(len(words), 6) for words in sentences]

    def encode_layers(self, sentences: Iterable[Sequence[str]]) -> list[np.ndarray]:
        given = list(sentences)
        self.calls.append(len(given))
        noise = np.random.default_rng(3)
        return [np.stack([rows, noise.standard_normal(rows.shape).astype(np.float32)]) for rows in self.encode(given)]


def test_layers_are_computed_once_and_weighed(tmp_path: Path) -> None:
    model = Layers()
    config = Transfer(**{**SMALL, "steps": 150, "alone": False, "shares": (1.0,)})
    rows = compare_tasks({"model": [model]}, both_tasks(), config, folder=tmp_path, threads=1)
    assert sum(model.calls) <= 2 * 60 + 40  # each sentence of each task once; empty ones to count the layers
    found = layers(rows)
    assert [entry["task"] for entry in found] == ["names", "classes"]
    for entry in found:
        assert sum(entry["weights"]) == pytest.approx(1)
    assert found[1]["weights"][0] > 0.5  # the layer that is no noise


def test_remembered_layers_are_those_of_the_model() -> None:
    model = Layers()
    sentences = [["went", "per1"], ["the"], ["went", "per1"], []]
    kept = Remembered(model, sentences, 1 << 20, lambda event: None)
    for asked in (sentences, [["loc3", "to"], *sentences]):
        for ours, theirs in zip(kept.encode_layers(asked), model.encode_layers(asked), strict=True):
            assert ours.shape == theirs.shape
            assert np.array_equal(ours[0], theirs[0])
    assert kept.dim == 6
    assert np.array_equal(kept.encode([["the"]])[0], model.encode([["the"]])[0])


# ------------------------------------------------------------------ scores of unseen words
def test_what_is_unseen_is_scored_apart() -> None:
    task = Tagging("names", tagged(4, 1, 0, 2), [(["per0", "per9", "the"], ["B-PER", "B-PER", "O"])], spans=True)
    score, unseen, n = task._scores([["S-PER", "O", "O"]], {"per0", "the"})
    assert (score, unseen, n) == (pytest.approx(2 / 3), 0.0, 1)
    pos = Tagging("pos", [(["a", "b"], ["X", "Y"])], [(["a", "c", "d"], ["X", "Y", "X"])], spans=False)
    assert pos._scores([["X", "Y", "Y"]], {"a"}) == (pytest.approx(2 / 3), 0.5, 2)
    assert pos._scores([["X", "Y", "Y"]], {"a", "c", "d"})[1] is None


def test_means_and_intervals() -> None:
    values = [0.7, 0.75, 0.72, 0.71]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert interval(values) == pytest.approx((low, high))
    assert interval([0.5]) is None
    rows = [
        {"task": "t", "representation": "r", "share": 1.0, "seed": seed, "n": 3, "score": score, "unseen": None,
         "n_unseen": 0, "seconds": 1.0, "layers": [[0.25, 0.75]]}
        for seed, score in enumerate(values)
    ]  # fmt: skip
    (line,) = summary(rows)
    assert (line["score"], line["unseen"], line["unseen_interval"]) == (pytest.approx(np.mean(values)), None, None)
    assert layers(rows)[0]["weights"] == [0.25, 0.75]


# ------------------------------------------------------------------ the page
def test_the_page_needs_nothing_beside_itself(tmp_path: Path) -> None:
    name = "<script>&'\""
    rows = [
        {"task": "names", "representation": one, "share": share, "seed": seed, "n": 3, "score": 0.5 + share / 4,
         "unseen": share / 2 if share > 0.1 else None, "n_unseen": 1, "seconds": 1.0,
         "layers": [[0.2, 0.3, 0.5]] if one == name else []}
        for one in (ALONE, name) for share in (0.1, 1.0) for seed in (1, 2)
    ]  # fmt: skip
    found = report(rows, both_tasks()[:1], Transfer(**SMALL), {name: [{"kind": "Vectors", "dim": 6}]})
    write_report(found, tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["curves"] == json.loads(json.dumps(found["curves"]))
    text = (tmp_path / "report.html").read_text()
    assert text == page(found)
    assert "<script" not in text
    assert not re.search(r"(src|href)=|https?://|@import|url\(", text)
    assert "0: 20 %" in text
    for picture in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(picture)
    assert text.count("<polyline") == 4
    assert ">75.0 ± 0.0<" in text


def test_curves_stand_where_their_values_are() -> None:
    points = [(0.01, 0.2, 0.1, 0.3), (0.1, 0.5, None, None), (1.0, 0.8, None, None)]
    picture = ElementTree.fromstring(chart([Curve("a", points, "#000")], x_title="x", y_title="y"))
    (line,) = picture.iter("polyline")
    at = np.array([[float(value) for value in place.split(",")] for place in line.attrib["points"].split()])
    assert np.diff(at[:, 0]) == pytest.approx([np.diff(at[:, 0])[0]] * 2, abs=0.2)  # a logarithmic axis
    assert np.diff(at[:, 1]) == pytest.approx([np.diff(at[:, 1])[0]] * 2, abs=0.2)
    assert at[0, 1] > at[2, 1]  # higher is better
    assert not chart([], x_title="x", y_title="y")
    assert chart([Curve("a", [(1.0, 1.0, None, None)], "#000")], x_title="x", y_title="y")
    widths = [float(rect.attrib["width"]) for rect in ElementTree.fromstring(bars([0.25, 0.75], "#000")).iter("rect")]
    assert widths == [75.0, 225.0]


# ------------------------------------------------------------------ bad input
def test_options_and_data_that_do_not_fit(tmp_path: Path) -> None:
    for shares in ((), (0.0,), (2.0,)):
        with pytest.raises(ConfigError, match="shares are none"):
            Transfer(shares=shares)
    with pytest.raises(DataError, match="nothing to compare"):
        compare_tasks({"v": [vectors()]}, [], folder=tmp_path)
    with pytest.raises(DataError, match="name of the baseline"):
        compare_tasks({ALONE: [vectors()]}, both_tasks(), folder=tmp_path)
    with pytest.raises(DataError, match="mark no spans"):
        Tagging("names", [(["a"], ["X"])], [(["a"], ["X"])], spans=True)
    with pytest.raises(DataError, match="not on matrices"):
        Classification("classes", [(np.zeros(2), "a")], [(np.zeros(2), "a")])
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot keep results"):
        Cells(tmp_path / "file")
    assert Transfer(epochs=40, steps=100, batch=10).epochs_for(50) == 20
    assert Transfer(epochs=40, steps=100, batch=10).epochs_for(10_000) == 1
    assert Transfer(epochs=40, steps=100, batch=10).epochs_for(1) == 40


def test_broken_results_are_done_again(tmp_path: Path) -> None:
    key = Key("t", "r", 1.0, 1, "x")
    row = {"n": 1, "score": 0.5, "unseen": None, "n_unseen": 0, "seconds": 1.0, "layers": []}
    Cells(tmp_path).add(key, row)
    assert Cells(tmp_path)[key]["score"] == 0.5
    path = tmp_path / "cells.jsonl"
    good = path.read_text()
    for bad in ("{}", "[1]", "null", good.replace("0.5", '"x"'), good.replace("[]", "3"), "\xff", "[" * 99_999):
        path.write_text(bad)
        cells = Cells(tmp_path)
        assert key not in cells
        cells.add(key, row)
        assert key in Cells(tmp_path)
    assert transfer.ALONE
