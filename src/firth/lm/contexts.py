"""The previous words of each prediction, ``<bos>`` in the place of those before the sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firth.protocols import Int32

__all__ = ["contexts_at", "places_in_sentence"]


def places_in_sentence(ids: Int32, eos: int, most: int, begins: Sequence[int] = ()) -> NDArray[np.int16]:
    """Return how many words stand before each prediction in its sentence, or ``most`` where there are more.

    Parameters
    ----------
    ids : ndarray of int32, shape (n,)
        Sentences, each closed by ``eos``.
    eos : int
    most : int
        Up to 32767.
    begins : sequence of int
        Where sentences begin too.

    Examples
    --------
    >>> places_in_sentence(np.array([5, 6, 7, 9, 5, 9], np.int32), eos=9, most=2).tolist()
    [0, 1, 2, 2, 0, 1]
    """
    starts = np.zeros(len(ids), np.int64)
    after = np.flatnonzero(ids[:-1] == eos) + 1
    starts[after] = after
    for begin in begins:
        starts[begin] = begin
    np.maximum.accumulate(starts, out=starts)
    places: NDArray[np.int16] = np.minimum(np.arange(len(ids)) - starts, most).astype(np.int16)
    return places


def contexts_at(ids: Int32, places: NDArray[np.int16], rows: NDArray[np.int64], n: int, bos: int) -> NDArray[np.int64]:
    """Return the ``n`` words before each of some predictions, the oldest first.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_predictions,)
    places : ndarray of int16, shape (n_predictions,)
        Of :func:`places_in_sentence`, with at least ``n`` as its most.
    rows : ndarray of int64, shape (B,)
    n : int
    bos : int
        Stands where a sentence has no word.

    Returns
    -------
    ndarray of int64, shape (B, n)

    Examples
    --------
    >>> ids = np.array([5, 6, 9, 7, 9], np.int32)
    >>> places = places_in_sentence(ids, eos=9, most=2)
    >>> contexts_at(ids, places, np.array([0, 2, 4]), 2, bos=0).tolist()
    [[0, 0], [5, 6], [0, 7]]
    """
    back = np.arange(n, 0, -1)
    at = rows[:, None] - back
    return np.where(back <= places[rows, None], ids[np.maximum(at, 0)], bos).astype(np.int64)
