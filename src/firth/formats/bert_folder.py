"""A BERT as parts of its folder: shape, pooling and mix in the options, parameters as tensors, pieces as lists.

``vocab`` has the string of each piece, to be read by people; ``tokenizer`` is one line, the tokenizer's JSON.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.contextual.bert_shape import HEAD_ACTIVATIONS, POSITIONS, BertShape
from firth.errors import FirthError
from firth.formats.base import Reading
from firth.formats.bert_facts import BERT_USES, bert_facts
from firth.formats.kinds import Kind, Parts
from firth.formats.module_parts import module_apart, module_together
from firth.vectors.words import Words

if TYPE_CHECKING:
    from firth.contextual.bert_model import BertModel
    from firth.contextual.layer_mix import LayerMix
    from firth.contextual.pieces import Pieces

__all__ = ["KINDS"]

_OWN = ("shape", "pooling", "mix")
_CHOICES: dict[str, tuple[Any, ...]] = {
    "positions": POSITIONS, "norm": ("post", "pre"), "head": (*HEAD_ACTIVATIONS, None),
    "activation": ("gelu", "gelu_tanh", "relu", "silu", "geglu", "swiglu"),
}  # fmt: skip
_SMALLEST = {"offset": 0, "types": 0}
_MOST, _MOST_LAYERS = 1 << 26, 1 << 12


def _apart(model: BertModel) -> Parts:
    config = {
        "model": "bert",
        **model.metadata,
        "shape": dataclasses.asdict(model.net.shape),
        "pooling": model.pooling,
        "mix": {"layer_norm": model.mix.layer_norm, "chosen": model.has_chosen_mix},
    }
    tensors = module_apart(model.net, "net.") | module_apart(model.mix, "mix.")
    if model.counts is not None:
        tensors["counts"] = model.counts
    line = json.dumps(json.loads(model.pieces.text), ensure_ascii=False)
    return Parts(config, tensors, {"vocab": Words.of(model.pieces.strings), "tokenizer": Words.of([line])})


def _together(parts: Parts, reading: Reading) -> BertModel:
    if reading.limit is not None:
        raise parts.fault("a net cannot be read in part", got=f"limit {reading.limit}")
    shape = _shape_together(parts)
    _check_blocks(parts, shape)
    from firth.nn.extra import need_torch

    need_torch("BERT")
    import torch

    from firth.contextual.bert_model import BertModel
    from firth.contextual.bert_net import BertNet

    pieces = _pieces_together(parts)
    with torch.device("meta"):
        net = BertNet(shape)
    module_together(parts, net, "net.")
    config = {key: value for key, value in parts.config.items() if key not in _OWN}
    pooling = parts.config.get("pooling")
    counts = parts.tensor("counts", np.int64, (shape.pieces,)) if "counts" in parts.tensors else None
    if counts is not None and len(counts) and int(counts.min()) < 0:
        raise parts.fault("a piece's count is negative")
    try:
        return BertModel(
            net, pieces, pooling if isinstance(pooling, str) else "", _mix(parts, shape), config, counts=counts
        )
    except FirthError as error:
        raise parts.fault(error.what, got=error.got, expected=error.expected) from error


def _shape_together(parts: Parts) -> BertShape:
    told = parts.config.get("shape")
    hints = typing.get_type_hints(BertShape)
    if not isinstance(told, dict) or set(told) != set(hints):
        raise parts.fault("no proper shape of a net", got=told, expected=", ".join(hints))
    for name, value in told.items():
        if not _is_proper(name, value, hints[name]):
            raise parts.fault(f"{name} of the net's shape is not proper", got=value)
    try:
        return BertShape(**told)
    except FirthError as error:
        raise parts.fault(error.what, got=error.got, expected=error.expected) from error


def _is_proper(name: str, value: Any, hint: Any) -> bool:
    if name in _CHOICES:
        return value in _CHOICES[name]
    if value is None:
        return type(None) in typing.get_args(hint)
    if hint is bool:
        return type(value) is bool
    if hint is float:
        return type(value) in (int, float) and 0 <= value < 1
    return type(value) is int and _SMALLEST.get(name, 1) <= value < (_MOST_LAYERS if name == "layers" else _MOST)


def _check_blocks(parts: Parts, shape: BertShape) -> None:
    """Make sure that every block which is claimed has a tensor, before a module is made for each."""
    if shape.blocks > shape.layers:
        raise parts.fault("more blocks than layers", got=shape.blocks, expected=f"at most {shape.layers}")
    for k in range(shape.blocks):
        if f"net.blocks.{k}.attention.merge.weight" not in parts.tensors:
            raise parts.fault("a block lacks its tensor", got=f"{shape.blocks} blocks", expected=f"at most {k}")


def _pieces_together(parts: Parts) -> Pieces:
    from firth.contextual.pieces import Pieces

    lines = parts.words.get("tokenizer", Words.of([]))
    if len(lines) != 1:
        raise parts.fault("the tokenizer is broken", got=f"{len(lines)} lines", expected="one")
    try:
        pieces = Pieces(lines[0])
        if pieces.strings != list(parts.words["vocab"]):
            raise parts.fault("the vocabulary is not the tokenizer's")
    except FirthError as error:
        raise parts.fault(error.what, got=error.got, expected=error.expected) from error
    return pieces


def _mix(parts: Parts, shape: BertShape) -> LayerMix | None:
    from firth.contextual.layer_mix import LayerMix

    told = parts.config.get("mix")
    layer_norm, chosen = (told.get(name) if isinstance(told, dict) else None for name in ("layer_norm", "chosen"))
    if type(layer_norm) is not bool or type(chosen) is not bool:
        raise parts.fault("the mix of the layers is broken", got=told, expected="layer_norm and chosen, true or false")
    mix = LayerMix(shape.layers + 1, layer_norm=layer_norm)
    module_together(parts, mix, "mix.")
    return mix if chosen else None


KINDS = (
    Kind(
        "bert",
        "a Transformer encoder: words in context",
        "firth.contextual.bert_model:BertModel",
        _apart,
        _together,
        BERT_USES,
        more=lambda model: (bert_facts(model), BERT_USES),
    ),
)
