"""Arrays of token vectors written sentence by sentence, in bounded memory: one writer for each kind of file.

What is not known before the end, how many tokens there are, is put into the file's head afterwards.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from firth.disk import write_through
from firth.errors import DataError, MissingExtraError
from firth.protocols import Float32

__all__ = ["WRITERS", "Writer"]


class Writer(Protocol):
    """Takes sentences one after the other; a context that finishes the file."""

    def __init__(self, path: Path) -> None: ...

    def add(self, array: Float32, tokens: Sequence[str]) -> None:
        """Write one sentence's vectors: (n_tokens, dim), or (n_layers, n_tokens, dim)."""
        ...

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file, unless there was an error."""
        ...


class _Flat:
    """All tokens' vectors one after another behind a head: (n_tokens, dim) or (n_tokens, n_layers, dim)."""

    head = 0  # bytes

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._file.write(bytes(self.head))
        self._ends: list[int] = []
        self._side: tuple[int, ...] | None = None

    def add(self, array: Float32, tokens: Sequence[str]) -> None:
        rows = array if array.ndim == 2 else array.swapaxes(0, 1)
        if self._side not in (None, rows.shape[1:]):
            raise DataError("vectors of several lengths", got=rows.shape[1:], expected=str(self._side))
        self._side = rows.shape[1:]
        self._ends.append(len(rows) + (self._ends[-1] if self._ends else 0))
        if rows.size:
            write_through(self._file, np.ascontiguousarray(rows, "<f4").data.cast("B"))

    def __enter__(self) -> _Flat:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                shape = (self._ends[-1] if self._ends else 0, *(self._side or (1,)))
                start = self._finished(shape)
                self._file.seek(0)
                self._file.write(start)

    def _finished(self, shape: tuple[int, ...]) -> bytes:
        """Write what follows the vectors, and return the head."""
        raise NotImplementedError


class _Npy(_Flat):
    head = 128

    def _finished(self, shape: tuple[int, ...]) -> bytes:
        table = repr({"descr": "<f4", "fortran_order": False, "shape": shape}).encode()
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", self.head - 10) + table.ljust(self.head - 11) + b"\n"


class _Safetensors(_Flat):
    head = 320

    def _finished(self, shape: tuple[int, ...]) -> bytes:
        size = 4 * int(np.prod(shape, dtype=np.int64))
        ends = np.array(self._ends, "<i8")
        if ends.size:
            write_through(self._file, ends.data.cast("B"))
        table = {
            "vectors": {"dtype": "F32", "shape": list(shape), "data_offsets": [0, size]},
            "ends": {"dtype": "I64", "shape": [len(ends)], "data_offsets": [size, size + ends.nbytes]},
        }
        return struct.pack("<Q", self.head - 8) + json.dumps(table).encode().ljust(self.head - 8)


class _H5:
    """AllenNLP's layout: a data set for each sentence, and ``sentence_to_index`` from sentences to their names."""

    def __init__(self, path: Path) -> None:
        try:
            import h5py
        except ImportError as error:
            raise MissingExtraError("writing HDF5", extra="neural") from error
        self._file: Any = h5py.File(path, "w")
        self._text: Any = h5py.string_dtype()
        self._number = 0
        self._name_of: dict[str, str] = {}

    def add(self, array: Float32, tokens: Sequence[str]) -> None:
        name = str(self._number)
        self._file.create_dataset(name, data=array)
        self._name_of[" ".join(tokens)] = name
        self._number += 1

    def __enter__(self) -> _H5:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                index = self._file.create_dataset("sentence_to_index", (1,), dtype=self._text)
                index[0] = json.dumps(self._name_of)


class _Parquet:
    """A row for each token: sentence, token, and ``vector``, or ``layer_0``, ``layer_1`` and so on."""

    _rows = 1 << 14  # at least so many are written together

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError as error:
            raise MissingExtraError("writing Parquet", extra="io") from error
        self._arrow, self._parquet, self._path = pyarrow, parquet, path
        self._writer: Any = None
        self._held: list[tuple[int, Float32, list[str]]] = []
        self._size = self._number = 0

    def add(self, array: Float32, tokens: Sequence[str]) -> None:
        plain = [token.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for token in tokens]
        self._held.append((self._number, array, plain))
        self._number += 1
        self._size += len(plain)
        if self._size >= self._rows:
            self._write()

    def _write(self) -> None:
        pa = self._arrow
        arrays = [array for _, array, _ in self._held] or [np.zeros((0, 1), np.float32)]
        table = {
            "sentence": np.repeat([number for number, _, _ in self._held], [len(plain) for *_, plain in self._held]),
            "token": pa.array([token for *_, plain in self._held for token in plain], pa.string()),
        }
        table["sentence"] = pa.array(table["sentence"].astype(np.int64))
        whole = np.concatenate(arrays, axis=arrays[0].ndim - 2)
        columns = {"vector": whole} if whole.ndim == 2 else {f"layer_{k}": part for k, part in enumerate(whole)}
        for name, values in columns.items():
            table[name] = pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        made = pa.table(table)
        if self._writer is None:
            self._writer = self._parquet.ParquetWriter(self._path, made.schema)
        self._writer.write_table(made)
        self._held, self._size = [], 0

    def __enter__(self) -> _Parquet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and (self._held or self._writer is None):
                self._write()
        finally:
            if self._writer is not None:
                self._writer.close()


WRITERS: dict[str, type[Writer]] = {".npy": _Npy, ".safetensors": _Safetensors, ".h5": _H5, ".parquet": _Parquet}
