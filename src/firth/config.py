"""Model options as frozen dataclasses: checked when made, strict when read back, the source of CLI options."""

from __future__ import annotations

import dataclasses
import math
import os
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from firth.errors import ConfigError

__all__ = ["Config", "cpu_threads", "from_dict", "option", "to_dict"]

C = TypeVar("C", bound="Config")


def option(
    default: Any,
    help: str,
    *,
    choices: tuple[Any, ...] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Any:
    """Return a dataclass field that carries its help text and its bounds.

    Parameters
    ----------
    default : object
        Immutable default value.
    help : str
        One line, shown by ``--help``.
    choices : tuple, optional
        The only values allowed.
    minimum, maximum : float, optional
        Inclusive bounds of a number.
    """
    bounds = {"help": help, "choices": choices, "minimum": minimum, "maximum": maximum}
    return dataclasses.field(default=default, metadata=bounds)


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of every model's options; making one checks every field.

    Raises
    ------
    ConfigError
        When a value has the wrong type, is not a number, or lies outside its choices or bounds.
    """

    def __post_init__(self) -> None:
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            value = _check_type(field.name, value, hints[field.name])
            object.__setattr__(self, field.name, value)
            _check_bounds(field.name, value, field.metadata)


def _check_type(name: str, value: Any, hint: Any) -> Any:
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    allowed = tuple(typing.get_origin(kind) or kind for kind in allowed)
    if isinstance(value, int) and not isinstance(value, bool) and float in allowed and int not in allowed:
        value = float(value)
    if isinstance(value, list) and tuple in allowed:
        value = tuple(value)
    if (isinstance(value, bool) and bool not in allowed) or not isinstance(value, allowed):
        names = " or ".join("none" if kind is type(None) else kind.__name__ for kind in allowed)
        raise ConfigError(f"{name} has the wrong type", got=value, expected=names)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name} is not a finite number", got=value, expected="a finite number")
    return value


def _check_bounds(name: str, value: Any, bounds: Mapping[str, Any]) -> None:
    choices, minimum, maximum = (bounds.get(key) for key in ("choices", "minimum", "maximum"))
    if choices is not None and value is not None and value not in choices:
        listed = ", ".join(str(choice) for choice in choices)
        raise ConfigError(f"{name} is not one of the choices", got=value, expected=f"one of {listed}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if minimum is not None and value < minimum:
        raise ConfigError(f"{name} is too small", got=value, expected=f"at least {minimum:g}")
    if maximum is not None and value > maximum:
        raise ConfigError(f"{name} is too large", got=value, expected=f"at most {maximum:g}")


def to_dict(config: Config) -> dict[str, Any]:
    """Return every option of ``config`` as plain JSON values, in the order of definition."""
    return {
        field.name: list(value) if isinstance(value := getattr(config, field.name), tuple) else value
        for field in dataclasses.fields(config)
    }


def from_dict(kind: type[C], values: Mapping[str, Any]) -> C:
    """Make a ``kind`` from a mapping; an unknown key is an error that lists the valid ones.

    Raises
    ------
    ConfigError
        When a key is unknown or a value is unfit.
    """
    valid = [field.name for field in dataclasses.fields(kind)]
    unknown = [key for key in values if key not in valid]
    if unknown:
        raise ConfigError(
            f"{kind.__name__} has no such option",
            got=", ".join(unknown),
            expected="one of " + ", ".join(valid),
        )
    return kind(**values)


def cpu_threads(threads: int | None) -> int:
    """Return ``threads``, or the number of processors that this process may use.

    Raises
    ------
    ConfigError
        When ``threads`` is not between 1 and 1024.
    """
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= 1024:
        raise ConfigError("threads is out of range", got=threads, expected="1 to 1024")
    return threads
