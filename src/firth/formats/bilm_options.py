"""``options.json`` of bilm-tf and AllenNLP: what a published ELMo is made of."""

from __future__ import annotations

from typing import Any

from firth.contextual.shape import ACTIVATIONS, CharacterShape, Shape
from firth.formats.elmo_shape import Fault, filters_of, integer, limit_of

__all__ = ["N_IDS", "options_of", "shape_of"]

N_IDS = 262  # 256 bytes and 5 marks, each plus one, and the mask's 0


def shape_of(options: Any, fault: Fault, n_words: int = 0) -> Shape:
    """Return the shape that the options tell.

    Parameters
    ----------
    options : object
        The JSON value.
    fault : callable
        Makes the error.
    n_words : int
        Rows of word vectors, for a model that reads words: one without ``char_cnn``.

    Raises
    ------
    FormatError
        When an option lacks, is of the wrong type or size, or asks for what ELMo has not.
    """
    lstm = options.get("lstm") if isinstance(options, dict) else None
    if not isinstance(lstm, dict):
        raise fault("not the options of a biLM", got=options, expected="an object with lstm and char_cnn")
    if options.get("bidirectional", True) is not True:
        raise fault("the model reads in one direction only", expected="a bidirectional language model")
    projection, cells = (
        integer(lstm.get("projection_dim"), "projection", fault),
        integer(lstm.get("dim"), "cells", fault),
    )
    if projection > cells:
        raise fault("an output is longer than the cells", got=projection, expected=f"at most {cells}")
    skip = lstm.get("use_skip_connections", False)
    if type(skip) is not bool:
        raise fault("use_skip_connections is not true or false", got=skip)
    inner = options.get("char_cnn")
    return Shape(
        characters=None if inner is None else _characters(inner, fault),
        cells=cells,
        projection=projection,
        layers=integer(lstm.get("n_layers", 1), "layers", fault),
        cell_clip=limit_of(lstm.get("cell_clip"), "cell_clip", fault),
        projection_clip=limit_of(lstm.get("proj_clip"), "proj_clip", fault),
        skip=skip,
        words=n_words if inner is None else 0,
        word_dim=projection if inner is None else 0,
    )


def _characters(options: Any, fault: Fault) -> CharacterShape:
    embedding = options.get("embedding") if isinstance(options, dict) else None
    if not isinstance(embedding, dict):
        raise fault("char_cnn is broken", got=options, expected="an object with embedding and filters")
    if options.get("n_characters") not in (N_IDS - 1, N_IDS) or type(options["n_characters"]) is not int:
        raise fault(
            "n_characters is not that of a published ELMo", got=options.get("n_characters"), expected="262 or 261"
        )
    activation = options.get("activation")
    if activation not in ACTIVATIONS:
        raise fault("no such activation", got=activation, expected=" or ".join(ACTIVATIONS))
    filters = filters_of(options.get("filters"), fault)
    longest = integer(options.get("max_characters_per_token"), "longest", fault)
    widest = max(width for width, _ in filters)
    if longest < max(3, widest):
        raise fault("words are shorter than a filter", got=longest, expected=f"at least {max(3, widest)}")
    n_highway = integer(options.get("n_highway") or 0, "n_highway", fault, 0)
    return CharacterShape(N_IDS, integer(embedding.get("dim"), "dim", fault), filters, n_highway, activation, longest)


def options_of(shape: Shape) -> dict[str, Any]:
    """Return the options of a shape.

    Examples
    --------
    >>> options_of(Shape(characters=None, words=5, word_dim=512))["lstm"]["projection_dim"]
    512
    """
    found: dict[str, Any] = {
        "lstm": {
            "use_skip_connections": shape.skip,
            "projection_dim": shape.projection,
            "cell_clip": shape.cell_clip or None,
            "proj_clip": shape.projection_clip or None,
            "dim": shape.cells,
            "n_layers": shape.layers,
        }
    }
    if shape.characters is None:
        return {**found, "n_tokens_vocab": shape.words}
    inner = shape.characters
    return {
        **found,
        "char_cnn": {
            "activation": inner.activation,
            "filters": [list(pair) for pair in inner.filters],
            "n_highway": inner.n_highway,
            "embedding": {"dim": inner.dim},
            "n_characters": N_IDS,
            "max_characters_per_token": inner.longest,
        },
    }
