"""The largest singular values of a sparse matrix, with their vectors, by a block Krylov method.

Golub, Luk and Overton 1981, "A block Lanczos method for computing the singular values and corresponding singular
vectors of a matrix"; started at random as in Musco and Musco 2015 (arXiv 1504.05477), who bound the error. A space is
grown from a random block X: A X, A A^T A X, and so on, orthonormal throughout; the singular vectors of A within it are
the answer. One pass over the matrix serves a whole block, where ARPACK, which SciPy calls, makes one for each vector.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from firth import _core
from firth.protocols import Float32
from firth.static.counts import WordByWord
from firth.static.task import aligned_rows

__all__ = ["Singular", "largest_singular"]

_BLOCK = 32
_SPARE = 160  # the space has at least so many dimensions more than are asked for
_RESTARTS = 1  # PPMI of 100 MB of text at dim 300: 99.97 % of the energy that svds finds; without, 99.0 %
_DENSE = 512  # matrices up to this size are solved whole
_SPENT = 1e-10  # a direction whose square has shrunk by so much is rounding noise

Float64 = NDArray[np.float64]


class Singular(NamedTuple):
    """``left @ diag(values) @ right.T`` comes close to the matrix: (n, k), (k,), (n, k), largest first."""

    left: Float32
    values: Float64
    right: Float32


def largest_singular(matrix: WordByWord, k: int, *, threads: int = 1, seed: int = 1) -> Singular:
    """Return up to ``k`` of the largest singular values (fewer where the rank is lower) and their vectors.

    Parameters
    ----------
    matrix : WordByWord
        Values of float32.
    k : int
    threads : int
        For the sparse products; the result does not depend on it.
    seed : int
        Of the block to start from.

    Examples
    --------
    >>> from firth.vectors.words import Words
    >>> starts, columns = np.array([0, 1, 2]), np.array([1, 0], np.int32)
    >>> tiny = WordByWord(Words.of(["a", "b"]), starts[1:], starts, columns, np.array([3, 2], np.float32))
    >>> largest_singular(tiny, 2).values.tolist()
    [3.0, 2.0]
    """
    with threadpool_limits(1, user_api="blas"):  # how BLAS splits a product over its threads changes the last bits
        found = _largest(matrix, k, threads, seed)
    # products of n float32 numbers are wrong by about sqrt(n) of their last place: what is not above that is no value
    noise = 4 * float(np.finfo(np.float32).eps) * float(np.sqrt(len(matrix)))
    rank = int((found.values > found.values[:1] * noise).sum())
    return _signed(Singular(found.left[:, :rank], found.values[:rank], found.right[:, :rank]))


def _largest(matrix: WordByWord, k: int, threads: int, seed: int) -> Singular:
    n, size = len(matrix), k + max(k, _SPARE) + 2 * _BLOCK
    if n <= max(_DENSE, size):
        left, values, right = np.linalg.svd(matrix.matrix.toarray().astype(np.float64))
        return Singular(left[:, :k].astype(np.float32), values[:k], right[:k].T.astype(np.float32))
    basis, images = _space(_Products(matrix, threads), n, k, size, seed)
    return _within(basis, images, k)


class _Products:
    """A and its transpose times blocks that lie as rows, (b, n): (A X^T)^T."""

    def __init__(self, matrix: WordByWord, threads: int) -> None:
        turned = matrix.matrix.T.tocsr()
        turned.sort_indices()
        self._ways = [
            (matrix.indptr, matrix.indices, np.asarray(matrix.values, np.float32)),
            (turned.indptr.astype(np.int64), turned.indices.astype(np.int32), turned.data.astype(np.float32)),
        ]
        self._threads = threads

    def __call__(self, rows: Float32, *, transposed: bool = False) -> Float32:
        b, n = rows.shape
        block, out = aligned_rows(n, b), aligned_rows(n, b)
        block[:, :b] = rows.T
        _core.sparse_product(*self._ways[transposed], block, out, self._threads)
        return np.ascontiguousarray(out[:, :b].T)


def _space(times: _Products, n: int, k: int, size: int, seed: int) -> tuple[Float32, Float32]:
    """Return an orthonormal basis, (m, n) with m at most about ``size``, and A^T times it, (m, n).

    A basis that is full shrinks to its best ``k`` directions, and some more, and grows again (a thick restart: Wu and
    Simon 2000), which costs less than a basis of twice the size and comes as close.
    """
    basis, images = np.empty((size, n), np.float32), np.empty((size, n), np.float32)
    start = aligned_rows(n, _BLOCK)
    _core.init_rows(start, 0, _BLOCK, seed)
    block, m, restarts = np.ascontiguousarray(start.T), 0, 0
    while True:
        new = _orthonormal(times(block), basis[:m])
        if not len(new):  # the space holds all that A can reach
            break
        if m + len(new) > size:
            if restarts == _RESTARTS:
                break
            restarts += 1
            axes = _axes(images[:m])[1][:, : k + _BLOCK].T.astype(np.float32)
            m = len(axes)
            basis[:m], images[:m] = axes @ basis[: axes.shape[1]], axes @ images[: axes.shape[1]]
        block = times(new, transposed=True)
        basis[m : m + len(new)], images[m : m + len(new)] = new, block
        m += len(new)
    return basis[:m], images[:m]


def _axes(images: Float32) -> tuple[Float64, Float64]:
    """Return the squared singular values within a basis, largest first, and their directions as columns, (m, m)."""
    squares, axes = np.linalg.eigh((images @ images.T).astype(np.float64))
    return np.maximum(squares[::-1], 0), axes[:, ::-1]


def _orthonormal(rows: Float32, basis: Float32) -> Float32:
    """Return orthonormal rows that span what ``rows`` add to ``basis``: projected out twice (Kahan and Parlett).

    Within the block by the eigenvectors of its Gram matrix (Stathopoulos and Wu 2002), which also tell how many
    directions are left.
    """
    before = float(np.einsum("ij,ij->i", rows, rows).max(initial=0.0))
    for _ in range(2):
        if len(basis):
            rows -= (basis @ rows.T).T @ basis
        lengths, axes = np.linalg.eigh((rows @ rows.T).astype(np.float64))
        kept = lengths > before * _SPENT
        turn: Float32 = (axes[:, kept] / np.sqrt(lengths[kept])).T.astype(np.float32)
        rows = turn @ rows
        before = 1.0
    return rows


def _within(basis: Float32, images: Float32, k: int) -> Singular:
    """Rayleigh and Ritz: with Q the basis, the singular vectors of Q^T A, whose transpose is ``images``."""
    squares, axes = _axes(images)
    values, axes = np.sqrt(squares[:k]), axes[:, :k]
    right: Float32 = axes.T.astype(np.float32) @ images
    right *= (1 / np.maximum(values, 1e-30)).astype(np.float32)[:, None]
    return Singular((axes.T.astype(np.float32) @ basis).T, values, right.T)


def _signed(found: Singular) -> Singular:
    """Turn each pair of vectors so that the largest coordinate of the left one is positive."""
    if not found.left.size:
        return found
    largest = found.left[np.abs(found.left).argmax(axis=0), range(found.left.shape[1])]
    signs = np.where(largest < 0, np.float32(-1), np.float32(1))
    return Singular(found.left * signs, found.values, found.right * signs)
