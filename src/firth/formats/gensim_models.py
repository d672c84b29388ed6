"""gensim's own files (``.kv``, ``.model``, of 0.12 to 4.x), read without gensim and without running their pickles."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.formats.base import FileReport, Format, Reading
from firth.formats.checked import bytes_of, vectors_of
from firth.formats.gensim_write import holds_ngrams, write_gensim
from firth.formats.pickled_arrays import array_of, is_array, map_npy, read_npz
from firth.formats.pickles import Made, read_pickle
from firth.formats.streams import Head
from firth.vectors.ngrams import BucketNgrams, NamedNgrams
from firth.vectors.static import Vectors
from firth.vectors.subword import Composed, NgramRows, Subwords
from firth.vectors.words import Words

__all__ = ["FORMATS"]

_TITLE = "gensim model (.kv, .model), read without running its pickle"
_OPTIONS = (
    *("vector_size", "size", "layer1_size", "window", "sg", "hs", "negative", "alpha", "min_alpha", "min_count"),
    *("epochs", "iter", "sample", "seed", "cbow_mean", "ns_exponent", "min_n", "max_n", "bucket"),
)


def _sniff(head: Head) -> float:
    pickled = len(head.start) > 2 and head.start[0] == 0x80 and 2 <= head.start[1] <= 5
    return (0.97 if b"gensim." in head.start[:4096] else 0.3) if pickled else 0.0


@dataclasses.dataclass(frozen=True)
class _Part:
    """An object of the pickle, with the attributes that gensim put into files beside it."""

    head: Head
    made: Made
    prefix: str

    @property
    def state(self) -> Mapping[str, Any]:
        return self.made.state if isinstance(self.made.state, dict) else {}

    def part(self, name: str) -> _Part | None:
        found = self.state.get(name)
        return _Part(self.head, found, f"{self.prefix}.{name}") if isinstance(found, Made) else None

    def first(self, *names: str) -> Any:
        return next((self.state[name] for name in names if self.state.get(name) is not None), None)

    def array(self, *names: str) -> NDArray[Any] | None:
        apart = self.state.get("__numpys")
        for name in names:
            if is_array(self.state.get(name)):
                return array_of(self.state[name], self.head.path)
            if isinstance(apart, list) and name in apart:
                return self._beside(name)
        return None

    def matrix(self, *names: str) -> NDArray[np.float32] | None:
        found = self.array(*names)
        if found is not None and found.ndim != 2:
            raise self.head.fault(f"{names[0]} is no matrix", got=found.shape)
        return None if found is None else np.ascontiguousarray(found, dtype=np.float32)

    def _beside(self, name: str) -> NDArray[Any]:
        path = self.head.path
        if path.suffix not in (".gz", ".bz2"):
            return map_npy(path.with_name(f"{self.prefix}.{name}.npy"))
        arrays = read_npz(path.with_name(f"{self.prefix}.{name}.npz"))
        if "val" not in arrays:
            raise self.head.fault("a part beside the model holds no array", got=f"{self.prefix}.{name}.npz")
        return arrays["val"]


def _opened(head: Head) -> tuple[_Part, _Part]:
    """Return the model, and the part of it that holds the word vectors."""
    root = read_pickle(bytes_of(head), head.path)
    if not isinstance(root, Made) or not root.of.module.startswith("gensim."):
        got = f"{root.of.module}.{root.of.name}" if isinstance(root, Made) else type(root).__name__
        raise head.fault("a pickle, but not of a model of gensim", got=got)
    model = _Part(head, root, head.path.name)
    return model, model.part("wv") or model


def _words_and_counts(keyed: _Part) -> tuple[list[str], NDArray[np.int64] | None]:
    listed = keyed.first("index_to_key", "index2word", "index2entity")
    vocab = keyed.first("vocab")
    if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
        raise keyed.head.fault("the model has no list of words", got=keyed.made.of.name)
    expandos = keyed.first("expandos")
    if isinstance(expandos, dict) and is_array(expandos.get("count")):
        counts = array_of(expandos["count"], keyed.head.path)
        return listed, counts.astype(np.int64) if counts.shape == (len(listed),) and counts.dtype.kind in "iu" else None
    if not isinstance(vocab, dict):
        return listed, None
    entries = [_attributes(vocab.get(word)) for word in listed]
    numbers = [entry.get("count") for entry in entries]
    if all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        return listed, np.array(numbers, dtype=np.int64)
    return listed, None


def _attributes(entry: Any) -> Mapping[str, Any]:
    return entry.state if isinstance(entry, Made) and isinstance(entry.state, dict) else {}


def _subwords(model: _Part, keyed: _Part) -> Subwords | None:
    """Return the n-grams of a FastText model: hashed into all buckets, into some, or (before 3.2) listed by name."""
    rows = keyed.matrix("vectors_ngrams", "syn0_ngrams", "syn0_all")
    minn, maxn = (keyed.first(name) or model.first(name) for name in ("min_n", "max_n"))
    if rows is None or type(minn) is not int or type(maxn) is not int or not 0 < minn <= maxn <= 1000:
        return None
    buckets = keyed.first("bucket") or model.first("bucket")
    named, kept = keyed.first("ngrams"), keyed.first("hash2index")
    if isinstance(named, dict) and named:
        table = {str(gram): row for gram, row in named.items() if type(row) is int and 0 <= row < len(rows)}
        if len(table) != len(named):
            raise keyed.head.fault("an n-gram has no row", expected=f"rows under {len(rows):,}")
        return NamedNgrams(rows, minn, maxn, table, unit=False)
    if type(buckets) is not int or not 0 < buckets < 1 << 31:
        raise keyed.head.fault("the number of buckets is broken", got=buckets)
    if isinstance(kept, dict) and kept:
        kept = {b: row for b, row in kept.items() if type(b) is int and type(row) is int and 0 <= row < len(rows)}
        rows = rows[: len(kept)] if sorted(kept.values()) == list(range(len(kept))) else rows
    else:
        kept = None
    if (kept is None and len(rows) != buckets) or (kept is not None and len(kept) != len(rows)):
        raise keyed.head.fault("the n-gram rows don't fit", got=len(rows), expected=f"{buckets}, one per bucket")
    if keyed.first("compatible_hash") is False or (kept is not None and keyed.first("compatible_hash") is None):
        return BucketNgrams(rows, minn, maxn, buckets, "characters", kept, unit=False)
    return NgramRows(rows, minn, maxn, buckets, kept)


def _read(head: Head, reading: Reading) -> Vectors:
    model, keyed = _opened(head)
    words, counts = _words_and_counts(keyed)
    subwords = _subwords(model, keyed) if "FastText" in keyed.made.of.name + model.made.of.name else None
    rows: Any = keyed.matrix("vectors", "syn0")
    if rows is None and isinstance(subwords, NgramRows):
        own = keyed.matrix("vectors_vocab")
        if own is not None and len(own) == len(words):
            rows = Composed(own, subwords, Words.of(words))
    if rows is None:
        raise head.fault("the model has no vectors", got=model.made.of.name)
    if not reading.mmap and isinstance(rows, np.ndarray):
        rows = rows.copy()
    trained = model.part("trainables") or model
    output = trained.matrix("syn1neg")
    output = output if output is not None and output.shape == tuple(rows.shape) else None
    if model.first("dv", "docvecs") is not None:
        reading.tell(f"{head.path}: only the word vectors were read, not those of documents")
    return vectors_of(
        head, reading, words, rows, subwords=subwords, counts=counts, output=output, metadata=_metadata(model, keyed)
    )


def _metadata(model: _Part, keyed: _Part) -> dict[str, Any]:
    """Return the options of a trained model; of bare vectors nothing is known."""
    if model is keyed:
        return {}
    options = {name: model.state[name] for name in _OPTIONS if type(model.state.get(name)) in (int, float)}
    return {"model": model.made.of.name.lower(), "gensim": options}


def _inspect(head: Head) -> FileReport:
    model, keyed = _opened(head)
    vectors = _read(head, Reading(nonfinite="keep", listen=lambda event: None))
    holds = [name for name in ("counts", "output") if getattr(vectors, name) is not None]
    holds += ["n-grams"] if hasattr(vectors, "subwords") else []
    details: dict[str, Any] = {"class": f"{model.made.of.module}.{model.made.of.name}"}
    details |= _metadata(model, keyed).get("gensim", {})
    beside = sorted(path.name for path in _companions(head.path))
    details |= {"beside": beside} if beside else {}
    return FileReport(
        str(head.path), "gensim", _TITLE, head.compression, head.size, "vectors", len(vectors), vectors.dim,
        tuple(holds), details,
    )  # fmt: skip


def _companions(path: Path) -> list[Path]:
    return [
        other for other in path.parent.iterdir()
        if other.name.startswith(path.name + ".") and other.suffix in (".npy", ".npz")
    ]  # fmt: skip


FORMATS = (
    Format(
        name="gensim",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=write_gensim,
        keeps=frozenset({"counts", "subwords"}),
        holds_subwords=holds_ngrams,
        suffixes=(".kv",),
    ),
)
