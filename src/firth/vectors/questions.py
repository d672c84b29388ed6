"""Questions to a set of vectors: what is near, what is alike, what does not belong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.protocols import Float32
from firth.vectors import analogy as _analogy
from firth.vectors.checks import Query, as_matrix, as_query, listed, refuse_directionless
from firth.vectors.search import inverse_norms, nearest_rows
from firth.vectors.storage import Rows, first_rows, is_packed, products

if TYPE_CHECKING:
    from firth.vectors.words import Words

__all__ = ["Neighbours", "Questions"]

Neighbours: TypeAlias = list[tuple[str, float]]


class Questions:
    """The part of :class:`firth.vectors.static.Vectors` that answers by cosine."""

    _words: Words

    @cached_property
    def _matrix(self) -> Float32:
        raise NotImplementedError

    @property
    def store(self) -> Rows:
        """The rows as they are held."""
        raise NotImplementedError

    @property
    def _searched(self) -> Rows:
        """What a search runs over: rows that are cheap to decode as they are held, others as a matrix."""
        return self.store if is_packed(self.store) else self._matrix

    @cached_property
    def _inverse(self) -> Float32:
        return inverse_norms(self._searched)

    def vector(self, word: str) -> Float32:
        """Return the vector of ``word``, or what stands in for it, shape (dim,)."""
        raise NotImplementedError

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
        sought, rows = self._combined(([] if query is None else [query]) + listed(positive), listed(negative))
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
            matrix = as_matrix(queries, len(queries), "queries")
            skip: list[list[int]] = [[] for _ in matrix]
        else:
            rows = [self._words.find(word) for word in queries]
            units = [self._combined([word], [])[0] for word in queries]
            matrix = np.stack(units) if units else np.zeros((0, self.store.shape[1]), np.float32)
            skip = [[row] if exclude is True and row >= 0 else [] for row in rows]
        if not isinstance(exclude, bool):
            skip = [[row for row in map(self._words.find, words) if row >= 0] for words in exclude]
        return self._search(matrix, n, skip, limit)

    def cosines(self, query: Query, *, limit: int | None = None) -> Float32:
        """Return the cosine of every word (or the first ``limit``) with the query, float32, shape (n,)."""
        sought, _ = self._combined([query], [])
        length = float(np.linalg.norm(sought))
        scores = products(first_rows(self._searched, limit), (sought / np.float32(length or 1.0))[None, :])[:, 0]
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
        scores, row = self.cosines(a), self._words.row(b)
        closer = scores > scores[row]
        closer[self._words.row(a)] = False
        return int(np.count_nonzero(closer)) + 1

    def _combined(self, positive: list[Query], negative: list[Query]) -> tuple[Float32, list[int]]:
        """Return the weighted sum of the items (float32) and the rows of those that are words."""
        total, rows = np.zeros(self.store.shape[1]), []
        for sign, items in ((1.0, positive), (-1.0, negative)):
            for item in items:
                item, weight = item if isinstance(item, tuple) else (item, sign)
                if isinstance(item, str):
                    row = self._words.find(item)
                    wide = self.vector(item).astype(np.float64)
                    wide /= np.linalg.norm(wide) or 1.0
                    rows += [row] if row >= 0 else []
                else:
                    wide = as_query(item, self.store.shape[1])
                total += weight * wide
        return total.astype(np.float32), rows

    def _search(self, queries: Float32, n: int, skip: Sequence[Sequence[int]], limit: int | None) -> list[Neighbours]:
        if n < 0 or (limit is not None and limit < 0):
            raise DataError("a number of words is negative", got=min(n, limit or 0), expected="at least 0")
        refuse_directionless(queries, self.store.shape[1])
        if len(skip) != len(queries):
            raise DataError("the words to leave out don't match the queries", got=len(skip), expected=str(len(queries)))
        found = nearest_rows(first_rows(self._searched, limit), self._inverse[:limit], queries, n, skip)
        return [
            [(self._words[row], cosine) for row, cosine in zip(rows.tolist(), cosines.tolist(), strict=True)]
            for rows, cosines in found
        ]
