"""Firth's own format: a folder of ``config.json``, ``model.safetensors`` and ``vocab.txt`` or ``vocab.bin``."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.atomic import new_folder
from firth.formats.base import FileReport, Format, Reading
from firth.formats.streams import Head
from firth.tensors import map_tensors, write_tensors
from firth.vectors.static import Vectors
from firth.vectors.unknown import POLICIES
from firth.vectors.words import Words

__all__ = ["FORMATS", "SCHEMA", "is_model_folder", "read_config"]

SCHEMA = 1
_TITLE = "Firth folder: vectors with words, counts, options and origin, mapped on load"
_LONGEST_CONFIG = 1 << 24
_MAGIC = b"firthvoc"
_OWN = ("schema", "firth", "words", "dim", "oov")


def read_config(folder: Path) -> dict[str, Any]:
    """Return ``config.json`` of a model folder.

    Raises
    ------
    FormatError
        When it is missing, broken or of a later schema than this version knows.
    """
    path = folder / "config.json"
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST_CONFIG + 1)
    except OSError as error:
        raise FormatError(f"no config.json: {error.strerror}", path=folder, expected="a Firth model folder") from error
    try:
        config = json.loads(raw) if len(raw) <= _LONGEST_CONFIG else None
    except (ValueError, RecursionError) as error:
        raise FormatError("not JSON", path=path) from error
    if not isinstance(config, dict) or type(config.get("schema")) is not int or "model" not in config:
        raise FormatError("not the config of a Firth model", path=path, expected="an object with schema and model")
    if config["schema"] > SCHEMA:
        raise FormatError(
            "written by a later Firth",
            path=path,
            got=f"schema {config['schema']}",
            expected=f"at most {SCHEMA}",
            remedy="upgrade firth",
        )
    return config


def _sniff(head: Head) -> float:
    return 1.0 if head.is_folder and (head.path / "model.safetensors").is_file() and is_model_folder(head.path) else 0.0


def is_model_folder(folder: Path) -> bool:
    """Return whether ``folder`` is a model of ours, of a later Firth too."""
    try:
        read_config(folder)
    except FormatError as error:
        return "later Firth" in error.what
    return True


def _read(head: Head, reading: Reading) -> Vectors:
    config = read_config(head.path)
    try:
        tensors = map_tensors(head.path / "model.safetensors", mmap=reading.mmap)
        words = _read_words(head.path)
    except OSError as error:
        raise head.fault(f"a part is missing: {error.strerror}", got=error.filename) from error
    matrix, counts, output = (tensors.get(name) for name in ("vectors", "counts", "output"))
    rows = len(words)
    if matrix is None or matrix.dtype != np.float32 or matrix.ndim != 2 or not matrix.shape[1] or len(matrix) != rows:
        got = None if matrix is None else f"{matrix.dtype} {matrix.shape}"
        raise head.fault("the matrix does not fit the vocabulary", got=got, expected=f"float32 ({rows}, dim)")
    for part, kind, shape in ((counts, np.int64, (rows,)), (output, np.float32, matrix.shape)):
        if part is not None and (part.dtype != kind or part.shape != shape):
            raise head.fault("counts or output vectors don't fit the vocabulary", got=part.shape, expected=str(shape))
    metadata = {key: value for key, value in config.items() if key not in _OWN}
    oov = config.get("oov", "error")
    if not isinstance(oov, str) or oov not in POLICIES:
        raise head.fault("no such policy for unknown words", got=oov, expected="one of " + ", ".join(POLICIES))
    vectors = Vectors(words, matrix, counts=counts, output=output, oov=oov, metadata=metadata)
    return vectors if reading.limit is None else vectors.limit(reading.limit)


def _read_words(folder: Path) -> Words:
    lines = folder / "vocab.txt"
    if not lines.exists():
        return _read_binary_words(folder / "vocab.bin")
    blob = _mapped(lines)
    if len(blob) and blob[-1] != ord("\n"):
        raise FormatError("the last word has no end of line", path=lines, offset=len(blob))
    offsets = np.concatenate([np.zeros(1, np.int64), np.flatnonzero(blob == ord("\n")) + 1])
    return Words(blob, offsets, gap=1)


def _read_binary_words(path: Path) -> Words:
    raw = _mapped(path)
    start = len(_MAGIC) + 8
    n = int.from_bytes(raw[len(_MAGIC) : start].tobytes(), "little")
    blob_start = start + 8 * (n + 1)
    if raw[: len(_MAGIC)].tobytes() != _MAGIC or blob_start > len(raw):
        raise FormatError("not a vocabulary, or cut short", path=path, offset=0)
    offsets = np.frombuffer(raw[start:blob_start], dtype="<i8").astype(np.int64)
    blob = raw[blob_start:]
    if offsets[0] != 0 or offsets[-1] != len(blob) or bool((np.diff(offsets) < 0).any()):
        raise FormatError("the words' places are broken", path=path, offset=start)
    return Words(blob, offsets)


def _mapped(path: Path) -> NDArray[np.uint8]:
    if path.stat().st_size == 0:
        return np.zeros(0, dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)


def _write_words(folder: Path, words: Words) -> None:
    encoded = [words.raw(row) for row in range(len(words))]
    joined = b"".join(encoded)
    if b"\n" not in joined and b"\r" not in joined and _is_utf8(joined):
        (folder / "vocab.txt").write_bytes(b"".join(word + b"\n" for word in encoded))
        return
    offsets = np.zeros(len(encoded) + 1, dtype="<i8")
    np.cumsum([len(word) for word in encoded], out=offsets[1:])
    head = _MAGIC + len(encoded).to_bytes(8, "little")
    (folder / "vocab.bin").write_bytes(head + offsets.tobytes() + joined)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _write(vectors: Vectors, path: Path) -> None:
    config = {
        "schema": SCHEMA,
        "model": "vectors",
        **vectors.metadata,
        "firth": _version(),
        "words": len(vectors),
        "dim": vectors.dim,
        "oov": vectors.oov,
    }
    tensors: dict[str, NDArray[Any]] = {"vectors": vectors.matrix}
    if vectors.output is not None:
        tensors["output"] = vectors.output
    if vectors.counts is not None:
        tensors["counts"] = vectors.counts
    text = json.dumps(config, ensure_ascii=False, indent=2) + "\n"
    with new_folder(path, replaceable=is_model_folder) as temporary:
        (temporary / "config.json").write_text(text, encoding="utf-8")
        write_tensors(temporary / "model.safetensors", tensors)
        _write_words(temporary, vectors.words)


def _version() -> str:
    try:
        return importlib.metadata.version("firth")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree
        return "unknown"


def _inspect(head: Head) -> FileReport:
    config = read_config(head.path)
    vectors = _read(head, Reading())
    holds = [name for name in ("counts", "output") if getattr(vectors, name) is not None]
    return FileReport(
        str(head.path), "firth", _TITLE, None, head.size, "vectors", len(vectors), vectors.dim, tuple(holds), config
    )


FORMATS = (
    Format(
        name="firth",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=_write,
        keeps=frozenset({"counts", "output", "metadata"}),
    ),
)
