"""Maximum entropy models on disk: the same answers back, and broken folders told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.errors import FormatError
from firth.formats.base import Reading
from firth.formats.kinds import Parts, kinds
from firth.lm.maxent import MaxEnt, train

TEXT = ["the cat sees the dog", "the dog sees a cat", "a dog runs", "the cat runs"] * 3


@pytest.mark.parametrize("classes", [0, 3])
def test_a_saved_model_answers_the_same(tmp_path: Path, classes: int) -> None:
    trained = train(TEXT, MaxEnt(order=3, classes=classes))
    firth.save(trained, tmp_path / "m")
    model = firth.load(tmp_path / "m")
    assert model.perplexity(TEXT).as_dict() == trained.model.perplexity(TEXT).as_dict()
    assert model.n_classes == trained.model.n_classes
    report = firth.inspect(tmp_path / "m")
    assert report.kind == "maxent"
    assert json.loads((tmp_path / "m" / "config.json").read_text())["options"]["order"] == 3


def _broken(parts: Parts, name: str, change) -> Parts:  # type: ignore[no-untyped-def]
    tensor = parts.tensors[name].copy()
    tensor = change(tensor)
    return Parts(parts.config, {**parts.tensors, name: tensor}, parts.words)


def _set(place: int, value: float):  # type: ignore[no-untyped-def]
    def change(tensor: np.ndarray) -> np.ndarray:
        tensor[place] = value
        return tensor

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("words.levels", _set(1, 10**9)),
        ("words.levels", _set(0, -1)),
        ("words.levels", lambda t: t[:1]),
        ("words.children", _set(0, 0)),
        ("words.children", _set(2, 10**12)),
        ("words.first", _set(1, -5)),
        ("words.first", _set(-1, 10**12)),
        ("words.target", _set(0, 10**6)),
        ("words.target", _set(0, -1)),
        ("words.log_scores", _set(0, np.nan)),
        ("words.log_sums", _set(0, np.inf)),
        ("words.log_sums", lambda t: t[:-1]),
        ("words.symbol", lambda t: t.astype(np.int64)),
        ("of_classes.target", _set(0, 10**6)),
        ("of_classes.children", _set(1, -(10**12))),
        ("classes", _set(0, -1)),
        ("classes", _set(0, 10**6)),
        ("classes", lambda t: t[:-1]),
        ("counts", lambda t: t[:-1]),
    ],
)
def test_broken_folders_are_told(name: str, change) -> None:  # type: ignore[no-untyped-def]
    kind = kinds()["maxent"]
    parts = kind.apart(train(TEXT, MaxEnt(order=3, classes=3)).model)
    kind.together(parts, Reading())
    with pytest.raises(FormatError):
        kind.together(_broken(parts, name, change), Reading())


@pytest.mark.parametrize("order", [None, 0, "5", 10**9])
def test_a_broken_order_is_told(order: object) -> None:
    kind = kinds()["maxent"]
    parts = kind.apart(train(TEXT, MaxEnt(order=3, classes=0)).model)
    with pytest.raises(FormatError, match="order"):
        kind.together(Parts({**parts.config, "order": order}, parts.tensors, parts.words), Reading())
