"""Writing finalfusion's ``.fifu``: unit vectors with their lengths, as its readers expect, or a quantised matrix."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from firth.errors import DataError
from firth.formats.atomic import new_file
from firth.formats.checked import refuse_undecodable
from firth.formats.streams import compressed_writer
from firth.vectors.compressed import Rotated
from firth.vectors.ngrams import BucketNgrams, NamedNgrams
from firth.vectors.quantize import Quantized
from firth.vectors.static import Vectors
from firth.vectors.storage import BLOCK_VALUES, Rows
from firth.vectors.subword import NgramRows, SubwordVectors

__all__ = ["CHUNKS", "holds_ngrams", "write_fifu"]

CHUNKS = {
    1: "SimpleVocab", 2: "NdArray", 3: "BucketSubwordVocab", 4: "QuantizedArray", 5: "Metadata", 6: "NdNorms",
    7: "FastTextSubwordVocab", 8: "ExplicitSubwordVocab", 9: "FloretSubwordVocab",
}  # fmt: skip
_NUMBER = {name: number for number, name in CHUNKS.items()}
_U8, _F32 = 1, 10


def holds_ngrams(grams: Any) -> bool:
    """Return whether finalfusion has a vocabulary for these n-grams."""
    if isinstance(grams, NgramRows):
        return grams.kept is None and 1 <= grams.minn <= grams.maxn
    if isinstance(grams, BucketNgrams):
        return grams.hash == "finalfusion" and grams.kept is None and grams.buckets & (grams.buckets - 1) == 0
    # A row that no n-gram names could not be told from the others when it is read again.
    return isinstance(grams, NamedNgrams) and sorted(set(grams.table.values())) == list(range(len(grams.rows)))


def write_fifu(vectors: Vectors, path: Path) -> None:
    """Write vectors, their n-grams and metadata.

    Raises
    ------
    DataError
        When a word is not UTF-8.
    """
    refuse_undecodable(vectors, "finalfusion")
    grams = vectors.subwords if isinstance(vectors, SubwordVectors) and holds_ngrams(vectors.subwords) else None
    packed = _packed(vectors.store) if grams is None else None
    name, vocab = _vocab(vectors, grams)
    chunks = [name, "NdArray", "NdNorms"] if packed is None else [name, "QuantizedArray"]
    chunks = (["Metadata"] if vectors.metadata else []) + chunks
    with new_file(path) as temporary, compressed_writer(temporary, path.suffix) as file:
        out = _Counted(file)
        out.write(b"FiFu" + struct.pack("<II", 0, len(chunks)))
        out.write(struct.pack(f"<{len(chunks)}I", *(_NUMBER[chunk] for chunk in chunks)))
        if vectors.metadata:
            _chunk(out, "Metadata", _toml(vectors.metadata))
        _chunk(out, name, vocab)
        if packed is None:
            _write_matrix(out, vectors, grams)
        else:
            _write_codes(out, *packed)


class _Counted:
    """A file that tells how much was written, for alignment."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.at = file, 0

    def write(self, piece: Any) -> None:
        self._file.write(piece)
        self.at += len(piece) if isinstance(piece, bytes) else piece.nbytes

    def padding(self, ahead: int) -> bytes:
        """Return 1 to 4 zeros, after which values that come ``ahead`` bytes from here are aligned."""
        return bytes(4 - (self.at + ahead) % 4)


def _chunk(out: _Counted, name: str, content: bytes) -> None:
    out.write(struct.pack("<IQ", _NUMBER[name], len(content)) + content)


def _toml(metadata: dict[str, Any]) -> bytes:
    """Return TOML of one key, whose value is our metadata as JSON: a JSON string is a string of TOML too."""
    text = json.dumps(json.dumps(metadata, ensure_ascii=False), ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"firth = {text}\n".encode("utf-8", "surrogatepass")


def _strings(items: Iterable[bytes]) -> list[bytes]:
    return [struct.pack("<I", len(item)) + item for item in items]


def _vocab(vectors: Vectors, grams: Any) -> tuple[str, bytes]:
    n = len(vectors)
    words = b"".join(_strings(vectors.words.raw(row) for row in range(n)))
    if grams is None:
        return "SimpleVocab", struct.pack("<Q", n) + words
    if isinstance(grams, NamedNgrams):
        by_row = sorted(grams.table.items(), key=lambda item: item[1])  # first seen, first numbered
        listed = _strings(gram.encode("utf-8", "surrogateescape") for gram, _ in by_row)
        places = b"".join(
            gram + struct.pack("<Q", place) for gram, (_, place) in zip(listed, by_row, strict=True)
        )  # fmt: skip
        return "ExplicitSubwordVocab", struct.pack("<QQII", n, len(by_row), grams.minn, grams.maxn) + words + places
    hashed = isinstance(grams, BucketNgrams)
    buckets = grams.buckets.bit_length() - 1 if hashed else grams.buckets
    name = "BucketSubwordVocab" if hashed else "FastTextSubwordVocab"
    return name, struct.pack("<QIII", n, grams.minn, grams.maxn, buckets) + words


def _write_matrix(out: _Counted, vectors: Vectors, grams: Any) -> None:
    rows: list[Rows] = [vectors.store] + ([] if grams is None else [grams.rows])
    total, dim = sum(len(part) for part in rows), vectors.dim
    if dim >= 1 << 32:
        raise DataError("too many columns for finalfusion", got=dim)
    padding = out.padding(12 + 16)
    out.write(struct.pack("<IQQII", _NUMBER["NdArray"], 16 + len(padding) + 4 * total * dim, total, dim, _F32))
    out.write(padding)
    lengths = np.zeros(len(vectors), dtype="<f4")
    step = max(1, BLOCK_VALUES // dim)
    for number, part in enumerate(rows):
        for start in range(0, len(part), step):
            block = np.ascontiguousarray(part[start : start + step], dtype="<f4")
            if number == 0:
                norms = _lengths(block)
                lengths[start : start + step] = norms
                block = (block / np.where(norms > 0, norms, 1)[:, None]).astype("<f4")
            out.write(block.data.cast("B") if block.size else b"")
    padding = out.padding(12 + 12)
    out.write(struct.pack("<IQQI", _NUMBER["NdNorms"], 12 + len(padding) + lengths.nbytes, len(lengths), _F32))
    out.write(padding + lengths.tobytes())


def _lengths(block: Any) -> Any:
    """Return the lengths of rows as they are stored, shape (n,), float32 values in float64."""
    wide = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float64))
    if np.isfinite(wide).all() and wide.max(initial=0) > np.finfo(np.float32).max:
        raise DataError("the format finalfusion cannot hold a vector of this length", got=f"{wide.max():.3g}")
    return wide.astype(np.float32).astype(np.float64)


def _packed(store: Rows) -> tuple[Quantized, Any] | None:
    """Return codes and rotation of rows that finalfusion can hold as they are: pieces of one length."""
    rotation = store.rotation if isinstance(store, Rotated) else None
    inner = store.rows if isinstance(store, Rotated) else store
    fits = isinstance(inner, Quantized) and inner.quantizer.last == inner.quantizer.dsub
    return (inner, rotation) if isinstance(inner, Quantized) and fits else None


def _write_codes(out: _Counted, store: Quantized, rotation: Any) -> None:
    used = 1 << int(store.codes.max(initial=0)).bit_length()  # centroids come in powers of two
    centroids = store.quantizer.centroids[:, :used]
    tables = [part for part in (rotation, centroids, store.norms) if part is not None]
    padding = out.padding(12 + 36)
    size = 36 + len(padding) + sum(4 * part.size for part in tables) + store.codes.size
    out.write(struct.pack("<IQ", _NUMBER["QuantizedArray"], size))
    shape = (store.quantizer.n_sub, store.shape[1], used, len(store))
    out.write(struct.pack("<5IQII", rotation is not None, store.norms is not None, *shape, _U8, _F32) + padding)
    for part in tables:
        out.write(np.ascontiguousarray(part, dtype="<f4").tobytes())
    out.write(np.ascontiguousarray(store.codes).tobytes())
