"""One fixed vector per word, and the questions people put to such vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import ConfigError, DataError
from firth.protocols import Float32, Sentence
from firth.vectors import analogy as _analogy
from firth.vectors import sentence as _sentence
from firth.vectors.search import inverse_norms, nearest_rows
from firth.vectors.unknown import checked_policy, stand_in
from firth.vectors.words import UnknownWordError, Words

__all__ = ["Query", "UnknownWordError", "Vectors"]

Query: TypeAlias = "str | NDArray[Any] | tuple[str | NDArray[Any], float]"
Neighbours: TypeAlias = list[tuple[str, float]]


class Vectors:
    """A matrix of word vectors with its words; nothing is normalised or copied unless asked.

    Parameters
    ----------
    words : sequence of str
        Distinct words, one per row, the most frequent first where counts are known.
    matrix : array_like, shape (n, dim)
        float32 is taken as it is (a mapped file too); other kinds are converted.
    counts : array_like of int, shape (n,), optional
        How often each word occurs in the training text.
    output : array_like, shape (n, dim), optional
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
        matrix: ArrayLike,
        *,
        counts: ArrayLike | None = None,
        output: ArrayLike | None = None,
        oov: str = "error",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self._words = Words.of(words)
        self._matrix = _as_matrix(matrix, len(self._words), "vectors")
        self._output = None if output is None else _as_matrix(output, len(self._words), "output vectors")
        if self._output is not None and self._output.shape != self._matrix.shape:
            raise DataError("output vectors of another size", got=self._output.shape, expected=str(self._matrix.shape))
        self._counts = None if counts is None else _as_counts(counts, len(self._words))
        self._oov = checked_policy(oov)
        self._metadata = dict(metadata or {})
        if not isinstance(words, Words):
            _refuse_duplicates(self._words)

    # ------------------------------------------------------------------ what they hold
    @property
    def words(self) -> Words:
        """The words, in row order."""
        return self._words

    @property
    def matrix(self) -> Float32:
        """The vectors, read-only, shape (n, dim)."""
        return self._matrix

    @property
    def output(self) -> Float32 | None:
        """The output (context) vectors, read-only, shape (n, dim), where they were kept."""
        return self._output

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
        return int(self._matrix.shape[1])

    @cached_property
    def _inverse(self) -> Float32:
        return inverse_norms(self._matrix)

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
        return self._matrix[row] if row >= 0 else stand_in(self, word)

    def __getitem__(self, key: str | Iterable[str]) -> Float32:
        if isinstance(key, str):
            return self.vector(key)
        return self.encode([list(key)])[0]

    def limit(self, n: int) -> Vectors:
        """Return the first ``n`` words with their vectors, as views."""
        if n < 0:
            raise DataError("the limit is negative", got=n, expected="at least 0")
        return Vectors(
            Words.of(self._words[:n]),
            self._matrix[:n],
            counts=None if self._counts is None else self._counts[:n],
            output=None if self._output is None else self._output[:n],
            oov=self._oov,
            metadata=self._metadata,
        )

    def with_policy(self, oov: str) -> Vectors:
        """Return the same vectors under another policy for unknown words."""
        return Vectors(
            self._words, self._matrix, counts=self._counts, output=self._output, oov=oov, metadata=self._metadata
        )

    def normalized(self) -> Vectors:
        """Return a copy whose rows have length 1 (rows without direction stay as they are)."""
        scale = np.where(self._inverse > 0, self._inverse, 1).astype(np.float32)
        scaled = self._matrix * scale[:, None]
        return Vectors(self._words, scaled, counts=self._counts, oov=self._oov, metadata=self._metadata)

    # ------------------------------------------------------------------ questions
    def nearest(
        self,
        query: Query | None = None,
        *,
        positive: Sequence[Query] | Query = (),
        negative: Sequence[Query] | Query = (),
        n: int = 10,
        limit: int | None = None,
        exclude: bool | Iterable[str] = True,
    ) -> Neighbours:
        """Return the ``n`` words of highest cosine with the query, best first, equal ones by row.

        The query is the weighted sum of ``query`` and ``positive`` (weight 1) and ``negative`` (weight -1), each word
        at length 1 and each vector as given.

        Parameters
        ----------
        query : str, ndarray of shape (dim,), or pair of one of them and a weight
            What to search for.
        positive, negative : sequence of the same
            More of it, and what to move away from.
        n : int
            How many answers.
        limit : int, optional
            Search among the first ``limit`` words only.
        exclude : bool or iterable of str
            Whether the query's words are left out; words given here are left out as well.

        Returns
        -------
        list of (word, cosine)

        Raises
        ------
        DataError
            When a word is unknown (:class:`UnknownWordError`), the query is empty or has no direction.
        """
        listed = ([] if query is None else [query]) + _listed(positive)
        sought, rows = self._combined(listed, _listed(negative))
        skip = rows if exclude else []
        if not isinstance(exclude, bool):
            skip = rows + [row for row in map(self._words.find, exclude) if row >= 0]
        return self._search(sought[None, :], n, [skip], limit)[0]

    def nearest_many(
        self,
        queries: Sequence[str] | NDArray[Any],
        n: int = 10,
        *,
        limit: int | None = None,
        exclude: bool | Sequence[Sequence[str]] = True,
    ) -> list[Neighbours]:
        """Return :meth:`nearest` for many queries at once, through blocks of BLAS products.

        Parameters
        ----------
        queries : sequence of str, or ndarray of shape (n_queries, dim)
            Words, or vectors as they are.
        n, limit : int
            As for :meth:`nearest`.
        exclude : bool or sequence of sequences of str
            Whether each query's own word is left out; or the words to leave out for each query.
        """
        if isinstance(queries, np.ndarray):
            matrix = _as_matrix(queries, len(queries), "queries")
            skip: list[list[int]] = [[] for _ in matrix]
        else:
            rows = [self.index(word) for word in queries]
            units = [self._combined([word], [])[0] for word in queries]
            matrix = np.stack(units) if units else np.zeros((0, self.dim), np.float32)
            skip = [[row] if exclude is True else [] for row in rows]
        if not isinstance(exclude, bool):
            skip = [[row for row in map(self._words.find, words) if row >= 0] for words in exclude]
        return self._search(matrix, n, skip, limit)

    def cosines(self, query: Query, *, limit: int | None = None) -> Float32:
        """Return the cosine of every word (or the first ``limit``) with the query, float32, shape (n,)."""
        sought, _ = self._combined([query], [])
        length = float(np.linalg.norm(sought))
        scores = self._matrix[:limit] @ (sought / np.float32(length or 1.0))
        scores *= self._inverse[:limit]
        return np.asarray(scores, dtype=np.float32)

    def similarity(self, a: Query, b: Query) -> float:
        """Return the cosine of two words or vectors, computed in float64; 0 where one has no direction."""
        u, v = (self._combined([query], [])[0].astype(np.float64) for query in (a, b))
        lengths = float(np.linalg.norm(u) * np.linalg.norm(v))
        return float(np.clip(u @ v / lengths, -1.0, 1.0)) if lengths else 0.0

    def analogy(
        self,
        a: Query,
        b: Query,
        c: Query,
        *,
        n: int = 1,
        method: str = "3cosadd",
        exclude: bool = True,
        limit: int | None = None,
    ) -> Neighbours:
        """Return the words that are to ``c`` as ``b`` is to ``a``.

        Levy and Goldberg (CoNLL 2014): ``3cosadd`` is their equation 1 over vectors of length 1, ``3cosmul`` their
        equation 4 with epsilon 0.001.

        Parameters
        ----------
        a, b, c : str or ndarray of shape (dim,)
            Man, woman, king for the answer queen.
        n, limit : int
            As for :meth:`nearest`.
        method : {"3cosadd", "3cosmul"}
            The objective.
        exclude : bool
            Whether the three words are left out of the answers.

        Returns
        -------
        list of (word, score)
            The score is the cosine, or the objective of ``3cosmul``.
        """
        return _analogy.analogy(self, a, b, c, n=n, method=method, exclude=exclude, limit=limit)

    def odd(self, words: Sequence[str]) -> str:
        """Return the word that is least like the mean of all given, each at length 1 (the first among equals)."""
        if not words:
            raise DataError("no words were given to find the odd one among")
        units = np.stack([self._combined([word], [])[0] for word in words]).astype(np.float64)
        return words[int((units @ units.mean(axis=0)).argmin())]

    def rank(self, a: str, b: str) -> int:
        """Return the place of ``b`` among the neighbours of ``a``, from 1."""
        scores, row = self.cosines(a), self.index(b)
        closer = scores > scores[row]
        closer[self.index(a)] = False
        return int(np.count_nonzero(closer)) + 1

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
    def _encoded(self, tokens: Sentence) -> Float32:
        rows = self.rows(tokens)
        if not len(rows):
            return np.zeros((0, self.dim), dtype=np.float32)
        known = rows >= 0
        found = np.empty((len(rows), self.dim), dtype=np.float32)
        found[known] = self._matrix[rows[known]]
        for at in np.flatnonzero(~known):
            found[at] = stand_in(self, tokens[int(at)])
        return found

    def _combined(self, positive: list[Query], negative: list[Query]) -> tuple[Float32, list[int]]:
        """Return the weighted sum of the items (float32) and the rows of those that are words."""
        total, rows = np.zeros(self.dim), []
        for sign, items in ((1.0, positive), (-1.0, negative)):
            for item in items:
                item, weight = item if isinstance(item, tuple) else (item, sign)
                if isinstance(item, str):
                    row = self._words.find(item)
                    wide = self.vector(item).astype(np.float64)
                    wide /= np.linalg.norm(wide) or 1.0
                    rows += [row] if row >= 0 else []
                else:
                    wide = self._checked_query(item)
                total += weight * wide
        return total.astype(np.float32), rows

    def _checked_query(self, item: ArrayLike) -> NDArray[np.float64]:
        try:
            wide = np.asarray(item, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError("a query is neither a word nor a vector", got=item) from error
        if wide.shape != (self.dim,) or not np.isfinite(wide).all():
            raise DataError("a query vector does not fit", got=wide.shape, expected=f"{self.dim} finite values")
        return wide

    def _search(self, queries: Float32, n: int, skip: Sequence[Sequence[int]], limit: int | None) -> list[Neighbours]:
        if n < 0 or (limit is not None and limit < 0):
            raise DataError("a number of words is negative", got=min(n, limit or 0), expected="at least 0")
        if queries.shape[1] != self.dim or len(skip) != len(queries):
            raise DataError("queries of another size", got=queries.shape, expected=f"(n, {self.dim})")
        if not np.isfinite(queries).all() or not queries.any(axis=1).all():
            raise DataError("a query has no direction", remedy="check for empty queries, zeros and NaN")
        found = nearest_rows(self._matrix[:limit], self._inverse[:limit], queries, n, skip)
        return [
            [(self._words[row], cosine) for row, cosine in zip(rows.tolist(), cosines.tolist(), strict=True)]
            for rows, cosines in found
        ]


def _listed(items: Sequence[Query] | Query) -> list[Query]:
    single = isinstance(items, str) or (isinstance(items, np.ndarray) and items.ndim == 1)
    return [items] if single else list(items)  # type: ignore[arg-type, list-item]


def _as_matrix(values: ArrayLike, rows: int, what: str) -> Float32:
    try:
        matrix = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"the {what} are not a matrix of numbers") from error
    if matrix.ndim == 1 and not rows:
        matrix = matrix.reshape(0, 1)
    if matrix.ndim != 2 or len(matrix) != rows:
        raise DataError(f"the {what} don't fit the words", got=matrix.shape, expected=f"({rows}, dim)")
    if not matrix.shape[1]:
        raise ConfigError(f"the {what} have no dimension", got=0, expected="at least 1")
    view = matrix.view(np.ndarray)
    view.flags.writeable = False
    return view


def _as_counts(counts: ArrayLike, n: int) -> NDArray[np.int64]:
    array = np.asarray(counts, dtype=np.int64).view()
    if array.shape != (n,):
        raise DataError("the counts don't fit the words", got=array.shape, expected=f"({n},)")
    array.flags.writeable = False
    return array


def _refuse_duplicates(words: Words) -> None:
    twice = words.index.duplicates
    if twice:
        raise DataError(f"{len(twice)} words stand twice", got=repr(words[twice[0]]), expected="distinct words")
