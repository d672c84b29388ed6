"""A language model by a net with a state as parts of its folder: the net's shape as options, parameters as tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from firth.errors import FirthError
from firth.formats.base import Reading
from firth.formats.kinds import Parts
from firth.formats.lexicon_parts import lexicon_apart, lexicon_together
from firth.formats.module_parts import module_apart, module_together

if TYPE_CHECKING:
    from firth.lm.net_model import NetModel

__all__ = ["ShapeRule", "net_apart", "net_together"]


@dataclasses.dataclass(frozen=True)
class ShapeRule:
    """What a shape in a file may be.

    Attributes
    ----------
    numbers : mapping from str to int
        Whole numbers, above 0 and below these.
    choices : mapping from str to tuple
    layer : str
        Name of a tensor that every layer has, with ``{}`` for the layer's place.
    """

    numbers: Mapping[str, int]
    choices: Mapping[str, tuple[Any, ...]]
    layer: str

    def allows(self, shape: Any, n_outputs: int) -> bool:
        """Return whether a shape as JSON has it is one."""
        if not isinstance(shape, dict) or set(shape) != {*self.numbers, *self.choices, "cutoffs"}:
            return False
        numbers = all(type(shape[name]) is int and 0 < shape[name] < most for name, most in self.numbers.items())
        choices = all(type(shape[name]) is type(some[0]) and shape[name] in some for name, some in self.choices.items())
        cutoffs = shape["cutoffs"]
        if not isinstance(cutoffs, list) or any(type(cut) is not int for cut in cutoffs):
            return False
        ascending = all(a < b for a, b in zip([0, *cutoffs], [*cutoffs, n_outputs], strict=True))
        return numbers and choices and (not cutoffs or (ascending and not shape["tie"]))


def net_apart(model: NetModel, name: str) -> Parts:
    """Take a model apart whose net has a ``shape``, a dataclass with ``n_outputs`` and ``cutoffs``."""
    shape = dataclasses.asdict(model.net.shape)
    shape.pop("n_outputs")
    shape["cutoffs"] = list(shape["cutoffs"])
    return lexicon_apart(
        model.lexicon, {"model": name, **model.metadata, "shape": shape}, module_apart(model.net, "net.")
    )


def net_together(
    parts: Parts, reading: Reading, rule: ShapeRule, what: str, make: Callable[[dict[str, Any]], tuple[Any, Any]]
) -> Any:
    """Put a model together.

    Parameters
    ----------
    parts : Parts
    reading : Reading
    rule : ShapeRule
    what : str
        The model in words, for errors.
    make : callable
        From a shape's entries to a net, made on the meta device, and the model's class. It imports torch.
    """
    if reading.limit is not None:
        raise parts.fault("a language model cannot be read in part", got=f"limit {reading.limit}")
    lexicon = lexicon_together(parts)
    config = dict(parts.config)
    shape = config.pop("shape", None)
    if not rule.allows(shape, lexicon.n_outputs):
        raise parts.fault(
            "no proper shape of a net", got=shape, expected=", ".join([*rule.choices, *rule.numbers, "cutoffs"])
        )
    _check_layers(parts, shape, rule.layer)
    from firth.nn.extra import need_torch

    need_torch(what)
    net, model = make({**shape, "n_outputs": lexicon.n_outputs, "cutoffs": tuple(shape["cutoffs"])})
    module_together(parts, net, "net.")
    ranks = parts.tensors.get("net.softmax.ranks")
    if ranks is not None and sorted(ranks.tolist()) != list(range(lexicon.n_outputs)):
        raise parts.fault("the ranks of the outputs are no order of them")
    try:
        return model(lexicon, net, config)
    except FirthError as error:
        raise parts.fault(error.what, got=error.got) from error


def _check_layers(parts: Parts, shape: dict[str, Any], layer: str) -> None:
    """Make sure that every layer which is claimed has a tensor, before a module is made for each."""
    for place in range(shape["layers"]):
        if layer.format(place) not in parts.tensors:
            raise parts.fault("a layer lacks its tensor", got=f"{shape['layers']} layers", expected=f"at most {place}")
