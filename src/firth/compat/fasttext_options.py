"""fastText's own names of options, turned into Firth's."""

from __future__ import annotations

from typing import Any

from firth.errors import ConfigError

__all__ = ["SUPERVISED", "UNSUPERVISED", "autotune_size", "named", "options_of"]

UNSUPERVISED: dict[str, Any] = {
    "model": "skipgram",
    "lr": 0.05,
    "dim": 100,
    "ws": 5,
    "epoch": 5,
    "minCount": 5,
    "minCountLabel": 0,
    "minn": 3,
    "maxn": 6,
    "neg": 5,
    "wordNgrams": 1,
    "loss": "ns",
    "bucket": 2_000_000,
    "thread": None,
    "lrUpdateRate": 100,
    "t": 1e-4,
    "label": "__label__",
    "verbose": 2,
    "pretrainedVectors": "",
    "seed": 0,
}
_AUTOTUNE: dict[str, Any] = {
    "autotuneValidationFile": "",
    "autotuneMetric": "f1",
    "autotunePredictions": 1,
    "autotuneDuration": 300,
    "autotuneModelSize": "",
}
SUPERVISED: dict[str, Any] = {
    **{name: value for name, value in UNSUPERVISED.items() if name != "model"},
    "lr": 0.1,
    "minCount": 1,
    "minn": 0,
    "maxn": 0,
    "loss": "softmax",
    **_AUTOTUNE,
}
_LOSSES = {"ns": "negative", "hs": "hierarchical", "softmax": "softmax", "ova": "one-vs-all"}
_OTHER_NAMES = {
    "min_count": "minCount",
    "word_ngrams": "wordNgrams",
    "lr_update_rate": "lrUpdateRate",
    "label_prefix": "label",
    "pretrained_vectors": "pretrainedVectors",
}
_FIRTH = {
    "lr": "rate",
    "dim": "dim",
    "epoch": "epochs",
    "minCount": "min_count",
    "minCountLabel": "min_count_label",
    "minn": "minn",
    "maxn": "maxn",
    "neg": "negative",
    "wordNgrams": "word_ngrams",
    "bucket": "buckets",
    "label": "label_prefix",
    "seed": "seed",
    "ws": "window",
    "t": "sample",
}


def named(given: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return every option by fastText's name.

    Raises
    ------
    TypeError
        When one is unknown, as from fastText itself.
    """
    options = dict(defaults)
    for name, value in given.items():
        known = _OTHER_NAMES.get(name, name)
        if known not in defaults:
            raise TypeError(f"unexpected keyword argument {name!r}")
        options[known] = value
    return options


def options_of(options: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    """Return the options of a config that has the fields ``wanted``.

    Raises
    ------
    ConfigError
        When the loss is unknown.
    """
    found = {_FIRTH[name]: value for name, value in options.items() if _FIRTH.get(name) in wanted}
    if options["loss"] not in _LOSSES:
        raise ConfigError("no such loss", got=options["loss"], expected="one of " + ", ".join(_LOSSES))
    return {**found, "loss": _LOSSES[options["loss"]]}


def autotune_size(text: str | int) -> int:
    """Return the bytes that ``autotuneModelSize`` names, such as ``2M``; 0 for no limit.

    Examples
    --------
    >>> autotune_size("2M"), autotune_size("300k"), autotune_size("")
    (2000000, 300000, 0)
    """
    size = str(text).strip()
    units = {"k": 1000, "m": 10**6, "g": 10**9}
    unit = units.get(size[-1:].lower(), 1)
    digits = size[:-1] if unit > 1 else size
    if digits and not digits.isdigit():
        raise ConfigError("no size", got=text, expected="a number of bytes, perhaps with k, M or G")
    return int(digits or 0) * unit
