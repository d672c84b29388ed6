"""Is a word in this sentence nearer to the sentences of one sense or of another?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from firth.errors import DataError
from firth.evaluate.in_context import Layer, Place, place_vectors, refuse_static, unit_rows
from firth.protocols import Representation

__all__ = ["NearerSense", "nearer_sense"]


@dataclasses.dataclass(frozen=True)
class NearerSense:
    """The answer.

    Attributes
    ----------
    sense : str
        The nearest.
    cosines : dict from str to float
        Cosine with the centre of each sense's examples.
    margin : float
        How much nearer it is than the next.
    """

    sense: str
    cosines: dict[str, float]
    margin: float


def nearer_sense(
    model: Representation, examples: Mapping[str, Sequence[Place]], place: Place, *, layer: Layer = "mix"
) -> NearerSense:
    """Return the sense whose examples a word in its sentence is nearest to.

    Parameters
    ----------
    model : Representation
        A contextual one.
    examples : mapping from str to sequence of Place
        The word in sentences of each sense (:func:`firth.evaluate.in_context.place_of_word` makes places).
    place : Place
        The word in a sentence of its own.
    layer : int or "mix"

    Raises
    ------
    DataError
        When there are fewer than two senses, one has no example, or the model is static.
    """
    refuse_static(model)
    if len(examples) < 2 or not all(examples.values()):
        raise DataError("two senses with examples are needed", got={name: len(each) for name, each in examples.items()})
    vector = unit_rows(place_vectors(model, [place], layer=layer))[0]
    cosines = {}
    for name, places in examples.items():
        centre = unit_rows(unit_rows(place_vectors(model, places, layer=layer)).mean(axis=0))
        cosines[name] = float(centre @ vector)
    if not np.isfinite(list(cosines.values())).all():
        raise DataError("the model gives vectors with NaN or infinite values")
    first, second = sorted(cosines, key=cosines.__getitem__, reverse=True)[:2]
    return NearerSense(first, cosines, cosines[first] - cosines[second])
