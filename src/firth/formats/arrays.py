"""Vectors of a text's tokens as array files, for use elsewhere: .npy, .safetensors, .h5 and .parquet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from firth.errors import ConfigError, DataError
from firth.formats.array_writers import WRITERS
from firth.formats.atomic import new_file
from firth.protocols import Float32

__all__ = ["SUFFIXES", "array_suffix", "save_arrays", "writing_arrays"]

Tokens = Sequence[Sequence[str]]
SUFFIXES = tuple(WRITERS)


def array_suffix(path: Path) -> str:
    """Return the suffix that chooses the kind of array file.

    Raises
    ------
    ConfigError
        When there is no such kind.
    """
    if path.suffix not in WRITERS:
        raise ConfigError("no such kind of array file", got=path.name, expected="a name in " + " ".join(SUFFIXES))
    return path.suffix


@contextlib.contextmanager
def writing_arrays(path: str | Path) -> Iterator[Callable[[Float32, Sequence[str]], None]]:
    """Give a function that writes one sentence after the other; the file appears whole at the end, or not at all.

    Memory is that of the sentence at hand (``.parquet``: some thousand tokens). ``.h5`` keeps the text, for its index.

    Parameters
    ----------
    path : path-like
        ``.npy``: all tokens' vectors, one after another, (n_tokens, dim), or of several layers
        (n_tokens, n_layers, dim). ``.safetensors``: the same as ``vectors``, with ``ends`` (n_sentences,), where each
        sentence ends among them. ``.h5``: AllenNLP's layout, one data set per sentence named by its number from 0,
        (n_tokens, dim) or (n_layers, n_tokens, dim), and ``sentence_to_index``, a JSON object from each sentence, its
        tokens joined by blanks, to its last name. ``.parquet``: a row per token with sentence, token, and vector or
        layer_0, layer_1 and so on.

    Yields
    ------
    callable
        Takes a sentence's vectors, (n_tokens, dim) or (n_layers, n_tokens, dim), and its tokens.

    Raises
    ------
    ConfigError
        When the suffix is none of these.
    MissingExtraError
        When h5py (``neural``) or pyarrow (``io``) is needed and absent.
    DataError
        When vectors and tokens don't match, or the file cannot be written.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> path = Path(tempfile.mkdtemp()) / "two.npy"
    >>> with writing_arrays(path) as write:
    ...     write(np.ones((1, 3), np.float32), ["a"])
    ...     write(np.zeros((1, 3), np.float32), ["b"])
    >>> np.load(path).tolist()
    [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """
    path = Path(path)
    kind = WRITERS[array_suffix(path)]
    with new_file(path) as temporary, kind(temporary) as writer:

        def write(array: Float32, tokens: Sequence[str]) -> None:
            if array.shape[-2] != len(tokens):
                raise DataError("vectors and tokens don't match", got=f"{array.shape[-2]} and {len(tokens)}")
            writer.add(array, tokens)

        yield write


def save_arrays(path: str | Path, arrays: Sequence[Float32], sentences: Tokens) -> None:
    """Write what :meth:`encode` or :meth:`encode_layers` returned; the suffix of ``path`` chooses the kind of file.

    Parameters
    ----------
    path : path-like
        As for :func:`writing_arrays`.
    arrays : sequence of ndarray of float32, shape (n_tokens, dim) or (n_layers, n_tokens, dim)
        One per sentence.
    sentences : sequence of sequences of str
        Their tokens.

    Raises
    ------
    ConfigError, MissingExtraError, DataError
        As :func:`writing_arrays`.
    """
    if len(arrays) != len(sentences):
        array_suffix(Path(path))
        raise DataError("the arrays don't match the sentences", got=f"{len(arrays)} and {len(sentences)}")
    with writing_arrays(path) as write:
        for array, tokens in zip(arrays, sentences, strict=True):
            write(array, tokens)
