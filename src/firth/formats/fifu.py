"""finalfusion's ``.fifu``: chunks of vocabulary, matrix, lengths and metadata (https://finalfusion.github.io/spec)."""

from __future__ import annotations

import json
import math
import tomllib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.formats.base import FileReport, Format, Reading
from firth.formats.checked import bytes_of, vectors_of
from firth.formats.fifu_write import CHUNKS, holds_ngrams, write_fifu
from firth.formats.streams import Head
from firth.vectors.compressed import Rotated, Scaled
from firth.vectors.floret import FloretRows
from firth.vectors.ngrams import BucketNgrams, NamedNgrams
from firth.vectors.quantize import CENTROIDS, ProductQuantizer, Quantized
from firth.vectors.static import Vectors
from firth.vectors.storage import Rows, first_rows, part_of
from firth.vectors.subword import NgramRows, Subwords

__all__ = ["FORMATS"]

_TITLE = "finalfusion: words, n-grams, unit vectors (plain or quantised) and lengths"
_U8, _F32 = 1, 10
_WORD_CHUNKS = (
    *("SimpleVocab", "BucketSubwordVocab", "FastTextSubwordVocab"),
    *("ExplicitSubwordVocab", "FloretSubwordVocab"),
)


class _Reader:
    """The bytes of a file with a place among them; what is asked for must be there."""

    def __init__(self, head: Head) -> None:
        self.head, self.data, self.at = head, bytes_of(head), 0

    def fault(self, what: str, **details: Any) -> Any:
        return self.head.fault(what, self.at, **details)

    def need(self, n: int, what: str) -> None:
        if n > len(self.data) - self.at:
            raise self.fault(f"{what} reach beyond the file", got=f"{n:,} bytes")

    def number(self, width: int) -> int:
        self.need(width, "numbers")
        self.at += width
        return int.from_bytes(self.data[self.at - width : self.at], "little")

    def floats(self, *shape: int) -> NDArray[np.float32]:
        self.need(4 * math.prod(shape), "float32 values")
        found = np.frombuffer(self.data, "<f4", math.prod(shape), self.at).reshape(shape)
        self.at += found.nbytes
        return found

    def codes(self, *shape: int) -> NDArray[np.uint8]:
        self.need(math.prod(shape), "codes")
        found = np.frombuffer(self.data, np.uint8, math.prod(shape), self.at).reshape(shape)
        self.at += found.nbytes
        return found

    def text(self, n: int) -> str:
        self.need(n, "characters")
        self.at += n
        return self.data[self.at - n : self.at].decode("utf-8", "surrogateescape")

    def strings(self, n: int) -> list[str]:
        self.need(4 * n, "words")
        return [self.text(self.number(4)) for _ in range(n)]

    def is_type(self, wanted: int) -> None:
        if (kind := self.number(4)) != wanted:
            raise self.fault("values of another type", got=kind, expected=str(wanted))

    def align(self) -> None:
        self.at += 4 - self.at % 4


def _sniff(head: Head) -> float:
    return 1.0 if head.start.startswith(b"FiFu") else 0.0


def _chunks(reader: _Reader) -> list[str]:
    if reader.data[:4] != b"FiFu":
        raise reader.fault("not a finalfusion file", expected="FiFu at the start")
    reader.at = 4
    if version := reader.number(4):
        raise reader.fault("a later version of the format", got=version, expected="0")
    n = reader.number(4)
    if n > 64:
        raise reader.fault("the number of chunks makes no sense", got=n)
    return [_name(reader, reader.number(4)) for _ in range(n)]


def _name(reader: _Reader, number: int) -> str:
    if number not in CHUNKS:
        raise reader.fault("no such kind of chunk", got=number, expected=", ".join(CHUNKS.values()))
    return CHUNKS[number]


def _opened(head: Head) -> dict[str, Any]:
    """Return the chunks of a file by their role: vocab, storage, norms, metadata."""
    reader = _Reader(head)
    listed = _chunks(reader)
    found: dict[str, Any] = {"chunks": []}
    # Old writers left lengths out of the header's list, so what follows the listed chunks is read too.
    while len(found["chunks"]) < len(listed) or reader.at < len(reader.data):
        name, length = _name(reader, reader.number(4)), reader.number(8)
        at = len(found["chunks"])
        if name != (listed[at] if at < len(listed) else "NdNorms"):
            raise reader.fault("the chunks are not those that the header lists", got=name, expected=", ".join(listed))
        found["chunks"].append(name)
        reader.need(length, f"the chunk {name} would")
        role = "vocab" if name in _WORD_CHUNKS else name
        found[role] = _metadata(reader, length) if name == "Metadata" else _READERS[name](reader)
    return found


def _metadata(reader: _Reader, length: int) -> dict[str, Any]:
    try:
        table = tomllib.loads(reader.text(length))
        ours = table.get("firth")
        return (
            json.loads(ours) if isinstance(ours, str) else {"finalfusion": json.loads(json.dumps(table, default=str))}
        )
    except (ValueError, RecursionError) as error:
        raise reader.fault("the metadata are not TOML") from error


def _simple(reader: _Reader) -> dict[str, Any]:
    return {"words": reader.strings(reader.number(8))}


def _bucketed(reader: _Reader) -> dict[str, Any]:
    n, minn, maxn, buckets = reader.number(8), reader.number(4), reader.number(4), reader.number(4)
    return {"minn": minn, "maxn": maxn, "buckets": buckets, "words": reader.strings(n)}


def _explicit(reader: _Reader) -> dict[str, Any]:
    n, grams, minn, maxn = reader.number(8), reader.number(8), reader.number(4), reader.number(4)
    words = reader.strings(n)
    reader.need(12 * grams, "n-grams")
    # Places are numbered anew as they appear, as finalfusion does.
    places: dict[int, int] = {}
    table: dict[str, int] = {}
    for _ in range(grams):
        gram = reader.text(reader.number(4))
        table[gram] = places.setdefault(reader.number(8), len(places))
    return {"minn": minn, "maxn": maxn, "table": table, "buckets": len(places), "words": words}


def _floret(reader: _Reader) -> dict[str, Any]:
    minn, maxn, buckets = reader.number(4), reader.number(4), reader.number(8)
    hashes, seed = reader.number(4), reader.number(4)
    marks = [reader.text(reader.number(4)) for _ in range(2)]
    return {
        "minn": minn, "maxn": maxn, "buckets": buckets, "hashes": hashes, "seed": seed, "marks": marks, "words": []
    }  # fmt: skip


def _matrix(reader: _Reader) -> NDArray[np.float32]:
    rows, dim = reader.number(8), reader.number(4)
    reader.is_type(_F32)
    reader.align()
    return reader.floats(rows, dim)


def _quantised(reader: _Reader) -> Rows:
    turned, scaled, m, dim, k = (reader.number(4) for _ in range(5))
    rows = reader.number(8)
    reader.is_type(_U8)
    reader.is_type(_F32)
    reader.align()
    if not m or not k or k > 256 or dim % m:
        raise reader.fault("the quantiser makes no sense", got=f"{m} runs of {dim} values, {k} centroids")
    rotation = reader.floats(dim, dim) if turned else None
    centroids = reader.floats(m, k, dim // m)
    scales = reader.floats(rows) if scaled else None
    codes = reader.codes(rows, m)
    if k < 256 and codes.size and codes.max() >= k:
        raise reader.fault("a code has no centroid", got=int(codes.max()), expected=f"under {k}")
    padded = np.zeros((m, CENTROIDS, dim // m), dtype=np.float32)
    padded[:, :k] = centroids
    store = Quantized(ProductQuantizer(padded, dim), codes, scales)
    return store if rotation is None else Rotated(store, rotation)


def _norms(reader: _Reader) -> NDArray[np.float32]:
    n = reader.number(8)
    reader.is_type(_F32)
    reader.align()
    return reader.floats(n)


_READERS = {
    "SimpleVocab": _simple, "BucketSubwordVocab": _bucketed, "FastTextSubwordVocab": _bucketed,
    "ExplicitSubwordVocab": _explicit, "FloretSubwordVocab": _floret, "NdArray": _matrix,
    "QuantizedArray": _quantised, "NdNorms": _norms,
}  # fmt: skip


def _subwords(head: Head, found: dict[str, Any], rows: Rows) -> Subwords | None:
    vocab, name = found["vocab"], next(chunk for chunk in found["chunks"] if chunk in _WORD_CHUNKS)
    if name == "SimpleVocab":
        return None
    minn, maxn = vocab["minn"], vocab["maxn"]
    if not 1 <= minn <= maxn <= 1000:
        raise head.fault("the lengths of n-grams make no sense", got=f"{minn} to {maxn}")
    if name == "FloretSubwordVocab":
        if not 1 <= vocab["hashes"] <= 4 or not len(rows):
            raise head.fault("the hashes of floret make no sense", got=vocab["hashes"], expected="1 to 4")
        rows = _fitting(head, rows, vocab["buckets"])
        return FloretRows(rows, minn, maxn, vocab["hashes"], vocab["seed"], *vocab["marks"])
    if name == "ExplicitSubwordVocab":
        return NamedNgrams(_fitting(head, rows, len(rows)), minn, maxn, vocab["table"])
    buckets = vocab["buckets"] if name == "FastTextSubwordVocab" else 1 << min(vocab["buckets"], 62)
    rows = _fitting(head, rows, buckets)
    if name == "FastTextSubwordVocab":
        return NgramRows(rows, minn, maxn, buckets)
    return BucketNgrams(rows, minn, maxn, buckets)


def _fitting(head: Head, rows: Rows, buckets: int) -> Rows:
    if len(rows) != buckets:
        raise head.fault("the n-gram rows don't fit", got=f"{len(rows):,}", expected=f"{buckets:,}, one per bucket")
    return rows


def _read(head: Head, reading: Reading) -> Vectors:
    found = _opened(head)
    storage = found.get("NdArray", found.get("QuantizedArray"))
    if storage is None or "vocab" not in found:
        raise head.fault("no words or no vectors in it", got=", ".join(found["chunks"]))
    words = found["vocab"]["words"]
    if len(storage) < len(words):
        raise head.fault("more words than vectors", got=f"{len(words):,}", expected=f"at most {len(storage):,}")
    rows: Rows = first_rows(storage, len(words))
    if "NdNorms" in found:
        if len(found["NdNorms"]) != len(words):
            raise head.fault("words and lengths don't match", got=len(found["NdNorms"]), expected=str(len(words)))
        rows = Scaled(rows, found["NdNorms"])
    rest = part_of(storage, len(words), len(storage))
    subwords = _subwords(head, found, rest)
    if subwords is None and len(rest):
        raise head.fault("words and vectors don't match", got=f"{len(words):,}", expected=f"{len(storage):,}")
    return vectors_of(head, reading, words, rows, subwords=subwords, metadata=found.get("Metadata"))


def _inspect(head: Head) -> FileReport:
    found = _opened(head)
    storage = found.get("NdArray", found.get("QuantizedArray"))
    vocab = found.get("vocab", {"words": []})
    details = {"chunks": found["chunks"]}
    details |= {key: vocab[key] for key in ("minn", "maxn", "buckets") if key in vocab}
    if "NdNorms" in found:
        details["lengths"] = "unit vectors with their lengths; loading multiplies them"
    holds = ["n-grams"] if "minn" in vocab else []
    holds += ["metadata"] if "Metadata" in found else []
    dim = None if storage is None else int(storage.shape[1])
    return FileReport(
        str(head.path), "finalfusion", _TITLE, head.compression, head.size, "vectors", len(vocab["words"]), dim,
        tuple(holds), details,
    )  # fmt: skip


FORMATS = (
    Format(
        name="finalfusion",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=write_fifu,
        keeps=frozenset({"metadata", "subwords"}),
        holds_subwords=holds_ngrams,
        suffixes=(".fifu",),
    ),
)
