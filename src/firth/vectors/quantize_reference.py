"""What ``native/quantize.cpp`` does, in NumPy: written to be read, and its test oracle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firth.protocols import Float32

__all__ = ["distances", "encode", "lloyd_step"]


def distances(points: Float32, centroids: Float32) -> Float32:
    """Return squared distances, shape (n, n_centroids), of points (n, d) and centroids (n_centroids, d)."""
    return np.asarray(((points[:, None, :] - centroids[None, :, :]) ** 2).sum(axis=2, dtype=np.float32))


def encode(rows: Float32, centroids: Float32) -> NDArray[np.uint8]:
    """Return codes, shape (n, n_sub), for centroids of shape (n_sub, 256, dsub); ties go to the lowest number."""
    dsub = centroids.shape[2]
    codes = np.empty((len(rows), len(centroids)), np.uint8)
    for piece, own in enumerate(centroids):
        points = rows[:, piece * dsub : (piece + 1) * dsub]
        codes[:, piece] = distances(points, own[:, : points.shape[1]]).argmin(axis=1)
    return codes


def lloyd_step(points: Float32, centroids: Float32) -> Float32:
    """Return each centroid moved to the mean of the points nearest to it; one without points stays."""
    codes = distances(points, centroids).argmin(axis=1)
    moved = centroids.copy()
    for k in range(len(centroids)):
        if (codes == k).any():
            moved[k] = points[codes == k].mean(axis=0, dtype=np.float64)
    return moved
