"""What ``firth inspect`` tells of an ELMo, whatever file it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firth.contextual.elmo_model import ElmoModel

__all__ = ["elmo_facts", "elmo_uses"]


def elmo_facts(model: ElmoModel) -> dict[str, Any]:
    """Return architecture, sizes and parameters in plain values."""
    shape = model.net.shape
    characters = shape.characters
    if characters is None:
        tokens = f"{shape.words:,} word vectors of {shape.word_dim}"
    else:
        filters = " ".join(f"{width}x{number}" for width, number in characters.filters)
        tokens = (
            f"character CNN, {characters.n_ids} ids of {characters.dim}, filters {filters} ({characters.activation}), "
            f"{characters.n_highway} highway layers, {characters.longest} characters a word"
        ) + (f", and {shape.words:,} word vectors of {shape.word_dim}" if shape.words else "")
    limits = (shape.cell_clip, shape.projection_clip)
    clips = ", ".join(f"{of} {limit:g}" for of, limit in zip(("cells", "outputs"), limits, strict=True) if limit)
    return {
        "architecture": "biLM: two directions over one token layer",
        "token_layer": tokens,
        "lstms": f"{shape.layers} a direction, {shape.cells} cells projected to {shape.projection}",
        "skip_connections": shape.skip,
        "clips": clips or "none",
        "layers": model.n_layers,
        "parameters": sum(parameter.numel() for parameter in model.net.parameters()),
        "output_layer": model.net.softmax is not None,
    }


def elmo_uses(model: ElmoModel) -> tuple[str, ...]:
    """Return the commands that take this model: without an output layer it tells no probabilities."""
    predicts = model.net.softmax is not None and model.lexicon is not None
    return ("embed", "senses", *(("score", "generate", "evaluate") if predicts else ()), "convert")
