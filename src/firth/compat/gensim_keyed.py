"""gensim's ``KeyedVectors`` as a thin layer over :class:`firth.vectors.static.Vectors`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.compat.gensim_questions import Questions
from firth.errors import FormatError
from firth.formats.registry import load as load_any
from firth.formats.registry import save as save_any
from firth.protocols import Float32
from firth.vectors.static import Vectors
from firth.vectors.words import Words

__all__ = ["KeyedVectors"]

Path: TypeAlias = "str | os.PathLike[str]"
Key: TypeAlias = "str | int | np.integer[Any]"


class KeyedVectors(Questions):
    """Words with vectors, answering as gensim 4 does; :attr:`held` is the same as Firth's :class:`Vectors`.

    Parameters
    ----------
    vectors : Vectors or int
        What to serve; or, as in gensim, the dimension of an empty set to be filled by :meth:`add_vectors`.

    Examples
    --------
    >>> kv = KeyedVectors(2)
    >>> kv.add_vectors(["up", "down"], [[0, 1], [0, -1]])
    >>> kv.similarity("up", "down"), kv.index_to_key
    (-1.0, ['up', 'down'])
    """

    def __init__(self, vectors: Vectors | int) -> None:
        if not isinstance(vectors, Vectors):
            vectors = Vectors([], np.zeros((0, int(vectors)), dtype=np.float32))
        self._hold(vectors)

    def _hold(self, vectors: Vectors) -> None:
        self.held = vectors
        self._keys: list[str] | None = None
        self._indices: dict[str, int] | None = None
        self._attributes: dict[str, NDArray[Any]] = {}
        if vectors.counts is not None:
            self._attributes["count"] = np.array(vectors.counts)

    # ------------------------------------------------------------------ what is there
    @property
    def vectors(self) -> Float32:
        """The matrix, read-only, shape (n, vector_size)."""
        return self.held.matrix

    @property
    def vector_size(self) -> int:
        """Length of every vector."""
        return self.held.dim

    @property
    def index_to_key(self) -> list[str]:
        """The words in row order."""
        if self._keys is None:
            self._keys = list(self.held.words)
        return self._keys

    @property
    def key_to_index(self) -> dict[str, int]:
        """The row of each word."""
        if self._indices is None:
            self._indices = {word: row for row, word in enumerate(self.index_to_key)}
        return self._indices

    def __len__(self) -> int:
        return len(self.held)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str | int | np.integer) and self.has_index_for(key)

    def has_index_for(self, key: Key) -> bool:
        """Return whether ``key`` is a word or a row that is there."""
        return self.get_index(key, -1) >= 0

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Return the row of ``key``, or ``default``, or raise ``KeyError``."""
        if isinstance(key, str):
            row = self.held.words.find(key)
        else:
            row = int(key) if 0 <= int(key) < len(self) else -1
        if row < 0 and default is None:
            raise KeyError(f"Key '{key}' not present")
        return row if row >= 0 or default is None else default

    def __getitem__(self, keys: Key | Iterable[Key]) -> Float32:
        if isinstance(keys, str | int | np.integer):
            return self.get_vector(keys)
        return np.vstack([self.get_vector(key) for key in keys])

    def get_vector(self, key: Key, norm: bool = False) -> Float32:
        """Return the vector of ``key``, at length 1 on request, shape (vector_size,)."""
        vector = self.held.matrix[self.get_index(key)]
        return np.asarray(vector / np.linalg.norm(vector) if norm else vector, dtype=np.float32)

    def get_normed_vectors(self) -> Float32:
        """Return a copy of the matrix with rows of length 1."""
        return self.held.normalized().matrix

    def fill_norms(self, force: bool = False) -> None:
        """Do nothing: norms are computed when they are needed."""

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """Return an attribute of a word, such as its ``count``."""
        if attr not in self._attributes:
            raise KeyError(attr)
        return self._attributes[attr][self.get_index(key)]

    def set_vecattr(self, key: Key, attr: str, val: Any) -> None:
        """Set an attribute of a word."""
        if attr not in self._attributes:
            kind = np.int64 if isinstance(val, int) else type(val)
            self._attributes[attr] = np.zeros(len(self), dtype=object if kind is str else kind)
        self._attributes[attr][self.get_index(key)] = val

    # ------------------------------------------------------------------ changing it
    def add_vector(self, key: str, vector: NDArray[Any]) -> int:
        """Add a word with its vector, or leave a known word as it is; return the row."""
        self.add_vectors([key], [vector])
        return self.get_index(key)

    def add_vectors(self, keys: Sequence[str], weights: Sequence[Any] | NDArray[Any], replace: bool = False) -> None:
        """Add words with their vectors; the vectors of known words change only with ``replace``. Copies the matrix."""
        given = np.asarray(weights, dtype=np.float32).reshape(len(keys), self.vector_size)
        rows = self.held.rows(keys)
        matrix = np.concatenate([self.held.matrix, given[rows < 0]])
        if replace:
            matrix[rows[rows >= 0]] = given[rows >= 0]
        words = [*self.index_to_key, *(key for key, row in zip(keys, rows.tolist(), strict=True) if row < 0)]
        attributes, new = self._attributes, len(words) - len(self)
        self._hold(Vectors(words, matrix, oov=self.held.oov, metadata=self.held.metadata))
        for name, values in attributes.items():
            self._attributes[name] = np.concatenate([values, np.zeros(new, dtype=values.dtype)])

    def __setitem__(self, keys: str | list[str], weights: NDArray[Any]) -> None:
        self.add_vectors([keys] if isinstance(keys, str) else keys, weights, replace=True)

    def sort_by_descending_frequency(self) -> None:
        """Put the most frequent words first; words of one count keep the later before the earlier, as in gensim."""
        if not len(self):
            return
        counts = np.asarray(self._attributes["count"], dtype=np.int64)
        order = np.lexsort((-np.arange(len(counts)), -counts))
        attributes = {name: values[order] for name, values in self._attributes.items()}
        words = Words.of([self.held.words[row] for row in order.tolist()])
        self._hold(
            Vectors(
                words, self.held.matrix[order], counts=counts[order], oov=self.held.oov, metadata=self.held.metadata
            )
        )
        self._attributes = attributes

    # ------------------------------------------------------------------ files
    def save(self, path: Path) -> None:
        """Write a Firth folder (gensim writes a pickle, which Firth does not)."""
        save_any(self._with_counts(), path, format="firth")

    @classmethod
    def load(cls, path: Path, mmap: str | None = None) -> KeyedVectors:
        """Load any file that Firth knows; a Firth folder is mapped whatever ``mmap`` says."""
        return cls(load_any(path))

    def save_word2vec_format(
        self,
        fname: Path,
        fvocab: Path | None = None,
        binary: bool = False,
        write_header: bool = True,
        sort_attr: str = "count",
    ) -> None:
        """Write word2vec's text or binary format, the words of highest ``sort_attr`` first; ``fvocab`` gets counts."""
        kept = KeyedVectors(self.held)
        kept._attributes = self._attributes
        order = list(range(len(self)))
        if sort_attr in self._attributes:
            order.sort(key=lambda row: -self._attributes[sort_attr][row])
        elif fvocab is not None:
            raise ValueError(f"Cannot store vocabulary with '{sort_attr}' because that attribute does not exist")
        words = [self.index_to_key[row] for row in order]
        if fvocab is not None:
            lines = (f"{word} {self.get_vecattr(word, sort_attr)}\n" for word in words)
            with open(fvocab, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.writelines(lines)
        text = "word2vec-text" if write_header else "glove"
        if binary and not write_header:
            raise FormatError("a binary file cannot do without its header")
        save_any(Vectors(words, self.held.matrix[order]), fname, format="word2vec-binary" if binary else text)

    @classmethod
    def load_word2vec_format(
        cls,
        fname: Path,
        fvocab: Path | None = None,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: str = "strict",
        limit: int | None = None,
        datatype: type[np.floating[Any]] = np.float32,
        no_header: bool = False,
    ) -> KeyedVectors:
        """Load word2vec's text or binary format.

        Bytes that are not UTF-8 are kept (``surrogateescape``) whatever ``unicode_errors`` says, ``encoding`` is taken
        for UTF-8, and values are float32 whatever ``datatype`` says.
        """
        text = "glove" if no_header else "word2vec-text"
        held = load_any(fname, format="word2vec-binary" if binary else text, limit=limit)
        keyed = cls(held)
        if fvocab is not None:
            keyed._read_counts(fvocab)
        return keyed

    def _read_counts(self, path: Path) -> None:
        counts = np.zeros(len(self), dtype=np.int64)
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                word, _, count = line.strip("\n").rpartition(" ")
                row = self.held.words.find(word)
                if not count.strip().isdecimal():
                    raise FormatError(f"line {number} holds no count", path=os.fspath(path), got=line)
                if row >= 0:
                    counts[row] = int(count)
        self._attributes["count"] = counts

    def _with_counts(self) -> Vectors:
        counts = self._attributes.get("count")
        return Vectors(
            self.held.words,
            self.held.matrix,
            counts=None if counts is None else counts.astype(np.int64),
            output=self.held.output,
            oov=self.held.oov,
            metadata=self.held.metadata,
        )
