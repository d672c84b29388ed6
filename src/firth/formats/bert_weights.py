"""The tensors of published checkpoints of BERT's family, as those of our net and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.contextual.bert_shape import BertShape
from firth.errors import FormatError
from firth.formats.bert_names import FAMILIES
from firth.formats.elmo_state import State
from firth.formats.torch_files import read_state
from firth.tensors import map_tensors

__all__ = ["has_head", "published_tensors", "read_weights", "tensors_from"]

Tensors = dict[str, NDArray[Any]]

_LONGEST_STATE = 1 << 36
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_OLD = {".gamma": ".weight", ".beta": ".bias"}  # of norms, as TensorFlow called them


def read_weights(folder: Path) -> tuple[Tensors, Path]:
    """Return the tensors of a folder by the names of today, and the file that they come from.

    Raises
    ------
    FormatError
        When there is none, or it is broken.
    """
    try:
        if (path := folder / _WEIGHTS[0]).is_file():
            found: Mapping[str, NDArray[Any]] = map_tensors(path)
        elif (path := folder / _WEIGHTS[1]).is_file():
            if path.stat().st_size > _LONGEST_STATE:
                raise FormatError("too long for weights", path=path, got=f"{path.stat().st_size:,} bytes")
            found = read_state(path.read_bytes(), path)
        else:
            several = any(folder.glob("model-*-of-*.safetensors")) or any(folder.glob("pytorch_model-*-of-*.bin"))
            got = "weights in several files" if several else None
            raise FormatError("no weights in the folder", path=folder, got=got, expected=" or ".join(_WEIGHTS))
    except OSError as error:
        raise FormatError(f"cannot read the weights: {error.strerror}", path=path) from error
    return {_renamed(name): tensor for name, tensor in found.items()}, path


def _renamed(name: str) -> str:
    for old, new in _OLD.items():
        if name.endswith(f"LayerNorm{old}"):
            return name.removesuffix(old) + new
    return name


def _behind(tensors: Mapping[str, Any], name: str) -> str | None:
    """Return what stands before a name, where it is there: ``bert.``, ``module.bert.``, nothing."""
    found = [key.removesuffix(name) for key in tensors if key == name or key.endswith("." + name)]
    return min(found, key=len, default=None)


def has_head(tensors: Mapping[str, NDArray[Any]], kind: str, path: Path) -> bool:
    """Return whether a checkpoint has the head that predicts masked pieces, tied to the table of pieces.

    Raises
    ------
    FormatError
        When it has a half of one.
    """
    family = FAMILIES[kind]
    names = [f"{name}.weight" for name in family.head.values()] + [family.bias]
    there = [_behind(tensors, name) is not None for name in names]
    if any(there[:-1]) and not all(there):
        lacks = ", ".join(name for name, here in zip(names, there, strict=True) if not here)
        raise FormatError("the head is not whole", path=path, got=f"no {lacks}")
    return all(there)


def tensors_from(tensors: Mapping[str, NDArray[Any]], kind: str, shape: BertShape, path: Path) -> Tensors:
    """Return the parameters of :class:`firth.contextual.bert_net.BertNet`.

    Raises
    ------
    FormatError
        When a tensor lacks, does not fit the config, or holds what is no number.
    """
    family = FAMILIES[kind]
    table = f"{family.embeddings['pieces']}.weight"
    prefix = _behind(tensors, table)
    if prefix is None:
        raise FormatError("the file holds no such model", path=path, got=_some(tensors), expected=f"a tensor {table}")
    state = State(tensors, prefix, path)
    found = _embeddings(state, kind, shape)
    for k in range(shape.blocks):
        found |= _block(state.under(family.place.format(k)), kind, shape, f"blocks.{k}.")
    if shape.head is not None:
        outer = _behind(tensors, family.bias) or ""
        head = State(tensors, outer, path)
        dense, norm = family.head["dense"], family.head["norm"]
        found["head.dense.weight"] = head.array(f"{dense}.weight", (shape.own, shape.dim))
        found["head.dense.bias"] = head.array(f"{dense}.bias", (shape.own,))
        found |= _norm(head, norm, "head.norm", shape.own)
        found["head.bias"] = head.array(family.bias, (shape.pieces,))
    return found


def _some(tensors: Mapping[str, Any]) -> str:
    names = list(tensors)
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _norm(state: State, theirs: str, ours: str, dim: int) -> Tensors:
    return {f"{ours}.{leaf}": state.array(f"{theirs}.{leaf}", (dim,)) for leaf in ("weight", "bias")}


def _map(state: State, theirs: str, ours: str, n_out: int, n_in: int) -> Tensors:
    weight, bias = state.array(f"{theirs}.weight", (n_out, n_in)), state.array(f"{theirs}.bias", (n_out,))
    return {f"{ours}.weight": weight, f"{ours}.bias": bias}


def _embeddings(state: State, kind: str, shape: BertShape) -> Tensors:
    names = FAMILIES[kind].embeddings
    rows = {"pieces": shape.pieces, "positions": shape.positions_rows, "types": shape.types}
    found = {f"{ours}.weight": state.array(f"{names[ours]}.weight", (n, shape.own)) for ours, n in rows.items() if n}
    found |= _norm(state, names["norm_embedding"], "norm_embedding", shape.own)
    if shape.widens:
        found |= _map(state, names["widen"], "widen", shape.dim, shape.own)
    return found


def _block(state: State, kind: str, shape: BertShape, ours: str) -> Tensors:
    family, dim = FAMILIES[kind], shape.dim
    parts = [_map(state, name, "part", dim, dim) for name in family.parts]
    found = {
        f"{ours}attention.project.{leaf}": np.concatenate([part[f"part.{leaf}"] for part in parts])
        for leaf in ("weight", "bias")
    }
    for name, n_out, n_in in (
        ("attention.merge", dim, dim), ("feed.inner", shape.hidden, dim), ("feed.outer", dim, shape.hidden),
    ):  # fmt: skip
        found |= _map(state, family.layer[name], ours + name, n_out, n_in)
    for name in ("norm_attention", "norm_feed"):
        found |= _norm(state, family.layer[name], ours + name, dim)
    return found


def published_tensors(tensors: Mapping[str, NDArray[Any]], shape: BertShape) -> Tensors:
    """Return our parameters under the names of BERT, for a net that has its form (:func:`options_of` tells)."""
    family, found = FAMILIES["bert"], Tensors()
    for ours, theirs in family.embeddings.items():
        for leaf in ("weight", "bias"):
            if f"{ours}.{leaf}" in tensors:
                found[f"{family.prefix}{theirs}.{leaf}"] = tensors[f"{ours}.{leaf}"]
    if not shape.types:  # a table of one row of zeros adds nothing
        found[f"{family.prefix}{family.embeddings['types']}.weight"] = np.zeros((1, shape.dim), np.float32)
    for k in range(shape.layers):
        place, ours = family.prefix + family.place.format(k), f"blocks.{k}."
        for leaf in ("weight", "bias"):
            whole = np.split(tensors[f"{ours}attention.project.{leaf}"], 3)
            found |= {f"{place}{name}.{leaf}": part for name, part in zip(family.parts, whole, strict=True)}
            found |= {
                f"{place}{theirs}.{leaf}": tensors[f"{ours}{name}.{leaf}"] for name, theirs in family.layer.items()
            }
    if shape.head is not None:
        for name, theirs in family.head.items():
            found |= {f"{theirs}.{leaf}": tensors[f"head.{name}.{leaf}"] for leaf in ("weight", "bias")}
        found[family.bias] = tensors["head.bias"]
    return found
