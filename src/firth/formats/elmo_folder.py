"""An ELMo as parts of its folder: its shape, its reader and its mix in the options, its parameters as tensors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.contextual.shape import Shape
from firth.errors import FirthError
from firth.formats.base import Reading
from firth.formats.elmo_facts import elmo_facts, elmo_uses
from firth.formats.elmo_reader import Reader, pad_of, reader_apart, reader_together
from firth.formats.elmo_shape import shape_apart, shape_together
from firth.formats.kinds import Kind, Parts
from firth.formats.lexicon_parts import lexicon_apart, lexicon_together
from firth.formats.module_parts import module_apart, module_together
from firth.vectors.words import Words

if TYPE_CHECKING:
    from firth.contextual.bilm import BiLM
    from firth.contextual.elmo_model import ElmoModel
    from firth.contextual.layer_mix import LayerMix
    from firth.lm.lexicon import Lexicon
    from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax

__all__ = ["KINDS"]

_OWN = ("shape", "reader", "softmax", "mix", "lexicon")


def _apart(model: ElmoModel) -> Parts:
    reader, tensors, words = reader_apart(model.reader)
    config = {
        "model": "elmo",
        **model.metadata,
        "shape": shape_apart(model.net.shape),
        "reader": reader,
        "softmax": _softmax_apart(model.net.softmax),
        "mix": {"layer_norm": model.mix.layer_norm},
        "lexicon": model.lexicon is not None,
    }
    tensors |= module_apart(model.net, "net.") | module_apart(model.mix, "mix.")
    if model.lexicon is None:
        return Parts(config, tensors, {"vocab": Words.of([]), **words})
    parts = lexicon_apart(model.lexicon, config, tensors)
    return dataclasses.replace(parts, words={**parts.words, **words})


def _together(parts: Parts, reading: Reading) -> ElmoModel:
    if reading.limit is not None:
        raise parts.fault("a biLM cannot be read in part", got=f"limit {reading.limit}")
    shape = shape_together(parts.config.get("shape"), parts.fault)
    reader = reader_together(parts, shape)
    lexicon = lexicon_together(parts) if parts.config.get("lexicon") is True else None
    _check_parts(parts, shape)
    from firth.nn.extra import need_torch

    need_torch("ELMo")
    from firth.contextual.elmo_model import ElmoModel

    net = _net(parts, shape, reader, lexicon)
    module_together(parts, net, "net.")
    _check_ranks(parts, lexicon)
    config = {key: value for key, value in parts.config.items() if key not in _OWN}
    try:
        return ElmoModel(net, reader, lexicon, _mix_together(parts, shape), config)
    except FirthError as error:
        raise parts.fault(error.what, got=error.got) from error


def _softmax_apart(softmax: FullSoftmax | AdaptiveSoftmax | None) -> dict[str, Any] | None:
    if softmax is None:
        return None
    inner = getattr(softmax, "inner", None)
    if inner is None:
        return {"kind": "full"}
    return {"kind": "adaptive", "cutoffs": [int(cut) for cut in inner.cutoffs[:-1]], "shrink": float(inner.div_value)}


def _check_parts(parts: Parts, shape: Shape) -> None:
    """Make sure that what is claimed many times has a tensor each, before a module is made for each."""
    wanted = [f"net.{way}_layers.{k}.weight_hh" for way in ("forward", "backward") for k in range(shape.layers)]
    if shape.characters is not None:
        wanted += [f"net.tokens.filters.{k}.weight" for k in range(len(shape.characters.filters))]
        wanted += [f"net.tokens.highways.{k}.weight" for k in range(shape.characters.n_highway)]
    for name in wanted:
        if name not in parts.tensors:
            raise parts.fault("a part of the net lacks its tensor", got=name)


def _net(parts: Parts, shape: Shape, reader: Reader, lexicon: Lexicon | None) -> BiLM:
    """Return a net without memory."""
    import torch

    from firth.contextual.bilm import BiLM

    told = parts.config.get("softmax")
    with torch.device("meta"):
        return BiLM(shape, None if told is None else _softmax_together(parts, told, shape, lexicon), pad_of(reader))


def _softmax_together(parts: Parts, told: Any, shape: Shape, lexicon: Lexicon | None) -> FullSoftmax | AdaptiveSoftmax:
    from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax

    kind = told.get("kind") if isinstance(told, dict) else None
    if lexicon is None or kind not in ("full", "adaptive"):
        raise parts.fault("the output layer is broken", got=told, expected="full or adaptive, and its words")
    n = lexicon.n_outputs
    if kind == "full":
        return FullSoftmax(shape.projection, n)
    cutoffs, shrink = told.get("cutoffs"), told.get("shrink")
    proper = isinstance(cutoffs, list) and 0 < len(cutoffs) <= 64 and all(type(cut) is int for cut in cutoffs)
    if not proper or not all(a < b for a, b in zip([0, *cutoffs], [*cutoffs, n], strict=True)):
        raise parts.fault("the cutoffs of the adaptive softmax are broken", got=cutoffs, expected=f"ascending to {n:,}")
    if type(shrink) not in (int, float) or not 1 <= shrink <= 1 << 10:
        raise parts.fault("the adaptive softmax shrinks by no proper factor", got=shrink, expected="1 to 1,024")
    return AdaptiveSoftmax(shape.projection, n, range(n, 0, -1), tuple(cutoffs), float(shrink))


def _check_ranks(parts: Parts, lexicon: Lexicon | None) -> None:
    ranks = parts.tensors.get("net.softmax.ranks")
    if ranks is not None and lexicon is not None and not np.array_equal(np.sort(ranks), np.arange(lexicon.n_outputs)):
        raise parts.fault("the ranks of the outputs are no order of them")


def _mix_together(parts: Parts, shape: Shape) -> LayerMix:
    from firth.contextual.layer_mix import LayerMix

    told = parts.config.get("mix")
    layer_norm = told.get("layer_norm") if isinstance(told, dict) else None
    if type(layer_norm) is not bool:
        raise parts.fault("the mix of the layers is broken", got=told, expected="layer_norm, true or false")
    mix = LayerMix(shape.layers + 1, layer_norm=layer_norm)
    module_together(parts, mix, "mix.")
    return mix


def _more(model: ElmoModel) -> tuple[dict[str, Any], tuple[str, ...]]:
    return elmo_facts(model), elmo_uses(model)


KINDS = (
    Kind(
        "elmo",
        "a bidirectional language model: words in context",
        "firth.contextual.elmo_model:ElmoModel",
        _apart,
        _together,
        ("embed", "senses", "convert"),
        more=_more,
    ),
)
