"""One fixed vector per word, and the questions people put to such vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import DataError
from firth.protocols import Float32, Sentence
from firth.vectors import sentence as _sentence
from firth.vectors.checks import Query, as_counts, as_rows, refuse_duplicates
from firth.vectors.questions import Questions
from firth.vectors.storage import Rows, dense, first_rows
from firth.vectors.unknown import checked_policy, stand_in
from firth.vectors.words import UnknownWordError, Words

__all__ = ["Query", "UnknownWordError", "Vectors"]


class Vectors(Questions):
    """A matrix of word vectors with its words; nothing is normalised or copied unless asked.

    Parameters
    ----------
    words : sequence of str
        Distinct words, one per row, the most frequent first where counts are known.
    matrix : array_like, shape (n, dim)
        float32 is taken as it is (a mapped file too); other kinds are converted.
    counts : array_like of int, shape (n,), optional
        How often each word occurs in the training text.
    output : array_like or rows, shape (n, dim), optional
        Output (context) vectors of the same words.
    oov : {"error", "skip", "zero", "random", "mean", "unk"}
        What stands in for an unknown word: an error; nothing (left out of means, zeros where a row is needed); zeros;
        a random vector that depends on the word alone; the mean of all vectors; the vector of ``<unk>``.
    metadata : mapping, optional
        Plain values that travel with the vectors into our own format (model, options, seed, corpus).

    Raises
    ------
    DataError
        When shapes don't fit or a word stands twice.

    Examples
    --------
    >>> v = Vectors(["king", "queen", "apple"], [[1, 1], [1, 0.9], [-1, 0.5]])
    >>> v["queen"].tolist(), "pear" in v, len(v), v.dim
    ([1.0, 0.8999999761581421], False, 3, 2)
    >>> [(word, round(cosine, 3)) for word, cosine in v.nearest("king", n=2)]
    [('queen', 0.999), ('apple', -0.316)]
    """

    def __init__(
        self,
        words: Iterable[str],
        matrix: ArrayLike | Rows,
        *,
        counts: ArrayLike | None = None,
        output: ArrayLike | Rows | None = None,
        oov: str = "error",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self._words = Words.of(words)
        self._store = as_rows(matrix, len(self._words), "vectors")
        self._outputs = None if output is None else as_rows(output, len(self._words), "output vectors")
        if self._outputs is not None and self._outputs.shape != self._store.shape:
            raise DataError("output vectors of another size", got=self._outputs.shape, expected=str(self._store.shape))
        self._counts = None if counts is None else as_counts(counts, len(self._words))
        self._oov = checked_policy(oov)
        self._metadata = dict(metadata or {})
        if not isinstance(words, Words):
            refuse_duplicates(self._words)

    # ------------------------------------------------------------------ what they hold
    @property
    def words(self) -> Words:
        """The words, in row order."""
        return self._words

    @property
    def store(self) -> Rows:
        """The rows as they are held: the matrix, or what decodes or composes its rows when asked."""
        return self._store

    @cached_property
    def _matrix(self) -> Float32:
        return dense(self._store)

    @property
    def matrix(self) -> Float32:
        """The vectors, read-only, shape (n, dim); decoded once where they are not held as such."""
        return self._matrix

    @cached_property
    def output(self) -> Float32 | None:
        """The output (context) vectors, read-only, shape (n, dim), where they were kept."""
        return None if self._outputs is None else dense(self._outputs)

    @property
    def output_store(self) -> Rows | None:
        """The output vectors as they are held."""
        return self._outputs

    @property
    def counts(self) -> NDArray[np.int64] | None:
        """Occurrences of each word, shape (n,), where they are known."""
        return self._counts

    @cached_property
    def total(self) -> int:
        """Sum of the counts; 0 where they are unknown."""
        return 0 if self._counts is None else int(self._counts.sum())

    @property
    def oov(self) -> str:
        """Name of the policy for unknown words."""
        return self._oov

    @property
    def metadata(self) -> dict[str, Any]:
        """A copy of what was stored with the vectors."""
        return dict(self._metadata)

    @property
    def dim(self) -> int:
        """Length of every vector."""
        return int(self._store.shape[1])

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, word: object) -> bool:
        return word in self._words

    def __repr__(self) -> str:
        return f"<Vectors: {len(self):,} words, {self.dim} dimensions>"

    def index(self, word: str) -> int:
        """Return the row of ``word``; :class:`UnknownWordError` names close spellings."""
        return self._words.row(word)

    def rows(self, tokens: Iterable[str]) -> NDArray[np.int64]:
        """Return the row of each token, -1 for an unknown one, shape (n_tokens,)."""
        return np.fromiter(map(self._words.find, tokens), dtype=np.int64)

    def vector(self, word: str) -> Float32:
        """Return the vector of ``word``, or what the policy puts in its place, shape (dim,)."""
        row = self._words.find(word)
        return np.asarray(self._store[row]) if row >= 0 else self.unknown(word)

    def knows(self, word: str) -> bool:
        """Return whether ``word`` has a vector without the policy for unknown words."""
        return word in self

    def unknown(self, word: str) -> Float32:
        """Return what the policy puts in the place of a word without a vector, shape (dim,)."""
        return stand_in(self, word)

    def __getitem__(self, key: str | Iterable[str]) -> Float32:
        if isinstance(key, str):
            return self.vector(key)
        return self.encode([list(key)])[0]

    def limit(self, n: int) -> Vectors:
        """Return the first ``n`` words with their vectors, as views."""
        if n < 0:
            raise DataError("the limit is negative", got=n, expected="at least 0")
        return self._with(
            Words.of(self._words[:n]),
            self._first(n),
            counts=None if self._counts is None else self._counts[:n],
            output=None if self._outputs is None else first_rows(self._outputs, n),
            oov=self._oov,
            metadata=self._metadata,
        )

    def with_policy(self, oov: str) -> Vectors:
        """Return the same vectors under another policy for unknown words."""
        return self._with(
            self._words, self._store, counts=self._counts, output=self._outputs, oov=oov, metadata=self._metadata
        )

    def normalized(self) -> Vectors:
        """Return a copy whose rows have length 1 (rows without direction stay as they are), without n-grams."""
        scale = np.where(self._inverse > 0, self._inverse, 1).astype(np.float32)
        scaled = self._matrix * scale[:, None]
        return Vectors(self._words, scaled, counts=self._counts, oov=self._oov, metadata=self._metadata)

    # ------------------------------------------------------------------ sentences
    def sentence(self, tokens: Sequence[str], weighting: str = "mean", *, a: float = 1e-3) -> Float32:
        """Return one vector for a sentence, shape (dim,): the plain mean, or SIF's (Arora, Liang and Ma 2017)."""
        return _sentence.sentence_vector(self, tokens, weighting, a)

    def sentences(
        self,
        sentences: Iterable[Sequence[str]],
        weighting: str = "mean",
        *,
        a: float = 1e-3,
        remove_component: bool = False,
    ) -> Float32:
        """Return one vector per sentence, shape (n_sentences, dim), on request without their first component."""
        return _sentence.sentence_matrix(self, sentences, weighting, a, remove_component)

    def encode(self, sentences: Iterable[Sentence]) -> list[Float32]:
        """Return the vectors of each sentence's tokens, one (n_tokens, dim) array per sentence."""
        return [self._encoded(sentence) for sentence in sentences]

    def encode_layers(self, sentences: Iterable[Sentence]) -> list[Float32]:
        """Return :meth:`encode` with a layer axis of one in front: (1, n_tokens, dim) per sentence."""
        return [array[None, :, :] for array in self.encode(sentences)]

    # ------------------------------------------------------------------ inside
    def _first(self, n: int) -> Rows:
        return first_rows(self._store, n)

    def _with(self, words: Words, store: Rows, **others: Any) -> Vectors:
        """Return vectors of the same class with other words and rows."""
        return Vectors(words, store, **others)

    def _encoded(self, tokens: Sentence) -> Float32:
        rows = self.rows(tokens)
        if not len(rows):
            return np.zeros((0, self.dim), dtype=np.float32)
        known = rows >= 0
        found = np.empty((len(rows), self.dim), dtype=np.float32)
        found[known] = self._store[rows[known]]
        for at in np.flatnonzero(~known):
            found[at] = self.unknown(tokens[int(at)])
        return found
