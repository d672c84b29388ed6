"""Arrays out of HDF5 files from strangers, by name: no link is followed out of the file, no size is believed.

Names are looked up one group at a time, so that soft and external links are seen before they are followed. Filters
are undone here and not by the library, whose inflation has no bound.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, MissingExtraError
from firth.protocols import Float32

__all__ = ["HDF5_MAGIC", "Hdf5", "need_h5py", "open_hdf5"]

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_RATIO = 200  # what a file may unfold to
_DEFLATE, _SHUFFLE = 1, 2
_FAULTS = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError, MemoryError)


def need_h5py(feature: str) -> None:
    """Raise MissingExtraError, in the name of ``feature``, where h5py is not installed."""
    if "h5py" in sys.modules:
        found = sys.modules["h5py"] is not None
    else:
        found = importlib.util.find_spec("h5py") is not None
    if not found:
        raise MissingExtraError(feature, extra="neural")


class Hdf5:
    """An open file.

    Parameters
    ----------
    file : h5py.File
    path : Path
        For errors.
    size : int
        Bytes of the file: what may be read in all is bounded by it.
    """

    def __init__(self, file: Any, path: Path, size: int) -> None:
        self._file, self.path, self._size = file, path, size
        self._budget = _RATIO * size + (1 << 24)

    def has(self, name: str) -> bool:
        """Return whether a data set or a group of this name is there."""
        try:
            self._object(name)
        except FormatError as error:
            return not error.what.startswith("the file lacks")
        return True

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a data set that must be there."""
        return tuple(self._dataset(name).shape)

    def array(self, name: str, shape: tuple[int, ...]) -> Float32:
        """Return a data set that must be there, of this shape, all of it finite numbers.

        Raises
        ------
        FormatError
            When it is not, or is stored in a way that Firth does not read.
        """
        data = self._dataset(name)
        if tuple(data.shape) != shape:
            raise self.fault(
                f"the weights {name} don't fit the options", got=tuple(data.shape), expected=f"shape {shape}"
            )
        size = math.prod(shape) * data.dtype.itemsize
        stored = self._stored(name, data)
        self._budget -= size
        if stored > self._size or size > _RATIO * stored + 4096 or self._budget < 0:
            raise self.fault(f"{name} claims more than the file holds", got=f"{size:,} bytes", expected=f"{stored:,}")
        with np.errstate(over="ignore"):  # what float32 cannot hold is told below
            found = self._read(name, data).astype(np.float32, copy=False)
        if not bool(np.isfinite(found).all()):
            raise self.fault(f"the weights {name} hold what is no number")
        return found

    def fault(self, what: str, **facts: Any) -> FormatError:
        """Return an error of this file."""
        return FormatError(what, path=self.path, **facts)

    def _object(self, name: str) -> Any:
        import h5py

        at = self._file
        for step in name.split("/"):
            try:
                link = at.get(step, getlink=True) if isinstance(at, h5py.Group) else None
                if isinstance(link, h5py.ExternalLink | h5py.SoftLink):
                    raise self.fault(f"{name} is a link, which Firth does not follow", got=step)
                at = None if link is None else at[step]
            except _FAULTS as error:
                raise self.fault(f"the HDF5 file is broken at {name}: {_line(error)}") from error
            if at is None:
                raise self.fault(f"the file lacks {name}")
        return at

    def _dataset(self, name: str) -> Any:
        import h5py

        found = self._object(name)
        if not isinstance(found, h5py.Dataset):
            raise self.fault(f"{name} is a group, not a data set")
        try:
            dtype, shape = found.dtype, found.shape
        except _FAULTS as error:
            raise self.fault(f"the HDF5 file is broken at {name}: {_line(error)}") from error
        if dtype.kind not in "fiu" or dtype.itemsize > 8 or shape is None:
            raise self.fault(f"{name} holds no plain numbers", got=dtype, expected="float32")
        return found

    def _stored(self, name: str, data: Any) -> int:
        """Return the bytes of a data set on disk, all of them in this file."""
        try:
            if data.external or data.is_virtual:
                raise self.fault(f"{name} lies in another file, which Firth does not follow")
            return int(data.id.get_storage_size())
        except _FAULTS as error:
            raise self.fault(f"the HDF5 file is broken at {name}: {_line(error)}") from error

    def _read(self, name: str, data: Any) -> NDArray[Any]:
        try:
            if data.chunks is None:
                return np.asarray(data[...])
            return self._gathered(name, data)
        except _FAULTS as error:
            raise self.fault(f"the HDF5 file is broken at {name}: {_line(error)}") from error

    def _gathered(self, name: str, data: Any) -> NDArray[Any]:
        """Return a chunked data set; chunks that were never written hold the fill value."""
        plan = data.id.get_create_plist()
        filters = [plan.get_filter(k)[0] for k in range(plan.get_nfilters())]
        if set(filters) - {_DEFLATE, _SHUFFLE}:
            raise self.fault(
                f"{name} is packed in a way that Firth does not undo", got=f"HDF5 filter {filters}",
                expected="gzip, shuffle or none", remedy="unpack it with: h5repack -f NONE",
            )  # fmt: skip
        chunk, dtype = tuple(data.chunks), data.dtype
        size = math.prod(chunk) * dtype.itemsize
        if any(a > max(b, 1) for a, b in zip(chunk, data.shape, strict=True)):
            raise self.fault(f"{name} has chunks larger than itself", got=chunk, expected=f"within {data.shape}")
        found = np.full(data.shape, data.fillvalue, dtype)
        for k in range(data.id.get_num_chunks()):
            start = data.id.get_chunk_info(k).chunk_offset
            mask, raw = data.id.read_direct_chunk(start)
            raw = _unpacked(raw, [f for place, f in enumerate(filters) if not mask >> place & 1], size, dtype.itemsize)
            if len(raw) != size:
                raise self.fault(f"a chunk of {name} is broken", got=f"{len(raw):,} bytes", expected=f"{size:,}")
            block = np.frombuffer(raw, dtype).reshape(chunk)
            kept = tuple(slice(0, max(n - a, 0)) for a, n in zip(start, data.shape, strict=True))
            block = block[kept]
            found[tuple(slice(a, a + n) for a, n in zip(start, block.shape, strict=True))] = block
        return found


def _unpacked(raw: bytes, filters: list[int], size: int, itemsize: int) -> bytes:
    """Undo the filters of a chunk, the last first, and never inflate to more than it should hold."""
    for kind in reversed(filters):
        if kind == _DEFLATE:
            try:
                raw = zlib.decompressobj().decompress(raw, size + 1)
            except zlib.error as error:
                raise ValueError(str(error)) from error
        else:  # shuffle: the first bytes of all values, then the second ones
            whole = len(raw) // itemsize * itemsize
            raw = np.frombuffer(raw[:whole], np.uint8).reshape(itemsize, -1).T.tobytes() + raw[whole:]
    return raw


@contextlib.contextmanager
def open_hdf5(source: Path | bytes, path: Path) -> Iterator[Hdf5]:
    """Open a file, or the bytes of one.

    Parameters
    ----------
    source : Path or bytes
    path : Path
        For errors.

    Raises
    ------
    FormatError
        When it is no HDF5 file or is cut short.
    MissingExtraError
        Without h5py.
    """
    need_h5py("reading HDF5 files")
    import h5py

    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        file = h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r")
    except _FAULTS as error:
        told = _line(error)
        cut = "truncated" in told
        raise FormatError(
            "the HDF5 file is cut short" if cut else f"not an HDF5 file, or broken: {told}",
            path=path, offset=size if cut else None,
        ) from error  # fmt: skip
    with file:
        yield Hdf5(file, path, size)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
