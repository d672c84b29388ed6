"""GloVe's step at every CPU level: against finite differences of its loss in double, and against the NumPy twin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from firth import _core
from firth.static.glove_reference import glove_loss, glove_step
from firth.static.records import width_of
from firth.static.tiles import ENTRY

DIMS = [1, 6, 7, 14, 22, 100]  # widths of 8, 8, 16, 16, 24 and 104: whole registers and halves of the widest


@pytest.fixture(params=_core.cpu_levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Force one CPU level, then go back."""
    before = _core.cpu_level()
    _core.use_cpu_level(request.param)
    yield request.param
    _core.use_cpu_level(before)


def _records(n: int, width: int, seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    return np.stack([random.normal(size=(n, width)), random.uniform(1, 50, size=(n, width))], axis=1)


def _entries(places: list[tuple[int, int]], seed: int = 0) -> NDArray:
    random = np.random.default_rng(seed)
    entries = np.zeros(len(places), ENTRY)
    entries["row"], entries["column"] = np.array(places).T
    entries["log_x"], entries["weight"] = random.normal(size=len(places)), random.uniform(0.1, 1, len(places))
    return entries


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.usefixtures("level")
def test_the_step_goes_down_the_slope_of_the_loss(dim: int) -> None:
    width, rate, nudge = width_of(dim), 1e-3, 1e-6
    row, column = _records(1, width, 1), _records(1, width, 2)
    entry = _entries([(0, 0)])
    log_x, weight = float(entry["log_x"][0]), float(entry["weight"][0])
    before = [row.copy(), column.copy()]
    loss = _core.glove_steps(entry.view(np.uint8), row, column, rate)
    assert loss == pytest.approx(glove_loss(before[0][0, 0], before[1][0, 0], log_x, weight), rel=1e-12)
    for side, after in enumerate((row, column)):
        for at in range(width):
            moved = [record[0, 0].copy() for record in before]
            moved[side][at] += nudge
            above = glove_loss(*moved, log_x, weight)
            moved[side][at] -= 2 * nudge
            slope = (above - glove_loss(*moved, log_x, weight)) / (2 * nudge)
            start, squares = before[side][0, :, at]
            assert after[0, 0, at] == pytest.approx(start - rate * slope / np.sqrt(squares), abs=1e-10)
            assert after[0, 1, at] == pytest.approx(squares + (rate * slope) ** 2, abs=1e-10)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.usefixtures("level")
def test_steps_are_those_of_the_twin(dim: int, kind: type) -> None:
    """Rows and columns that come again see what the steps before did."""
    width = width_of(dim)
    rows, columns = _records(3, width, 3), _records(2, width, 4)
    entries = _entries([(0, 0), (0, 1), (2, 1), (0, 1), (1, 0), (1, 0), (2, 0)] * 3)
    mine = rows.astype(kind), columns.astype(kind)
    loss = _core.glove_steps(entries.view(np.uint8), *mine, 0.05)
    expected = sum(
        glove_step(rows[e["row"]], columns[e["column"]], float(e["log_x"]), float(e["weight"]), 0.05) for e in entries
    )
    tolerance = 2e-5 if kind is np.float32 else 1e-11
    assert loss == pytest.approx(expected, rel=tolerance)
    np.testing.assert_allclose(mine[0], rows, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(mine[1], columns, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("level")
def test_the_root_is_exact_to_a_millionth_at_any_size() -> None:
    """Sums of squares grow from 1 without bound; the step divides by their root."""
    squares = np.concatenate([np.linspace(1, 4, 5000), np.logspace(0, 30, 3000)]).astype(np.float32)
    width = -(-len(squares) // 8) * 8
    row, column = np.zeros((1, 2, width), np.float32), np.zeros((1, 2, width), np.float32)
    row[:, 1], column[:, 1] = 1, 1
    row[0, 1, : len(squares)] = squares
    column[0, 0] = 1.0
    entry = np.zeros(1, ENTRY)
    entry["log_x"], entry["weight"] = -1, 1  # diff = 1: each number of the row moves by -1 / root
    _core.glove_steps(entry.view(np.uint8), row, column, 1.0)
    exact = -1 / np.sqrt(squares.astype(np.float64))
    np.testing.assert_allclose(row[0, 0, : len(squares)], exact, rtol=1.5e-6)


def test_entries_outside_the_records_are_refused() -> None:
    records = np.ones((2, 2, 8), np.float32)
    with pytest.raises(ValueError, match="outside"):
        _core.glove_steps(_entries([(2, 0)]).view(np.uint8), records, records.copy(), 0.1)
