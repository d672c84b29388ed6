"""What the verbs for words in context share: the model, and its layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from firth.cli.cpu import check_cpu_level
from firth.cli.output import note_event
from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.evaluate.in_context import Layer
    from firth.protocols import Representation

__all__ = ["load_encoder", "parsed_layer"]


def load_encoder(path: Path, format: str | None = None) -> Representation:
    """Load a model and make sure that it encodes sentences.

    Raises
    ------
    DataError
        When it does not.
    """
    from firth.formats.registry import load
    from firth.protocols import Representation

    check_cpu_level()
    model = load(path, format=format, listen=note_event)
    if not isinstance(model, Representation):
        raise DataError(f"{path} encodes no sentences", got=type(model).__name__, expected="such as an ELMo")
    return model


def parsed_layer(layer: str) -> Layer:
    """Return a layer by its number, or ``mix``.

    Raises
    ------
    ConfigError
        When it is neither.
    """
    if layer == "mix":
        return "mix"
    if layer.isascii() and layer.isdigit() and len(layer) < 6:
        return int(layer)
    raise ConfigError("--layer is neither a number nor mix", got=layer, expected="0, 1, 2, ... or mix")
