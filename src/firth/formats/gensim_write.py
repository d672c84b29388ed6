"""Writing ``.kv``: the pickle that gensim's ``KeyedVectors.load`` opens, put together without gensim."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.formats.atomic import new_file
from firth.formats.streams import compressed_writer
from firth.vectors.static import Vectors
from firth.vectors.storage import dense
from firth.vectors.subword import Composed, NgramRows, SubwordVectors

__all__ = ["holds_ngrams", "write_gensim"]


def write_gensim(vectors: Vectors, path: Path) -> None:
    """Write vectors as gensim 4 does: ``KeyedVectors``, or ``FastTextKeyedVectors`` where there are n-grams.

    All lies in one file; gensim reads the matrix from there as well as from a ``.npy`` beside it.
    """
    grams = vectors.subwords if isinstance(vectors, SubwordVectors) else None
    whole = holds_ngrams(grams)
    name = ("fasttext", "FastTextKeyedVectors") if whole else ("keyedvectors", "KeyedVectors")
    with new_file(path) as temporary, compressed_writer(temporary, path.suffix) as file:
        file.write(b"\x80\x04")
        file.write(f"cgensim.models.{name[0]}\n{name[1]}\n".encode() + b")\x81}(")  # object, its dict, a mark
        for key, value in _attributes(vectors, grams if whole else None).items():
            _write_value(file, key)
            _write_value(file, value)
        file.write(b"ub.")  # the items into the dict, the dict into the object


def holds_ngrams(grams: Any) -> bool:
    """Return whether gensim's ``FastTextKeyedVectors`` have a place for these n-grams."""
    return isinstance(grams, NgramRows) and grams.kept is None and 0 < grams.minn <= grams.maxn


def _attributes(vectors: Vectors, grams: Any) -> dict[str, Any]:
    words = list(vectors.words)
    store = vectors.store
    state: dict[str, Any] = {
        "vector_size": vectors.dim,
        "index_to_key": words,
        "key_to_index": {word: row for row, word in enumerate(words)},
        "next_index": len(words),
        "expandos": {} if vectors.counts is None else {"count": vectors.counts},
        "mapfile_path": None,
        "norms": None,
        "vectors": vectors.matrix,
    }
    if grams is not None:
        own = dense(store.own) if isinstance(store, Composed) and store.own is not None else vectors.matrix
        state |= {"min_n": grams.minn, "max_n": grams.maxn, "bucket": grams.buckets, "compatible_hash": True}
        state |= {"buckets_word": None, "vectors_vocab": own, "vectors_ngrams": dense(grams.rows)}
    return state


def _write_value(file: IO[bytes], value: Any) -> None:
    if isinstance(value, np.ndarray):
        _write_array(file, value)
    elif isinstance(value, dict) and any(isinstance(item, np.ndarray) for item in value.values()):
        file.write(b"}(")
        for key, item in value.items():
            _write_value(file, key)
            _write_value(file, item)
        file.write(b"u")
    else:
        # Protocol 3 has no frames, so a pickle's middle can stand in another's.
        file.write(pickle.dumps(value, 3)[2:-1])


def _write_array(file: IO[bytes], array: NDArray[Any]) -> None:
    """Write an array through names that NumPy 1 and 2 both have: ``numpy.ndarray`` and ``numpy.dtype``."""
    plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    kind = plain.dtype.str[1:]
    body = pickle.dumps
    file.write(b"cnumpy\nndarray\n" + body(((0,), kind), 3)[2:-1] + b"\x81")
    file.write(b"(" + body(1, 3)[2:-1] + body(plain.shape, 3)[2:-1])
    file.write(b"cnumpy\ndtype\n" + body((kind, False, True), 3)[2:-1] + b"R")
    file.write(body((3, "<", None, None, None, -1, -1, 0), 3)[2:-1] + b"b")
    file.write(body(False, 3)[2:-1] + b"\x8e" + struct.pack("<Q", plain.nbytes))
    if plain.size:
        file.write(plain.data.cast("B"))
    file.write(b"tb")
