"""The shape of a biLM as plain JSON values, and back, whatever a stranger wrote there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from firth.contextual.shape import ACTIVATIONS, CharacterShape, Shape
from firth.errors import FormatError

__all__ = ["characters_together", "filters_of", "integer", "limit_of", "plain_fields", "shape_apart", "shape_together"]

_MOST = {
    "n_ids": 1 << 24, "dim": 1 << 16, "width": 1 << 10, "number": 1 << 20, "n_highway": 64, "longest": 1 << 16,
    "cells": 1 << 20, "projection": 1 << 20, "layers": 64, "words": 1 << 28, "word_dim": 1 << 20, "hidden": 1 << 20,
    "positions": 1 << 24,
}  # fmt: skip

Fault = Callable[..., FormatError]


def shape_apart(shape: Shape) -> dict[str, Any]:
    """Return a shape as JSON values."""
    found = dataclasses.asdict(shape)
    if shape.characters is not None:
        found["characters"]["filters"] = [list(pair) for pair in shape.characters.filters]
    return found


def shape_together(plain: Any, fault: Fault) -> Shape:
    """Return the shape that JSON values tell.

    Parameters
    ----------
    plain : object
        As :func:`shape_apart` gives it.
    fault : callable
        Makes the error.

    Raises
    ------
    FormatError
        When a value lacks, is unknown, or is of the wrong type or size.
    """
    values = plain_fields(plain, Shape, fault, "the shape of the net")
    if values["characters"] is not None:
        values["characters"] = characters_together(values["characters"], fault)
    _integers(values, fault, () if values["characters"] is None else ("words", "word_dim"))
    if bool(values["words"]) != bool(values["word_dim"]):
        raise fault("words and word_dim don't fit each other", got=(values["words"], values["word_dim"]))
    for name in ("cell_clip", "projection_clip"):
        values[name] = limit_of(values[name], name, fault)
    if type(values["skip"]) is not bool:
        raise fault("skip is not true or false", got=values["skip"])
    return Shape(**values)


def characters_together(plain: Any, fault: Fault) -> CharacterShape:
    """Return the shape of a token layer that JSON values tell; raises as :func:`shape_together`."""
    inner = plain_fields(plain, CharacterShape, fault, "the shape of the token layer")
    _integers(inner, fault)
    if inner["activation"] not in ACTIVATIONS:
        raise fault("no such activation", got=inner["activation"], expected=" or ".join(ACTIVATIONS))
    found = CharacterShape(**{**inner, "filters": filters_of(inner["filters"], fault)})
    widest = max(width for width, _ in found.filters)
    if widest > found.longest or found.longest < 3:
        raise fault("a word's row is shorter than a filter", got=found.longest, expected=f"at least {max(3, widest)}")
    return found


def plain_fields(plain: Any, of: type, fault: Fault, what: str) -> dict[str, Any]:
    """Return the JSON values of a dataclass, which must be all of its fields and no others."""
    names = {field.name for field in dataclasses.fields(of)}
    if not isinstance(plain, dict) or set(plain) != names:
        raise fault(f"{what} is broken", got=plain, expected=", ".join(sorted(names)))
    return dict(plain)


def _integers(values: dict[str, Any], fault: Fault, may_be_zero: tuple[str, ...] = ("n_highway",)) -> None:
    for name in sorted(values.keys() & _MOST.keys()):
        integer(values[name], name, fault, 0 if name in may_be_zero else 1)


def integer(value: Any, name: str, fault: Fault, least: int = 1) -> int:
    """Return a size that must be a whole number within what any model has."""
    if type(value) is not int or not least <= value <= _MOST[name]:
        raise fault(f"{name} is no proper size", got=value, expected=f"{least} to {_MOST[name]:,}")
    return value


def filters_of(value: Any, fault: Fault) -> tuple[tuple[int, int], ...]:
    """Return the width and number of each group of filters."""
    pairs = isinstance(value, list) and 0 < len(value) <= 64
    if not pairs or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise fault("the filters are broken", got=value, expected="a list of [width, number]")
    return tuple((integer(width, "width", fault), integer(number, "number", fault)) for width, number in value)


def limit_of(value: Any, name: str, fault: Fault) -> float:
    """Return a clip; 0 and nothing are no limit."""
    if value is None:
        return 0.0
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
        raise fault(f"{name} is no limit", got=value, expected="a number of at least 0")
    return float(value)
