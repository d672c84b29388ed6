"""What the tests of counting models share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from firth.static.cooccurrence import CooccurrenceMatrix
from firth.vectors.words import Words


@pytest.fixture(scope="session")
def random_counts() -> Callable[..., CooccurrenceMatrix]:
    """Return a function from a number of words and a seed to a random matrix."""

    def make(n: int, seed: int, density: float = 0.3, dtype: type = np.float32) -> CooccurrenceMatrix:
        """A matrix whose first words have the most entries, as texts have them."""
        random = np.random.default_rng(seed)
        rank = np.arange(1, n + 1)
        there = random.random((n, n)) < density * 25 / np.sqrt(rank[:, None] * rank[None, :])
        values = np.where(there, random.gamma(0.7, 8.0, (n, n)) + 0.05, 0)
        indptr = np.concatenate([[0], there.sum(axis=1).cumsum()]).astype(np.int64)
        return CooccurrenceMatrix(
            Words.of(f"w{i}" for i in range(n)),
            np.sort(random.integers(5, 500, n))[::-1].astype(np.int64),
            indptr,
            np.nonzero(there)[1].astype(np.int32),
            values[there].astype(dtype),
        )

    return make
