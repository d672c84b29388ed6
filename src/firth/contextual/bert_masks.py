"""Which pieces of a sequence are masked, and what stands there instead (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

__all__ = ["Masking", "masked"]

_MASK, _OTHER = 0.8, 0.9  # a draw below the first gives the mask, below the second another piece, else nothing changes


@dataclasses.dataclass(frozen=True)
class Masking:
    """How pieces are masked.

    Attributes
    ----------
    share : float
        Of a sequence's pieces, marks not counted. One word at least is masked where there is any.
    whole_words : bool
        All pieces of a word, or pieces one by one.
    mixed : bool
        In one case of ten another piece stands there, in one the piece itself, else the mask; or always the mask.
    mask : int
        The mask's number.
    others : ndarray of int64
        The pieces that another is drawn from: all but marks.
    """

    share: float
    whole_words: bool
    mixed: bool
    mask: int
    others: NDArray[np.int64]


def masked(
    ids: NDArray[np.int64],
    begins: NDArray[np.bool_],
    plain: NDArray[np.bool_],
    how: Masking,
    random: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a sequence with masks in it, and the places where something is to be guessed, in order.

    Words are taken in random order as long as their pieces do not exceed the share: of ``n`` pieces, ``share * n``,
    rounded up or down by chance so that this is the mean.

    Parameters
    ----------
    ids : ndarray of int64, shape (n,)
    begins : ndarray of bool, shape (n,)
        Where a word begins.
    plain : ndarray of bool, shape (n,)
        Where there is text: no marks, no filler.
    how : Masking
    random : Generator

    Returns
    -------
    ndarray of int64, shape (n,)
    ndarray of int64, shape (n_masked,)

    Examples
    --------
    >>> ids, words = np.array([2, 10, 11, 12, 3]), np.array([True, True, False, True, True])
    >>> how = Masking(0.6, whole_words=True, mixed=False, mask=4, others=np.arange(5, 20))
    >>> seen, places = masked(ids, words, ids > 4, how, np.random.default_rng(3))
    >>> seen.tolist(), places.tolist()
    ([2, 4, 4, 12, 3], [1, 2])
    """
    at = np.flatnonzero(plain)
    if not len(at):
        return ids, at
    first = begins[at] if how.whole_words else np.ones(len(at), bool)
    first[0] = True  # a sequence may begin inside a word
    first[1:] |= np.diff(at) > 1  # and a mark ends one
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, len(at)))
    order = random.permutation(len(starts))
    wanted = int(how.share * len(at) + random.random())
    within = np.cumsum(sizes[order]) <= wanted
    within[0] = True
    chosen = np.zeros(len(starts), bool)
    chosen[order[within]] = True
    places = at[np.repeat(chosen, sizes)]
    seen = ids.copy()
    if how.mixed:
        draws, others = random.random(len(places)), random.integers(len(how.others), size=len(places))
        seen[places] = np.where(draws < _MASK, how.mask, np.where(draws < _OTHER, how.others[others], ids[places]))
    else:
        seen[places] = how.mask
    return seen, places
