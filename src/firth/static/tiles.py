"""A co-occurrence matrix cut into tiles that threads work on without ever sharing a row: see ``native/tiles.h``.

Gemulla, Nijkamp, Haas and Sismanis 2011, "Large-Scale Matrix Factorization with Distributed Stochastic Gradient
Descent", section 4. The cut depends on the matrix alone, never on the number of threads.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import DataError
from firth.static.sampling import random_numbers

__all__ = ["ENTRY", "Plan", "Tiles", "cut", "plan_for"]

ENTRY = np.dtype([("row", np.uint16), ("column", np.uint16), ("log_x", np.float32), ("weight", np.float32)])

_TILE_PAIRS = 8192  # a tile holds about so many at least
_MOST_BLOCKS = 32  # of a vocabulary of usual size: no more threads than that find work
_BLOCK_WORDS = 8192  # at most, so that a tile's parameters stay in the last cache
_STRIPE_BYTES = 256 * 1024  # parameters of a stripe's columns: half of a small second-level cache
_RUN = 16
_STREAM = 7  # of the random numbers that place the words


@dataclasses.dataclass(frozen=True)
class Plan:
    """Where each word stands and how the places are cut.

    Attributes
    ----------
    first : ndarray of int32, shape (blocks + 1,)
        The first place of each block, of rows and of columns.
    stripe : int
        Columns of a stripe, a part of a tile.
    run : int
        Entries of one row that may follow each other.
    row_places, column_places : ndarray of int32, shape (n_words,)
        Place of each word.
    """

    first: NDArray[np.int32]
    stripe: int
    run: int
    row_places: NDArray[np.int32]
    column_places: NDArray[np.int32]

    @property
    def blocks(self) -> int:
        """Blocks on each side."""
        return len(self.first) - 1

    @property
    def stripes(self) -> int:
        """Stripes of a tile."""
        return -(-int(np.diff(self.first).max()) // self.stripe)


@dataclasses.dataclass(frozen=True)
class Tiles:
    """The entries of a matrix in the order of training.

    Attributes
    ----------
    plan : Plan
    begin : ndarray of int64, shape (blocks * blocks * stripes + 1,)
        Where each stripe of each tile begins in ``entries``.
    entries : ndarray of ENTRY, shape (n_pairs,)
    """

    plan: Plan
    begin: NDArray[np.int64]
    entries: NDArray[Any]


def plan_for(lengths: NDArray[np.int64], width: int, seed: int, blocks: int | None = None) -> Plan:
    """Return the plan for a matrix whose rows have ``lengths`` entries.

    Words are dealt out to the blocks like cards, the longest rows first, each deal in an order of its own: so every
    tile gets its share of frequent and of rare words, and a round's tiles about as many entries. Within a block the
    rows stand in random order; the columns by length, so that most entries lie in few stripes, where a row that is
    fetched serves many of them.
    """
    n_words = len(lengths)
    if blocks is None:
        blocks = min(int((int(lengths.sum()) / _TILE_PAIRS) ** 0.5), _MOST_BLOCKS)
        blocks = max(blocks, -(-n_words // _BLOCK_WORDS))
    blocks = max(1, min(blocks, n_words))
    ranked = np.argsort(-lengths, kind="stable")
    deals = np.arange(n_words) // blocks
    dealt = [ranked[np.lexsort((random_numbers(seed, _STREAM, side, n_words), deals))] for side in (0, 1)]
    block_of = np.arange(n_words) % blocks
    first = np.zeros(blocks + 1, np.int32)
    np.cumsum(np.bincount(block_of, minlength=blocks), out=first[1:])
    rows = dealt[0][np.lexsort((random_numbers(seed, _STREAM, 2, n_words), block_of))]
    columns = dealt[1][np.argsort(block_of, kind="stable")]
    return Plan(first, max(1, _STRIPE_BYTES // (8 * width)), _RUN, _inverse(rows), _inverse(columns))


def _inverse(order: NDArray[np.int64]) -> NDArray[np.int32]:
    places = np.empty(len(order), np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places


def cut(matrix: Any, plan: Plan, *, x_max: float, alpha: float, threads: int, room: int | None = None) -> Tiles:
    """Return the entries of ``matrix`` tile after tile.

    Parameters
    ----------
    matrix : CooccurrenceMatrix
    plan : Plan
    x_max, alpha : float
        Of the weighting function, equation 9 of Pennington, Socher and Manning 2014.
    threads : int
    room : int, optional
        Bytes of memory that the entries may take; where they need more, they lie in a file without a name, mapped.

    Raises
    ------
    DataError
        When a value is not positive and finite, or there is no room for the file.
    """
    pairs = len(matrix.indices)
    begin = np.zeros(plan.blocks**2 * plan.stripes + 1, np.int64)
    entries = _new_entries(pairs, room)
    values = np.ascontiguousarray(matrix.values)
    unfit = _core.cut_into_tiles(
        matrix.indptr,
        matrix.indices,
        values,
        first=plan.first,
        row_words=_inverse(plan.row_places.astype(np.int64)),
        column_places=plan.column_places,
        stripe=plan.stripe,
        run=plan.run,
        x_max=x_max,
        alpha=alpha,
        threads=threads,
        begin=begin,
        entries=entries.view(np.uint8),
    )
    if unfit >= 0:
        row = int(np.searchsorted(matrix.indptr, unfit, side="right")) - 1
        pair = f"{matrix.words[row]!r} and {matrix.words[int(matrix.indices[unfit])]!r}"
        raise DataError("a co-occurrence has no logarithm", got=f"{values[unfit]} for {pair}", expected="more than 0")
    return Tiles(plan, begin, entries)


def _new_entries(pairs: int, room: int | None) -> NDArray[Any]:
    size = pairs * ENTRY.itemsize
    if room is None or size <= room:
        return np.empty(pairs, ENTRY)
    try:
        with tempfile.TemporaryFile(prefix="firth-glove-") as file:  # the mapping keeps it alive
            if hasattr(os, "posix_fallocate"):  # a full disk is an error here, a killed process later
                os.posix_fallocate(file.fileno(), 0, size)
            return np.memmap(file, ENTRY, "r+" if hasattr(os, "posix_fallocate") else "w+", shape=(pairs,))
    except OSError as error:
        raise DataError(
            f"cannot write the co-occurrences to a file: {error.strerror}",
            got=f"{size:,} bytes in {tempfile.gettempdir()}",
            remedy="free some space, raise --memory, or set TMPDIR",
        ) from error
