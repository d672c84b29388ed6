"""Vectors on a plane: principal components at once, or t-SNE."""

from __future__ import annotations

import numpy as np

from firth.errors import ConfigError, DataError, MissingExtraError
from firth.protocols import Float32

__all__ = ["METHODS", "project"]

METHODS = ("pca", "tsne")


def project(matrix: Float32, *, method: str = "pca", dim: int = 2, perplexity: float = 30.0, seed: int = 1) -> Float32:
    """Return ``matrix`` in few dimensions, for pictures.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n, d)
        Finite vectors, one per row.
    method : {"pca", "tsne"}
        Principal components (linear, exact), or t-SNE through openTSNE (extra ``explore``; van der Maaten and Hinton,
        JMLR 2008).
    dim : int
        Dimensions of the picture; at most 2 for t-SNE.
    perplexity : float
        For t-SNE: how many neighbours count; lowered where there are few rows.
    seed : int
        For t-SNE.

    Returns
    -------
    ndarray of float32, shape (n, dim)
        Centred; each component's sign is such that its largest coordinate is positive.

    Raises
    ------
    ConfigError
        When the method is unknown or ``dim`` does not fit.
    DataError
        When a value is not finite.
    MissingExtraError
        When openTSNE is not installed.

    Examples
    --------
    >>> project(np.array([[0, 0, 0], [3, 4, 0], [6, 8, 0]], np.float32), dim=1).ravel().tolist()
    [-5.0, 0.0, 5.0]
    """
    if method not in METHODS:
        raise ConfigError("no such projection", got=method, expected="one of " + ", ".join(METHODS))
    most = 2 if method == "tsne" else matrix.shape[1]
    if not 1 <= dim <= most:
        raise ConfigError("the number of dimensions does not fit", got=dim, expected=f"1 to {most}")
    if not np.isfinite(matrix).all():
        raise DataError("a vector holds NaN or infinite values")
    if not len(matrix):
        return np.zeros((0, dim), dtype=np.float32)
    return _pca(matrix, dim) if method == "pca" or len(matrix) < 5 else _tsne(matrix, dim, perplexity, seed)


def _pca(matrix: Float32, dim: int) -> Float32:
    centred = matrix.astype(np.float64)
    centred -= centred.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    flat = centred @ directions[:, ::-1][:, :dim]  # n x dim, widest spread first
    largest = np.abs(flat).argmax(axis=0)
    # Of two equally large coordinates rounding would choose; the later row then decides.
    tied = np.abs(flat) >= np.abs(flat[largest, range(dim)]) * (1 - 1e-9)
    largest = len(flat) - 1 - tied[::-1].argmax(axis=0)
    flat *= np.where(flat[largest, range(dim)] < 0, -1.0, 1.0)
    return np.asarray(flat, dtype=np.float32)


def _tsne(matrix: Float32, dim: int, perplexity: float, seed: int) -> Float32:
    try:
        from openTSNE import TSNE
    except ImportError as error:
        raise MissingExtraError("t-SNE", extra="explore") from error
    fitting = TSNE(
        n_components=dim,
        perplexity=min(perplexity, (len(matrix) - 1) / 3),
        metric="cosine",
        initialization="pca",
        random_state=seed,
        n_jobs=1,
    )
    return np.asarray(fitting.fit(matrix.astype(np.float64)), dtype=np.float32)
