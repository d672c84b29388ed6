"""Rows with few values that are not zero, such as PPMI's, kept sparse and made dense when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from firth.protocols import Float32

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["SparseRows"]


class SparseRows:
    """Rows of a sparse matrix; a :class:`firth.vectors.storage.RowStore`.

    Parameters
    ----------
    matrix : scipy.sparse.csr_array of float32, shape (n, dim)
        The rows.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> store = SparseRows(csr_array(np.array([[0, 2, 0], [1, 0, 0]], dtype=np.float32)))
    >>> store[0].tolist(), store.dot(np.array([[1, 1, 1]], dtype=np.float32)).tolist()
    ([0.0, 2.0, 0.0], [[2.0], [1.0]])
    """

    def __init__(self, matrix: csr_array) -> None:
        self.sparse = matrix
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any, /) -> Any:
        if isinstance(key, slice) and key.step in (None, 1):
            start, stop, _ = key.indices(len(self))
            return SparseRows(self.sparse[start : max(start, stop)])
        if isinstance(key, int | np.integer):
            row = range(len(self))[int(key)]
            return self.sparse[[row]].toarray()[0]
        return self.sparse[np.arange(len(self))[key]].toarray()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.sparse.toarray().astype(dtype or np.float32, copy=False)

    def dot(self, queries: Float32) -> Float32:
        """Return the products of every row with each query, shape (n, n_queries)."""
        return np.ascontiguousarray(self.sparse @ queries.T, dtype=np.float32)

    def squares(self) -> Any:
        """Return the sum of squares of each row, float64, shape (n,)."""
        wide = self.sparse.astype(np.float64)
        return np.asarray(wide.multiply(wide).sum(axis=1)).ravel()
