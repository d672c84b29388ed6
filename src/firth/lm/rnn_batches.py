"""A text at several places side by side, in stretches one after the other: what truncated backpropagation reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firth.protocols import Int32

__all__ = ["Stretches", "side_by_side", "stretch_ends"]

_SHORTEST = 5


def side_by_side(ids: Int32, batch: int, eos: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what is read and what is predicted, shape (n_steps, batch) each.

    Every column begins where the text is cut into ``batch`` parts; before the text stands ``<eos>``. Nothing is left
    out: where the parts cannot be of one length, the shorter ones go on with the first prediction of the next.

    Parameters
    ----------
    ids : ndarray of int32, shape (n,)
    batch : int
        Fewer where the text is shorter.
    eos : int

    Examples
    --------
    >>> read, predicted = side_by_side(np.array([7, 8, 9, 0, 7], np.int32), 2, 0)
    >>> read.T.tolist(), predicted.T.tolist()
    ([[0, 7, 8], [8, 9, 0]], [[7, 8, 9], [9, 0, 7]])
    """
    n = len(ids)
    batch = max(1, min(batch, n))
    starts = np.arange(batch) * n // batch
    n_steps = -(-n // batch)
    places = np.minimum(starts, n - n_steps) + np.arange(n_steps)[:, None]
    shifted = np.concatenate([[eos], ids[:-1]]).astype(np.int64)
    return shifted[places], ids.astype(np.int64)[places]


def stretch_ends(n_steps: int, bptt: int, *, drawn: bool, seed: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the exclusive ends of stretches.

    Parameters
    ----------
    n_steps, bptt : int
    drawn : bool
        Draw lengths around ``bptt``, or one time in twenty around half of it, with a deviation of 5 (Merity, Keskar
        and Socher 2018, section 4.1), so that stretches do not end at the same places in every epoch.
    seed : tuple of int

    Examples
    --------
    >>> stretch_ends(10, 4, drawn=False, seed=()).tolist()
    [4, 8, 10]
    """
    if not drawn:
        return np.minimum(np.arange(1, -(-n_steps // bptt) + 1) * bptt, n_steps)
    generator = np.random.default_rng(seed)
    most = n_steps // _SHORTEST + 1
    base = np.where(generator.random(most) < 0.95, bptt, bptt / 2)
    lengths = np.maximum(np.rint(generator.normal(base, 5)), min(_SHORTEST, bptt)).astype(np.int64)
    ends = np.cumsum(lengths)
    return np.append(ends[ends < n_steps], n_steps)


class Stretches(Sequence[tuple[int, int]]):
    """The first and the last step of each stretch of an epoch."""

    def __init__(self, ends: NDArray[np.int64]) -> None:
        self.ends = np.concatenate([[0], ends])

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, place: int) -> tuple[int, int]:  # type: ignore[override]
        return int(self.ends[place]), int(self.ends[place + 1])
