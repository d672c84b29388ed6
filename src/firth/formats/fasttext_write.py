"""From a model to a file that Facebook's fastText, or floret, reads."""

from __future__ import annotations

import struct
import urllib.parse
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.formats.atomic import new_file
from firth.formats.fasttext_args import FASTTEXT, FLORET, LOSSES, Args, args_of
from firth.formats.fasttext_dictionary import MAGIC, VERSION
from firth.formats.fasttext_quant import joined, write_quantised
from firth.formats.streams import compressed_writer
from firth.protocols import Float32
from firth.tasks.fasttext import FastTextClassifier
from firth.vectors.compose import composed
from firth.vectors.floret import SEED, FloretRows
from firth.vectors.quantize import Quantized
from firth.vectors.static import Vectors
from firth.vectors.storage import BLOCK_VALUES, Rows
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.words import Words

__all__ = ["write_model"]

Model = Vectors | FastTextClassifier
_NUMBERS = {name: number for number, name in LOSSES.items()}
_NEGATIVE = _NUMBERS["negative"]


def write_model(model: Model, path: Path, *, floret: bool = False) -> None:
    """Write a model whole or not at all, compressed where the name says so.

    Raises
    ------
    DataError
        When a word holds a zero, or the model is one that the other program would not read.
    """
    if isinstance(model, FastTextClassifier):
        _write_classifier(model, path, floret)
    elif isinstance(model, SubwordVectors):
        _write_subwords(model, path, floret)
    else:
        args = args_of(model.metadata, dim=model.dim, bucket=0, minn=0, maxn=0, word_ngrams=1)
        dictionary = _dictionary(_entries(model), model.metadata, None)
        _write(path, _as_vectors(args, None), dictionary, (model.store, _output(model)), floret)


def _write_subwords(model: SubwordVectors, path: Path, floret: bool) -> None:
    grams = model.subwords
    if isinstance(grams, FloretRows):
        if (grams.seed, grams.begin, grams.end) != (SEED, "<", ">"):
            raise DataError("a .bin of floret has its own seed and frame", remedy='format="floret" keeps these')
        hashing: dict[str, Any] = {"mode": FLORET, "hash_count": grams.hashes}
        own = model.store.own if isinstance(model.store, Composed) else None
        first = [] if own is None else [own]
        words = [*first, _zeros(len(model) - sum(map(len, first)), model.dim)]  # rows that floret keeps and never uses
        kept, buckets = None, grams.buckets
    elif isinstance(grams, NgramRows):
        hashing, kept, buckets = {}, grams.kept, grams.buckets
        words = [_own_rows(model, grams)]
        if kept is None and len(grams.rows) != buckets:
            raise DataError("the n-gram rows don't fit", got=len(grams.rows), expected=f"{buckets}, one per bucket")
    else:
        raise DataError("n-grams of a kind that fastText does not have", got=type(grams).__name__)
    args = args_of(model.metadata, dim=model.dim, bucket=buckets, minn=grams.minn, maxn=grams.maxn, **hashing)
    inputs = (joined(words[0], grams.rows) if len(words) == 1 else None) or [*words, grams.rows]
    _refuse_pruned(kept, inputs)
    args = _as_vectors(args, model.nodes)
    _write(path, args, _dictionary(_entries(model), model.metadata, kept), (inputs, _output(model)), floret)


def _write_classifier(model: FastTextClassifier, path: Path, floret: bool) -> None:
    _refuse_pruned(model.kept, model.input)
    args = args_of(
        model.metadata, dim=model.dim, bucket=model.buckets, minn=model.minn, maxn=model.maxn,
        word_ngrams=model.word_ngrams, loss=_NUMBERS[model.loss], model=3,
    )  # fmt: skip
    entries = [(model.words, model.counts, 0), (model.labels, model.label_counts, 1)]
    dictionary = _dictionary(entries, model.metadata, model.kept)
    _write(path, args, dictionary, (model.input, model.output), floret)


def _as_vectors(args: Args, nodes: Rows | None) -> Args:
    """Return the options of vectors, whose loss says whether the output matrix holds the nodes of a tree."""
    hierarchical = _NUMBERS["hierarchical"]
    loss = hierarchical if nodes is not None else _NEGATIVE if args.loss == hierarchical else args.loss
    return Args(**{**vars(args), "loss": loss, "model": 2 if args.is_supervised else args.model})


def _refuse_pruned(kept: Mapping[int, int] | None, inputs: Any) -> None:
    if kept is not None and not isinstance(inputs, Quantized):
        raise DataError(
            "Facebook's program reads no pruned model that is not quantised too",
            remedy="quantise it, or keep it in a folder of Firth's",
        )


def _zeros(rows: int, dim: int) -> Float32:
    return np.broadcast_to(np.zeros(dim, np.float32), (rows, dim))


def _output(model: Vectors) -> Any:
    if isinstance(model, SubwordVectors) and model.nodes is not None:
        return [model.nodes, _zeros(len(model) - len(model.nodes), model.dim)]
    return _zeros(len(model), model.dim) if model.output_store is None else model.output_store


def _own_rows(model: SubwordVectors, grams: NgramRows) -> Rows:
    """Return the words' own rows; where only the composed ones are known, solved from those."""
    own = model.store.own if isinstance(model.store, Composed) and model.store.grams is grams else None
    if own is not None and len(own) == len(model):
        return own
    if not grams.maxn:
        return model.store
    warnings.warn("the words' own rows are not known: solved from the composed vectors, up to rounding", stacklevel=2)
    items, ends = grams.all_indices(model.words)
    starts = np.concatenate([np.zeros(1, np.int64), ends])
    counts = np.diff(starts).astype(np.float64)[:, None]
    means = composed(None, grams.rows, starts, items)
    return np.asarray(model.matrix * (counts + 1) - means * counts, dtype=np.float32)


# ------------------------------------------------------------------ the dictionary
Entries = list[tuple[Words, NDArray[np.int64], int]]


def _entries(model: Vectors) -> Entries:
    counts = np.zeros(len(model), np.int64) if model.counts is None else model.counts
    return [(model.words, counts, 0), *_kept_labels(model.metadata.get("fasttext"))]


def _kept_labels(metadata: Any) -> Entries:
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    if not isinstance(labels, list):
        return []
    names = [urllib.parse.unquote_to_bytes(name).decode("utf-8", "surrogateescape") for name, _ in labels]
    return [(Words.of(names), np.array([count for _, count in labels], np.int64), 1)]


def _dictionary(entries: Entries, metadata: Mapping[str, Any], kept: Mapping[int, int] | None) -> list[bytes]:
    """Return the dictionary in pieces.

    Raises
    ------
    DataError
        When there are no words, which the program does not survive, or one holds a zero.
    """
    sizes = [sum(len(words) for words, _, kind in entries if kind == wanted) for wanted in (0, 1)]
    if not sum(sizes):
        raise DataError("a model of fastText needs words", got=0)
    theirs = metadata.get("fasttext")
    tokens = theirs.get("tokens") if isinstance(theirs, Mapping) else None
    tokens = tokens if type(tokens) is int else sum(int(counts.sum()) for _, counts, _ in entries)
    head = struct.pack("<3i2q", sum(sizes), *sizes, tokens, -1 if kept is None else len(kept))
    pieces = [head, *(_packed(words, counts, kind) for words, counts, kind in entries)]
    return [*pieces, np.array(list((kept or {}).items()), "<i4").tobytes()]


def _packed(words: Words, counts: NDArray[np.int64], kind: int) -> bytes:
    raw = [words.raw(row) for row in range(len(words))]
    for word in raw:
        if b"\0" in word:
            text = repr(word.decode("utf-8", "surrogateescape"))
            raise DataError("fastText's files cannot hold a word with a zero in it", got=text)
    tails = np.zeros(len(raw), np.dtype([("end", "u1"), ("count", "<i8"), ("kind", "u1")]))
    tails["count"], tails["kind"] = counts, kind
    blob, size = tails.tobytes(), tails.itemsize
    return b"".join(part for i, word in enumerate(raw) for part in (word, blob[i * size : (i + 1) * size]))


# ------------------------------------------------------------------ the file
def _write(path: Path, args: Args, dictionary: list[bytes], matrices: tuple[Any, Any], floret: bool) -> None:
    inputs, outputs = matrices
    if args.mode != FASTTEXT and not floret:
        raise DataError("fastText's files have no table of floret", remedy='format="floret-bin" or "floret"')
    quantised = isinstance(inputs, Quantized)
    qout = quantised and isinstance(outputs, Quantized)
    with new_file(path) as temporary, compressed_writer(temporary, path.suffix) as file:
        file.write(struct.pack("<2i", MAGIC, VERSION) + args.packed(floret=floret))
        file.writelines(dictionary)
        for matrix, flag in zip(matrices, (quantised, qout), strict=True):
            file.write(bytes([flag]))
            if flag:
                write_quantised(file, matrix)
            else:
                _write_dense(file, matrix if isinstance(matrix, list) else [matrix])


def _write_dense(file: IO[bytes], parts: list[Rows]) -> None:
    dim = parts[0].shape[1]
    file.write(struct.pack("<2q", sum(len(part) for part in parts), dim))
    step = max(1, BLOCK_VALUES // dim)
    for part in parts:
        for start in range(0, len(part), step):
            file.write(np.ascontiguousarray(part[start : start + step], "<f4").tobytes())
