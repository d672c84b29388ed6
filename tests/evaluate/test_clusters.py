"""Groups by cosine: constructed ones are found again, none where there is none; figures as scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, silhouette_score

from firth.errors import ConfigError
from firth.evaluate.clusters import cluster, silhouette


def groups(
    sizes: list[int], apart: float, dim: int = 48, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Draw groups around a common direction, as the vectors of one word have it, with uneven noise."""
    random = np.random.default_rng(seed)
    common = 2 * random.normal(size=dim)
    noise = random.normal(size=(dim, dim)) * np.exp(-np.arange(dim) / 8)
    rows = [
        common
        + apart * random.normal(size=dim)
        + 0.3 * random.normal(size=(n, dim)) @ noise.T
        + 0.3 * random.normal(size=(n, dim))
        for n in sizes
    ]
    return np.concatenate(rows).astype(np.float32), np.repeat(np.arange(len(sizes)), sizes)


@pytest.mark.parametrize("sizes", [[60, 40], [50, 30, 20], [40, 40, 30, 20], [90, 10]])
@pytest.mark.parametrize("seed", [0, 1])
def test_known_groups_are_found(sizes: list[int], seed: int) -> None:
    vectors, truth = groups(sizes, 1.5, seed=seed)
    found = cluster(vectors)
    assert found.n == len(sizes)
    assert adjusted_rand_score(truth, found.labels) > 0.95
    counts = np.bincount(found.labels)
    assert list(counts) == sorted(counts, reverse=True)  # the largest first


@pytest.mark.parametrize("n", [8, 40, 150])
def test_one_group_is_one(n: int) -> None:
    found = [cluster(groups([n], 1.0, seed=seed)[0]) for seed in range(4)]
    assert [each.n for each in found] == [1] * 4
    assert all(each.silhouette is None for each in found)
    assert all(score <= chance + 0.06 for each in found for _, score, chance in each.tried)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_a_number_given_is_kept(k: int) -> None:
    vectors, _ = groups([30, 20, 10], 1.0)
    assert cluster(vectors, k).n == k


def test_the_silhouette_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(3)
    rows = random.normal(size=(40, 5))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = np.r_[random.integers(0, 3, 39), 3]  # the last one is alone
    assert silhouette(rows, labels) == pytest.approx(silhouette_score(rows, labels, metric="cosine"), abs=1e-12)
    vectors, _ = groups([30, 20], 1.5)
    found = cluster(vectors)
    assert found.silhouette == pytest.approx(silhouette_score(vectors, found.labels, metric="cosine"), abs=1e-5)


def test_the_same_again_and_in_any_scale() -> None:
    vectors, _ = groups([30, 20], 1.5)
    first, second = cluster(vectors), cluster(vectors * np.float32(7))
    assert np.array_equal(first.labels, second.labels)
    assert first.tried == cluster(vectors).tried


def test_few_or_equal_vectors_are_one_group() -> None:
    assert cluster(np.eye(3, dtype=np.float32)).n == 1
    assert cluster(np.ones((50, 4), np.float32)).n == 1
    assert cluster(np.zeros((1, 4), np.float32)).labels.tolist() == [0]


def test_too_many_groups_are_refused() -> None:
    with pytest.raises(ConfigError, match="so many senses: got 4, expected 1 to 3"):
        cluster(np.eye(3, dtype=np.float32)[[0, 1, 2, 2]], 4)
    with pytest.raises(ConfigError, match="so many senses"):
        cluster(np.eye(3, dtype=np.float32), 0)
