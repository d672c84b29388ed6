"""A recurrent language model as parts of its folder: the net's shape in the options, its parameters as tensors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from firth.errors import FirthError
from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.formats.lexicon_parts import lexicon_apart, lexicon_together
from firth.formats.module_parts import module_apart, module_together

if TYPE_CHECKING:
    from firth.lm.rnn_model import RNNModel
    from firth.lm.rnn_module import RecurrentNet

__all__ = ["KINDS"]

_NUMBERS = {"dim": 1 << 24, "hidden": 1 << 24, "layers": 1 << 10}
_CHOICES = {"cell": ("elman", "gru", "lstm"), "activation": ("tanh", "sigmoid"), "tie": (True, False)}


def _apart(model: RNNModel) -> Parts:
    shape = dataclasses.asdict(model.net.shape)
    shape.pop("n_outputs")
    shape["cutoffs"] = list(shape["cutoffs"])
    return lexicon_apart(
        model.lexicon, {"model": "rnn", **model.metadata, "shape": shape}, module_apart(model.net, "net.")
    )


def _together(parts: Parts, reading: Reading) -> RNNModel:
    if reading.limit is not None:
        raise parts.fault("a language model cannot be read in part", got=f"limit {reading.limit}")
    lexicon = lexicon_together(parts)
    config = dict(parts.config)
    shape = config.pop("shape", None)
    if not isinstance(shape, dict) or not _proper(shape, lexicon.n_outputs):
        raise parts.fault("no proper shape of a net", got=shape, expected="cell, dim, hidden, layers, tie, cutoffs")
    _check_layers(parts, shape)
    from firth.nn.extra import need_torch

    need_torch("a recurrent language model")
    from firth.lm.rnn_model import RNNModel

    net = _net({**shape, "n_outputs": lexicon.n_outputs, "cutoffs": tuple(shape["cutoffs"])})
    module_together(parts, net, "net.")
    ranks = parts.tensors.get("net.softmax.ranks")
    if ranks is not None and sorted(ranks.tolist()) != list(range(lexicon.n_outputs)):
        raise parts.fault("the ranks of the outputs are no order of them")
    try:
        return RNNModel(lexicon, net, config)
    except FirthError as error:
        raise parts.fault(error.what, got=error.got) from error


def _proper(shape: dict[str, Any], n_outputs: int) -> bool:
    names = {*_NUMBERS, *_CHOICES, "cutoffs"}
    if set(shape) != names:
        return False
    numbers = all(type(shape[name]) is int and 0 < shape[name] < most for name, most in _NUMBERS.items())
    choices = all(type(shape[name]) is type(some[0]) and shape[name] in some for name, some in _CHOICES.items())
    cutoffs = shape["cutoffs"]
    if not isinstance(cutoffs, list) or any(type(cut) is not int for cut in cutoffs):
        return False
    ascending = all(a < b for a, b in zip([0, *cutoffs], [*cutoffs, n_outputs], strict=True))
    return numbers and choices and (not cutoffs or (ascending and not shape["tie"]))


def _check_layers(parts: Parts, shape: dict[str, Any]) -> None:
    """Make sure that every layer which is claimed has a tensor, before a module is made for each."""
    for place in range(shape["layers"]):
        if f"net.layers.{place}.weight_hh" not in parts.tensors:
            raise parts.fault("a layer lacks its tensor", got=f"{shape['layers']} layers", expected=f"at most {place}")


def _net(shape: dict[str, Any]) -> RecurrentNet:
    """Return a net without memory."""
    import torch

    from firth.lm.rnn_module import RecurrentNet, Shape
    from firth.nn.softmax import AdaptiveSoftmax

    made = Shape(**shape)
    with torch.device("meta"):
        softmax = None
        if made.cutoffs:
            softmax = AdaptiveSoftmax(made.last, made.n_outputs, range(made.n_outputs, 0, -1), made.cutoffs)
        return RecurrentNet(made, softmax)


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
