"""The nearest neighbours of a few words while training goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from firth.events import Listener, Notice
from firth.protocols import Float32

__all__ = ["prober"]

Neighbours = tuple[tuple[str, float], ...]
_NEIGHBOURS = 5


def prober(
    words: Sequence[str], probes: Sequence[str], matrix: Callable[[], Float32], tell: Listener
) -> Callable[[], list[tuple[str, Neighbours]]] | None:
    """Return a function that finds the neighbours of ``probes`` among the vectors as they are, or None.

    Parameters
    ----------
    words : sequence of str
        The word of each row.
    probes : sequence of str
        A word that is not among ``words`` is told and left out.
    matrix : callable
        Gives the vectors as they are, shape (n_words, any).
    tell : callable
    """
    at = {word: row for row, word in enumerate(words)} if probes else {}
    rows = [at[word] for word in probes if word in at]
    for word in probes:
        if word not in at:
            tell(Notice(f"the probe word {word!r} is not in the vocabulary"))
    if not rows:
        return None

    def probe() -> list[tuple[str, Neighbours]]:
        vectors = matrix()
        norms = np.maximum(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)), 1e-12)
        cosines = vectors[rows] @ vectors.T / norms / norms[rows, None]
        cosines[np.arange(len(rows)), rows] = -np.inf
        best = np.argsort(-cosines, axis=1, kind="stable")[:, : min(_NEIGHBOURS, len(words) - 1)]
        return [
            (words[row], tuple((words[j], float(line[j])) for j in order.tolist()))
            for row, order, line in zip(rows, best, cosines, strict=True)
        ]

    return probe
