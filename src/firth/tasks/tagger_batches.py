"""Sentences side by side as a tagger's net reads them, and which sentences go together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firth.protocols import Float32
from firth.tasks.tagger_module import Inputs
from firth.tasks.word_features import Steps
from firth.tasks.word_spelling import Alphabet, casing_of

__all__ = ["PLACES", "groups", "inputs_of", "padded"]

PLACES = 8192  # steps side by side, filler with them, unless one sentence is longer


def inputs_of(
    sentences: Sequence[Steps],
    arrays: Sequence[Sequence[Float32] | None],
    alphabet: Alphabet | None,
    casing: bool,
    device: torch.device | str = "cpu",
) -> Inputs:
    """Return sentences as a net reads them.

    Parameters
    ----------
    sentences : sequence
        None of them empty.
    arrays : sequence
        The arrays of each source; None of a source that is computed elsewhere and gets an empty tensor here.
    alphabet : Alphabet, optional
        Where words are spelled.
    casing : bool
    device : torch.device or str
    """
    found = Inputs([len(sentence) for sentence in sentences], [_beside(some).to(device) for some in arrays])
    if alphabet is not None:
        types = list(dict.fromkeys(itertools.chain.from_iterable(sentences)))
        places = {word: row for row, word in enumerate(types)}
        found.spelled = torch.from_numpy(alphabet.rows(types)).to(device)
        found.spellings = padded([[places[word] for word in words] for words in sentences], 0).to(device)
    if casing:
        found.casing = padded([list(map(casing_of, words)) for words in sentences], 0).to(device)
    return found


def padded(rows: Sequence[Sequence[int]], filler: int) -> Tensor:
    """Return rows of ids as columns, shape (longest, n_rows).

    Examples
    --------
    >>> padded([[1, 2], [3]], 0).tolist()
    [[1, 3], [2, 0]]
    """
    table: NDArray[np.int64] = np.full((max(map(len, rows)), len(rows)), filler, np.int64)
    for column, row in enumerate(rows):
        table[: len(row), column] = row
    return torch.from_numpy(table)


def _beside(arrays: Sequence[Float32] | None) -> Tensor:
    """Return arrays (..., n, dim) side by side, (..., longest, n_arrays, dim)."""
    if arrays is None:
        return torch.empty(0)
    longest = max(array.shape[-2] for array in arrays)
    first = arrays[0]
    table = np.zeros((*first.shape[:-2], longest, len(arrays), first.shape[-1]), np.float32)
    for place, array in enumerate(arrays):
        table[..., : array.shape[-2], place, :] = array
    return torch.from_numpy(table)


def groups(lengths: Sequence[int], batch: int, order: Sequence[int] | None = None) -> list[list[int]]:
    """Return which sentences are read together: those of like length, with little filler and bounded memory.

    Parameters
    ----------
    lengths : sequence of int
        Sentences of no length are left out.
    batch : int
        Sentences together, at most.
    order : sequence of int, optional
        Breaks ties between sentences of one length: a new order gives new company.

    Examples
    --------
    >>> groups([3, 1, 0, 3, 2], 2)
    [[1, 4], [0, 3]]
    """
    order = range(len(lengths)) if order is None else order
    made: list[list[int]] = [[]]
    for number in sorted((n for n in order if lengths[n]), key=lambda n: lengths[n]):
        if len(made[-1]) == batch or (made[-1] and lengths[number] * (len(made[-1]) + 1) > PLACES):
            made.append([])
        made[-1].append(number)
    return [group for group in made if group]
