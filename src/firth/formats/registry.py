"""The one door to files of models: what is it, load it, save it, turn it into another."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

from firth.errors import ConfigError, DataError, FormatError
from firth.events import Listener
from firth.formats.base import FileReport, Format, Reading
from firth.formats.kinds import kinds, listed
from firth.formats.streams import Head, head_of
from firth.vectors.compress import Loss
from firth.vectors.compress import compress as compress_vectors
from firth.vectors.static import Vectors

__all__ = ["convert", "format_by_suffix", "formats", "inspect", "load", "model_of", "save"]

_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")


@functools.cache
def formats() -> dict[str, Format]:
    """Return every format by name: whatever a module of :mod:`firth.formats` lists as ``FORMATS``."""
    return {kind.name: kind for kind in listed("FORMATS")}


def load(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    limit: int | None = None,
    mmap: bool = True,
    nonfinite: str = "error",
    listen: Listener | None = None,
) -> Any:
    """Load a model from any supported file or folder.

    Parameters
    ----------
    path : path-like
        The file; its format is found from its content, never from its name.
    format : str, optional
        A name from :func:`formats`, where the content should not decide.
    limit : int, optional
        Read the first rows only.
    mmap : bool
        Map the file where the format allows (Firth's own), so that loading costs next to nothing.
    nonfinite : {"error", "keep"}
        Whether NaN and infinite values are an error.
    listen : Listener, optional
        Hears notices, such as repeated words; without one they are Python warnings.

    Returns
    -------
    Vectors
        Or another model, where the file holds one: a classifier, a co-occurrence matrix.

    Raises
    ------
    DataError
        When the file cannot be read.
    FormatError
        When it is broken, or of no known format.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tiny.vec"
    >>> _ = path.write_text("2 3\\nking 1 0 0.5\\nqueen 0 1 0.5\\n")
    >>> load(path)["queen"].tolist()
    [0.0, 1.0, 0.5]
    """
    if limit is not None and limit < 0:
        raise ConfigError("limit is negative", got=limit, expected="at least 0")
    head = head_of(path)
    return _chosen(head, format).read(head, Reading(limit, mmap, nonfinite, listen))


def save(
    model: Any, path: str | os.PathLike[str], *, format: str | None = None, compress: str | None = None
) -> Loss | str | None:
    """Write a model, whole or not at all.

    Parameters
    ----------
    model : Vectors, another model, or a training result that has one as ``vectors`` or ``model``
        What to write.
    path : path-like
        Where. A model folder of Firth's and a file are replaced, other folders never.
    format : str, optional
        A name from :func:`formats`; else the suffix decides (``.vec .txt`` word2vec text, ``.bin .w2v`` word2vec
        binary, for vectors with n-grams and for classifiers ``.bin .ftz`` fastText's, ``.glove``, each perhaps with
        ``.gz .bz2 .xz .zst``), and any other name is a folder of ours.
    compress : {"float16", "int8", "pq"}, optional
        Pack word vectors (:func:`firth.vectors.compress.compress`) or, with int8, an n-gram model
        (:meth:`firth.lm.ngram_model.NGramModel.quantized`), for a folder of ours.

    Returns
    -------
    Loss, str or None
        What compression cost: of vectors, in neighbours.

    Raises
    ------
    DataError
        When a word cannot stand in the format, or the target cannot be written.
    """
    found = model_of(model)
    if compress is None:
        _save(found, Path(path), format)
        return None
    packed, loss = _compressed(found, compress, format or format_by_suffix(Path(path), found).name)
    _save(packed, Path(path), format)
    return loss


def inspect(path: str | os.PathLike[str], *, format: str | None = None) -> FileReport:
    """Tell what a file is, how large its matrix is and what can be done with it."""
    head = head_of(path)
    return _chosen(head, format).inspect(head)


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    format: str | None = None,
    *,
    source_format: str | None = None,
    compress: str | None = None,
    listen: Listener | None = None,
    nonfinite: str = "error",
) -> list[str]:
    """Turn one file into another.

    Parameters
    ----------
    source, target : path-like
        From and to.
    format, source_format : str, optional
        As for :func:`save` and :func:`load`.
    compress : {"float16", "int8", "pq"}, optional
        As for :func:`save`.
    listen, nonfinite
        As for :func:`load`.

    Returns
    -------
    list of str
        What the target does not keep, one phrase each, and what compression cost; empty when nothing is lost.
    """
    model = load(source, format=source_format, listen=listen, nonfinite=nonfinite)
    kind = _named(format) if format is not None else format_by_suffix(Path(target), model)
    whole = kind.takes(model)
    written = model if whole else getattr(model, "vectors", model)
    lost = kind.lost(written) if kind.takes(written) else []  # what it does not take, saving refuses
    cost = []
    if compress is not None:
        written, loss = _compressed(written, compress, kind.name)
        cost = [str(loss)]
    _save(written, Path(target), kind.name)
    rest = [] if whole else [f"all but the word vectors of the {type(model).__name__}"]
    return [f"{phrase} cannot be kept in {kind.name}" for phrase in rest + lost] + cost


def _compressed(model: Any, kind: str, format: str) -> tuple[Any, Loss | str]:
    if not isinstance(model, Vectors):
        return _smaller(model, kind, format)
    if format != "firth" and not (format == "finalfusion" and kind == "pq"):
        remedy = "write a folder of ours; finalfusion's files hold pq too"
        raise ConfigError("no compressed vectors in this format", got=format, remedy=remedy)
    return compress_vectors(model, kind)


def _smaller(model: Any, way: str, format: str) -> tuple[Any, str]:
    """Compress a model that is no vectors, as its kind knows to."""
    compress = next((kind.compress for kind in kinds().values() if kind.fits(model)), None)
    if compress is None:
        raise DataError("this model cannot be compressed", got=type(model).__name__, expected="vectors or n-grams")
    if format != "firth":
        raise ConfigError(
            "no compressed models of this kind in this format", got=format, remedy="write a folder of ours"
        )
    return compress(model, way)


def _save(model: Any, path: Path, format: str | None) -> Format:
    kind = _named(format) if format is not None else format_by_suffix(path, model)
    if kind.write is None:
        raise ConfigError("Firth reads this format but does not write it", got=kind.name, expected=_writable())
    if not kind.takes(model):
        fit = ", ".join(name for name, other in formats().items() if other.write is not None and other.takes(model))
        raise DataError(f"{kind.name} cannot hold this model", got=type(model).__name__, expected=f"one of {fit}")
    kind.write(model, path)
    return kind


def model_of(result: Any) -> Any:
    """Return what of a training result is to be saved: itself where it is a model, else what it holds."""
    written = tuple(known for kind in formats().values() for known in kind.models or ())
    for name in ("", "model", "vectors"):  # one after the other: vectors may cost, or be none
        found = getattr(result, name, None) if name else result
        if isinstance(found, written) or any(kind.fits(found) for kind in kinds().values()):
            return found
    raise DataError("no model to save", got=type(result).__name__, expected="Vectors or another model")


def _named(name: str) -> Format:
    known = formats()
    if name not in known:
        raise ConfigError("no such format", got=name, expected="one of " + ", ".join(known))
    return known[name]


def _writable() -> str:
    return "one of " + ", ".join(kind.name for kind in formats().values() if kind.write is not None)


def format_by_suffix(path: Path, model: Any = None) -> Format:
    """Return the format that a name asks for when ``model`` (None: plain vectors) is written to it.

    Several formats may share a suffix: the one that names the nearest class of ``model`` as its own is chosen, such as
    fastText's ``.bin`` for vectors with n-grams and word2vec's for others.
    """
    suffix = path.with_suffix("").suffix if path.suffix in _COMPRESSIONS else path.suffix
    known = [kind for kind in formats().values() if suffix in kind.suffixes]
    if not known:
        if path.suffix in _COMPRESSIONS:
            raise ConfigError(
                "the name does not tell the format", got=path.name, remedy='give format="word2vec-text" or so'
            )
        return _named("firth")
    classes = Vectors.__mro__ if model is None else type(model).__mro__
    fit = [kind for kind in known if model is None or kind.takes(model)]
    own = ((kind, kind.models if kind.first_for is None else kind.first_for) for kind in fit)
    ranked = [(classes.index(cls), place) for place, (_, of) in enumerate(own) for cls in of or () if cls in classes]
    return fit[min(ranked)[1]] if ranked else (fit or known)[0]


def _chosen(head: Head, name: str | None) -> Format:
    if name is not None:
        kind = _named(name)
        if head.is_folder and not kind.folder:
            raise FormatError("a folder, not a file", path=head.path, expected=kind.title)
        return kind
    if not head.is_folder and not head.start:
        raise FormatError("the file is empty", path=head.path, offset=0)
    sure, best = max(((kind.sniff(head), kind) for kind in formats().values()), key=lambda found: found[0])
    if sure <= 0:
        raise FormatError(
            "no format that Firth knows", path=head.path, expected="one of " + ", ".join(formats()),
            remedy="format= names it",
        )  # fmt: skip
    return best
