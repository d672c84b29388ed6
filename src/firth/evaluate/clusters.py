"""Groups of unit vectors by cosine, and how many there are."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from firth.errors import ConfigError
from firth.evaluate.in_context import unit_rows
from firth.protocols import Float32, Float64

__all__ = ["Clustering", "cluster", "silhouette"]

Labels = NDArray[np.int64]

_FEWEST = 6  # vectors in which groups are looked for
_SWEEPS = 100
_DRAWS = 19  # of the null model: the largest of 19 is passed by chance once in 20
_MARGIN = 0.06  # by which chance must be passed: real vectors are not quite normal, and several numbers are tried
_DRAWN = 500  # vectors in each at most


@dataclasses.dataclass(frozen=True)
class Clustering:
    """Vectors in groups.

    Attributes
    ----------
    labels : ndarray of int64, shape (n,)
        The group of each vector; 0 is the largest.
    silhouette : float or None
        Mean silhouette by cosine; None for one group.
    tried : tuple of (int, float, float)
        For each number of groups that was tried: its silhouette, and the largest one that vectors without groups gave.
    """

    labels: Labels
    silhouette: float | None
    tried: tuple[tuple[int, float, float], ...] = ()

    @property
    def n(self) -> int:
        """Number of groups."""
        return int(self.labels.max()) + 1


def cluster(vectors: Float32, n_groups: int | None = None, *, most: int = 8, seed: int = 1) -> Clustering:
    """Group vectors by cosine.

    Ward's tree (1963) over the unit vectors is cut and the groups are refined by spherical k-means (Dhillon and Modha
    2001), which needs no random starts. Between unit vectors the squared distance is twice one minus the cosine, so
    that both work on the cosine.

    Where the number is not given, the one from 2 to ``most`` with the largest silhouette (Rousseeuw 1987) is taken
    that is more than 0.06 above what 19 draws from one normal distribution with the same principal components give at
    most (the idea of SigClust, Liu et al. 2008); one group, where none is.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
        Finite; zeros are like nothing.
    n_groups : int, optional
        The number of groups; found out if left out.
    most : int
        Largest number that is tried.
    seed : int
        Of the draws.

    Raises
    ------
    ConfigError
        When there cannot be so many groups.

    Examples
    --------
    >>> vectors = np.array([[1, 0.1], [1, 0], [0, 1], [0.1, 1], [0, 2]], np.float32)
    >>> cluster(vectors, 2).labels.tolist()
    [1, 1, 0, 0, 0]
    """
    unit = unit_rows(np.asarray(vectors, np.float32)).astype(np.float64)
    different = len(np.unique(unit, axis=0))
    if n_groups is not None and not 1 <= n_groups <= max(different, 1):
        raise ConfigError(
            "there cannot be so many senses", got=n_groups, expected=f"1 to {different}, the different vectors"
        )
    if n_groups == 1 or (n_groups is None and different < _FEWEST):
        return Clustering(np.zeros(len(unit), np.int64), None)
    flat = _principal(unit)
    if n_groups is not None:
        labels = _cut(flat, _tree(flat), n_groups)
        return Clustering(labels, silhouette(unit, labels))
    return _best(flat, min(most, different // 3), seed)


def _best(flat: Float64, most: int, seed: int) -> Clustering:
    """Return the grouping whose silhouette stands out, shape of ``flat`` (n, rank)."""
    numbers = range(2, max(most, 2) + 1)
    tree = _tree(flat)
    cuts = {k: _cut(flat, tree, k) for k in numbers}
    scores = {k: silhouette(flat, cut) for k, cut in cuts.items()}
    chance = _chance(flat, numbers, seed)
    tried = tuple((k, scores[k], chance[k]) for k in numbers)
    good = [k for k in numbers if scores[k] > chance[k] + _MARGIN]
    if not good:
        return Clustering(np.zeros(len(flat), np.int64), None, tried)
    best = max(good, key=scores.__getitem__)
    return Clustering(cuts[best], scores[best], tried)


def _chance(flat: Float64, numbers: range, seed: int) -> dict[int, float]:
    """Return the largest silhouette of each number of groups among draws from one normal distribution."""
    random = np.random.default_rng(seed)
    spread, centre = flat.std(axis=0), flat.mean(axis=0)
    largest = dict.fromkeys(numbers, -1.0)
    for _ in range(_DRAWS):
        drawn = centre + spread * random.normal(size=(min(len(flat), _DRAWN), flat.shape[1]))
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)  # on the sphere, as the vectors are
        tree = _tree(drawn)
        for k in numbers:
            largest[k] = max(largest[k], silhouette(drawn, _cut(drawn, tree, k)))
    return largest


def _principal(unit: Float64) -> Float64:
    """Return the same vectors in the basis of their principal directions, (n, rank): angles and lengths stay."""
    centre = unit.mean(axis=0)
    _, scale, directions = np.linalg.svd(unit - centre, full_matrices=False)
    kept = directions[scale > 1e-7 * max(scale[0], 1e-30)]
    across = centre - kept.T @ (kept @ centre)  # the part of the mean outside of the plane of the differences
    length = np.linalg.norm(across)
    basis = np.vstack([kept, across / length]) if length > 1e-9 else kept
    flat: Float64 = unit @ basis.T
    return flat


def _tree(rows: Float64) -> Float64:
    found: Float64 = linkage(rows, "ward")
    return found


def _cut(rows: Float64, tree: Float64, k: int) -> Labels:
    """Return ``k`` groups of a tree, refined, the largest first; fewer where refining empties one."""
    labels = fcluster(tree, k, "maxclust") - 1
    for _ in range(_SWEEPS):
        centres = unit_rows(np.stack([rows[labels == group].sum(axis=0) for group in np.unique(labels)]))
        moved = (rows @ centres.T).argmax(axis=1)
        if (moved == labels).all():
            break
        labels = moved
    groups, numbered, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    rank = np.empty(len(groups), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(groups))
    return rank[numbered]


def silhouette(rows: Float64, labels: Labels) -> float:
    """Return the mean silhouette by cosine distance (Rousseeuw 1987); a vector alone in its group counts 0.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, dim)
        Unit vectors.
    labels : ndarray of int64, shape (n,)
        0, 1, ...

    Examples
    --------
    >>> silhouette(np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]]), np.array([0, 0, 1, 1]))
    1.0
    """
    sizes = np.bincount(labels)
    if len(sizes) < 2:
        return 0.0
    members = np.zeros((len(rows), len(sizes)))
    members[np.arange(len(rows)), labels] = 1
    # The mean distance to a group is one minus the cosine with the mean of its vectors: no matrix of pairs is needed.
    sums = members.T @ rows  # (k, dim)
    total = sizes - rows @ sums.T  # (n, k)
    at = np.arange(len(rows))
    itself = 1 - np.einsum("nd,nd->n", rows, rows)  # 0 but for rounding and zero vectors
    own = (total[at, labels] - itself) / np.maximum(sizes[labels] - 1, 1)
    total = total / sizes
    total[at, labels] = np.inf
    other = total.min(axis=1)
    widest = np.maximum(own, other)
    values = np.divide(other - own, widest, out=np.zeros_like(own), where=widest > 1e-12)
    values[sizes[labels] == 1] = 0
    return float(values.mean())
