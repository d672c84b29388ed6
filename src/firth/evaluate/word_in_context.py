"""Has a word the same meaning in two sentences? A threshold on the cosine answers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import ConfigError
from firth.evaluate.in_context import (
    Place,
    cosine_rows,
    layer_names,
    model_tokenizer,
    place_vectors,
    refuse_static,
)
from firth.evaluate.word_pairs import WordPair, read_word_pairs
from firth.protocols import Float64, Representation
from firth.text.tokenize import Tokenizer

__all__ = ["WicScore", "best_threshold", "word_in_context"]


@dataclasses.dataclass(frozen=True)
class WicScore:
    """How often a threshold on the cosine is right.

    Attributes
    ----------
    name, path : str
        The test set.
    fitted_on : str
        The set that the threshold was fitted on.
    system : str
        A layer, or the mean of the layers.
    threshold : float
        Cosines above it count as the same meaning.
    fit_accuracy, accuracy : float
        Share of right answers where it was fitted, and on the test set, in [0, 1].
    pairs : int
        In the test set.
    unread : int
        Pairs of it of which the tokenizer leaves nothing; they count as different meanings.
    same : float
        Share of the test pairs with the same meaning.
    chosen : bool
        Whether this is the system with the highest ``fit_accuracy``, the one to be reported.
    """

    name: str
    path: str
    fitted_on: str
    system: str
    threshold: float
    fit_accuracy: float
    accuracy: float
    pairs: int
    unread: int
    same: float
    chosen: bool

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values; an endless threshold is None."""
        return dataclasses.asdict(self) | {"threshold": self.threshold if math.isfinite(self.threshold) else None}


def best_threshold(cosines: ArrayLike, same: ArrayLike) -> tuple[float, float]:
    """Return the threshold with the most right answers, and their share.

    Parameters
    ----------
    cosines : array_like of float, shape (n,)
    same : array_like of bool, shape (n,)

    Returns
    -------
    (float, float)
        Cosines above the threshold count as the same; it lies midway between two of them (or at an end, where it is
        endless). Of several equally good ones the lowest.

    Examples
    --------
    >>> best_threshold([0.2, 0.4, 0.6, 0.8], [False, True, False, True])
    (0.30000000000000004, 0.75)
    """
    values, right = np.asarray(cosines, np.float64), np.asarray(same, bool)
    order = np.argsort(values, kind="stable")
    values, right = values[order], right[order]
    # With the threshold behind the first i: those before i that differ and those from i on that are the same.
    correct = np.concatenate([[0], np.cumsum(~right)]) + right.sum() - np.concatenate([[0], np.cumsum(right)])
    edges = (
        np.concatenate([[-np.inf], (values[1:] + values[:-1]) / 2, [np.inf]]) if len(values) else np.array([-np.inf])
    )
    splits = np.concatenate([[True], values[1:] > values[:-1], [True]]) if len(values) else np.array([True])
    best = int(np.where(splits, correct, -1).argmax())
    return float(edges[best]), float(correct[best] / max(len(values), 1))


def word_in_context(
    model: Representation,
    test: str | Path,
    fit: str | Path,
    *,
    tokenizer: Tokenizer | None = None,
) -> list[WicScore]:
    """Answer by a threshold on the cosine of the word in both sentences, which is fitted on another set.

    Parameters
    ----------
    model : Representation
        A contextual one.
    test, fit : path-like
        Sets as :func:`read_word_pairs` takes them, labels beside them.
    tokenizer : Tokenizer, optional
        By default the model's own.

    Returns
    -------
    list of WicScore
        For each layer, and the mean of the layers.

    Raises
    ------
    DataError, FormatError
        When a file cannot be read, or the model is static.
    ConfigError
        When both sets are the same file.
    """
    refuse_static(model)
    if Path(test).resolve() == Path(fit).resolve():
        raise ConfigError(
            "the threshold would be fitted on the test set", got=str(test), remedy="name another to fit on"
        )
    how = tokenizer or model_tokenizer(model)
    sets = [read_word_pairs(path, tokenizer=how) for path in (fit, test)]
    cosines = _pair_cosines(model, sets)
    labels = [np.array([pair.same for pair in pairs]) for pairs in sets]
    finite = [np.isfinite(row) for row in cosines[0]]
    limits = [best_threshold(row[known], labels[0][known])[0] for row, known in zip(cosines[0], finite, strict=True)]
    shares = [[_accuracy(row, labels[n], limit) for row, limit in zip(cosines[n], limits, strict=True)] for n in (0, 1)]
    chosen = int(np.argmax(shares[0]))
    return [
        WicScore(
            _set_name(test), str(test), _set_name(fit), f"layer {name}" if name.isdigit() else name,
            limits[row], shares[0][row], shares[1][row], len(sets[1]), int(np.isnan(cosines[1][row]).sum()),
            float(labels[1].mean()), row == chosen,
        )
        for row, name in enumerate(layer_names(max(len(limits) - 1, 1)))
    ]  # fmt: skip


def _set_name(path: str | Path) -> str:
    return Path(path).name.partition(".data")[0]


def _accuracy(cosines: Float64, same: NDArray[np.bool_], threshold: float) -> float:
    return float(((np.nan_to_num(cosines, nan=-np.inf) > threshold) == same).mean())


def _pair_cosines(model: Representation, sets: Sequence[Sequence[WordPair]]) -> list[Float64]:
    """Return the cosines of each set, (n_layers + 1, n_pairs), NaN where there are none; each place is encoded once."""
    distinct = dict.fromkeys(place for pairs in sets for pair in pairs for place in pair.places if place is not None)
    vectors = place_vectors(model, distinct, layer="all")  # (n_places, n_layers + 1, dim)
    row_of: Mapping[Place | None, int] = {place: row for row, place in enumerate(distinct)}
    found = []
    for pairs in sets:
        rows = np.array([[row_of.get(place, -1) for place in pair.places] for pair in pairs])
        cosines = cosine_rows(vectors[rows[:, 0]], vectors[rows[:, 1]]).astype(np.float64)
        cosines[(rows < 0).any(axis=1)] = np.nan
        found.append(cosines.T)
    return found
