"""Product quantisation: rows of float32 kept as a byte for every few numbers.

Jegou, Douze and Schmid 2011, "Product Quantization for Nearest Neighbor Search", section II; Joulin et al. 2016,
"FastText.zip" (arXiv 1612.03651), section 3, for classifiers, with norms apart.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth import _core
from firth.errors import ConfigError, DataError
from firth.protocols import Float32
from firth.vectors.storage import BLOCK_VALUES, Rows

__all__ = ["CENTROIDS", "ProductQuantizer", "Quantized"]

CENTROIDS = 256  # of each piece: its code is a byte
_SAMPLE = 65_536  # rows that the centroids are learnt from, as fastText has it


@dataclasses.dataclass(frozen=True, eq=False)
class ProductQuantizer:
    """The centroids that codes stand for.

    Attributes
    ----------
    centroids : ndarray of float32, shape (n_sub, 256, dsub)
        Piece ``m`` of a row is numbers ``[m * dsub, (m + 1) * dsub)``; of the last piece only the first
        ``dim - (n_sub - 1) * dsub`` columns count.
    dim : int
        Numbers of a whole row.

    Examples
    --------
    >>> rows = np.arange(40, dtype=np.float32).reshape(8, 5)
    >>> quantizer = ProductQuantizer.fit(rows, dsub=2)
    >>> quantizer.encode(rows).shape, bool((quantizer.decode(quantizer.encode(rows)) == rows).all())
    ((8, 3), True)
    """

    centroids: Float32
    dim: int

    def __post_init__(self) -> None:
        shape = self.centroids.shape
        if self.centroids.dtype != np.float32 or self.centroids.ndim != 3 or shape[1] != CENTROIDS or not shape[2]:
            raise DataError("the centroids don't fit", got=shape, expected=f"float32 (n_sub, {CENTROIDS}, dsub)")
        if self.dim < 1 or shape[0] != -(-self.dim // shape[2]):
            raise DataError("the centroids don't fit the rows", got=f"{shape[0]} pieces of {shape[2]} for {self.dim}")

    @classmethod
    def fit(
        cls, matrix: Rows | ArrayLike, dsub: int = 2, seed: int = 1, iterations: int = 25, *, threads: int = 0
    ) -> ProductQuantizer:
        """Learn centroids by k-means; the same seed gives the same ones on any number of threads.

        Parameters
        ----------
        matrix : float32 rows, shape (n, dim)
            Of more than 65,536 rows so many are drawn. Up to 256 rows come back exactly.
        dsub : int
            Numbers in a piece.
        seed : int
        iterations : int
            At most; fewer where no code changes any more.
        threads : int
            0 for all processors.

        Raises
        ------
        ConfigError
            When ``dsub`` or ``iterations`` is out of range.
        DataError
            When there are no rows, or some hold NaN or infinite values.
        """
        rows: Any = matrix if hasattr(matrix, "shape") else np.asarray(matrix, np.float32)
        if len(rows.shape) != 2 or not rows.shape[0] or not rows.shape[1]:
            raise DataError("there are no rows to quantise", got=rows.shape, expected="(n, dim)")
        if not 1 <= dsub <= rows.shape[1] or iterations < 0:
            raise ConfigError("dsub is out of range", got=dsub, expected=f"1 to {rows.shape[1]}, the length of a row")
        chosen: Any = slice(None)
        if rows.shape[0] > _SAMPLE:
            chosen = np.sort(np.random.default_rng(seed).choice(rows.shape[0], _SAMPLE, replace=False))
        sample = np.ascontiguousarray(rows[chosen], dtype=np.float32)
        if not np.isfinite(sample).all():
            raise DataError("NaN and infinite values cannot be quantised")
        return cls(_core.pq_fit(sample, dsub, seed, iterations, threads), int(rows.shape[1]))

    @property
    def dsub(self) -> int:
        """Numbers in a piece."""
        return int(self.centroids.shape[2])

    @property
    def n_sub(self) -> int:
        """Pieces of a row, and bytes of its code."""
        return len(self.centroids)

    @property
    def last(self) -> int:
        """Numbers in the last piece."""
        return self.dim - (self.n_sub - 1) * self.dsub

    def encode(self, matrix: Rows | ArrayLike, *, threads: int = 0) -> NDArray[np.uint8]:
        """Return the number of the nearest centroid of every piece, shape (n, n_sub).

        Raises
        ------
        DataError
            When the rows have another length.
        """
        rows: Any = matrix if hasattr(matrix, "shape") else np.asarray(matrix, np.float32)
        if len(rows.shape) != 2 or rows.shape[1] != self.dim:
            raise DataError("rows of another length", got=rows.shape, expected=f"(n, {self.dim})")
        codes = np.empty((rows.shape[0], self.n_sub), dtype=np.uint8)
        step = max(1, BLOCK_VALUES // self.dim)
        centroids = np.ascontiguousarray(self.centroids)
        for start in range(0, len(codes), step):
            block = np.ascontiguousarray(rows[start : start + step], dtype=np.float32)
            codes[start : start + step] = _core.pq_encode(block, centroids, threads)
        return codes

    def decode(self, codes: NDArray[np.uint8]) -> Float32:
        """Return the rows that ``codes``, shape (n, n_sub), stand for, shape (n, dim)."""
        pieces = self.centroids[np.arange(self.n_sub), codes]  # (n, n_sub, dsub)
        return np.ascontiguousarray(pieces.reshape(len(codes), self.n_sub * self.dsub)[:, : self.dim])


@dataclasses.dataclass(frozen=True, eq=False)
class Quantized:
    """Rows kept as codes and decoded when they are asked for: a :class:`firth.vectors.storage.RowStore`.

    Attributes
    ----------
    quantizer : ProductQuantizer
    codes : ndarray of uint8, shape (n, n_sub)
    norms : ndarray of float32, shape (n,), or None
        What each decoded row is multiplied by.

    Examples
    --------
    >>> store = Quantized.of(np.eye(4, dtype=np.float32), dsub=2)
    >>> store.shape, store[1].tolist(), store[[0, 2]].shape
    ((4, 4), [0.0, 1.0, 0.0, 0.0], (2, 4))
    """

    quantizer: ProductQuantizer
    codes: NDArray[np.uint8]
    norms: Float32 | None = None
    packed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.codes.dtype != np.uint8 or self.codes.ndim != 2 or self.codes.shape[1] != self.quantizer.n_sub:
            raise DataError("the codes don't fit", got=self.codes.shape, expected=f"uint8 (n, {self.quantizer.n_sub})")
        if self.norms is not None and self.norms.shape != (len(self.codes),):
            raise DataError("the norms don't fit", got=self.norms.shape, expected=f"({len(self.codes)},)")

    @classmethod
    def of(
        cls,
        matrix: Rows | ArrayLike,
        dsub: int = 2,
        *,
        norms: bool = False,
        seed: int = 1,
        iterations: int = 25,
        threads: int = 0,
    ) -> Quantized:
        """Quantise rows.

        Parameters
        ----------
        matrix : float32 rows, shape (n, dim)
        dsub, seed, iterations, threads
            As for :meth:`ProductQuantizer.fit`.
        norms : bool
            Quantise directions, and norms apart to at most 256 values.
        """
        rows: Any = matrix if hasattr(matrix, "shape") else np.asarray(matrix, np.float32)
        if not norms:
            quantizer = ProductQuantizer.fit(rows, dsub, seed, iterations, threads=threads)
            return cls(quantizer, quantizer.encode(rows, threads=threads))
        directions, lengths = _apart(rows)
        quantizer = ProductQuantizer.fit(directions, dsub, seed, iterations, threads=threads)
        of_norms = ProductQuantizer.fit(lengths[:, None], 1, seed, iterations, threads=threads)
        rounded = of_norms.decode(of_norms.encode(lengths[:, None], threads=threads))[:, 0].copy()
        return cls(quantizer, quantizer.encode(directions, threads=threads), rounded)

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return (len(self.codes), self.quantizer.dim)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        norms = 0 if self.norms is None else self.norms.nbytes
        return self.codes.nbytes + self.quantizer.centroids.nbytes + norms

    def __len__(self) -> int:
        return len(self.codes)

    def limit(self, n: int) -> Quantized:
        """Return the first ``n`` rows, as views."""
        return Quantized(self.quantizer, self.codes[:n], None if self.norms is None else self.norms[:n])

    def __getitem__(self, key: Any, /) -> Float32:
        codes = self.codes[key]
        rows = self.quantizer.decode(np.atleast_2d(codes))
        if self.norms is not None:
            rows *= np.atleast_1d(self.norms[key])[:, None]
        return rows if codes.ndim == 2 else np.asarray(rows[0])


def _apart(rows: Any) -> tuple[Float32, Float32]:
    """Return rows of length 1 (those of 0 as they are) and their lengths."""
    matrix = np.array(rows[:], dtype=np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64)).astype(np.float32)
    matrix /= np.where(lengths > 0, lengths, 1)[:, None]
    return matrix, lengths
