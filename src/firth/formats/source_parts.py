"""The representations that a task reads, as parts of its model's folder.

Each lies there as it would lie in a folder of its own, with its names behind ``source0_`` and so on, so that the folder
can be moved, and that words which were not in the training text still have their vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from firth.errors import FirthError
from firth.formats.base import Reading
from firth.formats.kinds import Parts, kind_of, kinds
from firth.vectors.static import Vectors
from firth.vectors.subword import SubwordVectors
from firth.vectors.words import Words

if TYPE_CHECKING:
    from firth.tasks.word_features import Source

__all__ = ["check_sources", "sources_apart", "sources_together"]

_CASES = ("fallback", "exact")
_MOST_SOURCES, _MOST_LAYERS = 64, 1 << 10
_TASKS = ("tagger", "text-classifier", "translator")  # models that read representations and are none


def sources_apart(sources: Sequence[Source]) -> Parts:
    """Return what a folder keeps of word features; their list is ``sources`` of its config."""
    entries: list[dict[str, Any]] = []
    tensors: dict[str, Any] = {}
    words: dict[str, Words] = {}
    for number, source in enumerate(sources):
        entry, parts = _apart(source)
        entries.append({"layers": source.layers, "dim": source.dim, **entry})
        tensors |= {f"source{number}.{name}": tensor for name, tensor in parts.tensors.items()}
        words |= {f"source{number}_{name}": some for name, some in parts.words.items()}
    return Parts({"sources": entries}, tensors, words)


def _apart(source: Source) -> tuple[dict[str, Any], Parts]:
    from firth.tasks.word_features import GivenRows, StaticWords

    if isinstance(source, GivenRows):
        return {"kind": "given"}, Parts({}, {}, {})
    if isinstance(source, StaticWords):
        representation: Any = _slim(source.vectors)
        entry = {"case": source.case}
    else:
        representation, entry = source.representation, {}  # type: ignore[attr-defined]
    kind = kind_of(representation)
    parts = kind.apart(representation)
    return {"kind": kind.name, **entry, "config": parts.config}, parts


def _slim(vectors: Vectors) -> Vectors:
    """Return vectors without what a task does not read: output vectors, counts."""
    options: dict[str, Any] = {"oov": vectors.oov, "metadata": vectors.metadata}
    if type(vectors) is SubwordVectors:
        return SubwordVectors(vectors.words, vectors.store, subwords=vectors.subwords, **options)
    return Vectors(vectors.words, vectors.store, **options) if type(vectors) is Vectors else vectors


def check_sources(parts: Parts, entries: Any) -> None:
    """Make sure that a folder's list of word features is one.

    Raises
    ------
    FormatError
        When it is not.
    """
    if not isinstance(entries, list) or not 0 < len(entries) <= _MOST_SOURCES or not all(map(_is_source, entries)):
        raise parts.fault("no proper list of representations", got=entries)


def _is_source(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
        return False
    dim, layers = entry.get("dim"), entry.get("layers")
    if type(dim) is not int or type(layers) is not int or not 0 < dim < 1 << 24 or not 0 <= layers < _MOST_LAYERS:
        return False
    return entry.get("case", "exact") in _CASES and isinstance(entry.get("config", {}), dict)


def sources_together(parts: Parts, entries: Sequence[dict[str, Any]], reading: Reading) -> list[Source]:
    """Return the word features of a list that :func:`check_sources` passed.

    Raises
    ------
    FormatError
        When one does not fit its entry.
    """
    sources = [_together(parts, number, entry, reading) for number, entry in enumerate(entries)]
    for source, entry in zip(sources, entries, strict=True):
        if (source.dim, source.layers) != (entry["dim"], entry["layers"]):
            got = f"{source.dim} by {source.layers} layers"
            raise parts.fault("a representation does not fit the net", got=got, expected=f"{entry['dim']}")
    return sources


def _together(parts: Parts, number: int, entry: dict[str, Any], reading: Reading) -> Source:
    from firth.tasks.word_features import ContextWords, GivenRows, StaticWords

    if entry["kind"] == "given":
        return GivenRows(entry["dim"])
    kind = kinds().get(entry["kind"])
    if kind is None or kind.name in _TASKS:
        raise parts.fault("no such kind of representation", got=entry["kind"])
    tensors = {n.removeprefix(p): t for n, t in parts.tensors.items() if n.startswith(p := f"source{number}.")}
    words = {n.removeprefix(p): w for n, w in parts.words.items() if n.startswith(p := f"source{number}_")}
    if "vocab" not in words:
        raise parts.fault("a representation lacks its words", got=f"source{number}")
    try:
        made = kind.together(Parts(entry.get("config", {}), tensors, words, parts.path), reading)
        if isinstance(made, Vectors):
            return StaticWords(made, entry.get("case", "fallback"))
        return ContextWords(made, mix=entry["layers"] > 0)
    except (AttributeError, TypeError) as error:
        raise parts.fault("this model is no representation of words", got=entry["kind"]) from error
    except FirthError as error:
        raise parts.fault(error.what, got=error.got, expected=error.expected) from error
