"""A translator as parts of its folder: the net, the pieces of either side, and word vectors where it reads those."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from firth.errors import FirthError
from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts, kind_of, kinds
from firth.formats.module_parts import module_apart, module_together
from firth.seq2seq.shape import ATTENTIONS, CELLS, FEEDINGS, MARKS, PLACES, TIES, Shape
from firth.text.tokenize import TOKENIZERS
from firth.vectors.static import Vectors
from firth.vectors.subword import SubwordVectors
from firth.vectors.words import Words

if TYPE_CHECKING:
    from firth.seq2seq.model import Seq2Seq
    from firth.tasks.translator_model import TranslatorModel
    from firth.tasks.translator_pieces import Pieces
    from firth.tasks.translator_source import Source

__all__ = ["KINDS"]

_NUMBERS = {"dim": 1 << 20, "hidden": 1 << 20, "layers": 1 << 10, "decoder_layers": 1 << 10}
_COUNTS = {"n_source": 1 << 26, "n_target": 1 << 26, "rows": 1 << 24, "positions": 1 << 24}
_CHOICES: dict[str, tuple[Any, ...]] = {
    "cell": CELLS, "attention": ATTENTIONS, "place": PLACES, "feeding": FEEDINGS, "tie": TIES,
    "bidirectional": (True, False),
}  # fmt: skip
_SOURCES = ("shared", "pieces", "given", "vectors")
_CASES = ("fallback", "exact")


def _apart(model: TranslatorModel) -> Parts:
    from firth.tasks.translator_source import GivenSource, TextSource, VectorSource

    entry, words = _pieces_apart(model.pieces, "vocab", "merges")
    config: dict[str, Any] = {
        **model.metadata, "model": "translator", "shape": dataclasses.asdict(model.net.shape), "pieces": entry,
    }  # fmt: skip
    tensors = module_apart(model.net, "net.")
    source = model.source
    if isinstance(source, TextSource) and source.pieces is model.pieces:
        config["source"] = {"kind": "shared"}
    elif isinstance(source, TextSource):
        entry, more = _pieces_apart(source.pieces, "source", "source_merges")
        config["source"], words = {"kind": "pieces", "pieces": entry}, {**words, **more}
    elif isinstance(source, GivenSource):
        config["source"] = {"kind": "given"}
    elif isinstance(source, VectorSource):
        vectors = _slim(source.words.vectors)
        kind = kind_of(vectors)
        parts = kind.apart(vectors)
        config["source"] = {"kind": "vectors", "of": kind.name, "case": source.words.case, "config": parts.config}
        tensors |= {f"source.{name}": tensor for name, tensor in parts.tensors.items()}
        words |= {f"source_{name}": some for name, some in parts.words.items()}
    return Parts(config, tensors, words)


def _pieces_apart(pieces: Pieces, vocab: str, merges: str) -> tuple[dict[str, Any], dict[str, Words]]:
    from firth.tasks.translator_pieces import Subwords, WordUnits

    if isinstance(pieces, Subwords):
        joined = [f"{one} {other}" for one, other in pieces.merges]
        found = {vocab: Words.of(pieces.vocab), merges: Words.of(joined)}
        return {"units": "bpe", "lower": pieces.lower}, found
    assert isinstance(pieces, WordUnits)  # for the type checker
    entry = {"units": "words", "lower": pieces.lower, "tokenizer": pieces.tokenizer}
    return entry, {vocab: Words.of(pieces.words)}


def _slim(vectors: Vectors) -> Vectors:
    """Return vectors without what a translator does not read: output vectors, counts."""
    options: dict[str, Any] = {"oov": vectors.oov, "metadata": vectors.metadata}
    if type(vectors) is SubwordVectors:
        return SubwordVectors(vectors.words, vectors.store, subwords=vectors.subwords, **options)
    return Vectors(vectors.words, vectors.store, **options) if type(vectors) is Vectors else vectors


def _together(parts: Parts, reading: Reading) -> TranslatorModel:
    if reading.limit is not None:
        raise parts.fault("a translator cannot be read in part", got=f"limit {reading.limit}")
    config = dict(parts.config)
    claims, pieces_entry, source_entry = (config.pop(key, None) for key in ("shape", "pieces", "source"))
    shape = _checked_shape(parts, claims)
    from firth.nn.extra import need_torch

    need_torch("a translator")
    from firth.tasks.translator_model import TranslatorModel

    pieces = _pieces_together(parts, pieces_entry, "vocab", "merges")
    source, n_source, rows = _source_together(parts, source_entry, pieces, shape, reading)
    if (shape.n_target, shape.n_source, shape.rows) != (pieces.n_ids, n_source, rows):
        got = f"{shape.n_target} and {shape.n_source} ids, rows of {shape.rows}"
        raise parts.fault("the net does not fit its pieces", got=got, expected=f"{pieces.n_ids}, {n_source}, {rows}")
    return TranslatorModel(_net(parts, shape), source, pieces, config)


def _checked_shape(parts: Parts, claims: Any) -> Shape:
    """Make sure that the claims are of the right types, and that every layer has its tensor."""
    fits = isinstance(claims, dict) and set(claims) == {*_NUMBERS, *_COUNTS, *_CHOICES}
    fits = fits and all(type(claims[name]) is int and 0 < claims[name] < most for name, most in _NUMBERS.items())
    fits = fits and all(type(claims[name]) is int and 0 <= claims[name] < most for name, most in _COUNTS.items())
    fits = fits and all(
        type(claims[name]) is type(some[0]) and claims[name] in some for name, some in _CHOICES.items()
    )  # fmt: skip
    fits = fits and claims["n_target"] > len(MARKS) and (claims["n_source"] > 0) != (claims["rows"] > 0)
    fits = fits and not (claims["bidirectional"] and claims["hidden"] % 2)
    fits = fits and (claims["attention"] == "location") == (claims["positions"] > 0)
    fits = fits and (claims["tie"] != "all" or claims["n_source"] == claims["n_target"])
    if not fits:
        raise parts.fault("no proper shape of a translator", got=claims)
    shape = Shape(**claims)
    counted = {"net.encoder.ahead": 0 if shape.rows else shape.layers, "net.decoder.layers": shape.decoder_layers}
    for prefix, n in counted.items():
        for place in range(n):
            if f"{prefix}.{place}.weight_hh" not in parts.tensors:
                raise parts.fault("a layer lacks its tensor", got=f"{n} layers", expected=f"at most {place}")
    return shape


def _pieces_together(parts: Parts, entry: Any, vocab: str, merges: str) -> Pieces:
    from firth.tasks.translator_pieces import Subwords, WordUnits

    units = entry.get("units") if isinstance(entry, dict) else None
    if units not in ("bpe", "words") or type(entry.get("lower")) is not bool or vocab not in parts.words:
        raise parts.fault("no proper pieces", got=entry)
    words = list(parts.words[vocab])
    if units == "words":
        if entry.get("tokenizer") not in TOKENIZERS or len(set(words)) < len(words):
            raise parts.fault("no proper words", got=entry)
        return WordUnits(words, entry["tokenizer"], entry["lower"])
    pairs = [tuple(line.split(" ")) for line in parts.words.get(merges, Words.of(["none"]))]
    if not all(len(pair) == 2 for pair in pairs):
        raise parts.fault("a merge is no pair of pieces, or there is no list of them")
    try:
        return Subwords(words, [(pair[0], pair[1]) for pair in pairs], entry["lower"])
    except FirthError as error:
        raise parts.fault(error.what, got=error.got) from error


def _source_together(
    parts: Parts, entry: Any, pieces: Pieces, shape: Shape, reading: Reading
) -> tuple[Source, int, int]:
    """Return the source, with the number of its ids and the length of its rows."""
    from firth.tasks.translator_source import GivenSource, TextSource, VectorSource

    kind = entry.get("kind") if isinstance(entry, dict) else None
    if kind not in _SOURCES:
        raise parts.fault("no proper source", got=entry, expected="one of " + ", ".join(_SOURCES))
    if kind == "given":
        return GivenSource(shape.rows), 0, shape.rows
    if kind == "vectors":
        vectors = _vectors_together(parts, entry, reading)
        return VectorSource(vectors, entry["case"]), 0, vectors.dim
    own = pieces if kind == "shared" else _pieces_together(parts, entry.get("pieces"), "source", "source_merges")
    return TextSource(own), own.n_ids, 0


def _vectors_together(parts: Parts, entry: Mapping[str, Any], reading: Reading) -> Vectors:
    kind = kinds().get(entry["of"]) if isinstance(entry.get("of"), str) else None
    if kind is None or entry.get("case") not in _CASES or not isinstance(entry.get("config"), dict):
        raise parts.fault("no proper vectors", got=entry.get("of"))
    tensors = {n.removeprefix("source."): t for n, t in parts.tensors.items() if n.startswith("source.")}
    words = {n.removeprefix("source_"): w for n, w in parts.words.items() if n.startswith("source_")}
    if "vocab" not in words:
        raise parts.fault("the vectors lack their words")
    try:
        made = kind.together(Parts(entry["config"], tensors, words, parts.path), reading)
    except FirthError as error:
        raise parts.fault(error.what, got=error.got, expected=error.expected) from error
    if not isinstance(made, Vectors):
        raise parts.fault("a translator's source is no vectors", got=kind.name)
    return made


def _net(parts: Parts, shape: Shape) -> Seq2Seq:
    import torch

    from firth.seq2seq.model import Seq2Seq

    with torch.device("meta"):
        net = Seq2Seq(shape)
    module_together(parts, net, "net.")
    return net


KINDS = (
    Kind(
        "translator",
        "a translator of texts, or a writer about vectors",
        "firth.tasks.translator_model:TranslatorModel",
        _apart,
        _together,
        ("task run", "task evaluate"),
    ),
)
