"""What training begins with: a net with its first weights and its pieces, new or from a model."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
from typing import Any

import torch

from firth.contextual.bert import BERT, shape_of
from firth.contextual.bert_model import BertModel
from firth.contextual.bert_net import BertNet
from firth.contextual.pieces import Pieces
from firth.contextual.pieces_training import train_pieces
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.text.corpus import Corpus

__all__ = ["Start", "begin", "digest"]

_OF_THE_MODEL = ("layers", "dim", "heads", "hidden", "positions", "norm", "activation", "bias", "types", "vocab_size")
_RATE = 1e-4  # of a model that is trained on: what it knows is not to be washed out


@dataclasses.dataclass(frozen=True)
class Start:
    """What training begins with.

    Attributes
    ----------
    config : BERT
        With everything filled in, and as the model has it where there is one to train on.
    net : BertNet
    pieces : Pieces
    """

    config: BERT
    net: BertNet
    pieces: Pieces


def begin(config: BERT, corpus: Corpus, init: Any, *, tell: Listener) -> Start:
    """Return the net of options, or of the model that is trained on; weights depend on the seed alone.

    Raises
    ------
    ConfigError, DataError
        When the start does not go with the options, or its pieces not with the text.
    """
    if init is not None and not isinstance(init, BertModel):
        raise DataError("training cannot start from this", got=type(init).__name__, expected="a BERT")
    generator = torch.Generator().manual_seed(config.seed % 2**63)
    start = _new(config.filled(), corpus, generator, tell) if init is None else _from_model(config, init, generator)
    start.net.set_dropout(start.config.dropout or 0.0)
    if start.pieces.marks.mask is None:
        raise DataError("the vocabulary has no mask to guess behind", remedy="start from a model that has one")
    _tell_of_reading(start, corpus, tell)
    return start


def _new(config: BERT, corpus: Corpus, generator: torch.Generator, tell: Listener) -> Start:
    shape_of(config, config.vocab_size or 8)  # options that do not fit are refused before the text is read
    tell(Notice(f"learning the pieces of {len(corpus.vocab):,} different words"))
    pieces = train_pieces(corpus, config.pieces, config.vocab_size or 8, uncased=config.uncased)
    net = BertNet(shape_of(config, len(pieces)))
    net.reset(generator)
    return Start(config, net, pieces)


def _from_model(config: BERT, model: BertModel, generator: torch.Generator) -> Start:
    own, shape = copy.deepcopy(model.net).float(), model.net.shape
    given = [name for name in _OF_THE_MODEL if getattr(config, name) is not None]
    if given or config.uncased:
        raise ConfigError(
            "a model to train on keeps its shape and its pieces",
            got=", ".join("--" + name.replace("_", "-") for name in [*given, *(["uncased"] if config.uncased else [])]),
            remedy="leave these out",
        )
    length = config.length or min(shape.longest, 128)
    if length > shape.longest:
        raise ConfigError("length is more than the model has places", got=length, expected=f"at most {shape.longest}")
    if shape.head is None:
        shape = dataclasses.replace(shape, head="gelu")
        whole = BertNet(shape)
        whole.reset(generator)
        whole.load_state_dict(own.state_dict(), strict=False)
        own = whole
    own.requires_grad_(True)
    config = dataclasses.replace(
        config, layers=shape.layers, dim=shape.dim, heads=shape.heads, hidden=shape.hidden, positions=shape.positions,
        norm=shape.norm, activation=shape.activation, bias=shape.bias, types=shape.types, length=length,
        vocab_size=max(len(model.pieces), 8), rate=_RATE if config.rate is None else config.rate,
        dropout=(0.1 if shape.norm == "post" else 0.0) if config.dropout is None else config.dropout,
    )  # fmt: skip
    return Start(config.filled(), own, model.pieces)


def _tell_of_reading(start: Start, corpus: Corpus, tell: Listener) -> None:
    """Say how long words are in pieces, and how many have a piece that is unknown."""
    counts = corpus.vocab.counts.tolist()
    rows = start.pieces.rows(list(corpus.vocab.words))
    unknown = start.pieces.marks.unknown
    n = sum(counts)
    pieces = sum(count * len(row) for count, row in zip(counts, rows, strict=True))
    lost = sum(count for count, row in zip(counts, rows, strict=True) if unknown in row)
    tell(Notice(
        f"{len(start.pieces):,} pieces, {pieces / max(n, 1):.2f} a word; {lost:,} of {n:,} have one that is unknown"
    ))  # fmt: skip


def digest(start: Start) -> str:
    """Return what tells a start from another in a checkpoint."""
    found = hashlib.blake2b(start.pieces.text.encode("utf-8", "surrogatepass"), digest_size=16)
    for name, value in start.net.state_dict().items():
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().numpy().data)
    return found.hexdigest()
