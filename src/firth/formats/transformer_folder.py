"""A causal Transformer as parts of its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.formats.net_parts import ShapeRule, net_apart, net_together

if TYPE_CHECKING:
    from firth.lm.transformer_model import TransformerModel

__all__ = ["KINDS"]

_RULE = ShapeRule(
    {"dim": 1 << 24, "heads": 1 << 16, "hidden": 1 << 24, "layers": 1 << 10, "context": 1 << 24},
    {
        "activation": ("gelu", "gelu_tanh", "relu", "silu", "geglu", "swiglu"), "norm": ("pre", "post"),
        "bias": (True, False), "positions": ("rotary", "none"), "tie": (True, False),
    },
    "net.blocks.{}.attention.project.weight",
)  # fmt: skip


def _apart(model: TransformerModel) -> Parts:
    return net_apart(model, "transformer")


def _together(parts: Parts, reading: Reading) -> TransformerModel:
    shape: Any = parts.config.get("shape")
    if _RULE.allows(shape, 1 << 40) and shape["dim"] % shape["heads"]:
        raise parts.fault("dim is no multiple of heads", got=f"{shape['dim']} and {shape['heads']}")
    model: TransformerModel = net_together(parts, reading, _RULE, "a Transformer", _make)
    return model


def _make(shape: dict[str, Any]) -> tuple[Any, Any]:
    import torch

    from firth.lm.transformer_model import TransformerModel
    from firth.lm.transformer_module import Shape, TransformerNet
    from firth.nn.softmax import AdaptiveSoftmax

    made = Shape(**shape)
    with torch.device("meta"):
        softmax = None
        if made.cutoffs:
            softmax = AdaptiveSoftmax(made.dim, made.n_outputs, range(made.n_outputs, 0, -1), made.cutoffs)
        return TransformerNet(made, softmax), TransformerModel


KINDS = (
    Kind(
        "transformer",
        "a causal Transformer, a language model",
        "firth.lm.transformer_model:TransformerModel",
        _apart,
        _together,
        ("score", "generate", "evaluate"),
    ),
)
