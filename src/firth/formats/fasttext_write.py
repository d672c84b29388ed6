"""From a model to a file that Facebook's fastText, or floret, reads."""

from __future__ import annotations

import dataclasses
import urllib.parse
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from firth.errors import DataError
from firth.formats.fasttext_args import FLORET, LOSSES, Args, args_of
from firth.formats.fasttext_pieces import Entries, Matrix, dictionary_bytes, write_file, zero_rows
from firth.formats.fasttext_quant import joined
from firth.tasks.fasttext import FastTextClassifier
from firth.vectors.buckets import SpreadRows
from firth.vectors.compose import composed
from firth.vectors.floret import SEED, FloretRows
from firth.vectors.quantize import Quantized
from firth.vectors.static import Vectors
from firth.vectors.storage import Rows, part_of
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.words import Words

__all__ = ["write_model"]

_NUMBERS = {name: number for number, name in LOSSES.items()}


def write_model(model: Vectors | FastTextClassifier, path: Path, *, floret: bool = False) -> None:
    """Write a model whole or not at all, compressed where the name says so.

    A model that dropped n-grams and is not quantised, which the program refuses, gets rows of zeros for them; a
    warning tells so.

    Raises
    ------
    DataError
        When a word holds a zero, there are no words, or a table of floret is one that its program cannot have.
    """
    if isinstance(model, FastTextClassifier):
        whole = _classifier(model)
    elif not isinstance(model, SubwordVectors):
        whole = _plain(model)
    elif isinstance(model.subwords, FloretRows):
        whole = _table(model, model.subwords)
    elif isinstance(model.subwords, NgramRows):
        whole = _subwords(model, model.subwords)
    else:
        raise DataError("n-grams of a kind that fastText does not have", got=type(model.subwords).__name__)
    theirs = model.metadata.get("fasttext")
    tokens = theirs.get("tokens") if isinstance(theirs, Mapping) else None
    dictionary = dictionary_bytes(whole.entries, tokens if type(tokens) is int else None, whole.kept)
    write_file(path, whole.args, dictionary, (whole.inputs, whole.outputs), floret=floret)


@dataclasses.dataclass(frozen=True)
class _Whole:
    args: Args
    entries: Entries
    kept: Mapping[int, int] | None
    inputs: Matrix
    outputs: Matrix


def _plain(model: Vectors) -> _Whole:
    args = args_of(model.metadata, dim=model.dim, bucket=0, minn=0, maxn=0, word_ngrams=1)
    return _Whole(_of_vectors(args, None), _entries(model), None, [model.store], _outputs(model))


def _table(model: SubwordVectors, grams: FloretRows) -> _Whole:
    if (grams.seed, grams.begin, grams.end) != (SEED, "<", ">"):
        raise DataError("a .bin of floret has its own seed and frame", remedy='format="floret" keeps these')
    args = args_of(
        model.metadata, dim=model.dim, bucket=grams.buckets, minn=grams.minn, maxn=grams.maxn, mode=FLORET,
        hash_count=grams.hashes,
    )  # fmt: skip
    own = model.store.own if isinstance(model.store, Composed) else None
    first: list[Rows] = [] if own is None else [own]
    unused = zero_rows(len(model) - sum(map(len, first)), model.dim)  # floret has a row per word and uses the first
    inputs = [*first, unused, grams.rows]
    return _Whole(_of_vectors(args, model.nodes), _entries(model), None, inputs, _outputs(model))


def _subwords(model: SubwordVectors, grams: NgramRows) -> _Whole:
    words = _own_rows(model, grams)
    inputs = joined(words, grams.rows)
    kept, buckets, rows = (grams.kept, grams.buckets, grams.rows) if inputs is not None else _unpruned(grams)
    none_left = grams.kept is not None and not len(grams.kept)
    sizes = {"bucket": buckets, "minn": 0 if none_left else grams.minn, "maxn": 0 if none_left else grams.maxn}
    args = _of_vectors(args_of(model.metadata, dim=model.dim, **sizes), model.nodes)
    return _Whole(args, _entries(model), kept, inputs or [words, rows], _outputs(model))


def _classifier(model: FastTextClassifier) -> _Whole:
    n = len(model.words)
    inputs: Matrix
    kept, buckets = model.kept, model.buckets
    if isinstance(model.input, Quantized):
        inputs = model.input
    elif kept is None:
        inputs = [model.input]
    else:
        grams = NgramRows(part_of(model.input, n, len(model.input)), model.minn, model.maxn, model.buckets, kept)
        kept, buckets, rows = _unpruned(grams)
        inputs = [part_of(model.input, 0, n), rows]
    none_left = kept is None and model.kept is not None and not len(model.kept)
    args = args_of(
        model.metadata, dim=model.dim, bucket=buckets, minn=0 if none_left else model.minn,
        maxn=0 if none_left else model.maxn, word_ngrams=1 if none_left else model.word_ngrams,
        loss=_NUMBERS[model.loss], model=3,
    )  # fmt: skip
    entries = [(model.words, model.counts, 0), (model.labels, model.label_counts, 1)]
    outputs = model.output if isinstance(model.output, Quantized) else [model.output]
    return _Whole(args, entries, kept, inputs, outputs)


def _unpruned(grams: NgramRows) -> tuple[None, int, Rows]:
    """Return no map, how many buckets and their rows: the program reads a pruned model only where it is quantised."""
    if grams.kept is None:
        if len(grams.rows) != grams.buckets:
            raise DataError("the n-gram rows don't fit", got=len(grams.rows), expected=f"{grams.buckets}, one a bucket")
        return None, grams.buckets, grams.rows
    if not len(grams.kept):
        return None, 0, grams.rows
    if len(grams.kept) < grams.buckets:
        warnings.warn(
            f"{grams.buckets - len(grams.kept):,} of {grams.buckets:,} buckets of n-grams have no row and get zeros in "
            "the file: texts and unknown words with such n-grams have shorter vectors of the same direction there",
            stacklevel=2,
        )
    return None, grams.buckets, SpreadRows(grams.rows, grams.kept, grams.buckets)


def _of_vectors(args: Args, nodes: Rows | None) -> Args:
    """Return the options of vectors, whose loss says whether the output matrix holds the nodes of a tree."""
    hierarchical = _NUMBERS["hierarchical"]
    loss = hierarchical if nodes is not None else _NUMBERS["negative"] if args.loss == hierarchical else args.loss
    return dataclasses.replace(args, loss=loss, model=2 if args.is_supervised else args.model)


def _outputs(model: Vectors) -> list[Rows]:
    if isinstance(model, SubwordVectors) and model.nodes is not None:
        return [model.nodes, zero_rows(len(model) - len(model.nodes), model.dim)]
    return [zero_rows(len(model), model.dim) if model.output_store is None else model.output_store]


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


def _entries(model: Vectors) -> Entries:
    counts = np.zeros(len(model), np.int64) if model.counts is None else model.counts
    return [(model.words, counts, 0), *_kept_labels(model.metadata.get("fasttext"))]


def _kept_labels(metadata: Any) -> Entries:
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    if not isinstance(labels, list):
        return []
    names = [urllib.parse.unquote_to_bytes(name).decode("utf-8", "surrogateescape") for name, _ in labels]
    return [(Words.of(names), np.array([count for _, count in labels], np.int64), 1)]
