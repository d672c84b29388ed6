"""Published checkpoints of BERT's family: a folder with ``config.json``, weights, and a vocabulary of pieces."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.errors import FirthError, FormatError
from firth.formats.atomic import new_folder
from firth.formats.base import FileReport, Format, Reading, is_one_of
from firth.formats.bert_facts import BERT_USES, bert_facts
from firth.formats.bert_options import family_of, options_of, shape_from
from firth.formats.bert_pieces import has_pieces, read_pieces
from firth.formats.bert_weights import has_head, published_tensors, read_weights, tensors_from
from firth.formats.json_parts import read_json
from firth.formats.kinds import Parts
from firth.formats.module_parts import module_apart, module_together
from firth.formats.streams import Head
from firth.tensors import write_tensors

if TYPE_CHECKING:
    from firth.contextual.bert_model import BertModel

__all__ = ["FORMATS", "is_bert"]

_TITLE = (
    "checkpoint of BERT's family (config.json, model.safetensors or pytorch_model.bin, vocab.txt or tokenizer.json)"
)
_SMALL = 1 << 24
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_CLASS = "firth.contextual.bert_model:BertModel"


def _sniff(head: Head) -> float:
    if not head.is_folder or not (head.path / "config.json").is_file():
        return 0.0
    try:
        config = read_json(head.path / "config.json", _SMALL)
    except FormatError:
        return 0.0
    weights = any((head.path / name).is_file() for name in _WEIGHTS)
    if not isinstance(config, dict) or "schema" in config or not (weights or has_pieces(head.path)):
        return 0.0
    if family_of(config) is not None:
        return 0.8
    # Another of that library's models: that is told, where no other format knows better.
    return 0.1 if weights and isinstance(config.get("model_type"), str) else 0.0


def is_bert(path: Path) -> bool:
    """Return whether a folder holds a BERT, published or one of ours, by its config alone."""
    try:
        config = read_json(path / "config.json", _SMALL)
    except FormatError:
        return False
    if isinstance(config, dict) and "schema" in config:
        return config.get("kind") == "bert"
    return family_of(config) is not None


def _config(head: Head) -> dict[str, Any]:
    path = head.path / "config.json"
    found = read_json(path, _SMALL)
    if not isinstance(found, dict):
        raise FormatError("not the config of a model", path=path, got=type(found).__name__)
    return found


def _read(head: Head, reading: Reading) -> BertModel:
    if reading.limit is not None:
        raise head.fault("a net cannot be read in part", got=f"limit {reading.limit}")
    config = _config(head)
    shape = shape_from(config, head.path / "config.json")
    kind = family_of(config) or "bert"
    tensors, path = read_weights(head.path)
    if not has_head(tensors, kind, path):
        shape = dataclasses.replace(shape, head=None)
    ours = tensors_from(tensors, kind, shape, path)
    from firth.nn.extra import need_torch

    need_torch("BERT")
    import torch

    from firth.contextual.bert_model import BertModel
    from firth.contextual.bert_net import BertNet

    pieces = read_pieces(head.path, reading)
    with torch.device("meta"):
        net = BertNet(shape)
    module_together(Parts({}, ours, {}, path), net)
    try:
        return BertModel(net, pieces, metadata={"model": "bert", "origin": kind})
    except FirthError as error:
        raise head.fault(error.what, got=error.got) from error


def _inspect(head: Head) -> FileReport:
    notices: list[str] = []
    model = _read(head, Reading(listen=lambda event: notices.append(str(getattr(event, "message", event)))))
    details = {"family": model.metadata["origin"]} | bert_facts(model) | ({"notes": notices} if notices else {})
    return FileReport(
        str(head.path), "bert", _TITLE, None, head.size, "bert", None, model.dim, ("layers",), details, BERT_USES
    )


def _write(model: BertModel, path: Path) -> None:
    """Write what the transformers library loads as ``BertForMaskedLM``, or without a head as ``BertModel``."""
    shape, pieces = model.net.shape, model.pieces
    config = options_of(shape, pieces.marks.pad)
    tensors = published_tensors(module_apart(model.net), shape)
    with new_folder(path, replaceable=_replaceable) as temporary:
        (temporary / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        write_tensors(temporary / "model.safetensors", tensors, {"format": "pt"})
        (temporary / "tokenizer.json").write_text(_with_marks(pieces), encoding="utf-8")
        told = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": shape.longest} | _marks(pieces)
        (temporary / "tokenizer_config.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _marks(pieces: Any) -> dict[str, str]:
    strings, marks = pieces.strings, pieces.marks
    named = {"unk_token": marks.unknown, "cls_token": marks.first, "sep_token": marks.last, "pad_token": marks.pad,
             "mask_token": marks.mask}  # fmt: skip
    return {name: strings[number] for name, number in named.items() if number is not None}


def _with_marks(pieces: Any) -> str:
    """Return the tokenizer with the marks put at a text's ends, where it says nothing of them."""
    whole = json.loads(pieces.text)
    if whole.get("post_processor") is None:
        strings, marks = pieces.strings, pieces.marks
        ends = [(strings[mark], mark) for mark in (marks.last, marks.first)]
        whole["post_processor"] = {"type": "BertProcessing", "sep": list(ends[0]), "cls": list(ends[1])}
    return json.dumps(whole, ensure_ascii=False)


def _replaceable(path: Path) -> bool:
    return _sniff(Head(path, True, None, b"", False, 0)) > 0.5


def _takes(model: Any) -> bool:
    return is_one_of(model, _CLASS)


FORMATS = (
    Format(
        name="bert",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=_write,
        models=None,
        fits=_takes,
        folder=True,
        drops=lambda model: ["the mix of layers", "how pieces are pooled"],
    ),
)
