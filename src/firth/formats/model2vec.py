"""Static models for sentences: folders of model2vec and of sentence-transformers' ``StaticEmbedding``.

Both are a matrix in safetensors beside a ``tokenizer.json``, whose vocabulary names the rows; model2vec's may have
fewer rows than tokens (``mapping``) and a weight for each token.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.formats.atomic import new_folder
from firth.formats.base import FileReport, Format, Reading
from firth.formats.checked import refuse_undecodable, vectors_of
from firth.formats.json_parts import read_json
from firth.formats.streams import Head
from firth.formats.tokenizer_json import UNKNOWN, tokens_of, word_level
from firth.tensors import map_tensors, write_tensors
from firth.vectors.compressed import Bytes, Gathered, Halves, Scaled
from firth.vectors.static import Vectors
from firth.vectors.storage import Rows

__all__ = ["FORMATS"]

_MODEL2VEC = "model2vec folder: vectors of a tokenizer's pieces, for means of sentences"
_STATIC = "sentence-transformers StaticEmbedding folder: vectors of a tokenizer's pieces, for means of sentences"
_OURS = "firth_unknown"  # in config: the last row was added by us, because such tokenizers need one
_SMALL = 1 << 24


def _module(path: Path) -> Path | None:
    """Return the folder of a ``StaticEmbedding``, as ``modules.json`` tells."""
    if not (path / "modules.json").is_file():
        return None
    modules = read_json(path / "modules.json", _SMALL)
    for module in modules if isinstance(modules, list) else []:
        kind, place = (module.get("type"), module.get("path")) if isinstance(module, dict) else (None, None)
        if isinstance(kind, str) and kind.endswith("StaticEmbedding") and isinstance(place, str):
            folder = path / place
            return folder if folder.resolve().is_relative_to(path.resolve()) else None
    return None


def _holds(folder: Path) -> bool:
    return (folder / "model.safetensors").is_file() and (folder / "tokenizer.json").is_file()


def _sniff_model2vec(head: Head) -> float:
    if not head.is_folder or not _holds(head.path) or not (head.path / "config.json").is_file():
        return 0.0
    config = read_json(head.path / "config.json", _SMALL)
    return 0.9 if isinstance(config, dict) and config.get("model_type") == "model2vec" else 0.0


def _sniff_static(head: Head) -> float:
    folder = _module(head.path) if head.is_folder else None
    return 0.8 if folder is not None and _holds(folder) else 0.0


def _rows(head: Head, folder: Path, mmap: bool) -> tuple[Rows, int]:
    """Return the rows of tokens as they are packed, and how many rows the matrix has."""
    try:
        tensors = map_tensors(folder / "model.safetensors", mmap=mmap)
    except OSError as error:
        raise head.fault(f"a part is missing: {error.strerror}", got=error.filename) from error
    matrix = tensors.get("embeddings", tensors.get("embedding.weight"))
    if matrix is None or matrix.ndim != 2 or not matrix.shape[1]:
        raise head.fault("no matrix of embeddings in it", got=", ".join(tensors))
    rows = _unpacked(matrix)
    mapping, weights = tensors.get("mapping"), tensors.get("weights")
    try:
        if mapping is not None and mapping.ndim == 1 and mapping.dtype.kind in "iu":
            rows = Gathered(rows, mapping)
        if weights is not None and weights.ndim == 1:
            rows = Scaled(rows, weights.astype(np.float32))
    except DataError as error:
        raise head.fault(error.what, got=error.got, expected=error.expected) from error
    return rows, len(matrix)


def _unpacked(matrix: NDArray[Any]) -> Rows:
    if matrix.dtype == np.float16:
        return Halves(matrix)
    if matrix.dtype == np.int8:  # the factor of the whole matrix is not stored: only directions matter to model2vec
        return Bytes(matrix, np.ones(len(matrix), dtype=np.float32))
    return np.ascontiguousarray(matrix, dtype=np.float32)


def _read_from(head: Head, reading: Reading, folder: Path, config: Any) -> Vectors:
    rows, _ = _rows(head, folder, reading.mmap)
    tokens, _ = tokens_of(folder / "tokenizer.json")
    ids = sorted(number for number in tokens if 0 <= number < len(rows))
    if len(ids) < len(tokens):
        reading.tell(f"{head.path}: {len(tokens) - len(ids):,} tokens have no row and were left out")
    if isinstance(config, dict) and config.get(_OURS) is True and ids and tokens[ids[-1]] == UNKNOWN:
        ids.pop()
    places = np.array(ids, dtype=np.int64)
    identity = bool((places == np.arange(len(places))).all())
    whole = rows if identity and len(places) == len(rows) else None
    if whole is None:
        whole = rows[: len(places)] if identity and isinstance(rows, np.ndarray) else Gathered(rows, places)
    return vectors_of(head, reading, [tokens[number] for number in ids], whole)


def _read_model2vec(head: Head, reading: Reading) -> Vectors:
    return _read_from(head, reading, head.path, _config(head.path))


def _read_static(head: Head, reading: Reading) -> Vectors:
    folder = _module(head.path)
    if folder is None:
        raise head.fault("no StaticEmbedding in modules.json")
    return _read_from(head, reading, folder, _config(folder))


def _config(folder: Path) -> Any:
    return read_json(folder / "config.json", _SMALL) if (folder / "config.json").is_file() else {}


def _inspect(head: Head, folder: Path | None, name: str, title: str) -> FileReport:
    if folder is None:
        raise head.fault("no StaticEmbedding in modules.json")
    rows, distinct = _rows(head, folder, mmap=True)
    tokens, kind = tokens_of(folder / "tokenizer.json")
    details: dict[str, Any] = {"tokenizer": kind, "tokens": len(tokens), "rows": distinct}
    size = sum(file.stat().st_size for file in {*head.path.iterdir(), *folder.iterdir()} if file.is_file())
    added = _config(folder).get(_OURS) is True
    words = sum(0 <= number < len(rows) for number in tokens) - added
    return FileReport(
        str(head.path), name, title, None, size, "vectors", words, int(rows.shape[1]), (), details
    )  # fmt: skip


def _write_into(vectors: Vectors, folder: Path, tensor: str, name: str, config: dict[str, Any]) -> None:
    """Write matrix and tokenizer; a row of zeros for unknown words is added where there is none."""
    words, matrix = list(vectors.words), vectors.matrix
    if UNKNOWN not in vectors:
        words.append(UNKNOWN)
        matrix = np.concatenate([matrix, np.zeros((1, vectors.dim), dtype=np.float32)])
        config = {**config, _OURS: True}
    write_tensors(folder / "model.safetensors", {tensor: matrix})
    (folder / "tokenizer.json").write_text(word_level(words), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def _write_model2vec(vectors: Vectors, path: Path) -> None:
    refuse_undecodable(vectors, "model2vec")
    config = {
        "model_type": "model2vec", "architectures": ["StaticModel"], "hidden_dim": vectors.dim, "seq_length": 1_000_000,
        "normalize": False,
    }  # fmt: skip
    with new_folder(path, replaceable=lambda old: _sniff_model2vec(_folder_head(old)) > 0) as temporary:
        _write_into(vectors, temporary, "embeddings", "model2vec", config)


def _write_static(vectors: Vectors, path: Path) -> None:
    refuse_undecodable(vectors, "static-embedding")
    place = "0_StaticEmbedding"
    modules = [{"idx": 0, "name": "0", "path": place, "type": "sentence_transformers.models.StaticEmbedding"}]
    options: dict[str, Any] = {
        "__version__": {},
        "prompts": {},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    }
    with new_folder(path, replaceable=lambda old: _sniff_static(_folder_head(old)) > 0) as temporary:
        (temporary / place).mkdir()
        _write_into(vectors, temporary / place, "embedding.weight", "static-embedding", {})
        (temporary / "modules.json").write_text(json.dumps(modules, indent=2), encoding="utf-8")
        (temporary / "config_sentence_transformers.json").write_text(json.dumps(options, indent=2), encoding="utf-8")


def _folder_head(path: Path) -> Head:
    return Head(path, True, None, b"", False, 0)


FORMATS = (
    Format(
        name="model2vec",
        title=_MODEL2VEC,
        sniff=_sniff_model2vec,
        read=_read_model2vec,
        inspect=lambda head: _inspect(head, head.path, "model2vec", _MODEL2VEC),
        write=_write_model2vec,
        folder=True,
    ),
    Format(
        name="static-embedding",
        title=_STATIC,
        sniff=_sniff_static,
        read=_read_static,
        inspect=lambda head: _inspect(head, _module(head.path), "static-embedding", _STATIC),
        write=_write_static,
        folder=True,
    ),
)
