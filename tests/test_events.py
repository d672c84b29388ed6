"""The log of events, read back by the standard library's strict JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firth.events import EpochEnd, Event, JsonLog, Probe, Progress


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def _logged(path: Path, *events: Event) -> list[dict[str, Any]]:
    with JsonLog(path) as log:
        for event in events:
            log(event)
    return [json.loads(line, parse_constant=_refuse) for line in path.read_bytes().decode("ascii").splitlines()]


def test_words_of_any_bytes_come_back(tmp_path: Path) -> None:
    word = b"caf\xe9\xff".decode("utf-8", "surrogateescape")
    (record,) = _logged(tmp_path / "log", Probe(1, "苹果", ((word, 0.5), ("a\nb", 0.25))))
    assert record["event"] == "Probe"
    assert record["word"] == "苹果"
    assert record["neighbours"] == [[word, 0.5], ["a\nb", 0.25]]
    assert record["neighbours"][0][0].encode("utf-8", "surrogateescape") == b"caf\xe9\xff"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_null(tmp_path: Path, bad: float) -> None:
    end, probe, progress = _logged(
        tmp_path / "log",
        EpochEnd(2, bad, None, 1.5),
        Probe(1, "a", (("b", bad), ("c", 0.5))),
        Progress(1, 2, 1, 1, bad, 0.25, 0.1, bad),
    )
    assert (end["loss"], end["heldout"], end["seconds"]) == (None, None, 1.5)
    assert probe["neighbours"] == [["b", None], ["c", 0.5]]
    assert (progress["words_per_second"], progress["loss"], progress["eta"]) == (None, 0.25, None)


def test_a_second_log_appends(tmp_path: Path) -> None:
    path = tmp_path / "log"
    _logged(path, EpochEnd(1, 0.5, None, 1.0))
    assert [record["epoch"] for record in _logged(path, EpochEnd(2, 0.25, None, 2.0))] == [1, 2]
