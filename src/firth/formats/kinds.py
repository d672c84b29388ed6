"""What a model's folder can hold: each kind of model is taken apart into options, tensors and words, and put together.

A module of :mod:`firth.formats` that defines ``KINDS`` adds its own; :mod:`firth.formats.folder` does the writing.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError, FormatError
from firth.formats.base import Reading, is_one_of
from firth.vectors.words import Words

__all__ = ["Kind", "Parts", "kind_of", "kinds", "listed"]


@dataclasses.dataclass(frozen=True)
class Parts:
    """A model taken apart.

    Attributes
    ----------
    config : dict
        Plain JSON values; goes into ``config.json`` beside the keys that every model has.
    tensors : mapping from str to ndarray
        Go into ``model.safetensors``.
    words : mapping from str to Words
        Lists of words, each a file of its own (``vocab`` is ``vocab.txt`` or ``vocab.bin``).
    path : Path
        Where they were read from, for errors.
    """

    config: dict[str, Any]
    tensors: Mapping[str, NDArray[Any]]
    words: Mapping[str, Words]
    path: Path = Path()

    def fault(self, what: str, **facts: Any) -> FormatError:
        """Return an error of this folder."""
        return FormatError(what, path=self.path, **facts)

    def tensor(self, name: str, dtype: Any, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """Return a tensor that must be there, of this type and shape (None: any length).

        Raises
        ------
        FormatError
            When it is not.
        """
        found = self.tensors.get(name)
        fits = found is not None and found.dtype == np.dtype(dtype) and found.ndim == len(shape)
        if found is None or not fits or any(w is not None and g != w for g, w in zip(found.shape, shape, strict=True)):
            got = None if found is None else f"{found.dtype} {found.shape}"
            wanted = ", ".join("any" if side is None else str(side) for side in shape)
            raise self.fault(f"the tensor {name!r} does not fit", got=got, expected=f"{np.dtype(dtype)} ({wanted})")
        return found


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of model.

    Attributes
    ----------
    name : str
        ``kind`` in ``config.json``; folders without one hold ``vectors``.
    title : str
        One line.
    holds : type or str
        The class of the model, exactly; ``module:class`` for one whose module needs torch.
    apart : callable
        From a model to its :class:`Parts`.
    together : callable
        From parts, and how to read, to the model. Raises FormatError where they don't fit.
    uses : tuple of str
        Commands that take such a folder.
    compress : callable or None
        From a model and a way (``int8``) to a smaller model and a phrase that tells what that cost. Raises
        ConfigError for a way that it does not know. None where there is none.
    more : callable or None
        From a model to facts that its options don't tell, and to all commands that take this one.
    """

    name: str
    title: str
    holds: type | str
    apart: Callable[[Any], Parts]
    together: Callable[[Parts, Reading], Any]
    uses: tuple[str, ...]
    compress: Callable[[Any, str], tuple[Any, str]] | None = None
    more: Callable[[Any], tuple[dict[str, Any], tuple[str, ...]]] | None = None

    def fits(self, model: Any) -> bool:
        """Return whether ``model`` is of this kind."""
        if isinstance(self.holds, str):
            return is_one_of(model, self.holds)
        return type(model) is self.holds


def listed(attribute: str) -> Iterator[Any]:
    """Yield what the modules of :mod:`firth.formats` list under a name, such as ``KINDS``."""
    package = importlib.import_module("firth.formats")
    for found in pkgutil.iter_modules(package.__path__):
        yield from getattr(importlib.import_module(f"firth.formats.{found.name}"), attribute, ())


@functools.cache
def kinds() -> dict[str, Kind]:
    """Return every kind of model by name."""
    return {kind.name: kind for kind in listed("KINDS")}


def kind_of(model: Any) -> Kind:
    """Return the kind of a model.

    Raises
    ------
    DataError
        When no folder of ours can hold it.
    """
    for kind in kinds().values():
        if kind.fits(model):
            return kind
    raise DataError("no model that Firth can save", got=type(model).__name__)
