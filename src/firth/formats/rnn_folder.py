"""A recurrent language model as parts of its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.formats.net_parts import ShapeRule, net_apart, net_together

if TYPE_CHECKING:
    from firth.lm.rnn_model import RNNModel

__all__ = ["KINDS"]

_RULE = ShapeRule(
    {"dim": 1 << 24, "hidden": 1 << 24, "layers": 1 << 10},
    {"cell": ("elman", "gru", "lstm"), "activation": ("tanh", "sigmoid"), "tie": (True, False)},
    "net.layers.{}.weight_hh",
)


def _apart(model: RNNModel) -> Parts:
    return net_apart(model, "rnn")


def _together(parts: Parts, reading: Reading) -> RNNModel:
    model: RNNModel = net_together(parts, reading, _RULE, "a recurrent language model", _make)
    return model


def _make(shape: dict[str, Any]) -> tuple[Any, Any]:
    import torch

    from firth.lm.rnn_model import RNNModel
    from firth.lm.rnn_module import RecurrentNet, Shape
    from firth.nn.softmax import AdaptiveSoftmax

    made = Shape(**shape)
    with torch.device("meta"):
        softmax = None
        if made.cutoffs:
            softmax = AdaptiveSoftmax(made.last, made.n_outputs, range(made.n_outputs, 0, -1), made.cutoffs)
        return RecurrentNet(made, softmax), RNNModel


KINDS = (
    Kind(
        "rnn",
        "a recurrent language model",
        "firth.lm.rnn_model:RNNModel",
        _apart,
        _together,
        ("score", "generate", "evaluate"),
    ),
)
