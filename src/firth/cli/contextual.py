"""What the verbs for words in context share: the model, and how its texts are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.cli.cpu import check_cpu_level
from firth.cli.output import note, note_event
from firth.cli.texts import TOKENIZERS, TextOptions
from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.evaluate.in_context import Layer
    from firth.protocols import Representation

__all__ = ["load_representation", "model_reading", "parsed_layer"]


def load_representation(path: Path, format: str | None = None) -> Representation:
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


def model_reading(text: TextOptions, model: Any) -> TextOptions:
    """Return the options given, or without a tokenizer among them those that the model was trained with."""
    metadata = getattr(model, "metadata", None)
    made = metadata.get("tokenizer") if isinstance(metadata, dict) else None
    if not isinstance(made, dict):
        return text
    if text.tokenizer is None and made.get("name") not in TOKENIZERS:
        note(f"the model was trained with the tokenizer {made.get('name')}, which cannot be used here")
        return text
    return text.over(made)


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
