"""The pieces of a fastText file as bytes: its dictionary and its matrices."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.formats.atomic import new_file
from firth.formats.fasttext_args import FASTTEXT, Args
from firth.formats.fasttext_dictionary import MAGIC, VERSION
from firth.formats.fasttext_quant import write_quantised
from firth.formats.streams import compressed_writer
from firth.protocols import Float32
from firth.vectors.buckets import KeptBuckets
from firth.vectors.quantize import Quantized
from firth.vectors.storage import BLOCK_VALUES, Rows
from firth.vectors.words import Words

__all__ = ["Entries", "Matrix", "dictionary_bytes", "write_file", "zero_rows"]

Entries = list[tuple[Words, NDArray[np.int64], int]]  # words or labels, their counts, 0 or 1
Matrix = Sequence[Rows] | Quantized  # parts that stand one after another, or codes


def zero_rows(rows: int, dim: int) -> Float32:
    """Return rows of zeros that take no memory."""
    return np.broadcast_to(np.zeros(dim, np.float32), (rows, dim))


def dictionary_bytes(entries: Entries, tokens: int | None, kept: Mapping[int, int] | None) -> list[bytes]:
    """Return sizes, entries and the map of kept buckets.

    Raises
    ------
    DataError
        When there are no words, which the program does not survive, or one holds a zero.
    """
    sizes = [sum(len(words) for words, _, kind in entries if kind == wanted) for wanted in (0, 1)]
    if not sum(sizes):
        raise DataError("a model of fastText needs words", got=0)
    total = sum(int(counts.sum()) for _, counts, _ in entries) if tokens is None else tokens
    head = struct.pack("<3i2q", sum(sizes), *sizes, total, -1 if kept is None else len(kept))
    pieces = [head, *(_packed(words, counts, kind) for words, counts, kind in entries)]
    pairs = KeptBuckets.of(kept or {})
    return [*pieces, np.stack([pairs.buckets, pairs.rows], axis=1).astype("<i4").tobytes()]


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


def write_file(
    path: Path, args: Args, dictionary: list[bytes], matrices: tuple[Matrix, Matrix], *, floret: bool
) -> None:
    """Write a file whole or not at all, compressed where the name says so."""
    if args.mode != FASTTEXT and not floret:
        raise DataError("fastText's files have no table of floret", remedy='format="floret-bin" or "floret"')
    inputs, outputs = matrices
    if not isinstance(inputs, Quantized) and isinstance(outputs, Quantized):
        outputs = [outputs]  # quantised output goes with quantised input only: decoded
    with new_file(path) as temporary, compressed_writer(temporary, path.suffix) as file:
        file.write(struct.pack("<2i", MAGIC, VERSION) + args.packed(floret=floret))
        file.writelines(dictionary)
        for matrix in (inputs, outputs):
            file.write(bytes([isinstance(matrix, Quantized)]))
            if isinstance(matrix, Quantized):
                write_quantised(file, matrix)
            else:
                _write_dense(file, matrix)


def _write_dense(file: IO[bytes], parts: Sequence[Rows]) -> None:
    dim = parts[0].shape[1]
    file.write(struct.pack("<2q", sum(len(part) for part in parts), dim))
    step = max(1, BLOCK_VALUES // dim)
    for part in parts:
        for start in range(0, len(part), step):
            file.write(np.ascontiguousarray(part[start : start + step], "<f4").tobytes())
