"""Checks of what makes a set of vectors and of what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import ConfigError, DataError
from firth.protocols import Float32
from firth.vectors.storage import Rows, RowStore
from firth.vectors.words import Words

__all__ = [
    "Query",
    "as_counts",
    "as_matrix",
    "as_query",
    "as_rows",
    "listed",
    "refuse_directionless",
    "refuse_duplicates",
]

Query: TypeAlias = "str | NDArray[Any] | tuple[str | NDArray[Any], float]"


def listed(items: Sequence[Query] | Query) -> list[Query]:
    """Return one query or several as a list."""
    single = isinstance(items, str) or (isinstance(items, np.ndarray) and items.ndim == 1)
    return [items] if single else list(items)  # type: ignore[arg-type, list-item]


def as_matrix(values: ArrayLike, rows: int, what: str) -> Float32:
    """Return a read-only float32 view of shape (rows, dim), copied only where the values are of another kind."""
    try:
        matrix = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"the {what} are not a matrix of numbers") from error
    if matrix.ndim == 1 and not rows:
        matrix = matrix.reshape(0, 1)
    if matrix.ndim != 2 or len(matrix) != rows:
        raise DataError(f"the {what} don't fit the words", got=matrix.shape, expected=f"({rows}, dim)")
    if not matrix.shape[1]:
        raise ConfigError(f"the {what} have no dimension", got=0, expected="at least 1")
    view = matrix.view(np.ndarray)
    view.flags.writeable = False
    return view


def as_rows(values: ArrayLike | Rows, rows: int, what: str) -> Rows:
    """Return a store of rows as it is, where its shape fits, and anything else as :func:`as_matrix` does."""
    if isinstance(values, np.ndarray | list | tuple) or not isinstance(values, RowStore):
        return as_matrix(values, rows, what)
    if len(values.shape) != 2 or values.shape[0] != rows or not values.shape[1]:
        raise DataError(f"the {what} don't fit the words", got=values.shape, expected=f"({rows}, dim)")
    return values


def as_counts(counts: ArrayLike, n: int) -> NDArray[np.int64]:
    """Return a read-only int64 view of shape (n,)."""
    array = np.asarray(counts, dtype=np.int64).view()
    if array.shape != (n,):
        raise DataError("the counts don't fit the words", got=array.shape, expected=f"({n},)")
    if n and array.min() < 0:
        raise DataError("a count is negative", got=int(array.min()))
    array.flags.writeable = False
    return array


def refuse_duplicates(words: Words) -> None:
    """Raise DataError where a word stands twice."""
    twice = words.index.duplicates
    if twice:
        raise DataError(f"{len(twice)} words stand twice", got=repr(words[twice[0]]), expected="distinct words")


def as_query(item: ArrayLike, dim: int) -> NDArray[np.float64]:
    """Return a query vector of shape (dim,)."""
    try:
        wide = np.asarray(item, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("a query is neither a word nor a vector", got=item) from error
    if wide.shape != (dim,) or not np.isfinite(wide).all():
        raise DataError("a query vector does not fit", got=wide.shape, expected=f"{dim} finite values")
    return wide


def refuse_directionless(queries: Float32, dim: int) -> None:
    """Raise DataError where a row of ``queries`` is not a direction of ``dim`` values."""
    if queries.shape[1] != dim:
        raise DataError("queries of another size", got=queries.shape, expected=f"(n, {dim})")
    if not np.isfinite(queries).all() or not queries.any(axis=1).all():
        raise DataError("a query has no direction", remedy="check for empty queries, zeros and NaN")
