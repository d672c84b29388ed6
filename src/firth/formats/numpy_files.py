"""NumPy's own files: ``.npz`` with words and vectors, and ``.npy`` with a file of words, one a line, beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.formats.atomic import new_file
from firth.formats.base import FileReport, Format, Reading
from firth.formats.checked import vectors_of
from firth.formats.pickled_arrays import map_npy, read_npz
from firth.formats.streams import Head
from firth.vectors.static import Vectors

__all__ = ["FORMATS"]

_NPZ = "NumPy archive (.npz) of words and vectors"
_NPY = "NumPy matrix (.npy) with a list of words beside it"
_BESIDE = ("{stem}.txt", "{stem}.words", "{stem}.vocab", "words.txt", "vocab.txt")


def _sniff_npz(head: Head) -> float:
    return 0.9 if head.start.startswith(b"PK\x03\x04") and b".npy" in head.start[:1024] else 0.0


def _sniff_npy(head: Head) -> float:
    return 0.9 if head.start.startswith(b"\x93NUMPY") else 0.0


def _parts(head: Head) -> tuple[list[str], NDArray[Any], NDArray[Any] | None]:
    """Return words, matrix and counts of an archive, by what the arrays are."""
    arrays = read_npz(head.path)
    texts = [array for array in arrays.values() if array.ndim == 1 and array.dtype.kind in "US"]
    matrices = [array for array in arrays.values() if array.ndim == 2 and array.dtype.kind == "f"]
    counts = [array for array in arrays.values() if array.ndim == 1 and array.dtype.kind in "iu"]
    if len(texts) != 1 or len(matrices) != 1:
        got = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items())
        raise head.fault("not one array of words and one matrix", got=got, expected="words of text, vectors of floats")
    words = [w.decode("utf-8", "surrogateescape") if isinstance(w, bytes) else w for w in texts[0].tolist()]
    fits = len(counts) == 1 and len(counts[0]) == len(words) and not (words and counts[0].min() < 0)
    return words, matrices[0], counts[0] if fits else None


def _read_npz(head: Head, reading: Reading) -> Vectors:
    words, matrix, counts = _parts(head)
    return vectors_of(head, reading, words, np.asarray(matrix, dtype=np.float32), counts=counts)


def _inspect_npz(head: Head) -> FileReport:
    words, matrix, counts = _parts(head)
    return FileReport(
        str(head.path), "npz", _NPZ, None, head.size, "vectors", len(words), int(matrix.shape[1]),
        () if counts is None else ("counts",), {"type": str(matrix.dtype)},
    )  # fmt: skip


def _words_beside(head: Head) -> list[str]:
    for name in _BESIDE:
        path = head.path.with_name(name.format(stem=head.path.stem))
        if path.is_file():
            raw = path.read_bytes().removesuffix(b"\n")
            return [line.decode("utf-8", "surrogateescape") for line in raw.split(b"\n")] if raw else []
    listed = ", ".join(name.format(stem=head.path.stem) for name in _BESIDE)
    raise head.fault("a matrix without words", expected=f"one of {listed} beside it, a word a line")


def _matrix(head: Head) -> NDArray[np.float32]:
    matrix = map_npy(head.path)
    if matrix.ndim != 2:
        raise head.fault("not a matrix", got=matrix.shape)
    return np.ascontiguousarray(matrix, dtype=np.float32)


def _read_npy(head: Head, reading: Reading) -> Vectors:
    matrix = _matrix(head)
    return vectors_of(head, reading, _words_beside(head), matrix)


def _inspect_npy(head: Head) -> FileReport:
    matrix = _matrix(head)
    words = _words_beside(head)
    return FileReport(
        str(head.path), "npy", _NPY, None, head.size, "vectors", len(words), int(matrix.shape[1]), (), {}
    )  # fmt: skip


def _write_npz(vectors: Vectors, path: Path) -> None:
    words = list(vectors.words)
    if any(word.endswith("\0") for word in words):
        raise DataError("the format npz cannot hold a word that ends in a null character")
    arrays: dict[str, NDArray[Any]] = {"words": np.array(words, dtype=np.str_), "vectors": vectors.matrix}
    if vectors.counts is not None:
        arrays["counts"] = vectors.counts
    with new_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


FORMATS = (
    Format(
        name="npz",
        title=_NPZ,
        sniff=_sniff_npz,
        read=_read_npz,
        inspect=_inspect_npz,
        write=_write_npz,
        keeps=frozenset({"counts"}),
        suffixes=(".npz",),
    ),
    Format(name="npy", title=_NPY, sniff=_sniff_npy, read=_read_npy, inspect=_inspect_npy),
)
