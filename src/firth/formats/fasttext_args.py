"""The options that stand in Facebook's model files, and what Firth calls them."""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Mapping
from typing import Any

__all__ = ["FASTTEXT", "FLORET", "LOSSES", "MODELS", "Args", "args_of", "parsed"]

MODELS = {1: "cbow", 2: "skipgram", 3: "supervised"}
LOSSES = {1: "hierarchical", 2: "negative", 3: "softmax", 4: "one-vs-all"}
FASTTEXT, FLORET = 1, 2  # floret's modes
_WHOLE = 12  # whole numbers before t
_LIMIT = 1000  # longest n-gram that Firth computes


@dataclasses.dataclass(frozen=True)
class Args:
    """Options in the order of the file: twelve (in floret fourteen) whole numbers of 32 bits and a float64.

    Attributes
    ----------
    dim, ws, epoch, min_count, neg, word_ngrams, loss, model, bucket, minn, maxn, lr_update_rate, t
        Those of the fastText program; ``loss`` is a key of ``LOSSES``, ``model`` one of ``MODELS``.
    mode, hash_count : int
        Only in floret's files, between ``maxn`` and ``lr_update_rate``.
    """

    dim: int
    ws: int = 5
    epoch: int = 5
    min_count: int = 1
    neg: int = 5
    word_ngrams: int = 1
    loss: int = 2
    model: int = 2
    bucket: int = 0
    minn: int = 0
    maxn: int = 0
    lr_update_rate: int = 100
    t: float = 1e-4
    mode: int = FASTTEXT
    hash_count: int = 1

    @property
    def is_supervised(self) -> bool:
        """Whether the model is a classifier."""
        return MODELS.get(self.model) == "supervised"

    def fault(self) -> str | None:
        """Return what makes no sense, or None."""
        checks = {
            "dim": self.dim >= 1,
            "the loss": self.loss in LOSSES,
            "the kind of model": self.model in MODELS,
            "bucket": self.bucket >= 0,
            "the length of n-grams": 0 <= self.minn <= _LIMIT and 0 <= self.maxn <= _LIMIT,
            "wordNgrams": self.word_ngrams >= 0,
            "the sampling threshold": math.isfinite(self.t),
            "floret's mode": self.mode in (FASTTEXT, FLORET),
            "hashCount": 1 <= self.hash_count <= 4,
        }
        return next((name for name, good in checks.items() if not good), None)

    def packed(self, *, floret: bool = False) -> bytes:
        """Return the bytes of the file."""
        *whole, t, mode, hash_count = dataclasses.astuple(self)
        extra = [mode, hash_count] if floret else []
        numbers = [*whole[: _WHOLE - 1], *extra, whole[-1]]
        return struct.pack(f"<{len(numbers)}id", *numbers, t)

    def as_metadata(self) -> dict[str, Any]:
        """Return plain values that travel with a model, under the names of the fastText program."""
        kept = {name: getattr(self, field) for name, field in _KEPT.items()}
        return {**kept, "loss": LOSSES[self.loss], "model": MODELS[self.model]}


# What a model itself does not tell.
_KEPT = {
    "ws": "ws",
    "epoch": "epoch",
    "minCount": "min_count",
    "neg": "neg",
    "wordNgrams": "word_ngrams",
    "lrUpdateRate": "lr_update_rate",
    "t": "t",
}
# Firth's options of training, where a model of ours is written.
_OURS = {
    "ws": "window",
    "epoch": "epochs",
    "minCount": "min_count",
    "neg": "negative",
    "wordNgrams": "word_ngrams",
    "t": "sample",
    "loss": "loss",
    "model": "architecture",
}


def parsed(raw: bytes, at: int, *, floret: bool = False) -> tuple[Args, int]:
    """Return the options at byte ``at`` and where they end; ``raw`` must hold them."""
    layout = struct.Struct(f"<{_WHOLE + 2 * floret}id")
    *whole, t = layout.unpack_from(raw, at)
    extra = whole[_WHOLE - 1 : _WHOLE + 1] if floret else [FASTTEXT, 1]
    fields: list[Any] = [*whole[: _WHOLE - 1], whole[-1], t, *extra]
    return Args(*fields), at + layout.size


def args_of(metadata: Mapping[str, Any], **derived: Any) -> Args:
    """Return the options to write: those of the file that a model came from, else those that it was trained with.

    Parameters
    ----------
    metadata : mapping
        Of the model.
    derived
        Fields of :class:`Args` that the model tells by itself; they come first.
    """
    options, theirs = (_mapping(metadata.get(name)) for name in ("options", "fasttext"))
    found = {name: options[ours] for name, ours in _OURS.items() if ours in options} | theirs
    fields: dict[str, Any] = {field: found[name] for name, field in _KEPT.items() if _is_number(found.get(name))}
    for field, names in (("loss", LOSSES), ("model", MODELS)):
        fields.update((field, number) for number, name in names.items() if name == found.get(field))
    fields |= {name: value for name, value in derived.items() if value is not None}
    whole: dict[str, Any] = {name: int(value) for name, value in fields.items() if name != "t"}
    return Args(**whole, t=float(fields.get("t", Args.t)))


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -(2**31) <= value < 2**31
