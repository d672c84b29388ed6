"""The CPU level that the environment asks for, checked before anything is read."""

from __future__ import annotations

import os

from firth.errors import ConfigError

__all__ = ["check_cpu_level"]


def check_cpu_level() -> None:
    """Make sure that this machine has the level of ``FIRTH_CPU``.

    Raises
    ------
    ConfigError
        When it has not.
    """
    from firth import _core

    try:
        _core.cpu_level()
    except ValueError as error:
        raise ConfigError(
            "FIRTH_CPU names no CPU level of this machine",
            got=os.environ.get("FIRTH_CPU"),
            expected="one of " + ", ".join(_core.cpu_levels()),
        ) from error
