"""Vectors of a text's tokens as array files, for use elsewhere: .npy, .safetensors, .h5 and .parquet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, DataError, MissingExtraError
from firth.formats.atomic import new_file
from firth.protocols import Float32
from firth.tensors import write_tensors

__all__ = ["SUFFIXES", "save_arrays"]

Tokens = Sequence[Sequence[str]]


def _npy(path: Path, arrays: Sequence[Float32], sentences: Tokens) -> None:
    with path.open("wb") as file:
        np.save(file, _stacked(arrays))


def _safetensors(path: Path, arrays: Sequence[Float32], sentences: Tokens) -> None:
    write_tensors(path, {"vectors": _stacked(arrays), "ends": _ends(arrays)})


def _h5(path: Path, arrays: Sequence[Float32], sentences: Tokens) -> None:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("writing HDF5", extra="neural") from error
    with h5py.File(path, "w") as file:
        for number, array in enumerate(arrays):
            file.create_dataset(str(number), data=array)


def _parquet(path: Path, arrays: Sequence[Float32], sentences: Tokens) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("writing Parquet", extra="io") from error
    stacked = _stacked(arrays)
    numbers = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    tokens = [token.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for row in sentences for token in row]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(stacked.ravel()), stacked.shape[1])
    parquet.write_table(pa.table({"sentence": numbers, "token": tokens, "vector": vectors}), path)


_WRITERS: dict[str, Callable[[Path, Sequence[Float32], Tokens], None]] = {
    ".npy": _npy,
    ".safetensors": _safetensors,
    ".h5": _h5,
    ".parquet": _parquet,
}
SUFFIXES = tuple(_WRITERS)


def save_arrays(path: str | Path, arrays: Sequence[Float32], sentences: Tokens) -> None:
    """Write what :meth:`encode` returned, whole or not at all; the suffix of ``path`` chooses the kind of file.

    Parameters
    ----------
    path : path-like
        ``.npy``: all tokens' vectors, one after another, (n_tokens, dim). ``.safetensors``: the same as ``vectors``,
        with ``ends`` (n_sentences,), where each sentence ends among them. ``.h5``: one dataset per sentence, named
        by its number from 0. ``.parquet``: a row per token with sentence, token, vector.
    arrays : sequence of ndarray of float32, shape (n_tokens, dim)
        One per sentence.
    sentences : sequence of sequences of str
        Their tokens.

    Raises
    ------
    ConfigError
        When the suffix is none of these.
    MissingExtraError
        When h5py (``neural``) or pyarrow (``io``) is needed and absent.
    DataError
        When arrays and sentences don't match, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise ConfigError("no such kind of array file", got=path.name, expected="a name in " + " ".join(SUFFIXES))
    if [len(array) for array in arrays] != [len(tokens) for tokens in sentences]:
        raise DataError("the arrays don't match the sentences", got=f"{len(arrays)} and {len(sentences)}")
    with new_file(path) as temporary:
        _WRITERS[path.suffix](temporary, arrays, sentences)


def _stacked(arrays: Sequence[Float32]) -> Float32:
    return np.concatenate(arrays) if arrays else np.zeros((0, 1), dtype=np.float32)


def _ends(arrays: Sequence[Float32]) -> NDArray[np.int64]:
    return np.cumsum([len(array) for array in arrays], dtype=np.int64)
