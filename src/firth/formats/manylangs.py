"""Folders of ELMoForManyLangs (Che et al. 2018): config.json, the dictionaries, and two states that torch wrote.

The layout is that of https://github.com/HIT-SCIR/ELMoForManyLangs. What its ``Embedder`` gives for the first sentences
after loading is what ours always gives: theirs carries the LSTMs' states from batch to batch, in an order of batches
that is drawn, so that its later vectors depend on what was read before.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.contextual.shape import ACTIVATIONS, CharacterShape, Shape
from firth.contextual.word_spelling import WordSpelling
from firth.errors import FormatError
from firth.formats.base import FileReport, Format, Reading
from firth.formats.elmo_facts import elmo_facts, elmo_uses
from firth.formats.elmo_reader import Reader, pad_of
from firth.formats.elmo_shape import filters_of, integer, limit_of
from firth.formats.elmo_state import State, characters_from, lstms_from
from firth.formats.json_parts import read_json
from firth.formats.kinds import Parts
from firth.formats.manylangs_dicts import read_dictionary, spelling_of, table_of
from firth.formats.module_parts import module_together
from firth.formats.streams import Head
from firth.formats.torch_files import read_state

if TYPE_CHECKING:
    from firth.contextual.elmo_model import ElmoModel

__all__ = ["FORMATS"]

_TITLE = "ELMoForManyLangs folder (config.json, char.dic, word.dic, encoder.pkl, token_embedder.pkl)"
_LONGEST_JSON = 1 << 20
_LONGEST_STATE = 1 << 36
# What their package falls back on: all published models were trained with it.
_PUBLISHED: dict[str, Any] = {
    "encoder": {"name": "elmo", "projection_dim": 512, "cell_clip": 3, "proj_clip": 3, "dim": 4096, "n_layers": 2},
    "token_embedder": {
        "name": "cnn", "activation": "relu", "n_highway": 2, "word_dim": 100, "char_dim": 50,
        "filters": [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]],
        "max_characters_per_token": 50,
    },
}  # fmt: skip
_PUBLISHED_NAMES = ("cnn_50_100_512_4096_sample.json", "cnn_0_100_512_4096_sample.json")


def _sniff(head: Head) -> float:
    names = ("config.json", "encoder.pkl", "token_embedder.pkl")
    return 0.9 if head.is_folder and all((head.path / name).is_file() for name in names) else 0.0


def _read(head: Head, reading: Reading) -> ElmoModel:
    if reading.limit is not None:
        raise head.fault("a biLM cannot be read in part", got=f"limit {reading.limit}")
    config, place = _config(head, reading)
    words, embedder = _state(head, "token_embedder.pkl")
    encoder = _state(head, "encoder.pkl")[1]
    shape, reader, rows = _layout(head, config, place, embedder)
    from firth.nn.extra import need_torch

    need_torch("ELMo")
    import torch

    from firth.contextual.bilm import BiLM
    from firth.contextual.elmo_model import ElmoModel

    with torch.device("meta"):
        net = BiLM(shape, pad=pad_of(reader))
    tensors = _tokens_from(embedder, shape, rows) | lstms_from(encoder, shape)
    module_together(Parts({}, tensors, {}, words), net)
    return ElmoModel(net, reader, metadata={"model": "elmo", "origin": "ELMoForManyLangs"})


def _config(head: Head, reading: Reading) -> tuple[dict[str, Any], Path]:
    """Return the options that config.json names, by the last part of their path: it was another machine's."""
    told = read_json(head.path / "config.json", _LONGEST_JSON)
    named = told.get("config_path") if isinstance(told, dict) else None
    if not isinstance(named, str) or "\0" in named:
        raise head.fault("config.json names no options", got=named, expected="config_path")
    name = named.replace("\\", "/").rpartition("/")[2]
    for place in (head.path / name, head.path / "configs" / name, head.path.parent / "configs" / name):
        if name and place.is_file():
            found = read_json(place, _LONGEST_JSON)
            if not isinstance(found, dict):
                raise FormatError("not the options of a model", path=place)
            return found, place
    if name not in _PUBLISHED_NAMES:
        raise head.fault("the options of the model are missing", got=named, expected=f"{name} in the folder")
    reading.tell(f"{head.path}: {name} is not there; its values are taken as ELMoForManyLangs has them")
    return _PUBLISHED, head.path / "config.json"


def _state(head: Head, name: str) -> tuple[Path, State]:
    path = head.path / name
    try:
        if path.stat().st_size > _LONGEST_STATE:
            raise FormatError("too long for weights", path=path, got=f"{path.stat().st_size:,} bytes")
        return path, State(read_state(path.read_bytes(), path), "", path)
    except OSError as error:
        raise FormatError(f"cannot read a part: {error.strerror}", path=path) from error


def _layout(
    head: Head, config: dict[str, Any], place: Path, embedder: State
) -> tuple[Shape, Reader, NDArray[np.int64] | None]:
    """Return shape and reader, and where our rows of words lie in theirs."""

    def fault(what: str, **facts: Any) -> FormatError:
        return FormatError(what, path=place, **facts)

    shape, told = _lstm_shape(config, fault), _part(config, "token_embedder", "cnn", fault)
    longest = integer(told.get("max_characters_per_token"), "longest", fault, 3)
    char_dim, word_dim = (told.get(name) for name in ("char_dim", "word_dim"))
    spelling, table, rows = None, None, None
    if char_dim:
        n_ids = embedder.shape("char_emb_layer.embedding.weight")[0]
        spelling = spelling_of(read_dictionary(head.path / "char.dic"), longest, n_ids, head.path / "char.dic")
        shape = dataclasses.replace(shape, characters=_characters(told, n_ids, fault))
    if word_dim:
        n_words = embedder.shape("word_emb_layer.embedding.weight")[0]
        table, rows = table_of(read_dictionary(head.path / "word.dic"), longest, n_words, head.path / "word.dic")
        shape = dataclasses.replace(shape, words=len(table), word_dim=integer(word_dim, "word_dim", fault))
    if table is not None and spelling is not None:
        return shape, WordSpelling.of(table, spelling), rows
    reader = spelling if table is None else table
    if reader is None:
        raise fault("the model reads neither characters nor words", got=told)
    return shape, reader, rows


def _part(config: dict[str, Any], name: str, kind: str, fault: Any) -> dict[str, Any]:
    told = config.get(name)
    if not isinstance(told, dict):
        raise fault(f"the options lack {name}", got=told)
    if not isinstance(told.get("name"), str) or told["name"].lower() != kind:
        raise fault(f"a model with another {name} than Firth reads", got=told.get("name"), expected=kind)
    return told


def _lstm_shape(config: dict[str, Any], fault: Any) -> Shape:
    told = _part(config, "encoder", "elmo", fault)
    return Shape(
        characters=None,
        cells=integer(told.get("dim"), "cells", fault),
        projection=integer(told.get("projection_dim"), "projection", fault),
        layers=integer(told.get("n_layers"), "layers", fault),
        cell_clip=limit_of(told.get("cell_clip"), "cell_clip", fault),
        projection_clip=limit_of(told.get("proj_clip"), "proj_clip", fault),
        skip=True,
    )


def _characters(told: dict[str, Any], n_ids: int, fault: Any) -> CharacterShape:
    if told.get("activation") not in ACTIVATIONS:
        raise fault("no such activation", got=told.get("activation"), expected=" or ".join(ACTIVATIONS))
    filters, longest = filters_of(told.get("filters"), fault), told["max_characters_per_token"]
    if longest < max(3, *(width for width, _ in filters)):
        raise fault("words are shorter than a filter", got=longest)
    dim, n_highway = integer(told.get("char_dim"), "dim", fault), integer(told.get("n_highway"), "n_highway", fault, 0)
    return CharacterShape(integer(n_ids, "n_ids", fault), dim, filters, n_highway, told["activation"], longest)


def _tokens_from(state: State, shape: Shape, rows: NDArray[np.int64] | None) -> dict[str, NDArray[Any]]:
    """Return the token layer; one projection of [word; characters] is one of each, added up."""
    n, inner, word_dim = shape.projection, shape.characters, shape.word_dim
    n_filters = 0 if inner is None else inner.n_filters
    weight, bias = state.array("projection.weight", (n, word_dim + n_filters)), state.array("projection.bias", (n,))
    words: dict[str, NDArray[Any]] = {}
    characters: dict[str, NDArray[Any]] = {}
    if rows is not None:
        n_rows = state.shape("word_emb_layer.embedding.weight")[0]
        words["embedding"] = state.array("word_emb_layer.embedding.weight", (n_rows, word_dim))[rows]
        words["projection.weight"] = weight[:, :word_dim]
        words["projection.bias"] = bias if inner is None else np.zeros_like(bias)
    if inner is not None:
        characters["embedding"] = state.array("char_emb_layer.embedding.weight", (inner.n_ids, inner.dim))
        characters |= characters_from(state, inner, "convolutions.", "highways")
        characters["projection.weight"], characters["projection.bias"] = weight[:, word_dim:], bias
    if inner is not None:
        words = {f"words.{name}": value for name, value in words.items()}
    return {f"tokens.{name}": value for name, value in (words | characters).items()}


def _inspect(head: Head) -> FileReport:
    notices: list[str] = []
    model = _read(head, Reading(listen=lambda event: notices.append(str(getattr(event, "message", event)))))
    details = elmo_facts(model) | ({"notes": notices} if notices else {})
    return FileReport(
        str(head.path), "manylangs", _TITLE, None, head.size, "elmo", model.net.shape.words or None, model.dim,
        ("layers",), details, elmo_uses(model),
    )  # fmt: skip


FORMATS = (Format(name="manylangs", title=_TITLE, sniff=_sniff, read=_read, inspect=_inspect, models=(), folder=True),)
