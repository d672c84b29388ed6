"""Firth: every representation of words on the road from counting to BERT, trained on your own text.

The public names load on first use, so that ``import firth`` stays quick and needs no torch.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firth.config import Config
    from firth.formats.registry import convert, inspect, load, save
    from firth.static.glove import GloVe
    from firth.static.word2vec import Word2Vec
    from firth.text.corpus import Corpus, as_corpus
    from firth.text.vocab import Vocab
    from firth.vectors.static import Vectors

__all__ = [
    "Corpus",
    "GloVe",
    "Vectors",
    "Vocab",
    "Word2Vec",
    "__version__",
    "as_corpus",
    "convert",
    "inspect",
    "load",
    "save",
    "train",
]

_HOMES = {
    "Corpus": "firth.text.corpus",
    "as_corpus": "firth.text.corpus",
    "Vocab": "firth.text.vocab",
    "Vectors": "firth.vectors.static",
    "GloVe": "firth.static.glove",
    "Word2Vec": "firth.static.word2vec",
    "load": "firth.formats.registry",
    "save": "firth.formats.registry",
    "inspect": "firth.formats.registry",
    "convert": "firth.formats.registry",
}


def train(data: Any, config: Config, **options: Any) -> Any:
    """Train the model that ``config`` describes on ``data``.

    Parameters
    ----------
    data : Corpus, path, list of paths, or iterable of str or token lists
        The text; see :func:`firth.text.corpus.as_corpus`.
    config : Config
        A model's options, such as ``Word2Vec(dim=100)``; the module that defines it also trains it.
    **options
        Passed on to that module's ``train``.

    Returns
    -------
    object
        That trainer's result.
    """
    return sys.modules[type(config).__module__].train(data, config, **options)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("firth")
        except PackageNotFoundError:  # run from a source tree
            return "unknown"
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'firth' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
