"""What ``firth inspect`` tells of a net that reads whole sentences, whatever file it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firth.contextual.context_model import ContextModel

__all__ = ["context_facts"]

_NAMES = {
    "transformer": "two Transformers, one in each direction, over one token layer",
    "lstm": "stacked LSTMs, each reading both directions of the one below, over a token layer",
    "highway_lstm": "stacked LSTMs with highways, each reading both directions of the one below, over a token layer",
}


def context_facts(model: ContextModel) -> dict[str, Any]:
    """Return architecture, sizes and parameters in plain values."""
    shape = model.net.shape
    inner = shape.characters
    filters = " ".join(f"{width}x{number}" for width, number in inner.filters)
    above = f"{shape.layers} a direction, "
    if shape.context == "transformer":
        above += f"{shape.projection} long, {shape.heads} heads, inner nets of {shape.hidden}"
    else:
        above += f"{shape.hidden} cells"
    return {
        "architecture": _NAMES[shape.context],
        "token_layer": (
            f"character CNN, {inner.n_ids} ids of {inner.dim}, filters {filters} ({inner.activation}), "
            f"{inner.n_highway} highway layers {'behind' if shape.project_first else 'before'} a projection to "
            f"{shape.projection}{', normed' if shape.token_norm else ''}, {inner.longest} characters a word"
        ),
        "contextualizer": above,
        **({"longest_sentence": shape.positions - 2} if shape.positions else {}),
        "layers": model.n_layers,
        **({} if shape.copies else {"token_layer_left_out": f"{shape.projection} does not divide {shape.dim}"}),
        "parameters": sum(parameter.numel() for parameter in model.net.parameters()),
        "output_layer": False,
    }
