"""Product quantisation against its NumPy twin, and what compression must keep."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from firth import _core
from firth.errors import ConfigError, DataError
from firth.vectors.quantize import ProductQuantizer, Quantized
from firth.vectors.quantize_reference import distances, encode, lloyd_step
from firth.vectors.storage import RowStore, dense


@pytest.fixture(params=_core.cpu_levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _core.cpu_level()
    _core.use_cpu_level(request.param)
    yield request.param
    _core.use_cpu_level(before)


def _rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


@pytest.mark.parametrize(("dim", "dsub"), [(6, 2), (7, 2), (5, 1), (9, 4), (3, 3)])
def test_codes_are_those_of_the_twin(level: str, dim: int, dsub: int) -> None:
    rows = _rows(1001, dim)
    quantizer = ProductQuantizer.fit(rows, dsub, iterations=3)
    assert quantizer.centroids.shape == (-(-dim // dsub), 256, dsub)
    codes, expected = quantizer.encode(rows), encode(rows, quantizer.centroids)
    assert codes.shape == expected.shape
    for piece, own in enumerate(quantizer.centroids):  # rounding may turn a near tie
        points = rows[:, piece * dsub : (piece + 1) * dsub]
        apart = distances(points, own[:, : points.shape[1]])
        np.testing.assert_allclose(
            np.take_along_axis(apart, codes[:, [piece]].astype(int), 1), apart.min(axis=1, keepdims=True), atol=1e-6
        )
    assert (codes == expected).mean() > 0.999


def test_more_iterations_are_steps_of_lloyd() -> None:
    rows = _rows(3000, 2)
    before = ProductQuantizer.fit(rows, 2, iterations=4).centroids[0]
    after = ProductQuantizer.fit(rows, 2, iterations=5).centroids[0]
    np.testing.assert_allclose(after, lloyd_step(rows, before), atol=1e-5)
    assert np.abs(after - before).max() > 1e-4


def test_same_bytes_on_any_number_of_threads_and_another_seed_other_ones() -> None:
    rows = _rows(5000, 11)
    fits = [ProductQuantizer.fit(rows, 2, seed=3, threads=threads).centroids for threads in (1, 2, 5)]
    assert fits[0].tobytes() == fits[1].tobytes() == fits[2].tobytes()
    assert ProductQuantizer.fit(rows, 2, seed=4).centroids.tobytes() != fits[0].tobytes()


def test_error_is_near_that_of_facebooks_kmeans() -> None:
    # 256 centroids for a normal distribution in the plane leave about 1.1 % of the variance (Max 1960 for one number
    # with 16 levels: 1.2 %).
    rows = _rows(20_000, 8)
    restored = dense(Quantized.of(rows, dsub=2))
    assert 0.004 < np.mean((restored - rows) ** 2) < 0.0125


def test_centroids_without_points_are_used_again() -> None:
    rows = np.repeat(_rows(300, 2), 10, axis=0)
    rows[:2000] = 0.5  # most random starts fall on one point
    quantizer = ProductQuantizer.fit(rows, 2)
    assert np.isfinite(quantizer.centroids).all()
    assert len(np.unique(quantizer.encode(rows))) > 90


def test_norms_apart_keep_rows_of_very_different_lengths() -> None:
    rows = _rows(4000, 8) * np.exp(np.random.default_rng(1).normal(size=(4000, 1)) * 2).astype(np.float32)
    rows[7] = 0
    plain, apart = Quantized.of(rows), Quantized.of(rows, norms=True)

    def error(store: Quantized) -> float:
        lengths = np.linalg.norm(rows, axis=1) + 1e-9
        return float(np.median(np.linalg.norm(dense(store) - rows, axis=1) / lengths))

    assert error(apart) < error(plain) / 2
    assert apart.norms is not None
    assert len(np.unique(apart.norms)) <= 256
    assert np.abs(apart[7]).max() < 1e-4


def test_a_store_selects_as_a_matrix_does() -> None:
    store = Quantized.of(_rows(500, 5), norms=True)
    assert isinstance(store, RowStore)
    whole = dense(store)
    assert whole.shape == store.shape == (500, 5)
    mask = np.arange(500) % 7 == 0
    for key in (3, -1, slice(2, 9), [5, 5, 1], np.array([], dtype=int), mask):
        np.testing.assert_array_equal(store[key], whole[key])
    assert store.nbytes < whole.nbytes


@pytest.mark.parametrize("dsub", [0, 6])
def test_pieces_out_of_range(dsub: int) -> None:
    with pytest.raises(ConfigError, match="dsub"):
        ProductQuantizer.fit(_rows(300, 5), dsub)


def test_what_cannot_be_quantised() -> None:
    with pytest.raises(DataError, match="no rows"):
        ProductQuantizer.fit(np.zeros((0, 4), np.float32))
    with pytest.raises(DataError, match="NaN"):
        ProductQuantizer.fit(np.full((4, 4), np.nan, np.float32))
    with pytest.raises(DataError, match="another length"):
        ProductQuantizer.fit(_rows(300, 5)).encode(_rows(3, 4))
    with pytest.raises(DataError, match="don't fit"):
        ProductQuantizer(np.zeros((2, 256, 2), np.float32), dim=5)
