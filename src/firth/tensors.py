"""The safetensors container, read by mapping: a length, a JSON table of tensors, then their bytes.

The layout is that of https://github.com/huggingface/safetensors; its own reader copies, which a gigabyte is too
large for. Every size is checked against the file before it is used.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from firth.disk import write_through
from firth.errors import FormatError

__all__ = ["map_tensors", "read_tensors", "write_tensors"]

_KINDS: dict[str, np.dtype[Any]] = {
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
}
_LONGEST_TABLE = 100_000_000
_ALIGN = 64


def map_tensors(path: Path, *, mmap: bool = True) -> dict[str, NDArray[Any]]:
    """Return every tensor of a file, mapped read-only or, without ``mmap``, in memory.

    Raises
    ------
    FormatError
        When the table is broken or speaks of bytes that are not there.
    """
    return read_tensors(path, mmap=mmap)[0]


def read_tensors(path: Path, *, mmap: bool = True) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return every tensor of a file, as :func:`map_tensors`, and the file's metadata.

    Raises
    ------
    FormatError
        When the table is broken or speaks of bytes that are not there.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > min(_LONGEST_TABLE, size - 8):
            raise FormatError("the table of tensors is longer than the file", path=path, offset=0)
        table = _parsed(path, file.read(length))
    metadata = table.pop("__metadata__", {})
    begin = 8 + length
    found: dict[str, NDArray[Any]] = {}
    for name, entry in table.items():
        dtype, shape, at = _checked(path, name, entry, size - begin)
        whole: NDArray[Any] = (
            np.memmap(path, dtype=dtype, mode="r", offset=begin + at, shape=shape).view(np.ndarray)
            if 0 not in shape
            else np.zeros(shape, dtype)
        )
        found[name] = whole if mmap else whole.copy()
    return found, metadata if isinstance(metadata, dict) else {}


def _parsed(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        table = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise FormatError("the table of tensors is not JSON", path=path, offset=8) from error
    if not isinstance(table, dict):
        raise FormatError("the table of tensors is not a JSON object", path=path, offset=8)
    return table


def _checked(path: Path, name: str, entry: Any, room: int) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    fields: dict[str, Any] = entry if isinstance(entry, dict) else {}
    kind, shape, span = (fields.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(kind, str) or kind not in _KINDS:
        raise FormatError(f"tensor {name!r} has another type", path=path, got=kind, expected=", ".join(_KINDS))
    if not _naturals(shape) or len(shape) > 3 or not _naturals(span) or len(span) != 2:
        raise FormatError(f"tensor {name!r} has no proper shape and place", path=path, offset=8)
    dtype: np.dtype[Any] = _KINDS[kind]
    wanted = int(dtype.itemsize)
    for side in shape:
        wanted *= side
    if span[1] - span[0] != wanted or span[1] > room:
        raise FormatError(
            f"tensor {name!r} does not fit into the file",
            path=path,
            got=f"shape {shape} at {span}",
            expected=f"{wanted:,} bytes within {room:,}",
        )
    return dtype, tuple(shape), span[0]


def _naturals(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 1 << 48 for value in values)


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> None:
    """Write ``tensors`` (of the types that can be read), each aligned to 64 bytes, straight from their memory."""
    names = {dtype: name for name, dtype in _KINDS.items()}
    table: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, tensor in tensors.items():
        kind = names[tensor.dtype.newbyteorder("<")]
        table[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    raw = json.dumps(table, separators=(",", ":")).encode()
    raw += b" " * (-(8 + len(raw)) % _ALIGN)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        for tensor in tensors.values():
            for piece in _pieces(tensor):
                plain = np.ascontiguousarray(piece, dtype=tensor.dtype.newbyteorder("<"))
                if plain.size:
                    write_through(file, plain.data.cast("B"))


def _pieces(tensor: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield a tensor whole where its memory can be written as it is, else some rows at a time."""
    if tensor.flags.c_contiguous or not tensor.ndim:
        yield tensor
        return
    step = max(1, (1 << 22) * len(tensor) // max(1, tensor.nbytes))
    for start in range(0, len(tensor), step):
        yield tensor[start : start + step]
