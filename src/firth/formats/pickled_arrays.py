"""NumPy arrays as pickles hold them, and the ``.npy`` and ``.npz`` files of strangers."""

from __future__ import annotations

import math
import re
import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.pickles import Made

__all__ = ["array_of", "is_array", "map_npy", "read_npz"]

_PLAIN = re.compile(r"[<>|=]?(f[248]|[iu][1248]|b1)\Z")
_FAULTS = (ValueError, TypeError, OverflowError, SyntaxError, EOFError, KeyError, MemoryError, RecursionError)
_ZIP_FAULTS = (*_FAULTS, zipfile.BadZipFile, tokenize.TokenError, NotImplementedError)
_LONGEST_ARRAY = 1 << 40
_MOST_UNFOLDED = 1 << 34


def is_array(value: Any) -> bool:
    """Return whether a value of a pickle is an array or one of its scalars."""
    return isinstance(value, Made) and value.of.module.startswith("numpy") and value.of.name in _BUILDERS


def array_of(value: Any, path: Path) -> NDArray[Any]:
    """Return the array that a pickle describes, a view of its bytes.

    Raises
    ------
    FormatError
        When it is no array of plain numbers, or its shape does not fit its bytes.
    """
    if not is_array(value):
        raise FormatError("an array was expected in the pickle", path=path, got=type(value).__name__)
    dtype, shape, raw, order = _parts(value, path)
    if isinstance(raw, str):
        raw = raw.encode("latin-1", "replace")
    if not isinstance(raw, bytes | bytearray | memoryview) or len(raw) != dtype.itemsize * math.prod(shape):
        raise FormatError("an array of the pickle does not fit its shape", path=path, got=shape)
    return np.frombuffer(raw, dtype).reshape(shape, order=order)  # type: ignore[call-overload, no-any-return]


def _parts(value: Made, path: Path) -> tuple[np.dtype[Any], tuple[int, ...], Any, str]:
    state, args = value.state, value.args
    if value.of.name == "scalar" and len(args) == 2:
        return _dtype(args[0], path), (), args[1], "C"
    if value.of.name == "_frombuffer" and len(args) == 4:
        return _dtype(args[1], path), _shape(args[2], path), args[0], "F" if args[3] == "F" else "C"
    if not isinstance(state, tuple) or len(state) != 5:
        raise FormatError("an array of the pickle has no content", path=path)
    _, shape, dtype, fortran, raw = state
    return _dtype(dtype, path), _shape(shape, path), raw, "F" if fortran else "C"


def _shape(shape: Any, path: Path) -> tuple[int, ...]:
    fits = isinstance(shape, tuple) and len(shape) <= 3 and all(type(n) is int and 0 <= n < 1 << 48 for n in shape)
    if not fits:
        raise FormatError("an array of the pickle has no proper shape", path=path, got=shape)
    return tuple(shape)


def _dtype(value: Any, path: Path) -> np.dtype[Any]:
    name = value.args[0] if isinstance(value, Made) and value.of.name == "dtype" and value.args else value
    if (isinstance(value, Made) and value.of.name != "dtype") or not isinstance(name, str) or not _PLAIN.match(name):
        raise FormatError("an array of the pickle is not of plain numbers", path=path, got=name)
    state = value.state if isinstance(value, Made) else None
    order = state[1] if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">") else "="
    return np.dtype(name).newbyteorder(order)  # type: ignore[arg-type]


_BUILDERS = ("_reconstruct", "ndarray", "scalar", "_frombuffer")


def map_npy(path: Path) -> NDArray[Any]:
    """Return the array of a ``.npy`` file of plain numbers, mapped read-only.

    Raises
    ------
    FormatError
        When it is missing, broken, or holds anything but numbers.
    """
    try:
        if path.stat().st_size > 1 << 16:
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        else:  # too small to be worth a map; np.load checks nothing before it allocates, so the map does it first
            with path.open("rb") as file:
                version = np.lib.format.read_magic(file)
                reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else (
                    np.lib.format.read_array_header_2_0
                )  # fmt: skip
                shape, fortran, dtype = reader(file)
                raw = file.read(1 << 16)
            if not _PLAIN.match(dtype.str) or dtype.itemsize * math.prod(shape) > len(raw):
                raise ValueError("its shape does not fit its bytes")
            found = np.frombuffer(raw, dtype, math.prod(shape)).reshape(shape, order="F" if fortran else "C")
    except OSError as error:
        raise FormatError(f"cannot read a part: {error.strerror or error}", path=path) from error
    except _ZIP_FAULTS as error:
        raise FormatError(f"not a proper .npy file: {error}", path=path) from error
    if not isinstance(found, np.ndarray) or not _PLAIN.match(found.dtype.str):
        raise FormatError("not an array of plain numbers", path=path)
    return found.view(np.ndarray)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a ``.npz`` file, of plain numbers or of text.

    Raises
    ------
    FormatError
        When it is broken, or would unfold to more than 200 times its size.
    """
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            unfolded = sum(entry.file_size for entry in archive.infolist())
            if unfolded > min(200 * size + (1 << 24), _MOST_UNFOLDED):
                raise FormatError("the archive unfolds to too much", path=path, got=f"{unfolded:,} bytes")
            return {entry.filename.removesuffix(".npy"): _member(archive, entry, path) for entry in archive.infolist()}
    except OSError as error:
        raise FormatError(f"cannot read: {error.strerror or error}", path=path) from error
    except _ZIP_FAULTS as error:
        raise FormatError(f"not a proper .npz file: {error}", path=path) from error


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> NDArray[Any]:
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = reader(file)
        wanted = dtype.itemsize * math.prod(shape)
        if dtype.hasobject or wanted > entry.file_size:
            raise FormatError("an array of the archive does not fit", path=path, got=entry.filename)
        raw = file.read(wanted)
    return np.frombuffer(raw, dtype, math.prod(shape)).reshape(shape, order="F" if fortran else "C")
