"""``config.json`` of a published checkpoint of BERT's family, as the shape of a net and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firth.contextual.bert_shape import BertShape
from firth.errors import ConfigError, FormatError
from firth.formats.bert_names import FAMILIES

__all__ = ["family_of", "options_of", "shape_from"]

# What transformers calls an activation, and ours. Both of the tanh approximation are the same function.
_ACTIVATIONS = {
    "gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "gelu_fast": "gelu_tanh",
    "relu": "relu", "silu": "silu", "swish": "silu",
}  # fmt: skip
_PADS = {"roberta": 1, "xlm-roberta": 1, "camembert": 1}
_MOST = {"vocab_size": 1 << 26, "layers": 1 << 12}
_DISTIL = {"hidden_size": "dim", "layers": "n_layers", "heads": "n_heads", "hidden": "hidden_dim", "act": "activation"}
_BERT = {
    "hidden_size": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads",
    "hidden": "intermediate_size", "act": "hidden_act",
}  # fmt: skip
_OLD_KEYS = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "type_vocab_size")


def family_of(config: Any) -> str | None:
    """Return the model's type, ``bert`` for old files that tell none, or None where it can be none of these.

    Examples
    --------
    >>> family_of({"model_type": "roberta"}), family_of({"model_type": "gpt2"}), family_of([])
    ('roberta', None, None)
    """
    if not isinstance(config, dict):
        return None
    told = config.get("model_type")
    if told is None:
        return "bert" if all(key in config for key in _OLD_KEYS) else None
    return told if isinstance(told, str) and told in FAMILIES else None


def shape_from(config: Mapping[str, Any], path: Path) -> BertShape:
    """Return the shape that a published config tells, with a head.

    Raises
    ------
    FormatError
        When a value is missing, of the wrong type, or of a kind that Firth does not read.
    """
    kind = family_of(config)
    if kind is None:
        expected = ", ".join(FAMILIES)
        raise FormatError("no model of BERT's family", path=path, got=config.get("model_type"), expected=expected)
    names, family = _DISTIL if kind == "distilbert" else _BERT, FAMILIES[kind]

    def number(name: str, default: int | None = None) -> int:
        value = config.get(names.get(name, name), default)
        if type(value) is not int or not 0 < value < _MOST.get(name, 1 << 20):
            raise FormatError(f"{names.get(name, name)} is no proper size", path=path, got=value)
        return value

    _refuse_others(config, kind, path)
    offset = _padding(config, kind, path) + 1 if family.offset else 0
    dim, layers, longest = number("hidden_size"), number("layers"), number("max_position_embeddings", 512) - offset
    embedding = number("embedding_size", 128) if kind in ("albert", "electra") else dim
    activation = _activation(config.get(names["act"], "gelu"), path)
    try:
        return BertShape(
            pieces=number("vocab_size"), dim=dim, heads=number("heads"), hidden=number("hidden"), layers=layers,
            longest=longest, embedding=None if embedding == dim else embedding,
            distinct=min(number("num_hidden_groups", 1), layers) if kind == "albert" else None, offset=offset,
            types=0 if kind == "distilbert" else _types(config, path), activation=activation,
            epsilon=_epsilon(config, path), widens=kind == "albert" or embedding != dim,
            head=family.head_activation or activation,
        )  # fmt: skip
    except ConfigError as error:
        raise FormatError(error.what, path=path, got=error.got, expected=error.expected) from error


def _refuse_others(config: Mapping[str, Any], kind: str, path: Path) -> None:
    """Refuse what would be read wrongly."""
    positions = config.get("position_embedding_type", "absolute")
    if positions not in ("absolute", None):
        raise FormatError("positions of a kind that Firth does not read", path=path, got=positions, expected="absolute")
    if config.get("is_decoder") is True:
        raise FormatError("a decoder, which reads one way, is no BERT", path=path)
    if kind == "albert" and config.get("inner_group_num", 1) != 1:
        raise FormatError("groups of several layers, which Firth does not read", path=path)


def _padding(config: Mapping[str, Any], kind: str, path: Path) -> int:
    value = config.get("pad_token_id", _PADS.get(kind, 0))
    if type(value) is not int or not 0 <= value < 1 << 16:
        raise FormatError("pad_token_id is no proper number", path=path, got=value)
    return value


def _types(config: Mapping[str, Any], path: Path) -> int:
    value = config.get("type_vocab_size", 2)
    if type(value) is not int or not 0 <= value < 1 << 16:
        raise FormatError("type_vocab_size is no proper size", path=path, got=value)
    return value


def _epsilon(config: Mapping[str, Any], path: Path) -> float:
    value = config.get("layer_norm_eps", 1e-12)
    if type(value) not in (int, float) or not 0 <= value < 1:
        raise FormatError("layer_norm_eps is no proper number", path=path, got=value)
    return float(value)


def _activation(name: Any, path: Path) -> str:
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        raise FormatError("no such activation", path=path, got=name, expected=", ".join(_ACTIVATIONS))
    return _ACTIVATIONS[name]


def options_of(shape: BertShape, pad: int) -> dict[str, Any]:
    """Return a config that other programs read a net of BERT's own form by.

    Raises
    ------
    ConfigError
        When the net has parts that no published form has.
    """
    theirs = {ours: name for name, ours in reversed(_ACTIVATIONS.items())}
    form = (shape.norm, shape.positions, shape.bias, shape.offset, shape.widens, shape.blocks)
    fits = form == ("post", "learned", True, 0, False, shape.layers) and shape.activation in theirs
    if not fits or shape.head not in (None, shape.activation):
        raise ConfigError(
            "this net has no published form, which other programs could read",
            got=f"norm {shape.norm}, positions {shape.positions}, activation {shape.activation}, bias {shape.bias}",
            expected="norm post, positions learned, activation gelu, bias true",
            remedy="train with --recipe original, or keep it in a folder of ours",
        )
    return {
        "model_type": "bert", "architectures": ["BertModel" if shape.head is None else "BertForMaskedLM"],
        "vocab_size": shape.pieces, "hidden_size": shape.dim, "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads, "intermediate_size": shape.hidden,
        "hidden_act": theirs[shape.activation], "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": shape.longest, "type_vocab_size": max(shape.types, 1), "initializer_range": 0.02,
        "layer_norm_eps": shape.epsilon, "pad_token_id": pad, "position_embedding_type": "absolute",
        "tie_word_embeddings": True, "dtype": "float32",
    }  # fmt: skip
