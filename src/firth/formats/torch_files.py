"""State dictionaries that ``torch.save`` wrote, read without torch and without running anything.

There are two layouts: a zip with the pickle ``data.pkl`` and a file of bytes for each storage (torch 1.6 on), and
before that one file of five pickles (a magic number, the protocol, facts of the machine, the value, the storages'
keys) and then each storage, its length before it. https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
"""

from __future__ import annotations

import dataclasses
import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.pickle_machine import Global, Machine, Made
from firth.formats.pickles import ACTS

__all__ = ["looks_like_torch", "read_state"]

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_ZIP = b"PK\x03\x04"
_LEGACY = b"\x80\x02\x8a\x0a" + _MAGIC.to_bytes(10, "little")
_TYPES = {
    "FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
    "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
_REBUILDERS = {"_rebuild_tensor_v2", "_rebuild_tensor", "_rebuild_parameter"}
_ZIP_FAULTS = (
    zipfile.BadZipFile, zlib.error, struct.error, ValueError, KeyError, IndexError, EOFError, OSError, OverflowError,
    MemoryError, RuntimeError,
)  # fmt: skip
_STORAGE = Global("torch", "storage")


def looks_like_torch(start: bytes) -> bool:
    """Return whether these are the first bytes of such a file, as far as they tell: a zip may be anything else."""
    return start.startswith((_ZIP, _LEGACY))


@dataclasses.dataclass(frozen=True)
class _Storage:
    """A run of numbers that tensors look into."""

    key: str
    dtype: np.dtype[Any]
    n: int


class _TorchMachine(Machine):
    """The machine with the names of torch's tensors, which it does not look up either; it begins where it is told."""

    def __init__(self, data: bytes, path: Path, at: int = 0) -> None:
        super().__init__(data, path, _TORCH_ACTS)
        self._at = at

    @property
    def at(self) -> int:
        """Where it stands."""
        return self._at

    def name(self, module: Any, name: Any) -> None:
        known = (module == "torch" and name in _TYPES) or (module == "torch._utils" and name in _REBUILDERS)
        if known:
            self.push(Global(module, name))
        else:
            super().name(module, name)

    def persistent(self) -> None:
        """Replace a storage's description by the storage."""
        told = self.pop()
        if not isinstance(told, tuple) or len(told) not in (5, 6) or told[0] != "storage":
            self.fault("the pickle speaks of an object outside it that is no storage", got=type(told).__name__)
        kind, key, n = told[1], told[2], told[4]
        if not isinstance(kind, Global) or kind.name not in _TYPES or type(key) is not str or type(n) is not int:
            self.fault("a storage of no known kind", got=getattr(kind, "name", kind))
        if len(told) == 6 and told[5] is not None:
            self.fault("a storage that is a view of another, which Firth does not read")
        self.push(Made(_STORAGE, (_Storage(key, np.dtype(_TYPES[kind.name]), n),)))


_TORCH_ACTS = {**ACTS, ord("Q"): lambda m: cast(_TorchMachine, m).persistent()}


def read_state(raw: bytes, path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a state dictionary, views of the file's bytes.

    Parameters
    ----------
    raw : bytes
        The whole file.
    path : Path
        For errors.

    Raises
    ------
    FormatError
        When it is broken, is no dictionary of tensors, or asks for anything else.
    """
    value, storage = _zipped(raw, path) if raw.startswith(_ZIP) else _legacy(raw, path)
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise FormatError("no state dictionary", path=path, got=type(value).__name__)
    return {key: _tensor(item, storage, path, key) for key, item in value.items() if isinstance(item, Made)}


Find = Callable[[_Storage], NDArray[Any]]


def _zipped(raw: bytes, path: Path) -> tuple[Any, Find]:
    try:
        file = zipfile.ZipFile(io.BytesIO(raw))
        members = {name.partition("/")[2]: info for name, info in file.NameToInfo.items()}
        total = sum(info.file_size for info in members.values())
        if total > len(raw) or any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
            raise FormatError("the archive is packed or claims more than it holds", path=path, got=f"{total:,} bytes")
        if members.get("byteorder") is not None and file.read(members["byteorder"]) != b"little":
            raise FormatError("written on a machine with the other order of bytes", path=path)
        value = _TorchMachine(file.read(members["data.pkl"]), path).run()
    except _ZIP_FAULTS as error:
        raise FormatError(f"not a file of torch, or broken: {error}", path=path) from error
    found: dict[str, NDArray[Any]] = {}

    def storage(told: _Storage) -> NDArray[Any]:
        if told.key not in found:
            try:
                found[told.key] = np.frombuffer(file.read(members[f"data/{told.key}"]), np.uint8)
            except _ZIP_FAULTS as error:
                raise FormatError(f"a storage lacks or is broken: {error}", path=path, got=told.key) from error
        return found[told.key]

    return value, storage


def _legacy(raw: bytes, path: Path) -> tuple[Any, Find]:
    at, values = 0, []
    for _ in range(5):
        machine = _TorchMachine(raw, path, at)
        values.append(machine.run())
        at = machine.at
        if values[0] != _MAGIC or (len(values) > 1 and values[1] != _PROTOCOL):
            raise FormatError("not a file of torch", path=path, offset=0)
    keys = values[4]
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise FormatError("the list of storages is broken", path=path, offset=at)
    sizes = dict(_storages_of(values[3]))
    found: dict[str, NDArray[Any]] = {}
    for key in keys:
        n = int.from_bytes(raw[at : at + 8], "little")
        end = at + 8 + n * sizes.get(key, 0)
        if key not in sizes or end > len(raw):
            raise FormatError("a storage reaches beyond the file", path=path, offset=at, got=f"{n:,} numbers")
        found[key], at = np.frombuffer(raw, np.uint8, end - at - 8, at + 8), end

    def storage(told: _Storage) -> NDArray[Any]:
        if told.key not in found:
            raise FormatError("a storage lacks", path=path, got=told.key)
        return found[told.key]

    return values[3], storage


def _storages_of(value: Any) -> list[tuple[str, int]]:
    """Return key and size of a number of every storage that the tensors of a dictionary name."""
    found = []
    for item in value.values() if isinstance(value, dict) else ():
        while isinstance(item, Made) and item.of != _STORAGE and item.args:
            item = item.args[0]
        if isinstance(item, Made) and item.of == _STORAGE:
            found.append((item.args[0].key, item.args[0].dtype.itemsize))
    return found


def _tensor(item: Made, storage: Find, path: Path, name: str) -> NDArray[Any]:
    """Return a tensor as a view of its storage."""
    while item.of.name == "_rebuild_parameter" and item.args and isinstance(item.args[0], Made):
        item = item.args[0]
    args = item.args
    if item.of.name not in ("_rebuild_tensor_v2", "_rebuild_tensor") or len(args) < 4 or not _is_storage(args[0]):
        raise FormatError("the state holds what is no plain tensor", path=path, got=name)
    told, (offset, shape, strides) = args[0].args[0], args[1:4]
    numbers = storage(told)
    if told.n < 0 or told.n * told.dtype.itemsize > len(numbers):
        raise FormatError("a storage is shorter than it claims", path=path, got=name)
    proper = isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides) <= 8
    if not proper or not all(type(n) is int and 0 <= n < 1 << 40 for n in (offset, *shape, *strides)):
        raise FormatError("a tensor has no proper shape", path=path, got=name)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True)) if math.prod(shape) else 0
    if last >= max(told.n, 1) or math.prod(shape) > told.n:
        raise FormatError("a tensor reaches beyond its storage", path=path, got=name)
    flat = numbers[: told.n * told.dtype.itemsize].view(told.dtype)
    size = told.dtype.itemsize
    if not math.prod(shape):
        return np.zeros(shape, told.dtype)
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, [step * size for step in strides], writeable=False)


def _is_storage(value: Any) -> bool:
    return isinstance(value, Made) and value.of == _STORAGE
