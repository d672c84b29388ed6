"""The model object of fastText's Python module, over a classifier or over vectors with character n-grams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import DataError
from firth.formats.registry import format_by_suffix, save
from firth.protocols import Float32
from firth.tasks.fasttext import FastTextClassifier, all_buckets
from firth.tasks.fasttext_predict import Predictor, Tested, predict, test
from firth.tasks.fasttext_quantize import quantize
from firth.vectors.buckets import KeptBuckets
from firth.vectors.quantize import Quantized
from firth.vectors.static import Vectors
from firth.vectors.storage import Rows, dense
from firth.vectors.subword import Composed, NgramRows, SubwordVectors, encoded
from firth.vectors.words import Words

__all__ = ["FastTextModel"]

_EOS = "</s>"


class FastTextModel:
    """What ``train_supervised``, ``train_unsupervised`` and ``load_model`` give.

    Parameters
    ----------
    model : FastTextClassifier or SubwordVectors
        Also there as the attribute ``firth``.
    """

    def __init__(self, model: FastTextClassifier | Vectors) -> None:
        self.firth = model
        self._prepared: tuple[Float32, Float32] | None = None

    # ---- what is inside

    @property
    def _classifier(self) -> FastTextClassifier:
        if not isinstance(self.firth, FastTextClassifier):
            raise ValueError("Model needs to be supervised for prediction!")
        return self.firth

    @property
    def _grams(self) -> tuple[int, int, int, KeptBuckets | None]:
        """Shortest and longest character n-gram, buckets, and which of them have rows."""
        model = self.firth
        if isinstance(model, FastTextClassifier):
            kept = model.kept
            return model.minn, model.maxn, model.buckets, None if kept is None else KeptBuckets.of(kept)
        grams = model.subwords if isinstance(model, SubwordVectors) else None
        if not isinstance(grams, NgramRows):
            return 0, 0, 0, None
        return grams.minn, grams.maxn, grams.buckets, None if grams.kept is None else KeptBuckets.of(grams.kept)

    def _input_rows(self, numbers: NDArray[np.int64]) -> Float32:
        """Return rows by number: words first, then a row per bucket; zeros for buckets that have none."""
        n, (_, _, _, kept) = len(self.words_), self._grams
        rows = np.zeros((len(numbers), self.get_dimension()), np.float32)
        for place, number in enumerate(numbers.tolist()):
            bucket = number - n
            if bucket >= 0 and kept is not None:
                if bucket not in kept:
                    continue
                bucket = kept[bucket]
            rows[place] = self._word_rows[number] if number < n else self._bucket_rows[bucket]
        return rows

    @property
    def words_(self) -> Words:
        """The words as Firth holds them."""
        return self.firth.words

    @property
    def _word_rows(self) -> Rows:
        model = self.firth
        if isinstance(model, FastTextClassifier):
            return model.input
        store = model.store
        return store.own if isinstance(store, Composed) and store.own is not None else store

    @property
    def _bucket_rows(self) -> Any:
        model = self.firth
        if isinstance(model, FastTextClassifier):
            return _After(model.input, len(model.words))
        return model.subwords.rows if isinstance(model, SubwordVectors) else None

    def is_quantized(self) -> bool:
        """Return whether the input rows are quantised."""
        model = self.firth
        rows = model.input if isinstance(model, FastTextClassifier) else self._bucket_rows
        return isinstance(rows, Quantized)

    def get_dimension(self) -> int:
        """Return the length of a vector."""
        return self.firth.dim

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return self.get_dimension()

    # ---- words, labels, n-grams

    def get_words(self, include_freq: bool = False, on_unicode_error: str = "strict") -> Any:
        """Return the words, most frequent first; with their counts as (words, counts)."""
        return self._listed(self.firth.words, self.firth.counts, include_freq, on_unicode_error)

    def get_labels(self, include_freq: bool = False, on_unicode_error: str = "strict") -> Any:
        """Return the labels, most frequent first; of vectors, the words."""
        model = self.firth
        if not isinstance(model, FastTextClassifier):
            return self.get_words(include_freq, on_unicode_error)
        return self._listed(model.labels, model.label_counts, include_freq, on_unicode_error)

    @staticmethod
    def _listed(words: Words, counts: Any, include_freq: bool, on_unicode_error: str) -> Any:
        found = [words.raw(row).decode("utf-8", on_unicode_error) for row in range(len(words))]
        return (found, np.array(counts)) if include_freq else found

    @property
    def words(self) -> list[str]:
        """The words."""
        return list(self.firth.words)

    @property
    def labels(self) -> list[str]:
        """The labels."""
        return list(self.firth.labels) if isinstance(self.firth, FastTextClassifier) else self.words

    def get_word_id(self, word: str) -> int:
        """Return the number of a word, or -1."""
        return self.firth.words.find(word)

    def get_label_id(self, label: str) -> int:
        """Return the number of a label, or -1."""
        return self._classifier.labels.find(label)

    def get_subword_id(self, subword: str) -> int:
        """Return the row of the full input matrix that an n-gram hashes to."""
        buckets = self._grams[2]
        if not buckets:
            raise ValueError("this model has no buckets")
        return len(self.firth.words) + _core.fnv_hash(encoded(subword)) % buckets

    def get_subwords(self, word: str, on_unicode_error: str = "strict") -> tuple[list[str], NDArray[np.int64]]:
        """Return a word, where it is known, and its character n-grams, with the rows of each."""
        minn, maxn, buckets, kept = self._grams
        known = self.get_word_id(word)
        texts, rows = ([word], [known]) if known >= 0 else ([], [])
        if word != _EOS and maxn > 0 and buckets:
            found = _core.word_ngram_rows(encoded(word), minn, maxn, buckets).tolist()
            for text, bucket in zip(_ngrams(word, minn, maxn), found, strict=True):
                if kept is None or bucket in kept:
                    texts.append(text)
                    rows.append(len(self.firth.words) + bucket)
        return texts, np.array(rows, dtype=np.int64)

    # ---- vectors

    def get_input_vector(self, ind: int) -> Float32:
        """Return one row of the full input matrix."""
        if not 0 <= ind < len(self.firth.words) + self._grams[2]:
            raise ValueError(f"no row {ind}")
        return np.array(self._input_rows(np.array([ind]))[0])

    def get_input_matrix(self) -> Float32:
        """Return the input matrix, words first."""
        if self.is_quantized():
            raise ValueError("Can't get quantized Matrix")
        model = self.firth
        if isinstance(model, FastTextClassifier):
            return np.array(dense(all_buckets(model).input))
        return np.concatenate([dense(self._word_rows), *([dense(self._bucket_rows)] if self._grams[2] else [])])

    def get_output_matrix(self) -> Float32:
        """Return the output matrix, a row per label or word."""
        output = self.firth.output
        if output is None:
            raise ValueError("this model keeps no output vectors")
        return np.array(dense(output))

    def get_word_vector(self, word: str) -> Float32:
        """Return the mean of the rows of a word and of its n-grams; zeros where there are none."""
        _, rows = self.get_subwords(word)
        if not len(rows):
            return np.zeros(self.get_dimension(), np.float32)
        return np.asarray(self._input_rows(rows).sum(axis=0, dtype=np.float32) * np.float32(1 / len(rows)))

    def __getitem__(self, word: str) -> Float32:
        return self.get_word_vector(word)

    def __contains__(self, word: object) -> bool:
        return word in self.firth.words

    def get_sentence_vector(self, text: str) -> Float32:
        """Return the mean of a line's rows for a classifier, else that of its words' vectors, each of length 1."""
        _one_line(text)
        if isinstance(self.firth, FastTextClassifier):
            line = (text + "\n").encode("utf-8", "surrogateescape")
            return np.array(Predictor.of(self.firth).hidden(line)[0][0])
        vectors = [self.get_word_vector(word) for word in text.split()]
        unit = [vector / np.linalg.norm(vector) for vector in vectors if vector.any()]
        return np.mean(unit, axis=0, dtype=np.float32) if unit else np.zeros(self.get_dimension(), np.float32)

    def _near(self, query: Float32, k: int, without: set[str]) -> list[tuple[float, str]]:
        if self._prepared is None:
            matrix = np.array([self.get_word_vector(word) for word in self.firth.words], np.float32)
            self._prepared = matrix, np.maximum(np.linalg.norm(matrix, axis=1), 1e-8)
        matrix, norms = self._prepared
        scores = matrix @ query / norms / (np.linalg.norm(query) if np.linalg.norm(query) >= 1e-8 else 1.0)
        found: list[tuple[float, str]] = []
        for row in np.argsort(-scores, kind="stable").tolist():
            if len(found) == k:
                break
            if self.firth.words[row] not in without:
                found.append((float(scores[row]), self.firth.words[row]))
        return found

    def get_nearest_neighbors(
        self, word: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """Return the ``k`` nearest words as (cosine, word)."""
        return self._near(self.get_word_vector(word), k, {word})

    def get_analogies(
        self, wordA: str, wordB: str, wordC: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """Return the words nearest to A - B + C as (cosine, word)."""
        a, b, c = (self.get_word_vector(word) for word in (wordA, wordB, wordC))
        a, b, c = (vector / (np.linalg.norm(vector) + np.float32(1e-8)) for vector in (a, b, c))
        return self._near(a - b + c, k, {wordA, wordB, wordC})

    # ---- classifying

    def predict(self, text: Any, k: int = 1, threshold: float = 0.0, on_unicode_error: str = "strict") -> Any:
        """Return labels and probabilities of a line, or lists of them for a list of lines."""
        lines = text if isinstance(text, list) else [text]
        for line in lines:
            _one_line(line)
        answers = predict(self._classifier, lines, k, threshold)
        labels = [[label for label, _ in found] for found in answers]
        chances = [np.array([chance for _, chance in found], np.float32) for found in answers]
        return (labels, chances) if isinstance(text, list) else (tuple(labels[0]), chances[0].astype(np.float64))

    def _tested(self, path: Any, k: int, threshold: float) -> Tested:
        return test(self._classifier, path, k, threshold)

    def test(self, path: Any, k: int = 1, threshold: float = 0.0) -> tuple[int, float, float]:
        """Return the number of examples, precision and recall at ``k``."""
        tested = self._tested(path, k, threshold)
        return tested.n, tested.precision, tested.recall

    def test_label(self, path: Any, k: int = 1, threshold: float = 0.0) -> dict[str, dict[str, float]]:
        """Return precision, recall and F1 of each label."""
        return {
            score.label: {"precision": score.precision, "recall": score.recall, "f1score": score.f1}
            for score in self._tested(path, k, threshold).labels
        }

    # ---- the whole

    def quantize(
        self,
        input: Any = None,
        qout: bool = False,
        cutoff: int = 0,
        retrain: bool = False,
        epoch: int | None = None,
        lr: float | None = None,
        thread: int | None = None,
        verbose: int | None = None,
        dsub: int = 2,
        qnorm: bool = False,
    ) -> None:
        """Make the model small, in place."""
        if retrain and not input:
            raise ValueError("Need input file path if retraining")
        again = input if retrain and cutoff else None
        self.firth = quantize(
            self._classifier, dsub=dsub, qnorm=qnorm, qout=qout, cutoff=cutoff, retrain=again, epochs=epoch, rate=lr,
            threads=thread,
        )  # fmt: skip
        self._prepared = None

    def save_model(self, path: Any) -> None:
        """Write the model: ``.bin`` and ``.ftz`` for Facebook's program, any other name as a folder of Firth's."""
        model = self.firth
        kind = format_by_suffix(Path(path))
        if isinstance(model, FastTextClassifier) and kind.name != "firth":
            model = all_buckets(model)
            fit = [name for name in ("fasttext-bin",) if name in _formats()]
            if not fit:
                raise DataError("this Firth writes no .bin of fastText", got=str(path), remedy="save to a folder")
            save(model, path, format=fit[0])
            return
        save(model, path)


def _formats() -> dict[str, Any]:
    from firth.formats.registry import formats

    return dict(formats())


class _After:
    """The rows of a store from a place on."""

    def __init__(self, rows: Rows, first: int) -> None:
        self._rows, self._first = rows, first

    def __getitem__(self, row: int) -> Any:
        return self._rows[self._first + row]


def _one_line(text: Any) -> None:
    if not isinstance(text, str):
        raise TypeError("a text must be str")
    if "\n" in text:
        raise ValueError("predict processes one line at a time (remove '\\n')")


def _ngrams(word: str, minn: int, maxn: int) -> list[str]:
    """Return the character n-grams of ``<word>`` in the order of ``_core.word_ngram_rows``."""
    framed = f"<{word}>"
    return [
        framed[first : first + n]
        for first in range(len(framed))
        for n in range(minn, maxn + 1)
        if n > 0 and first + n <= len(framed) and not (n == 1 and first in (0, len(framed) - 1))
    ]
