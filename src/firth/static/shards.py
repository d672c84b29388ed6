"""Counts of parts of a text put together: to the bytes of the whole text's counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.static.counts import CooccurrenceMatrix
from firth.static.ppmi import row_blocks

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["merge"]

_BLOCK = 1 << 22  # pairs of all parts added up together
_LARGEST = 1 << 51  # sums below this come back from float64 exactly, whatever the unit
_SAME = ("window", "sides", "weights")


def merge(parts: Sequence[CooccurrenceMatrix]) -> CooccurrenceMatrix:
    """Return the counts of several texts as those of one.

    Each value is turned back into the whole number that it was counted as, so the sum is exact: parts of a text that
    were cut between sentences and counted over one vocabulary (``train(part, config, words=words)``) give the very
    arrays that the whole text gives. With subsampling they don't: which occurrences stay depends on their places.

    Parameters
    ----------
    parts : sequence of CooccurrenceMatrix
        Of the same words in the same order, the same window, sides and weights.

    Raises
    ------
    DataError
        When there are no parts, they don't match, or were not counted by Firth (so that their unit is unknown).

    Examples
    --------
    >>> from firth.static.cooccurrence import Cooc, train
    >>> config = Cooc(window=3, min_count=1)
    >>> shards = [train([line], config, words=["a", "b"]).model for line in ("a b a", "b b a")]
    >>> merge(shards)["a", "b"]
    3.5
    """
    if not parts:
        raise DataError("no counts to merge")
    first, unit = parts[0], _unit(parts)
    for part in parts[1:]:
        if part.words != first.words:
            raise DataError("the counts have different words", remedy="count each part with words=, the same for all")
    starts: NDArray[np.int64] = np.sum([part.indptr for part in parts], axis=0)  # of all parts, only to share out work
    lengths = [np.zeros(1, np.int64)]
    columns: list[NDArray[np.int32]] = []
    values: list[NDArray[np.float64]] = []
    for begin, end in row_blocks(starts, _BLOCK):
        block = _whole(parts[0], begin, end, unit)
        for part in parts[1:]:
            block = block + _whole(part, begin, end, unit)
        block.sort_indices()
        lengths.append(np.diff(block.indptr).astype(np.int64))
        columns.append(block.indices.astype(np.int32))
        values.append(block.data / float(unit))
    return CooccurrenceMatrix(
        first.words,
        np.sum([part.counts for part in parts], axis=0, dtype=np.int64),
        np.cumsum(np.concatenate(lengths)),
        np.concatenate(columns),
        np.concatenate(values),
        {**first.metadata, "corpus": [digest for part in parts for digest in _origins(part)]},
    )


def _unit(parts: Sequence[CooccurrenceMatrix]) -> int:
    """Return the unit that all parts were counted in."""
    kinds = [tuple(part.metadata.get("options", {}).get(name) for name in _SAME) for part in parts]
    units = [part.metadata.get("unit") for part in parts]
    if any(kind != kinds[0] for kind in kinds) or any(unit != units[0] for unit in units):
        raise DataError(
            "the counts were made with other options", got=str(kinds), expected="the same " + ", ".join(_SAME)
        )
    if type(units[0]) is not int or units[0] < 1:
        raise DataError("counts of an unknown unit cannot be merged exactly", expected="counts made by Firth")
    return units[0]


def _origins(part: CooccurrenceMatrix) -> list[Any]:
    origin = part.metadata.get("corpus")
    return list(origin) if isinstance(origin, list) else [origin]


def _whole(part: CooccurrenceMatrix, begin: int, end: int, unit: int) -> csr_array:
    """Return rows [begin, end) in whole numbers, (end - begin, n_words)."""
    from scipy.sparse import csr_array

    at = slice(int(part.indptr[begin]), int(part.indptr[end]))
    sums = np.rint(part.values[at].astype(np.float64) * unit)
    if part.values.dtype != np.float64 or sums.max(initial=0) >= _LARGEST:
        raise DataError(
            "these counts are too large, or too coarse, to be merged exactly",
            got=f"{part.values.dtype}, up to {sums.max(initial=0) / unit:g}",
            expected=f"float64 below {_LARGEST / unit:g}",
            remedy="merge the parts that they were made of in one call",
        )
    starts = part.indptr[begin : end + 1] - part.indptr[begin]
    return csr_array((sums.astype(np.int64), part.indices[at], starts), shape=(end - begin, len(part)))
