"""Facebook's fastText model files: ``.bin``, and ``.ftz``, the same with quantised matrices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firth.formats.base import FileReport, Format, Reading
from firth.formats.fasttext_args import FLORET, LOSSES, MODELS
from firth.formats.fasttext_dictionary import MAGIC, Dictionary, dictionary_of, is_plausible
from firth.formats.fasttext_layout import QuantPlace, layout_of
from firth.formats.fasttext_read import read_model
from firth.formats.fasttext_write import write_model
from firth.formats.kinds import kinds
from firth.formats.random_bytes import RandomBytes
from firth.formats.streams import Head
from firth.tasks.fasttext import FastTextClassifier
from firth.vectors.floret import FloretRows
from firth.vectors.static import Vectors
from firth.vectors.subword import NgramRows, SubwordVectors

__all__ = ["FORMATS"]

_USES = ("nearest", "similarity", "analogy", "odd", "evaluate", "embed", "convert")


def _sniff(head: Head, *, floret: bool) -> float:
    if head.is_folder or not head.start:
        return 0.0
    has_magic = head.start[:4] == MAGIC.to_bytes(4, "little")
    ours, other = (is_plausible(head.start, floret=kind) for kind in (floret, not floret))
    if has_magic and not floret:
        return 0.99 if ours or not other else 0.5
    if has_magic:
        return 1.0 if ours and not other else 0.1
    return 0.97 if ours else 0.0


def _inspect(head: Head, *, floret: bool) -> FileReport:
    data = RandomBytes(head)
    details: dict[str, Any] = {}
    if head.compression is None:
        layout = layout_of(data, floret=floret)
        dictionary = layout.dictionary
        quantised = [isinstance(place, QuantPlace) for place in (layout.input, layout.output)]
        details = {"quantised input": quantised[0], "quantised output": quantised[1]}
    else:  # the matrices of a compressed file would have to be unfolded
        dictionary = dictionary_of(data, floret=floret)
    name, title = ("floret-bin", _FLORET_TITLE) if floret else ("fasttext-bin", _TITLE)
    is_classifier = dictionary.args.is_supervised
    kind = "classifier" if is_classifier else "subword-vectors"
    return FileReport(
        str(head.path), name, title, head.compression, head.size, kind, dictionary.n_words, dictionary.args.dim,
        _holds(dictionary), {**_details(dictionary), **details},
        _USES if kind != "classifier" else (*kinds()[kind].uses, *_USES[:-1]),
    )  # fmt: skip


def _holds(dictionary: Dictionary) -> tuple[str, ...]:
    args = dictionary.args
    if args.is_supervised:
        return ("counts", "labels")
    output = "nodes" if LOSSES[args.loss] == "hierarchical" else "output"
    return ("counts", output, *(("ngrams",) if dictionary.n_hashed and (args.maxn or args.mode == FLORET) else ()))


def _details(dictionary: Dictionary) -> dict[str, Any]:
    args = dictionary.args
    found: dict[str, Any] = {
        "version": dictionary.version or "before 11, without a magic number",
        "model": MODELS[args.model],
        "loss": LOSSES[args.loss],
        "buckets": args.bucket,
        "minn": args.minn,
        "maxn": args.maxn,
        "tokens": dictionary.tokens,
        "epochs": args.epoch,
        "labels": dictionary.n_labels,
    }
    if args.is_supervised:
        found["word n-grams"] = args.word_ngrams
    else:
        found["window"] = args.ws
    if dictionary.kept is not None:
        found["kept n-grams"] = len(dictionary.kept)
    if args.mode == FLORET:
        found["hashes"] = args.hash_count
    return found


def _fits(model: Any, kinds: tuple[type, ...]) -> bool:
    return not isinstance(model, SubwordVectors) or isinstance(model.subwords, kinds)


def _read(head: Head, reading: Reading) -> Any:
    return read_model(head, reading)


def _read_floret(head: Head, reading: Reading) -> Any:
    return read_model(head, reading, floret=True)


def _write(model: Any, path: Path) -> None:
    write_model(model, path)


def _write_floret(model: Any, path: Path) -> None:
    write_model(model, path, floret=True)


_TITLE = "fastText .bin and .ftz of Facebook's program: words, n-grams and output vectors, or a classifier"
_FLORET_TITLE = "floret .bin of the floret program: fastText's with two options more"
_KEEPS = frozenset({"counts", "output", "nodes", "subwords"})
_OPTIONS = frozenset({"model", "fasttext"})

FORMATS = (
    Format(
        name="fasttext-bin",
        title=_TITLE,
        sniff=lambda head: _sniff(head, floret=False),
        read=_read,
        inspect=lambda head: _inspect(head, floret=False),
        write=_write,
        models=(Vectors, FastTextClassifier),
        first_for=(SubwordVectors, FastTextClassifier),
        fits=lambda model: _fits(model, (NgramRows,)),
        keeps=_KEEPS,
        options=_OPTIONS,
        suffixes=(".bin", ".ftz"),
    ),
    Format(
        name="floret-bin",
        title=_FLORET_TITLE,
        sniff=lambda head: _sniff(head, floret=True),
        read=_read_floret,
        inspect=lambda head: _inspect(head, floret=True),
        write=_write_floret,
        models=(Vectors, FastTextClassifier),
        first_for=(SubwordVectors, FastTextClassifier),
        fits=lambda model: _fits(model, (NgramRows, FloretRows)),
        keeps=_KEEPS,
        options=_OPTIONS,
        suffixes=(".bin",),
    ),
)
