"""Projections, against scikit-learn."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from firth.errors import ConfigError, DataError, MissingExtraError
from firth.vectors.project import project

MATRIX = np.random.default_rng(2).standard_normal((50, 7)).astype(np.float32) * np.arange(1, 8, dtype=np.float32)


def test_pca_as_scikit_learn() -> None:
    ours, theirs = project(MATRIX, dim=3), PCA(3).fit_transform(MATRIX.astype(np.float64))
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours, theirs * signs, rtol=1e-4, atol=1e-4)
    assert ours.dtype == np.float32


def test_the_largest_coordinate_is_positive() -> None:
    flat = project(MATRIX)
    assert (flat[np.abs(flat).argmax(axis=0), [0, 1]] > 0).all()


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows(rows: int) -> None:
    assert project(MATRIX[:rows]).shape == (rows, 2)


@pytest.mark.parametrize("options", [{"method": "umap"}, {"dim": 0}, {"dim": 8}, {"dim": 3, "method": "tsne"}])
def test_unfit_options(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        project(MATRIX, **options)


def test_nan_is_refused() -> None:
    with pytest.raises(DataError):
        project(np.full((3, 3), np.nan, dtype=np.float32))


def test_tsne_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "openTSNE":
            raise ImportError(name)
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="explore"):
        project(MATRIX, method="tsne")


def test_tsne_keeps_groups_apart() -> None:
    pytest.importorskip("openTSNE")
    rng = np.random.default_rng(0)
    centres = np.eye(3, 10) * 20
    matrix = (np.repeat(centres, 20, axis=0) + rng.standard_normal((60, 10))).astype(np.float32)
    flat = project(matrix, method="tsne", perplexity=10)
    means = flat.reshape(3, 20, 2).mean(axis=1)
    spread = np.abs(flat.reshape(3, 20, 2) - means[:, None]).max()
    gaps = [np.linalg.norm(means[i] - means[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert min(gaps) > spread
