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

    packed = True

    def __init__(self, matrix: csr_array) -> None:
        self.sparse = matrix
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any, /) -> Any:
        if isinstance(key, int | np.integer):
            row = range(len(self))[int(key)]
            return self.sparse[[row]].toarray()[0]
        return self.sparse[np.arange(len(self))[key]].toarray()

    def limit(self, n: int) -> SparseRows:
        """Return the first ``n`` rows."""
        return SparseRows(self.sparse[:n])

    def dot(self, queries: Float32, start: int = 0, stop: int | None = None) -> Float32:
        """Return the products of rows with each query, shape (stop - start, n_queries)."""
        part = self.sparse if start == 0 and stop in (None, len(self)) else self.sparse[start:stop]
        return np.ascontiguousarray(part @ queries.T, dtype=np.float32)
