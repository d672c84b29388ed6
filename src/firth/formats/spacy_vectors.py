"""spaCy's vectors: a folder of ``vectors`` (NumPy), ``key2row`` (MessagePack), ``strings.json`` and ``vectors.cfg``.

They lie so in a pipeline (under ``vocab``), in a vocabulary, and where ``Vectors.to_disk`` wrote them. A pruned table
has fewer rows than words; in mode ``floret`` a table of hashed n-grams serves every word.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from firth.errors import FormatError
from firth.formats.atomic import new_folder
from firth.formats.base import FileReport, Format, Reading
from firth.formats.checked import refuse_undecodable, vectors_of
from firth.formats.json_parts import read_json
from firth.formats.msgpack import pack_numbers, unpack
from firth.formats.pickled_arrays import map_npy
from firth.formats.spacy_strings import keys_of
from firth.formats.spacy_symbols import SYMBOLS
from firth.formats.streams import Head
from firth.protocols import Float32
from firth.vectors.compressed import Gathered
from firth.vectors.floret import FloretRows
from firth.vectors.static import Vectors
from firth.vectors.storage import Rows, dense
from firth.vectors.subword import Composed, SubwordVectors
from firth.vectors.words import Words

__all__ = ["FORMATS"]

_TITLE = "spaCy vectors folder (of a pipeline, a vocabulary or alone)"
_OWN = {"vectors", "key2row", "strings.json", "vectors.cfg"}


def _folder(path: Path) -> Path | None:
    """Return where the vectors lie."""
    for place in (path, path / "vocab"):
        if (place / "vectors").is_file() and ((place / "key2row").is_file() or (place / "vectors.cfg").is_file()):
            return place
    return None


def _sniff(head: Head) -> float:
    return 0.9 if head.is_folder and _folder(head.path) is not None else 0.0


def _opened(head: Head) -> tuple[Path, dict[str, Any], Float32]:
    folder = _folder(head.path)
    if folder is None:
        raise head.fault("no vectors of spaCy in it", expected="vectors and key2row, there or under vocab")
    options = read_json(folder / "vectors.cfg") if (folder / "vectors.cfg").is_file() else {}
    matrix = map_npy(folder / "vectors")
    if not isinstance(options, dict) or matrix.ndim != 2:
        raise head.fault("vectors.cfg or vectors are broken", got=matrix.shape, expected="(rows, dim)")
    if not matrix.shape[1]:
        raise head.fault("the pipeline has no vectors", got=matrix.shape, remedy="its larger sizes (md, lg) have some")
    return folder, options, np.ascontiguousarray(matrix, dtype=np.float32)


def _strings(folder: Path) -> list[str]:
    listed = read_json(folder / "strings.json")
    if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
        raise FormatError("not a list of strings", path=folder / "strings.json")
    return listed


def _read(head: Head, reading: Reading) -> Vectors:
    folder, options, matrix = _opened(head)
    strings = _strings(folder)
    if options.get("mode", "default") == "floret":
        return _floret(head, reading, options, matrix, strings)
    words, places = _placed(head, reading, folder, strings, len(matrix))
    identity = len(places) == len(matrix) and bool((places == np.arange(len(matrix))).all())
    rows: Rows = matrix if identity else Gathered(matrix, places)
    return vectors_of(head, reading, words, rows)


def _placed(
    head: Head, reading: Reading, folder: Path, strings: list[str], n_rows: int
) -> tuple[list[str], np.ndarray[Any, np.dtype[np.int64]]]:
    """Return the words that have a row, in the order of the rows, and those rows."""
    table = unpack((folder / "key2row").read_bytes(), folder / "key2row") if (folder / "key2row").is_file() else {}
    if not isinstance(table, dict) or not all(
        type(key) is int and type(row) is int and -1 <= row < n_rows for key, row in table.items()
    ):
        raise head.fault("key2row is broken", expected=f"a table from keys to rows under {n_rows:,}")
    # spaCy lists no strings for its symbols, and common words such as "mark" are among them.
    by_key = {number: name for name, number in SYMBOLS.items()}
    by_key |= dict(zip(keys_of([_utf8(word) for word in strings]).tolist(), strings, strict=True))
    named = [(row, by_key[key]) for key, row in table.items() if key in by_key and row >= 0]
    if len(named) < len(table):
        reading.tell(
            f"{head.path}: {len(table) - len(named):,} vectors have no string in strings.json and were left out"
        )
    named.sort(key=lambda item: item[0])
    return [word for _, word in named], np.array([row for row, _ in named], dtype=np.int64)


def _utf8(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def _floret(head: Head, reading: Reading, options: dict[str, Any], matrix: Float32, strings: list[str]) -> Vectors:
    numbers = [options.get(key) for key in ("minn", "maxn", "hash_count", "hash_seed")]
    marks = [options.get("bow", "<"), options.get("eow", ">")]
    fits = all(type(n) is int and 0 <= n < 1 << 32 for n in numbers) and all(isinstance(m, str) for m in marks)
    if not fits or not 1 <= numbers[2] <= 4 or max(numbers[:2]) > 1000 or not len(matrix):  # type: ignore[operator, type-var]
        raise head.fault("the options of floret make no sense", got=options)
    grams = FloretRows(matrix, *numbers, *marks)  # type: ignore[arg-type]
    words = Words.of([word for word in dict.fromkeys(strings) if word])
    return vectors_of(head, reading, words, Composed(None, grams, words), subwords=grams)


def _inspect(head: Head) -> FileReport:
    folder, options, matrix = _opened(head)
    floret = options.get("mode") == "floret"
    n = len(_strings(folder)) if floret else len(unpack((folder / "key2row").read_bytes(), folder / "key2row"))
    details = {"rows": len(matrix), **options}
    return FileReport(
        str(head.path), "spacy", _TITLE, None, sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        "vectors", n, int(matrix.shape[1]), ("n-grams",) if floret else (), details,
    )  # fmt: skip


def _ours(path: Path) -> bool:
    return {file.name for file in path.iterdir()} <= _OWN and (path / "vectors").is_file()


def _write(vectors: Vectors, path: Path) -> None:
    refuse_undecodable(vectors, "spacy")
    words = list(vectors.words)
    grams = vectors.subwords if isinstance(vectors, SubwordVectors) else None
    options: dict[str, Any] = {"mode": "default"}
    table, rows = {}, vectors.store
    if isinstance(grams, FloretRows):
        options = {
            "mode": "floret", "minn": grams.minn, "maxn": grams.maxn, "hash_count": grams.hashes,
            "hash_seed": grams.seed, "bow": grams.begin, "eow": grams.end,
        }  # fmt: skip
        rows = grams.rows
    else:
        keys = keys_of([vectors.words.raw(row) for row in range(len(words))])
        table = dict(zip(keys.tolist(), range(len(words)), strict=True))
    with new_folder(path, replaceable=_ours) as temporary:
        with (temporary / "vectors").open("wb") as file:
            np.save(file, dense(rows), allow_pickle=False)
        (temporary / "key2row").write_bytes(pack_numbers(table))
        (temporary / "strings.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
        (temporary / "vectors.cfg").write_text(json.dumps(options), encoding="utf-8")


FORMATS = (
    Format(
        name="spacy",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=_write,
        keeps=frozenset({"subwords"}),
        holds_subwords=lambda grams: isinstance(grams, FloretRows),
        folder=True,
    ),
)
