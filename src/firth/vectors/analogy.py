"""A is to B as C is to what: two objectives over cosines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, DataError
from firth.vectors.search import top_rows

if TYPE_CHECKING:
    from firth.vectors.checks import Query
    from firth.vectors.questions import Questions

__all__ = ["METHODS", "analogy", "product_scores"]

METHODS = ("3cosadd", "3cosmul")
EPSILON = 1e-3


def product_scores(
    vectors: Questions, positive: Sequence[Query], negative: Sequence[Query], limit: int | None, epsilon: float
) -> NDArray[np.float32]:
    """Return for each row the product of its similarities to ``positive`` over that to ``negative``, shape (n,).

    Levy and Goldberg, Linguistic Regularities in Sparse and Explicit Word Representations, CoNLL 2014, equation 4:
    ``cos(x, b) cos(x, c) / (cos(x, a) + epsilon)``, each cosine moved to [0, 1] as ``(cos + 1) / 2`` (section 6).
    """
    n = len(vectors._words) if limit is None else min(limit, len(vectors._words))
    scores = np.ones(n, dtype=np.float32)
    for query in positive:
        scores *= (1 + vectors.cosines(query, limit=limit)) / 2
    below = np.ones(n, dtype=np.float32)
    for query in negative:
        below *= (1 + vectors.cosines(query, limit=limit)) / 2
    return np.asarray(scores / (below + np.float32(epsilon)), dtype=np.float32)


def analogy(
    vectors: Questions,
    a: Query,
    b: Query,
    c: Query,
    *,
    n: int,
    method: str,
    exclude: bool,
    limit: int | None,
) -> list[tuple[str, float]]:
    """Return the ``n`` best answers with their scores; see :meth:`firth.vectors.static.Vectors.analogy`."""
    if method not in METHODS:
        raise ConfigError("no such analogy method", got=method, expected="one of " + ", ".join(METHODS))
    if method == "3cosadd":
        return vectors.nearest(positive=[b, c], negative=[a], n=n, exclude=exclude, limit=limit)
    if n < 0:
        raise DataError("the number of answers is negative", got=n)
    skip = sorted({vectors._words.row(query) for query in (a, b, c) if isinstance(query, str)}) if exclude else []
    scores = product_scores(vectors, [b, c], [a], limit, EPSILON)
    return [(vectors._words[row], float(scores[row])) for row in top_rows(scores, n, skip).tolist()]
