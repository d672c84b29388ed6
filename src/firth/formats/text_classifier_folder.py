"""A text classifier as parts of its folder: what scores texts, its labels, and each representation, whole.

fastText's classifier has a folder of its own: :mod:`firth.formats.classifier_folder`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.formats.module_parts import module_apart, module_together
from firth.formats.source_parts import check_sources, sources_apart, sources_together
from firth.tasks.classifier import MODELS, POOLINGS
from firth.tasks.classifier_average import AverageScorer
from firth.tasks.classifier_model import ClassifierModel
from firth.tasks.ngram_ratios import NgramRatios
from firth.tasks.word_weights import WordWeights
from firth.text.tokenize import TOKENIZERS, Tokenizer
from firth.vectors.words import Words

if TYPE_CHECKING:
    from firth.tasks.classifier_model import Scorer
    from firth.tasks.word_features import Source

__all__ = ["KINDS"]

_NUMBERS = {"maps": 1 << 20, "hidden": 1 << 20, "layers": 1 << 10}
_MOST_WIDTHS = 1000


def _apart(model: ClassifierModel) -> Parts:
    own = sources_apart(model.sources)
    scorer, words = model.scorer, {"vocab": Words.of(model.labels), **own.words}
    config: dict[str, Any] = {
        **model.metadata, "model": "text-classifier", "tokenizer": model.tokenizer.as_dict(),
        "temperature": model.temperature, **own.config,
    }  # fmt: skip
    if not isinstance(scorer, AverageScorer):
        net: Any = scorer.net  # type: ignore[attr-defined]
        shape = dataclasses.asdict(net.shape)
        config["shape"] = {name: shape[name] for name in ("model", "pooling", "widths", *_NUMBERS)}
        return Parts(config, {**own.tensors, **module_apart(net, "net.")}, words)
    config["average"] = {"pooling": scorer.pooling, "ngrams": 0 if scorer.ngrams is None else scorer.ngrams.longest}
    tensors = {**own.tensors, "table": scorer.table, "constant": scorer.constant}
    if scorer.weights is not None:
        words["weighed"] = Words.of(list(scorer.weights.words))
        tensors["weights"] = np.array([*scorer.weights.words.values(), scorer.weights.other], np.float64)
    if scorer.ngrams is not None and scorer.ngram_table is not None:
        words["ngrams"] = Words.of(scorer.ngrams.names)
        tensors["ngram_table"] = scorer.ngram_table
    return Parts(config, tensors, words)


def _together(parts: Parts, reading: Reading) -> ClassifierModel:
    if reading.limit is not None:
        raise parts.fault("a classifier cannot be read in part", got=f"limit {reading.limit}")
    config = dict(parts.config)
    entries, tokenizer, temperature = (config.pop(key, None) for key in ("sources", "tokenizer", "temperature"))
    labels = list(parts.words["vocab"])
    if not labels or len(set(labels)) < len(labels):
        raise parts.fault("no proper list of labels", got=", ".join(labels[:10]))
    if type(temperature) is not float or not math.isfinite(temperature) or temperature <= 0:
        raise parts.fault("the temperature is none", got=temperature)
    if not isinstance(tokenizer, dict) or tokenizer.get("name") not in TOKENIZERS:
        raise parts.fault("no such tokenizer", got=tokenizer)
    if entries != []:
        check_sources(parts, entries)
    if any(entry["kind"] == "given" for entry in entries) and len(entries) > 1:
        raise parts.fault("given features go with nothing else", got=len(entries))
    average, shape = config.pop("average", None), config.pop("shape", None)
    if (average is None) == (shape is None):
        raise parts.fault("neither averages nor a net, or both")
    if shape is not None:
        _check_shape(parts, shape, entries)
    else:
        _check_average(parts, average, entries)
    sources = sources_together(parts, entries, reading)
    scorer = _net(parts, shape, sources, len(labels)) if shape else _average(parts, average, sources, len(labels))
    return ClassifierModel(scorer, labels, Tokenizer.described(tokenizer), temperature, config)


def _check_average(parts: Parts, average: Any, entries: list[Any]) -> None:
    fits = isinstance(average, dict) and set(average) == {"pooling", "ngrams"}
    fits = fits and average["pooling"] in POOLINGS["average"]
    fits = fits and type(average["ngrams"]) is int and 0 <= average["ngrams"] <= 100
    if not fits or (not entries and not average["ngrams"]):
        raise parts.fault("no proper averages", got=average)
    if average["ngrams"] and "ngrams" not in parts.words:
        raise parts.fault("the n-grams are missing")
    if any(entry["kind"] == "given" for entry in entries) and (average["ngrams"] or "weighed" in parts.words):
        raise parts.fault("given features go with nothing else", got=average)


def _average(parts: Parts, average: dict[str, Any], sources: list[Source], n_labels: int) -> AverageScorer:
    width = len(average["pooling"].split("-")) * sum(source.dim for source in sources)
    table = _numbers(parts, "table", np.float32, (width, n_labels))
    constant = _numbers(parts, "constant", np.float64, (n_labels,))
    weights = ngrams = ngram_table = None
    if "weighed" in parts.words:
        names = list(parts.words["weighed"])
        values = _numbers(parts, "weights", np.float64, (len(names) + 1,))
        if (values < 0).any():
            raise parts.fault("a word's weight is negative")
        weights = WordWeights(dict(zip(names, values[:-1].tolist(), strict=True)), float(values[-1]))
    if average["ngrams"]:
        ngrams = NgramRatios(list(parts.words["ngrams"]), average["ngrams"])
        ngram_table = _numbers(parts, "ngram_table", np.float32, (len(ngrams.names), n_labels))
    return AverageScorer(sources, average["pooling"], weights, table, constant, ngrams, ngram_table)


def _numbers(parts: Parts, name: str, dtype: Any, shape: tuple[int, ...]) -> Any:
    found = parts.tensor(name, dtype, shape)
    if not np.isfinite(found).all():
        raise parts.fault(f"the tensor {name!r} holds what is no number")
    return found


def _check_shape(parts: Parts, shape: Any, entries: list[Any]) -> None:
    """Make sure that the claims are of the right types, and that every layer and filter has its tensor."""
    fits = isinstance(shape, dict) and set(shape) == {"model", "pooling", "widths", *_NUMBERS} and bool(entries)
    fits = fits and shape["model"] in MODELS[1:] and shape["pooling"] in POOLINGS[shape["model"]]
    fits = fits and all(type(shape[name]) is int and 0 <= shape[name] < most for name, most in _NUMBERS.items())
    fits = fits and isinstance(shape["widths"], list) and len(shape["widths"]) <= _MOST_WIDTHS
    fits = fits and all(type(width) is int and 0 < width <= _MOST_WIDTHS for width in shape["widths"])
    if fits:
        own = {"cnn": {"widths", "maps"}, "lstm": {"hidden", "layers"}, "contextual": set()}[shape["model"]]
        fits = all(bool(shape[name]) == (name in own) for name in ("widths", *_NUMBERS))
    if not fits:
        raise parts.fault("no proper shape of a classifier", got=shape)
    wanted = [f"net.filters.{n}.weight" for n in range(len(shape["widths"]))]
    wanted += [f"net.ahead.{n}.weight_hh" for n in range(shape["layers"])]
    if missing := [name for name in wanted if name not in parts.tensors]:
        raise parts.fault("a layer lacks its tensor", got=missing[0])


def _net(parts: Parts, shape: dict[str, Any], sources: list[Source], n_labels: int) -> Scorer:
    from firth.nn.extra import need_torch

    need_torch("this classifier")
    import torch

    from firth.tasks.classifier_module import ClassifierNet, ClassifierShape
    from firth.tasks.classifier_net import NetScorer
    from firth.tasks.tagger_module import SourceShape

    shapes = tuple(SourceShape(source.dim, source.layers) for source in sources)
    made = ClassifierShape(sources=shapes, n_labels=n_labels, **{**shape, "widths": tuple(shape["widths"])})
    with torch.device("meta"):
        net = ClassifierNet(made)
    module_together(parts, net, "net.")
    return NetScorer(net, sources)


KINDS = (
    Kind(
        "text-classifier",
        "a text classifier, with the representations that it reads",
        ClassifierModel,
        _apart,
        _together,
        ("task run", "task evaluate"),
    ),
)
