"""Parquet and Arrow (Feather) tables with a column of words and one of vectors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import MissingExtraError
from firth.formats.atomic import new_file
from firth.formats.base import FileReport, Format, Reading
from firth.formats.checked import refuse_undecodable, vectors_of
from firth.formats.streams import Head
from firth.vectors.static import Vectors
from firth.vectors.storage import BLOCK_VALUES

__all__ = ["FORMATS"]

_PARQUET = "Parquet table with a column of words and one of vectors"
_ARROW = "Arrow (Feather) table with a column of words and one of vectors"
_WORDS = ("word", "token", "text", "key", "label", "name")
_VECTORS = ("vector", "embedding", "embeddings", "vectors", "values")
_COUNTS = ("count", "counts", "frequency", "freq")
_OURS = b"firth"


def _pyarrow(what: str) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError(f"{what} a table of Arrow or Parquet", extra="io") from error
    return pyarrow


def _opened(head: Head) -> Any:
    """Return the table, mapped where it is plain Arrow."""
    pa = _pyarrow("reading")
    if head.compression is not None:
        raise head.fault(
            "a table inside a compressed file", remedy="unpack it first; Parquet and Arrow pack by themselves"
        )
    try:
        if head.start.startswith(b"PAR1"):
            from pyarrow import parquet

            file = parquet.ParquetFile(head.path)
            if file.metadata.num_rows > 64 * head.size:
                raise head.fault("the table promises more rows than the file can hold", got=file.metadata.num_rows)
            return file.read()
        with pa.memory_map(str(head.path)) as source:
            return pa.ipc.open_file(source).read_all()
    except (pa.ArrowException, OSError, ValueError, MemoryError, TypeError) as error:
        raise head.fault(f"the table is broken: {str(error).splitlines()[0] if str(error) else error}") from error


def _named(table: Any, names: tuple[str, ...], fits: Callable[[Any], bool]) -> str | None:
    """Return the column of one of these names, else the first that fits."""
    fitting = [field.name for field in table.schema if fits(field.type)]
    return next((name for name in (*names, *fitting) if name in fitting), None)


def _columns(head: Head, table: Any) -> tuple[str, str, str | None]:
    types = _pyarrow("reading").types
    word = _named(table, _WORDS, lambda kind: _is_text(types, kind))
    vector = _named(table, _VECTORS, lambda kind: _is_list(types, kind) and types.is_floating(kind.value_type))
    counts = [
        name for name in _COUNTS if name in table.column_names and types.is_integer(table.schema.field(name).type)
    ]
    if word is None or vector is None:
        expected = "a column of text and one of lists of floating-point numbers"
        raise head.fault("no words or no vectors in the table", got=", ".join(table.column_names), expected=expected)
    return word, vector, counts[0] if counts else None


def _is_text(types: Any, kind: Any) -> bool:
    plain = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return bool(plain or (types.is_dictionary(kind) and types.is_string(kind.value_type)))


def _is_list(types: Any, kind: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _read(head: Head, reading: Reading) -> Vectors:
    pa = _pyarrow("reading")
    table = _opened(head)
    if reading.limit is not None:
        table = table.slice(0, reading.limit)
    word, vector, count = _columns(head, table)
    try:
        matrix = _matrix(head, table.column(vector))
        words = table.column(word).to_pylist()
        counts = None if count is None else table.column(count).to_numpy()
    except (pa.ArrowException, ValueError, MemoryError) as error:
        raise head.fault(f"the table is broken: {error}") from error
    if not all(isinstance(item, str) for item in words):
        raise head.fault("a word is missing", got=f"column {word}")
    if counts is not None and (counts.dtype.kind not in "iu" or (len(counts) and counts.min() < 0)):
        counts = None
    return vectors_of(head, reading, words, matrix, counts=counts, metadata=_metadata(table))


def _matrix(head: Head, column: Any) -> NDArray[np.float32]:
    """Return the lists as rows; all must be of one length, without gaps."""
    parts = []
    dim: Any = getattr(column.type, "list_size", None)
    for chunk in column.chunks:
        flat = chunk.flatten()
        if chunk.null_count or flat.null_count:
            raise head.fault("a vector is missing or has gaps")
        values = flat.to_numpy(zero_copy_only=False)
        if not len(chunk):
            continue
        lengths = chunk.value_lengths().to_numpy() if dim is None else None
        width = int(lengths[0]) if lengths is not None else int(dim)
        if not width or len(values) != width * len(chunk) or (lengths is not None and (lengths != width).any()):
            raise head.fault("the vectors are not all of one length")
        parts.append(np.asarray(values, dtype=np.float32).reshape(-1, width))
    if len({part.shape[1] for part in parts}) > 1:
        raise head.fault("the vectors are not all of one length")
    if not parts:
        return np.zeros((0, int(dim or 1)), dtype=np.float32)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _metadata(table: Any) -> dict[str, Any]:
    raw = (table.schema.metadata or {}).get(_OURS)
    try:
        found = json.loads(raw) if raw else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _sniff_parquet(head: Head) -> float:
    return 1.0 if head.start.startswith(b"PAR1") else 0.0


def _sniff_arrow(head: Head) -> float:
    return 1.0 if head.start.startswith(b"ARROW1") else 0.0


def _inspect(head: Head, name: str, title: str) -> FileReport:
    table = _opened(head)
    word, vector, count = _columns(head, table)
    matrix = _matrix(head, table.column(vector).slice(0, 1))
    holds = ("counts",) if count else ()
    details = {"columns": table.column_names, "words from": word, "vectors from": vector}
    return FileReport(
        str(head.path), name, title, None, head.size, "vectors", table.num_rows, int(matrix.shape[1]), holds, details
    )


def _batches(vectors: Vectors) -> tuple[Any, Iterator[Any]]:
    """Return the schema of a table and its batches of rows."""
    pa = _pyarrow("writing")
    columns = {"word": pa.string(), "vector": pa.list_(pa.float32(), vectors.dim)}
    columns |= {} if vectors.counts is None else {"count": pa.int64()}
    metadata = {_OURS: json.dumps(vectors.metadata, ensure_ascii=False).encode()} if vectors.metadata else None
    schema = pa.schema(columns, metadata=metadata)
    words, counts, store = list(vectors.words), vectors.counts, vectors.store
    step = max(1, BLOCK_VALUES // vectors.dim)

    def batches() -> Iterator[Any]:
        for start in range(0, len(words), step):
            block = np.ascontiguousarray(store[start : start + step], dtype=np.float32)
            arrays = [
                pa.array(words[start : start + step], pa.string()),
                pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), vectors.dim),
            ]
            arrays += [] if counts is None else [pa.array(counts[start : start + step])]
            yield pa.record_batch(arrays, schema=schema)

    return schema, batches()


def _write_parquet(vectors: Vectors, path: Path) -> None:
    refuse_undecodable(vectors, "parquet")
    schema, batches = _batches(vectors)
    from pyarrow import parquet

    # Vectors hold no repeated values: a dictionary of them would only take room.
    with (
        new_file(path) as temporary,
        parquet.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=False) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)


def _write_arrow(vectors: Vectors, path: Path) -> None:
    refuse_undecodable(vectors, "arrow")
    schema, batches = _batches(vectors)
    pa = _pyarrow("writing")
    with new_file(path) as temporary, pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


FORMATS = (
    Format(
        name="parquet",
        title=_PARQUET,
        sniff=_sniff_parquet,
        read=_read,
        inspect=lambda head: _inspect(head, "parquet", _PARQUET),
        write=_write_parquet,
        keeps=frozenset({"counts", "metadata"}),
        suffixes=(".parquet",),
    ),
    Format(
        name="arrow",
        title=_ARROW,
        sniff=_sniff_arrow,
        read=_read,
        inspect=lambda head: _inspect(head, "arrow", _ARROW),
        write=_write_arrow,
        keeps=frozenset({"counts", "metadata"}),
        suffixes=(".arrow", ".feather"),
    ),
)
