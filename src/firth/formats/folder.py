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
from firth.formats.kinds import Kind, Parts, kind_of, kinds
from firth.formats.streams import Head
from firth.tensors import map_tensors, write_tensors
from firth.vectors.words import Words

__all__ = ["FORMATS", "SCHEMA", "is_model_folder", "read_config"]

SCHEMA = 1
_TITLE = "Firth folder: a model with words, counts, options and origin, mapped on load"
_LONGEST_CONFIG = 1 << 24
_MAGIC = b"firthvoc"
_OWN = ("schema", "firth", "words", "dim", "kind", "lists")
_MATRICES = ("vectors", "input")


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


def _read(head: Head, reading: Reading) -> Any:
    parts, kind = _parts(head, reading)
    return kind.together(parts, reading)


def _parts(head: Head, reading: Reading) -> tuple[Parts, Kind]:
    config = read_config(head.path)
    name = config.get("kind", "vectors")
    kind = kinds().get(name) if isinstance(name, str) else None
    if kind is None:
        raise head.fault("no such kind of model", got=name, expected="one of " + ", ".join(kinds()))
    try:
        tensors = map_tensors(head.path / "model.safetensors", mmap=reading.mmap)
        words = {"vocab": _read_words(head.path, "vocab")}
        words |= {name: _read_words(head.path, name) for name in _names(config)}
    except OSError as error:
        raise head.fault(f"a part is missing: {error.strerror}", got=error.filename) from error
    plain = {key: value for key, value in config.items() if key not in _OWN}
    return Parts(plain, tensors, words, head.path), kind


def _names(config: dict[str, Any]) -> list[str]:
    """Return the names of the further lists of words, which are names of files: nothing else may stand there."""
    names = config.get("lists", [])
    if not isinstance(names, list) or not all(isinstance(name, str) and name.isidentifier() for name in names):
        raise FormatError("the names of the word lists are broken", got=names)
    return names


def _read_words(folder: Path, name: str) -> Words:
    lines = folder / f"{name}.txt"
    if not lines.exists():
        return _read_binary_words(folder / f"{name}.bin")
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


def _write_words(folder: Path, name: str, words: Words) -> None:
    blob, offsets = words.spread(0)
    joined = blob.tobytes()
    # A character may not be cut in two by the end of a word either, so words are looked at with their ends.
    if b"\n" not in joined and b"\r" not in joined and _is_utf8(lines := words.spread(1, ord("\n"))[0].tobytes()):
        (folder / f"{name}.txt").write_bytes(lines)
        return
    head = _MAGIC + len(words).to_bytes(8, "little")
    (folder / f"{name}.bin").write_bytes(head + offsets.astype("<i8").tobytes() + joined)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _write(model: Any, path: Path) -> None:
    kind = kind_of(model)
    parts = kind.apart(model)
    lists = [name for name in parts.words if name != "vocab"]
    config = {
        "schema": SCHEMA,
        "model": "vectors",
        **parts.config,
        "kind": kind.name,
        "firth": _version(),
        "words": len(parts.words["vocab"]),
        **({"lists": lists} if lists else {}),
    }
    text = json.dumps(config, ensure_ascii=False, indent=2) + "\n"
    with new_folder(path, replaceable=is_model_folder) as temporary:
        (temporary / "config.json").write_text(text, encoding="utf-8")
        write_tensors(temporary / "model.safetensors", parts.tensors)
        for name, words in parts.words.items():
            _write_words(temporary, name, words)


def _version() -> str:
    try:
        return importlib.metadata.version("firth")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree
        return "unknown"


def _inspect(head: Head) -> FileReport:
    parts, kind = _parts(head, Reading())
    model = kind.together(parts, Reading())
    sides = [tensor.shape[1] for name, tensor in parts.tensors.items() if tensor.ndim == 2 and name in _MATRICES]
    dim = getattr(model, "dim", sides[0] if sides else None)
    holds = [name for name in parts.tensors if name not in _MATRICES] + [
        name for name in parts.words if name != "vocab"
    ]
    facts, uses = ({}, kind.uses) if kind.more is None else kind.more(model)
    n_words = len(parts.words["vocab"])
    return FileReport(
        str(head.path), "firth", f"Firth folder: {kind.title}, mapped on load", None, head.size, kind.name,
        n_words if n_words or kind.more is None else None, dim if isinstance(dim, int) else None, tuple(holds),
        read_config(head.path) | facts, uses,
    )  # fmt: skip


FORMATS = (
    Format(
        name="firth",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=_write,
        models=None,
        keeps=frozenset({"counts", "output", "nodes", "metadata", "subwords"}),
        folder=True,
    ),
)
