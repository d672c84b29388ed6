"""A tagger as parts of its folder: the net, its labels and characters, and each representation that it reads, whole."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.formats.module_parts import module_apart, module_together
from firth.formats.source_parts import check_sources, sources_apart, sources_together
from firth.text.spans import fault_in, labels_for, legal_steps, spans_of
from firth.vectors.words import Words

if TYPE_CHECKING:
    from firth.tasks.tagger_model import TaggerModel
    from firth.tasks.tagger_module import TaggerNet, TaggerShape

__all__ = ["KINDS"]

_NUMBERS = {"hidden": 1 << 20, "layers": 1 << 10, "character_dim": 1 << 20, "character_hidden": 1 << 20}
_CHOICES = {"crf": (True, False), "casing": (True, False), "characters": ("cnn", "lstm", "none")}
_PLACES = ("input", "middle", "output")


def _apart(model: TaggerModel) -> Parts:
    shape = dataclasses.asdict(model.net.shape)
    config: dict[str, Any] = {
        **model.metadata,
        "model": "tagger",
        "schemes": [model.scheme, model.writes],
        "shape": {name: shape[name] for name in (*_NUMBERS, *_CHOICES)},
        "sources": [],
    }
    tensors = module_apart(model.net, "net.")
    words = {"vocab": Words.of(model.labels)}
    if model.alphabet is not None:
        words["characters"] = Words.of(model.alphabet.characters)
    own = sources_apart(model.sources)
    for entry, source in zip(own.config["sources"], model.net.shape.sources, strict=True):
        config["sources"].append({"place": source.place, **entry})
    return Parts(config, {**tensors, **own.tensors}, {**words, **own.words})


def _together(parts: Parts, reading: Reading) -> TaggerModel:
    if reading.limit is not None:
        raise parts.fault("a tagger cannot be read in part", got=f"limit {reading.limit}")
    config = dict(parts.config)
    shape, entries, schemes = (config.pop(key, None) for key in ("shape", "sources", "schemes"))
    labels = list(parts.words["vocab"])
    _check_labels(parts, labels, schemes)
    _check_shape(parts, shape, entries)
    characters = list(parts.words.get("characters", Words.of([])))
    if len(set(characters)) < len(characters) or bool(characters) != (shape["characters"] != "none"):
        raise parts.fault("the characters don't fit", got=f"{len(characters)}, characters {shape['characters']}")
    from firth.nn.extra import need_torch

    need_torch("a tagger")
    from firth.tasks.tagger_model import TaggerModel
    from firth.tasks.word_spelling import Alphabet

    alphabet = Alphabet(characters) if characters else None
    net = _net(parts, shape, entries, len(labels), alphabet.n_ids if alphabet else 0)
    if net.crf is not None:
        net.crf.rule(legal_steps(labels, schemes[0]))
    sources = sources_together(parts, entries, reading)
    return TaggerModel(net, sources, labels, (schemes[0], schemes[1]), alphabet, config)


def _check_labels(parts: Parts, labels: list[str], schemes: Any) -> None:
    proper = isinstance(schemes, list) and len(schemes) == 2 and all(isinstance(name, str) for name in schemes)
    if not proper or schemes[0] not in ("iob2", "bioes", "none") or schemes[1] not in ("iob1", "iob2", "bioes", "none"):
        raise parts.fault("no proper schemes of labels", got=schemes)
    kinds_of = {kind for label in labels for *_, kind in spans_of([label])}
    whole = schemes[0] == "none" or sorted(labels) == sorted(labels_for(kinds_of, schemes[0]))
    if not labels or len(set(labels)) < len(labels) or not whole or fault_in(["O"], schemes[0]):
        raise parts.fault("the labels are none of the scheme", got=", ".join(labels[:10]), expected=schemes[0])


def _check_shape(parts: Parts, shape: Any, entries: Any) -> None:
    """Make sure that the claims are of the right types, and that every layer has its tensor."""
    fits = isinstance(shape, dict) and set(shape) == {*_NUMBERS, *_CHOICES}
    fits = fits and all(type(shape[name]) is int and 0 <= shape[name] < most for name, most in _NUMBERS.items())
    fits = fits and shape["hidden"] > 0 < shape["layers"]
    fits = fits and all(
        type(shape[name]) is type(some[0]) and shape[name] in some for name, some in _CHOICES.items()
    )  # fmt: skip
    if not fits:
        raise parts.fault("no proper shape of a tagger", got=shape)
    check_sources(parts, entries)
    if not all(entry.get("place") in _PLACES for entry in entries):
        raise parts.fault("no proper list of representations", got=entries)
    if any(entry["kind"] == "given" for entry in entries) and (
        len(entries) > 1 or shape["casing"] or shape["characters"] != "none"
    ):
        raise parts.fault("given features go with nothing else", got=shape)
    for place in range(shape["layers"]):
        if f"net.ahead.{place}.weight_hh" not in parts.tensors:
            raise parts.fault("a layer lacks its tensor", got=f"{shape['layers']} layers", expected=f"at most {place}")


def _net(parts: Parts, shape: dict[str, Any], entries: list[Any], n_labels: int, n_characters: int) -> TaggerNet:
    import torch

    from firth.tasks.tagger_module import SourceShape, TaggerNet, TaggerShape

    sources = tuple(SourceShape(entry["dim"], entry["layers"], entry["place"]) for entry in entries)
    made: TaggerShape = TaggerShape(sources, n_labels, **shape, n_characters=n_characters)
    with torch.device("meta"):
        net = TaggerNet(made)
    module_together(parts, net, "net.")
    return net


KINDS = (
    Kind(
        "tagger",
        "a tagger of words, with the representations that it reads",
        "firth.tasks.tagger_model:TaggerModel",
        _apart,
        _together,
        ("task run", "task evaluate"),
    ),
)
