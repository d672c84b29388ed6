"""Which pieces of a sequence are masked, and what stands there instead (Devlin et al. 2019, section 3.1).

Chance is a function of the seed, the epoch, the sequence and the place, so that a sequence has the same masks in any
batch, and many are drawn at once: the finaliser of splitmix64 (Steele, Lea and Flood 2014, figure 17) over a counter.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Masking", "draws", "keys_of", "masked"]

_MASK, _OTHER = 0.8, 0.9  # a draw below the first gives the mask, below the second another piece, else nothing changes
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_WORDS, _NUMBER, _KIND, _PIECE = range(4)  # streams of chance


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


def _stirred(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = x + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return np.asarray(z ^ (z >> np.uint64(31)))


def keys_of(seed: Sequence[int], numbers: Sequence[int]) -> NDArray[np.uint64]:
    """Return what the chance of each sequence depends on.

    Parameters
    ----------
    seed : sequence of int
        Such as the seed of the training and the epoch.
    numbers : sequence of int
        Of the sequences.
    """
    key = np.zeros(1, np.uint64)
    for part in seed:
        key = _stirred(key + np.array([part % 2**64], np.uint64))
    return _stirred(key + np.asarray(numbers, np.uint64))


def draws(keys: NDArray[np.uint64], stream: int, n: int) -> NDArray[np.float64]:
    """Return ``n`` numbers from 0 to 1 for each key, shape (n_keys, n)."""
    counter = np.arange(stream << 32, (stream << 32) + n, dtype=np.uint64) * _GOLDEN
    return np.asarray((_stirred(keys[:, None] + counter) >> np.uint64(11)) * 2.0**-53)


def masked(
    ids: NDArray[np.int64],
    begins: NDArray[np.bool_],
    plain: NDArray[np.bool_],
    how: Masking,
    keys: NDArray[np.uint64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return sequences with masks in them, and the places where something is to be guessed, in order over the rows.

    Words are taken in random order up to ``share * n`` of a sequence's ``n`` pieces. The word in which that number is
    reached is taken with the chance that makes it the mean.

    Parameters
    ----------
    ids : ndarray of int64, shape (B, N)
    begins : ndarray of bool, shape (B, N)
        Where a word begins.
    plain : ndarray of bool, shape (B, N)
        Where there is text: no marks, no filler.
    how : Masking
    keys : ndarray of uint64, shape (B,)

    Returns
    -------
    ndarray of int64, shape (B, N)
    ndarray of int64, shape (n_masked,)

    Examples
    --------
    >>> ids, words = np.array([[2, 10, 11, 12, 3]]), np.array([[True, True, False, True, True]])
    >>> how = Masking(0.6, whole_words=True, mixed=False, mask=4, others=np.arange(5, 20))
    >>> seen, places = masked(ids, words, ids > 4, how, keys_of([1], [2]))
    >>> seen.tolist(), places.tolist()
    ([[2, 10, 11, 4, 3]], [3])
    """
    text_before = np.zeros_like(plain)
    text_before[:, 1:] = plain[:, :-1]
    # A word begins where it is marked, behind whatever is no text, and at a sequence's begin.
    first = plain & (begins | ~text_before if how.whole_words else True)
    at = np.flatnonzero(plain)
    starts = np.flatnonzero(first.ravel()[at])  # of words, among the places of text
    if not len(starts):
        return ids, at
    sizes, row = np.diff(np.append(starts, len(at))), at[starts] // ids.shape[1]
    order = np.lexsort((draws(keys, _WORDS, ids.shape[1]).ravel()[at[starts]], row))
    wanted, chance = how.share * plain.sum(1), draws(keys, _NUMBER, 1)[:, 0]
    running = np.cumsum(sizes[order])
    opening = np.flatnonzero(np.diff(row[order], prepend=-1))  # the first word of each row
    behind = np.repeat(running[opening] - sizes[order][opening], np.diff(np.append(opening, len(order))))
    before = running - behind - sizes[order]  # pieces of the words that come before in the row's order
    within = before + chance[row[order]] * sizes[order] < wanted[row[order]]
    within[opening] = True
    chosen = np.zeros(len(starts), bool)
    chosen[order[within]] = True
    places = at[np.repeat(chosen, sizes)]
    return _replaced(ids, places, how, keys), places


def _replaced(
    ids: NDArray[np.int64], places: NDArray[np.int64], how: Masking, keys: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Return sequences with something else at these places, counted over the rows."""
    seen = ids.copy()
    flat = seen.reshape(-1)
    if not how.mixed:
        flat[places] = how.mask
        return seen
    kind, which = (draws(keys, stream, ids.shape[1]).ravel()[places] for stream in (_KIND, _PIECE))
    others = how.others[(which * len(how.others)).astype(np.int64)]
    flat[places] = np.where(kind < _MASK, how.mask, np.where(kind < _OTHER, others, flat[places]))
    return seen
