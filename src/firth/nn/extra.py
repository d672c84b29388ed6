"""Where torch is missing, one error that tells how to get it."""

from __future__ import annotations

import importlib.util
import sys

from firth.errors import MissingExtraError

__all__ = ["need_torch"]


def need_torch(feature: str) -> None:
    """Raise MissingExtraError, in the name of ``feature``, where torch is not installed.

    Examples
    --------
    >>> need_torch("the NNLM")
    """
    if "torch" in sys.modules:
        found = sys.modules["torch"] is not None
    else:
        found = importlib.util.find_spec("torch") is not None
    if not found:
        raise MissingExtraError(feature, extra="neural")
