"""What a file format is to the registry, and what travels to and from it."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from firth.events import Listener, Notice
from firth.formats.streams import Head
from firth.vectors.static import Vectors
from firth.vectors.subword import SubwordVectors

__all__ = ["FileReport", "Format", "Reading", "is_one_of"]


@dataclasses.dataclass(frozen=True)
class Reading:
    """How to read.

    Attributes
    ----------
    limit : int or None
        Read the first rows only.
    mmap : bool
        Map the file rather than copy it, where the format allows.
    nonfinite : {"error", "keep"}
        What to do with NaN and infinite values.
    listen : Listener or None
        Hears what was skipped or replaced; without one it is a Python warning.
    """

    limit: int | None = None
    mmap: bool = True
    nonfinite: str = "error"
    listen: Listener | None = None

    def tell(self, message: str) -> None:
        """Pass on something that the user should know."""
        if self.listen is not None:
            self.listen(Notice(message))
        else:
            warnings.warn(message, stacklevel=2)


@dataclasses.dataclass(frozen=True)
class FileReport:
    """What a file is and what can be done with it.

    Attributes
    ----------
    path, format, title : str
        The file, the format's name and its description.
    compression : str or None
        gz, bz2, xz or zst.
    size : int
        Bytes on disk.
    kind : str
        What :func:`firth.load` returns, such as ``vectors``.
    words, dim : int or None
        Rows and columns; None where only reading it all would tell.
    holds : tuple of str
        What is there besides words and vectors, such as ``counts``.
    details : dict
        Format-specific facts as plain values.
    uses : tuple of str
        Commands that take this file.
    """

    path: str
    format: str
    title: str
    compression: str | None
    size: int
    kind: str
    words: int | None
    dim: int | None
    holds: tuple[str, ...]
    details: dict[str, Any]
    uses: tuple[str, ...] = ("nearest", "similarity", "analogy", "odd", "evaluate", "embed", "convert")

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}


class Read(Protocol):
    """Read a file whose head was seen."""

    def __call__(self, head: Head, reading: Reading) -> Any: ...


@dataclasses.dataclass(frozen=True)
class Format:
    """One file format; a module of :mod:`firth.formats` that defines ``FORMATS`` adds its own to the registry.

    Attributes
    ----------
    name : str
        As in ``format="word2vec-text"``.
    title : str
        One line.
    sniff : callable
        From the head of a file to how sure the format is of it, 0 to 1; looks at content only.
    read, inspect : callable
        From the head of a file to its content, or to a report.
    write : callable or None
        Write a model to a path; None where Firth cannot.
    models : tuple of types, or None
        What ``write`` takes; None for every model that has a kind (:mod:`firth.formats.kinds`).
    keeps : frozenset of str
        Which of ``counts output nodes metadata subwords`` it stores of vectors, besides words and float32 values.
    suffixes : tuple of str
        Names that choose this format when writing, where none is given.
    holds_subwords : callable or None
        Whether it can keep these n-grams, where it keeps ``subwords``; None for all.
    folder : bool
        Whether it is a folder rather than a file.
    first_for : tuple of types, or None
        The classes that such a name chooses this format for; None for all that ``models`` names.
    fits : callable or None
        What ``write`` asks of a model beside its class.
    options : frozenset of str
        Keys of the metadata that it stores where it does not keep all of it.
    holds_words : bool
        Whether words have a place in it beside what composes their vectors.
    drops : callable or None
        What it would not keep of a model that is no vectors, one phrase each; None where it keeps all.
    """

    name: str
    title: str
    sniff: Callable[[Head], float]
    read: Read
    inspect: Callable[[Head], FileReport]
    write: Callable[[Any, Path], None] | None = None
    models: tuple[type, ...] | None = (Vectors,)
    keeps: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    holds_subwords: Callable[[Any], bool] | None = None
    folder: bool = False
    first_for: tuple[type, ...] | None = None
    fits: Callable[[Any], bool] | None = None
    options: frozenset[str] = frozenset()
    holds_words: bool = True
    drops: Callable[[Any], list[str]] | None = None

    def takes(self, model: Any) -> bool:
        """Return whether :attr:`write` takes ``model`` whole; vectors with more to them count as vectors."""
        of_class = self.models is None or isinstance(model, self.models)
        return of_class and (self.fits is None or self.fits(model))

    def lost(self, model: Any) -> list[str]:
        """Return what of ``model`` the format would not keep, one phrase each."""
        if not isinstance(model, Vectors):
            return self.drops(model) if self.drops else []
        keeps = self.keeps
        if self.holds_subwords and isinstance(model, SubwordVectors) and not self.holds_subwords(model.subwords):
            keeps = keeps - {"subwords"}
        words = ["the list of words"] if len(model) and not self.holds_words else []
        return words + [phrase for part, phrase in _extras(model, self.options) if part not in keeps]


def _extras(vectors: Vectors, options: frozenset[str]) -> Iterable[tuple[str, str]]:
    if vectors.counts is not None:
        yield "counts", "the word counts"
    if vectors.output_store is not None:
        yield "output", "the output vectors"
    if isinstance(vectors, SubwordVectors):
        if len(vectors.subwords.rows):
            yield "subwords", "the character n-grams, which unknown words are composed from,"
        if vectors.nodes is not None:
            yield "nodes", "the inner nodes of the tree"
    if rest := sorted(vectors.metadata.keys() - options):
        yield "metadata", "the model's options and origin (" + ", ".join(rest) + ")"


def is_one_of(model: Any, *classes: str) -> bool:
    """Return whether the class of ``model`` is one of those named ``module:class``, exactly; none is imported for it.

    Examples
    --------
    >>> is_one_of(Reading(), "firth.formats.base:Reading")
    True
    """
    return f"{type(model).__module__}:{type(model).__qualname__}" in classes
