"""Vectors of words that were never seen, composed from their character n-grams."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth import _core
from firth.errors import ConfigError, DataError
from firth.protocols import Float32
from firth.vectors.buckets import KeptBuckets
from firth.vectors.compose import composed
from firth.vectors.static import Vectors
from firth.vectors.storage import Rows, first_rows, is_packed
from firth.vectors.words import Words

__all__ = ["Composed", "HashedNgrams", "NgramRows", "SubwordVectors", "Subwords", "encoded"]


@runtime_checkable
class Subwords(Protocol):
    """Rows of character n-grams, and how a word's vector comes from them."""

    @property
    def rows(self) -> Rows:
        """The vectors of the n-grams, shape (n_rows, dim)."""
        ...

    def indices(self, word: str) -> NDArray[np.int64]:
        """Return the rows of the n-grams of ``word``, with repetitions; maybe none."""
        ...

    def vector(self, word: str) -> Float32 | None:
        """Return the vector of an unknown word, shape (dim,), or None where no n-gram of it has a row."""
        ...


def encoded(word: str) -> bytes:
    """Return the bytes of a word: UTF-8, and those that were none as they were."""
    return word.encode("utf-8", "surrogateescape")


@dataclasses.dataclass(frozen=True)
class NgramRows:
    """Character n-grams hashed into buckets, as fastText has them (Bojanowski et al. 2017, section 3.2).

    Attributes
    ----------
    rows : float32, shape (n_rows, dim)
        One per bucket; fewer where ``kept`` says which.
    minn, maxn : int
        Shortest and longest n-gram of ``<word>``, in characters of UTF-8. A ``maxn`` of 0 means none.
    buckets : int
        What hashes are taken modulo.
    kept : mapping from int to int, or None
        From buckets to rows, where a pruned model dropped the others.

    Examples
    --------
    >>> grams = NgramRows(np.ones((10, 2), np.float32), minn=3, maxn=3, buckets=10)
    >>> grams.indices("where").tolist() == [_core.fnv_hash(g) % 10 for g in (b"<wh", b"whe", b"her", b"ere", b"re>")]
    True
    """

    rows: Rows
    minn: int = 3
    maxn: int = 6
    buckets: int = 2_000_000
    kept: Mapping[int, int] | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.minn <= 1000 and 0 <= self.maxn <= 1000 and 0 <= self.buckets < 1 << 31):
            raise ConfigError("n-gram lengths or buckets out of range", got=(self.minn, self.maxn, self.buckets))
        wanted = self.buckets if self.kept is None else len(self.kept)
        if len(self.rows) != wanted and self.maxn > 0:
            raise DataError("the n-gram rows don't fit", got=len(self.rows), expected=f"{wanted}, one per bucket")

    def indices(self, word: str) -> NDArray[np.int64]:
        """Return the rows of the n-grams of ``word``."""
        found = _core.word_ngram_rows(encoded(word), self.minn, self.maxn, self.buckets)
        return self._rows_of(found).astype(np.int64)

    def all_indices(self, words: Words) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the rows of all words' n-grams, one word after another, and where each word's end."""
        ends, found = _core.ngram_rows(words.blob, words.offsets, words.gap, self.minn, self.maxn, self.buckets)
        if self.kept is None:
            return found, ends
        rows = self._row_of(found)
        upto = np.concatenate([np.zeros(1, np.int64), np.cumsum(rows >= 0)])
        return rows[rows >= 0], upto[ends]

    def vector(self, word: str) -> Float32 | None:
        """Return the mean of the n-grams' rows."""
        found = self.indices(word).astype(np.int32)
        return composed(None, self.rows, np.array([0, len(found)]), found)[0] if len(found) else None

    def _rows_of(self, buckets: NDArray[np.int32]) -> NDArray[np.int32]:
        if self.kept is None:
            return buckets
        rows = self._row_of(buckets)
        return rows[rows >= 0]

    @cached_property
    def _kept(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The kept buckets in order, and their rows; sorted arrays, since a file may name any number of buckets."""
        kept = KeptBuckets.of(self.kept or {})
        order = np.argsort(kept.buckets)
        return kept.buckets[order], kept.rows[order]

    def _row_of(self, buckets: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the row of each bucket, -1 where it has none."""
        kept, rows = self._kept
        if not len(kept):
            return np.full(len(buckets), -1, np.int32)
        place = np.minimum(np.searchsorted(kept, buckets), len(kept) - 1)
        return np.where(kept[place] == buckets, rows[place], np.int32(-1))


@runtime_checkable
class HashedNgrams(Subwords, Protocol):
    """N-grams whose rows are found by hashing, for many words at a time too."""

    def all_indices(self, words: Words) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the rows of all words' n-grams, one word after another, and where each word's end."""
        ...


class Composed:
    """Word vectors made when they are asked for: the mean of a word's own row and the rows of its n-grams.

    A :class:`firth.vectors.storage.RowStore`. Bojanowski et al. 2017, section 3.2, with fastText's mean in the place of
    the paper's sum.

    Parameters
    ----------
    own : float32 rows, shape (n, dim), or None
        The own rows of the first ``n`` words: of all of them in fastText, of the first in floret, where training so
        treats ``</s>``; None where no word has one.
    grams : HashedNgrams
        The n-grams.
    words : Words
        The spelling of each row.
    made : float32 rows, shape (n_words, dim), optional
        The composed vectors, where they are there already.
    """

    def __init__(self, own: Rows | None, grams: HashedNgrams, words: Words, made: Rows | None = None) -> None:
        if own is not None and (len(own) > len(words) or own.shape[1:] != grams.rows.shape[1:]):
            expected = f"({len(words)}, {grams.rows.shape[1]}), a row per word as long as those of n-grams"
            raise DataError("the words' own rows don't fit", got=own.shape, expected=expected)
        self.own, self.grams, self.words, self.made = own, grams, words, made

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return (len(self.words), int(self.grams.rows.shape[1]))

    def __len__(self) -> int:
        return len(self.words)

    @property
    def packed(self) -> bool:
        """Whether the composed vectors are there, packed."""
        return self.made is not None and is_packed(self.made)

    @cached_property
    def places(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The rows of all words' n-grams, and where each word's begin, with one more for the end."""
        items, ends = self.grams.all_indices(self.words)
        return items, np.concatenate([np.zeros(1, np.int64), ends])

    def limit(self, n: int) -> Composed:
        """Return the first ``n`` words, as views."""
        own, made = (None if rows is None else first_rows(rows, n) for rows in (self.own, self.made))
        return Composed(own, self.grams, Words.of(self.words[:n]), made)

    def __getitem__(self, key: Any, /) -> Float32:
        if self.made is not None:
            return np.asarray(self.made[key])
        if isinstance(key, int | np.integer):
            return np.asarray(self._rows(np.array([range(len(self))[int(key)]]))[0])
        return self._rows(np.arange(len(self))[key])

    def _rows(self, rows: NDArray[np.int64]) -> Float32:
        items, starts = self.places
        counts = starts[rows + 1] - starts[rows]
        upto = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        inside = np.arange(upto[-1]) - np.repeat(upto[:-1], counts)
        chosen = items[np.repeat(starts[rows], counts) + inside]
        own = self.own
        if own is None or len(own) == len(self):
            return composed(None if own is None else own[rows], self.grams.rows, upto, chosen)
        found = composed(None, self.grams.rows, upto, chosen)
        for place in np.flatnonzero(rows < len(own)):
            part = chosen[upto[place] : upto[place + 1]]
            found[place] = composed(own[rows[place]][None], self.grams.rows, np.array([0, len(part)]), part)[0]
        return found


class SubwordVectors(Vectors):
    """Word vectors that compose one for an unknown word from its character n-grams.

    Where no n-gram of a word is known either, the policy ``oov`` decides.

    Parameters
    ----------
    words, matrix, counts, output, oov, metadata
        As for :class:`firth.vectors.static.Vectors`; ``matrix`` may be a :class:`Composed`.
    subwords : Subwords
        The n-grams.
    nodes : float32 rows, shape (n_words - 1, dim) or (n_words, dim), optional
        The inner nodes of the Huffman tree, which training by hierarchical softmax has in the place of output vectors;
        a last row of n_words is not used.

    Examples
    --------
    >>> grams = NgramRows(np.ones((10, 2), np.float32), minn=3, maxn=3, buckets=10)
    >>> words = Words.of(["where"])
    >>> v = SubwordVectors(words, Composed(np.full((1, 2), 7, np.float32), grams, words), subwords=grams)
    >>> v["where"].tolist(), v["were"].tolist(), "were" in v
    ([2.0, 2.0], [1.0, 1.0], False)
    """

    def __init__(
        self,
        words: Iterable[str],
        matrix: ArrayLike | Rows,
        *,
        subwords: Subwords,
        counts: ArrayLike | None = None,
        output: ArrayLike | Rows | None = None,
        nodes: Rows | None = None,
        oov: str = "error",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(words, matrix, counts=counts, output=output, oov=oov, metadata=metadata)
        self._subwords, self._nodes = subwords, nodes
        if nodes is not None and (nodes.shape[1] != self.dim or len(self) - len(nodes) not in (0, 1)):
            raise DataError("the nodes don't fit", got=nodes.shape, expected=f"({len(self) - 1}, {self.dim})")
        if subwords.rows.shape[1] != self.dim:
            raise DataError("n-grams of another dim", got=subwords.rows.shape[1], expected=str(self.dim))

    @property
    def subwords(self) -> Subwords:
        """The n-grams that unknown words are composed from."""
        return self._subwords

    @property
    def nodes(self) -> Rows | None:
        """The inner nodes of the Huffman tree, where there are any."""
        return self._nodes

    def __repr__(self) -> str:
        return f"<SubwordVectors: {len(self):,} words, {len(self._subwords.rows):,} n-grams, {self.dim} dimensions>"

    def knows(self, word: str) -> bool:
        """Return whether ``word`` has a vector that is its own or composed, without the policy."""
        return word in self or len(self._subwords.indices(word)) > 0

    def unknown(self, word: str) -> Float32:
        """Return the vector of ``word`` from its n-grams, else what the policy gives, shape (dim,)."""
        composed = self._subwords.vector(word)
        return super().unknown(word) if composed is None else composed

    def _with(self, words: Words, store: Rows, **others: Any) -> Vectors:
        # A tree belongs to the whole vocabulary; fewer words have none.
        nodes = self._nodes if len(words) == len(self) else None
        return SubwordVectors(words, store, subwords=self._subwords, nodes=nodes, **others)
