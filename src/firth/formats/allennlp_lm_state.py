"""Weights of AllenNLP's language models as parameters of :class:`firth.contextual.context_net.ContextNet`.

Their Transformer always has eight heads, and its table of positions is among the weights. Their LSTMs are torch's, or
``AugmentedLstm``, whose parameters version 1 moved into a module ``cell``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.contextual.context_shape import ContextShape
from firth.formats.elmo_shape import Fault
from firth.formats.elmo_state import State, characters_from, counted, filters_among

__all__ = ["CONTEXTUALIZERS", "context_sizes", "embedder_of", "embedder_sizes", "tensors_of"]

HEADS = 8
CONTEXTUALIZERS = ("bidirectional_language_model_transformer", "lstm", "stacked_bidirectional_lstm")
Tensors = dict[str, NDArray[Any]]


def embedder_of(state: State, fault: Fault) -> str:
    """Return the name of the token embedder, which must be a character CNN, and the only one."""
    before, behind = "_text_field_embedder.token_embedder_", "._embedding._module.weight"
    names = [name.removeprefix(before) for name in state if name.startswith(before)]
    found = sorted(name.removesuffix(behind) for name in names if name.endswith(behind))
    others = {name.partition(".")[0] for name in names} - set(found)
    if len(found) != 1 or others:
        raise fault(
            "the token layer is no single character CNN", got=", ".join([*found, *sorted(others)])[:80] or "none",
            expected="one token embedder of the type character_encoding",
        )  # fmt: skip
    return found[0]


def embedder_sizes(state: State, name: str) -> dict[str, Any]:
    """Return sizes of the token layer, and where its projection fits when nothing tells."""
    embedder = state.under(f"_text_field_embedder.token_embedder_{name}.")
    cnn = embedder.under("_encoder._module.")
    n_ids, dim = (*embedder.shape("_embedding._module.weight"), 0, 0)[:2]
    projection, n_filters = (*cnn.shape("_projection.weight"), 0, 0)[:2]
    n_highway = counted(cnn, "_highways._layers.{}.weight")
    width = (*cnn.shape("_highways._layers.0.weight"), 0, 0)[1] if n_highway else n_filters
    return {
        "n_ids": n_ids, "dim": dim, "filters": filters_among(cnn, "char_conv_"), "n_highway": n_highway,
        "projection": projection, "norm": "_layer_norm.gamma" in cnn,
        "location": "after_highway" if width == n_filters else "after_cnn",
    }  # fmt: skip


def context_sizes(state: State, kind: str | None) -> dict[str, Any]:
    """Return the kind and the sizes of the contextualizer.

    Parameters
    ----------
    state : State
        Of the language model.
    kind : str or None
        One of ``CONTEXTUALIZERS`` that the config names; the weights must be of it.
    """
    inner = state.under("_contextualizer.")
    found = next((each for each, (anchor, _) in _SIZES.items() if anchor in inner), None)
    found = "stacked_bidirectional_lstm" if _cell(inner, "forward", 0) is not None else found
    if found is None or (kind is not None and kind != found):
        raise state.fault(
            "the weights are those of no such contextualizer", got=found or next(iter(inner), "none"),
            expected=kind or ", ".join(CONTEXTUALIZERS),
        )  # fmt: skip
    return {"heads": 0, "positions": 0, **_SIZES[found][1](inner)}


def _transformer_sizes(inner: State) -> dict[str, Any]:
    dim = inner.shape("_forward_transformer.norm.gamma")[:1]
    if not dim or not dim[0] or dim[0] % HEADS:
        raise inner.fault("a length of vectors that is no multiple of the heads", got=dim, expected=f"of {HEADS}")
    layer = "_forward_transformer.layers.{}.feed_forward.w_1.weight"
    positions = (*inner.shape("_position.positional_encoding"), 0, 0)[1]
    if positions < 3:
        raise inner.fault("there are no positions", got=positions, expected="3 or more")
    return {
        "context": "transformer", "layers": counted(inner, layer), "heads": HEADS, "positions": positions,
        "hidden": (*inner.shape(layer.format(0)), 0)[0],
    }  # fmt: skip


def _lstm_sizes(inner: State) -> dict[str, Any]:
    gates, cells = (*inner.shape("_module.weight_hh_l0"), 0, 0)[:2]
    if gates != 4 * cells or "_module.weight_hr_l0" in inner:
        raise inner.fault("the weights are those of no LSTM", got=f"{gates} by {cells}", expected=f"{4 * cells} rows")
    if "_module.weight_hh_l0_reverse" not in inner:
        raise inner.fault("the model reads in one direction only", expected="a bidirectional language model")
    return {"context": "lstm", "layers": counted(inner, "_module.weight_hh_l{}"), "hidden": cells}


def _stack_sizes(inner: State) -> dict[str, Any]:
    gates, cells = (*_must(inner, "forward", 0).shape("state_linearity.weight"), 0, 0)[:2]
    if gates not in (4 * cells, 5 * cells) or not cells:
        raise inner.fault("the weights are those of no LSTM", got=f"{gates} by {cells}", expected="4 or 5 gates")
    layers = 0
    while _cell(inner, "forward", layers) is not None:
        layers += 1
    return {"context": "lstm" if gates == 4 * cells else "highway_lstm", "layers": layers, "hidden": cells}


_SIZES: Mapping[str, tuple[str, Callable[[State], dict[str, Any]]]] = {
    "bidirectional_language_model_transformer": ("_forward_transformer.norm.gamma", _transformer_sizes),
    "lstm": ("_module.weight_hh_l0", _lstm_sizes),
    "stacked_bidirectional_lstm": ("", _stack_sizes),
}


# --- tensors ----------------------------------------------------------------------------------------------------------


def tensors_of(state: State, shape: ContextShape) -> Tensors:
    """Return all parameters of the net.

    Raises
    ------
    FormatError
        When one lacks, does not fit the shape, or holds what is no number.
    """
    inner = state.under("_contextualizer.")
    if shape.context == "transformer":
        context = {"positions": inner.array("_position.positional_encoding", (1, shape.positions, shape.projection))[0]}
        for theirs, ours in (("forward", "ahead"), ("backward", "back")):
            context |= _named(f"{ours}.", _transformer(inner.under(f"_{theirs}_transformer."), shape))
    else:
        make = _stack if _cell(inner, "forward", 0) is not None else _lstm
        context = make(inner, shape)
    return {**_named("tokens.", _tokens(state, shape)), **_named("context.", context)}


def _named(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: value for name, value in tensors.items()}


def _tokens(state: State, shape: ContextShape) -> Tensors:
    inner, n = shape.characters, shape.projection
    embedder = state.under(f"_text_field_embedder.token_embedder_{embedder_of(state, state.fault)}.")
    cnn = embedder.under("_encoder._module.")
    found = {"embedding": embedder.array("_embedding._module.weight", (inner.n_ids, inner.dim))}
    found |= characters_from(cnn, inner, "char_conv_", highway_width=n if shape.project_first else None)
    found["projection.weight"] = cnn.array("_projection.weight", (n, inner.n_filters))
    found["projection.bias"] = cnn.array("_projection.bias", (n,))
    return found | (_norm(cnn, "_layer_norm", "norm", n) if shape.token_norm else {})


def _norm(state: State, theirs: str, ours: str, n: int) -> Tensors:
    return {f"{ours}.weight": state.array(f"{theirs}.gamma", (n,)), f"{ours}.bias": state.array(f"{theirs}.beta", (n,))}


def _transformer(state: State, shape: ContextShape) -> Tensors:
    """Return one direction's blocks; queries, keys and values are three maps of theirs, one of ours."""
    n, hidden, found = shape.projection, shape.hidden, _norm(state, "norm", "norm", shape.projection)
    for k in range(shape.layers):
        block, ours = state.under(f"layers.{k}."), f"blocks.{k}."
        for leaf, sides in (("weight", (n, n)), ("bias", (n,))):
            maps = [block.array(f"self_attn.linears.{i}.{leaf}", sides) for i in range(4)]
            found[f"{ours}attention.project.{leaf}"] = np.concatenate(maps[:3])
            found[f"{ours}attention.merge.{leaf}"] = maps[3]
        for theirs, name, rows, columns in (("w_1", "inner", hidden, n), ("w_2", "outer", n, hidden)):
            found[f"{ours}feed.{name}.weight"] = block.array(f"feed_forward.{theirs}.weight", (rows, columns))
            found[f"{ours}feed.{name}.bias"] = block.array(f"feed_forward.{theirs}.bias", (rows,))
        found |= _norm(block, "sublayer.0.norm", f"{ours}norm_attention", n)
        found |= _norm(block, "sublayer.1.norm", f"{ours}norm_feed", n)
    return found


def _lstm(state: State, shape: ContextShape) -> Tensors:
    cells, found = shape.hidden, {}
    for k in range(shape.layers):
        n_in = 2 * cells if k else shape.projection
        for end, way in (("", "ahead"), ("_reverse", "back")):
            ours, theirs = f"{way}.{k}.", f"_module.{{}}_l{k}{end}"
            found[f"{ours}weight_ih"] = state.array(theirs.format("weight_ih"), (4 * cells, n_in))
            found[f"{ours}weight_hh"] = state.array(theirs.format("weight_hh"), (4 * cells, cells))
            biases = [state.array(theirs.format(name), (4 * cells,)) for name in ("bias_ih", "bias_hh")]
            found[f"{ours}bias"] = biases[0] + biases[1]
    return found


def _stack(state: State, shape: ContextShape) -> Tensors:
    cells, found, highway = shape.hidden, {}, shape.context == "highway_lstm"
    for k in range(shape.layers):
        n_in = 2 * cells if k else shape.projection
        for theirs, way in (("forward", "ahead"), ("backward", "back")):
            cell, ours = _must(state, theirs, k), f"{way}.{k}."
            found[f"{ours}weight_ih"] = cell.array("input_linearity.weight", ((4 + 2 * highway) * cells, n_in))
            found[f"{ours}weight_hh"] = cell.array("state_linearity.weight", ((4 + highway) * cells, cells))
            found[f"{ours}bias"] = cell.array("state_linearity.bias", ((4 + highway) * cells,))
    return found


def _must(state: State, way: str, k: int) -> State:
    found = _cell(state, way, k)
    if found is None:
        raise state.fault("an LSTM lacks its weights", got=f"{way}_layer_{k}")
    return found


def _cell(state: State, way: str, k: int) -> State | None:
    """Return the parameters of one LSTM, wherever its version keeps them."""
    layer = state.under(f"_module.{way}_layer_{k}.")
    return next((each for each in (layer, layer.under("cell.")) if "state_linearity.weight" in each), None)
