"""The questions that gensim's ``KeyedVectors`` answers, asked of :class:`firth.vectors.static.Vectors`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from firth.compat import gensim_evaluation as evaluation
from firth.protocols import Float32
from firth.vectors.analogy import product_scores
from firth.vectors.search import top_rows
from firth.vectors.static import Query, Vectors

__all__ = ["Questions"]

Key: TypeAlias = "str | int | np.integer[Any]"
Item: TypeAlias = "Key | NDArray[Any] | tuple[Key | NDArray[Any], float]"
Items: TypeAlias = "Sequence[Item] | Item | None"
Found: TypeAlias = "list[tuple[str, float]] | Float32"
_COSMUL_EPSILON = 1e-6


def _cosine(a: NDArray[Any], b: NDArray[Any]) -> float:
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a.astype(np.float64) @ b.astype(np.float64)) / lengths if lengths else 0.0


class Questions:
    """Questions over :attr:`held`; the parent of ``KeyedVectors``."""

    held: Vectors

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Return the row of ``key``."""
        raise NotImplementedError

    def get_vector(self, key: Key, norm: bool = False) -> Float32:
        """Return the vector of ``key``."""
        raise NotImplementedError

    # ------------------------------------------------------------------ neighbours
    def most_similar(
        self,
        positive: Items = None,
        negative: Items = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
    ) -> Found:
        """Return the ``topn`` nearest words with their cosines, or all cosines where ``topn`` is None."""
        if topn is not None and topn < 1:
            return []
        start, end = (0, restrict_vocab) if restrict_vocab else (clip_start, clip_end or None)
        plus, minus = self._queries(positive), self._queries(negative)
        if not plus and not minus:
            raise ValueError("cannot compute mean with no input")
        if topn is not None and not start:
            return self.held.nearest(positive=plus, negative=minus, n=topn, limit=end)
        sought, rows = self.held._combined(plus, minus)
        scores = self.held.cosines(sought)[start:end]
        if topn is None:
            return scores
        skip = [row - start for row in rows if start <= row < start + len(scores)]
        return [(self.held.words[start + row], float(scores[row])) for row in top_rows(scores, topn, skip).tolist()]

    def similar_by_key(self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None) -> Found:
        """Return the neighbours of a word."""
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    similar_by_word = similar_by_key

    def similar_by_vector(
        self, vector: NDArray[Any], topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Found:
        """Return the words nearest to a vector."""
        return self.most_similar([np.asarray(vector)], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_cosmul(
        self, positive: Items = None, negative: Items = None, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Found:
        """Return the best words by 3CosMul (Levy and Goldberg, CoNLL 2014, equation 4), with gensim's epsilon 1e-6."""
        if topn is not None and topn < 1:
            return []
        plus, minus = self._queries(positive), self._queries(negative)
        if not plus:
            raise ValueError("cannot compute similarity with no input")
        scores = product_scores(self.held, plus, minus, restrict_vocab, _COSMUL_EPSILON)
        if topn is None:
            return scores
        rows = {self.held.index(query) for query in plus + minus if isinstance(query, str)}
        best = top_rows(scores, topn, sorted(rows))
        return [(self.held.words[row], float(scores[row])) for row in best.tolist()]

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Key]) -> Key:
        """Return the one of ``keys_list`` that is most like ``key1``."""
        return max(keys_list, key=lambda key: self.similarity(key1, key))

    def closer_than(self, key1: Key, key2: Key) -> list[str]:
        """Return the words that are nearer to ``key1`` than ``key2`` is."""
        scores, own = self.held.cosines(self._word(key1)), self.get_index(key1)
        rows = np.flatnonzero(scores > scores[self.get_index(key2)])
        return [self.held.words[row] for row in rows.tolist() if row != own]

    def rank(self, key1: Key, key2: Key) -> int:
        """Return the place of ``key2`` among the neighbours of ``key1``, from 1."""
        return self.held.rank(self._word(key1), self._word(key2))

    # ------------------------------------------------------------------ similarities
    def similarity(self, w1: Key, w2: Key) -> float:
        """Return the cosine of two words."""
        return _cosine(self.get_vector(w1), self.get_vector(w2))

    def distance(self, w1: Key, w2: Key) -> float:
        """Return one minus the cosine of two words."""
        return 1 - self.similarity(w1, w2)

    def distances(self, word_or_vector: Key | NDArray[Any], other_words: Iterable[Key] = ()) -> Float32:
        """Return one minus the cosine with each of ``other_words``, or with all."""
        vector = word_or_vector if isinstance(word_or_vector, np.ndarray) else self.get_vector(word_or_vector)
        rows = [self.get_index(word) for word in other_words]
        return np.asarray(1 - self.cosine_similarities(vector, self.held.matrix[rows] if rows else self.held.matrix))

    @staticmethod
    def cosine_similarities(vector_1: NDArray[Any], vectors_all: NDArray[Any]) -> Float32:
        """Return the cosine of a vector with each row of a matrix."""
        lengths = np.linalg.norm(vector_1) * np.linalg.norm(vectors_all, axis=1)
        return np.asarray(vectors_all @ vector_1 / lengths)

    def n_similarity(self, ws1: Sequence[Key], ws2: Sequence[Key]) -> float:
        """Return the cosine of the means of two lists of words."""
        if not (len(ws1) and len(ws2)):
            raise ZeroDivisionError("At least one of the passed list is empty.")
        return _cosine(*(self.get_mean_vector(words, pre_normalize=False) for words in (ws1, ws2)))

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """Return the cosine of two words over the sum of those of ``wa`` and its ``topn`` neighbours."""
        return self.similarity(wa, wb) / sum(cosine for _, cosine in self.similar_by_word(wa, topn))

    def get_mean_vector(
        self,
        keys: Sequence[Key | NDArray[Any]],
        weights: Sequence[float] | NDArray[Any] | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Float32:
        """Return the weighted mean of words and vectors, divided by the sum of the weights' sizes."""
        if not len(keys):
            raise ValueError("cannot compute mean with no input")
        scale = np.ones(len(keys)) if weights is None else np.asarray(weights, dtype=np.float64)
        if len(scale) != len(keys):
            raise ValueError("keys and weights array must have same number of elements")
        total, mass = np.zeros(self.held.dim), 0.0
        for key, weight in zip(keys, scale.tolist(), strict=True):
            if not isinstance(key, np.ndarray):
                if self.get_index(key, -1) < 0:
                    if ignore_missing:
                        continue
                    raise KeyError(f"Key '{key}' not present in vocabulary")
                key = self.get_vector(key, norm=pre_normalize)
            total += weight * key
            mass += abs(weight)
        total /= mass or 1.0
        return np.asarray(total / (np.linalg.norm(total) or 1.0) if post_normalize else total, dtype=np.float32)

    def rank_by_centrality(self, words: Sequence[str], use_norm: bool = True) -> list[tuple[float, str]]:
        """Return the known ones among ``words`` by their likeness to the mean of all, the likest first."""
        used = [word for word in words if self.get_index(word, -1) >= 0]
        if not used:
            raise ValueError("cannot select a word from an empty list")
        vectors = np.vstack([self.get_vector(word, norm=use_norm) for word in used])
        mean = self.get_mean_vector(list(vectors), post_normalize=True)
        return sorted(zip((vectors @ mean).tolist(), used, strict=True), reverse=True)

    def doesnt_match(self, words: Sequence[str]) -> str:
        """Return the word that is least like the mean of all."""
        return self.rank_by_centrality(words)[-1][1]

    # ------------------------------------------------------------------ evaluation
    def evaluate_word_pairs(self, pairs: str, **options: Any) -> evaluation.PairScore:
        """Return Pearson's and Spearman's correlation with human judgments (each with its p-value), and the share of
        pairs left out, in percent; see :func:`firth.compat.gensim_evaluation.word_pairs` for the options."""
        return evaluation.word_pairs(self.held, pairs, **options)

    def evaluate_word_analogies(self, analogies: str, **options: Any) -> tuple[float, list[evaluation.Section]]:
        """Return the share of right answers, and the questions by section; see
        :func:`firth.compat.gensim_evaluation.word_analogies` for the options."""
        return evaluation.word_analogies(self.held, analogies, **options)

    # ------------------------------------------------------------------ inside
    def _word(self, key: Key) -> str:
        return self.held.words[self.get_index(key)]

    def _queries(self, items: Items) -> list[Query]:
        if items is None:
            return []
        if isinstance(items, str | int | np.integer) or (isinstance(items, np.ndarray) and items.ndim == 1):
            items = [items]
        return [self._query(item) for item in cast("Sequence[Item]", items)]

    def _query(self, item: Item) -> Query:
        if isinstance(item, tuple | list):
            key, weight = item
            return (key if isinstance(key, np.ndarray) else self._word(key), float(weight))
        return item if isinstance(item, np.ndarray) else self._word(item)
