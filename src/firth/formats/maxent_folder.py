"""Maximum entropy language models as parts of a model's folder: trees of contexts in flat arrays, mapped on load."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.formats.lexicon_parts import lexicon_apart, lexicon_together
from firth.lm.context_tree import ContextTree
from firth.lm.loglinear import LogLinear
from firth.lm.maxent_model import MaxEntModel

__all__ = ["KINDS"]

_DEEPEST = 64


def _apart(model: MaxEntModel) -> Parts:
    tensors = _tree_apart("words", model.words)
    if model.of_classes is not None:
        tensors |= {"classes": model.classes, **_tree_apart("of_classes", model.of_classes)}
    return lexicon_apart(model.lexicon, {"model": "maxent", **model.metadata, "order": model.order}, tensors)


def _tree_apart(name: str, part: LogLinear) -> dict[str, NDArray[Any]]:
    tree = part.tree
    return {
        f"{name}.levels": tree.levels, f"{name}.symbol": tree.symbol, f"{name}.children": tree.children,
        f"{name}.first": tree.first, f"{name}.target": tree.target,
        f"{name}.log_scores": part.log_scores, f"{name}.log_sums": part.log_sums,
    }  # fmt: skip


def _together(parts: Parts, reading: Reading) -> MaxEntModel:
    if reading.limit is not None:
        raise parts.fault("a language model cannot be read in part", got=f"limit {reading.limit}")
    lexicon = lexicon_together(parts)
    config = dict(parts.config)
    order = config.pop("order", None)
    if type(order) is not int or not 1 <= order <= _DEEPEST:
        raise parts.fault("no proper order of a language model", got=order, expected=f"1 to {_DEEPEST}")
    classes, of_classes, n_classes = None, None, 1
    if "classes" in parts.tensors:
        classes = parts.tensor("classes", np.int32, (len(lexicon),))
        if classes.min() < 0 or classes.max() >= len(lexicon):
            raise parts.fault("a word's class is out of range", expected=f"0 to {len(lexicon) - 1}")
        n_classes = int(classes.max())
        of_classes = _tree_together(parts, "of_classes", int(classes.max()) + 1)
    words = _tree_together(parts, "words", lexicon.n_outputs)
    n_roots = int(words.tree.levels[1])
    if classes is not None and (words.tree.symbol[:n_roots] >= n_classes).any():
        raise parts.fault("the words are not under their classes")
    return MaxEntModel(lexicon, order, words, of_classes=of_classes, classes=classes, metadata=config)


def _tree_together(parts: Parts, name: str, n_targets: int) -> LogLinear:
    symbol = parts.tensor(f"{name}.symbol", np.int32, (None,))
    target = parts.tensor(f"{name}.target", np.int32, (None,))
    ends = (len(symbol) + 1,)
    tree = ContextTree(
        parts.tensor(f"{name}.levels", np.int64, (None,)), symbol, parts.tensor(f"{name}.children", np.int64, ends),
        parts.tensor(f"{name}.first", np.int64, ends), target,
    )  # fmt: skip
    scores = parts.tensor(f"{name}.log_scores", np.float32, (len(target),))
    sums = parts.tensor(f"{name}.log_sums", np.float64, (len(symbol),))
    if not len(symbol) or not len(target) or target.min() < 0 or target.max() >= n_targets:
        raise parts.fault(f"a target of {name!r} is out of range", expected=f"0 to {n_targets - 1}")
    if not (np.isfinite(scores).all() and np.isfinite(sums).all()):
        raise parts.fault(f"a score of {name!r} is not a finite number")
    try:
        return LogLinear(tree, scores, sums)
    except ValueError as error:
        raise parts.fault(f"the contexts of {name!r} are broken: {error}") from error


KINDS = (
    Kind(
        "maxent",
        "a maximum entropy language model",
        MaxEntModel,
        _apart,
        _together,
        ("evaluate", "score", "generate"),
    ),
)
