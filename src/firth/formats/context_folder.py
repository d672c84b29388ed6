"""A net that reads whole sentences as parts of its folder: its shape and mix in the options, its parameters as tensors.

Words are spelled by their bytes, so that there is nothing to keep of the reader.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from firth.contextual.context_shape import CONTEXTS, ContextShape
from firth.contextual.spelling import Spelling
from firth.errors import FirthError
from firth.formats.base import Reading
from firth.formats.context_facts import context_facts
from firth.formats.elmo_shape import characters_together, integer, plain_fields
from firth.formats.kinds import Kind, Parts
from firth.formats.module_parts import module_apart, module_together
from firth.vectors.words import Words

if TYPE_CHECKING:
    from firth.contextual.context_model import ContextModel

__all__ = ["KINDS"]

_USES = ("embed", "senses", "convert")


def _apart(model: ContextModel) -> Parts:
    shape = dataclasses.asdict(model.net.shape)
    shape["characters"]["filters"] = [list(pair) for pair in model.net.shape.characters.filters]
    config = {"model": "context", **model.metadata, "shape": shape, "mix": {"layer_norm": model.mix.layer_norm}}
    tensors = module_apart(model.net, "net.") | module_apart(model.mix, "mix.")
    return Parts(config, tensors, {"vocab": Words.of([])})


def _together(parts: Parts, reading: Reading) -> ContextModel:
    if reading.limit is not None:
        raise parts.fault("a net cannot be read in part", got=f"limit {reading.limit}")
    shape = _shape_together(parts)
    mix = parts.config.get("mix")
    if not isinstance(mix, dict) or type(mix.get("layer_norm")) is not bool:
        raise parts.fault("the mix of the layers is broken", got=mix, expected="layer_norm, true or false")
    from firth.nn.extra import need_torch

    need_torch("a contextual language model")
    import torch

    from firth.contextual.context_model import ContextModel
    from firth.contextual.context_net import ContextNet
    from firth.contextual.layer_mix import LayerMix

    with torch.device("meta"):
        net = ContextNet(shape)
    module_together(parts, net, "net.")
    made = LayerMix(shape.n_layers, layer_norm=mix["layer_norm"])
    module_together(parts, made, "mix.")
    config = {key: value for key, value in parts.config.items() if key not in ("shape", "mix")}
    try:
        return ContextModel(net, Spelling.bytes(shape.characters.longest), mix=made, metadata=config)
    except FirthError as error:
        raise parts.fault(error.what, got=error.got) from error


def _shape_together(parts: Parts) -> ContextShape:
    """Return the shape that the folder tells, each part of which has its tensor before a module is made for it."""
    values: dict[str, Any] = plain_fields(parts.config.get("shape"), ContextShape, parts.fault, "the shape of the net")
    values["characters"] = inner = characters_together(values["characters"], parts.fault)
    if inner.n_ids < Spelling.bytes().n_ids:
        raise parts.fault("there are too few embeddings of characters", got=inner.n_ids, expected="at least 262")
    if values["context"] not in CONTEXTS or type(values["context"]) is not str:
        raise parts.fault("no such contextualizer", got=values["context"], expected=", ".join(CONTEXTS))
    for name in ("project_first", "token_norm"):
        if type(values[name]) is not bool:
            raise parts.fault(f"{name} is not true or false", got=values[name])
    for name in ("projection", "hidden", "layers"):
        integer(values[name], name, parts.fault)
    is_transformer = values["context"] == "transformer"
    heads, positions = values["heads"], values["positions"]
    integer(positions, "positions", parts.fault, 3 if is_transformer else 0)
    if type(heads) is not int or heads < is_transformer or (is_transformer and values["projection"] % heads):
        raise parts.fault("no proper number of heads", got=heads, expected="a divisor of the projection")
    part = "blocks.{}.feed.inner.weight" if is_transformer else "{}.weight_hh"
    wanted = [f"net.context.{way}.{part.format(values['layers'] - 1)}" for way in ("ahead", "back")]
    wanted += [f"net.tokens.filters.{k}.weight" for k in range(len(inner.filters))]
    wanted += [f"net.tokens.highways.{k}.weight" for k in range(inner.n_highway)]
    for name in wanted:
        if name not in parts.tensors:
            raise parts.fault("a part of the net lacks its tensor", got=name)
    return ContextShape(**values)


def _more(model: ContextModel) -> tuple[dict[str, Any], tuple[str, ...]]:
    return context_facts(model), _USES


KINDS = (
    Kind(
        "context",
        "two Transformers or stacked LSTMs over the spelling of words: words in context",
        "firth.contextual.context_model:ContextModel",
        _apart,
        _together,
        _USES,
        more=_more,
    ),
)
