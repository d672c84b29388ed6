"""From the parts of a fastText or floret file to a model."""

from __future__ import annotations

import urllib.parse
from typing import Any

import numpy as np

from firth.errors import ConfigError, DataError
from firth.formats.base import Reading
from firth.formats.fasttext_args import FLORET, LOSSES
from firth.formats.fasttext_dictionary import Dictionary
from firth.formats.fasttext_layout import DensePlace, QuantPlace, layout_of
from firth.formats.fasttext_quant import quantised_rows
from firth.formats.random_bytes import RandomBytes
from firth.formats.streams import Head
from firth.tasks.fasttext import FastTextClassifier
from firth.vectors.floret import FloretRows
from firth.vectors.quantize import Quantized
from firth.vectors.storage import BLOCK_VALUES, ByteRows, Rows
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.words import Words

__all__ = ["read_model"]


def read_model(head: Head, reading: Reading, *, floret: bool = False) -> SubwordVectors | FastTextClassifier:
    """Read a whole file; matrices stay in it where ``reading`` maps and the file is not compressed.

    Raises
    ------
    FormatError
        When it is broken.
    DataError
        When it does not fit into memory.
    """
    if reading.nonfinite not in ("error", "keep"):
        raise ConfigError("no such policy for NaN", got=reading.nonfinite, expected="error or keep")
    try:
        return _Reader(head, reading, floret).model()
    except MemoryError as error:
        raise DataError("the model does not fit into memory", got=str(head.path)) from error


class _Reader:
    def __init__(self, head: Head, reading: Reading, floret: bool) -> None:
        self.head, self.reading = head, reading
        self.data = RandomBytes(head)
        self.layout = layout_of(self.data, floret=floret)

    def model(self) -> SubwordVectors | FastTextClassifier:
        return self._classifier() if self.layout.dictionary.args.is_supervised else self._vectors()

    def _vectors(self) -> SubwordVectors:
        dictionary, args = self.layout.dictionary, self.layout.dictionary.args
        words, counts = dictionary.words(self.data)
        self._refuse_duplicates(words, 0)
        n = dictionary.n_words
        hashed = self._rows(self.layout.input, n, self.layout.input.rows)
        own = self._rows(self.layout.input, 0, n)
        grams: NgramRows | FloretRows
        if args.mode == FLORET:
            if dictionary.kept is not None or not args.bucket:
                raise self.head.fault("a table of floret without rows, or pruned", 0)
            # The file has a row per word, of which training uses the first alone.
            grams, own = FloretRows(hashed, args.minn, args.maxn, args.hash_count), own[: min(1, n)]
        else:
            grams = NgramRows(hashed, args.minn, args.maxn, args.bucket, dictionary.kept)
        output = self._rows(self.layout.output, 0, n)
        known = self._counts(counts, 0)
        is_tree, is_used = LOSSES[args.loss] == "hierarchical", _any(output)
        vectors = SubwordVectors(
            words,
            Composed(own, grams, words),
            subwords=grams,
            counts=known if known.any() else None,
            output=output if is_used and not is_tree else None,
            nodes=output if is_used and is_tree else None,
            metadata=_metadata(dictionary, self.data),
        )
        return vectors if self.reading.limit is None else vectors.limit(self.reading.limit)  # type: ignore[return-value]

    def _classifier(self) -> FastTextClassifier:
        if self.reading.limit is not None:
            raise ConfigError("a classifier is read whole", got=f"limit {self.reading.limit}", expected="no limit")
        dictionary, args = self.layout.dictionary, self.layout.dictionary.args
        words, counts = dictionary.words(self.data)
        labels, label_counts = dictionary.labels(self.data)
        self._refuse_duplicates(words, 0)
        self._refuse_duplicates(labels, dictionary.n_words)
        return FastTextClassifier(
            words=words,
            counts=self._counts(counts, 0),
            labels=labels,
            label_counts=self._counts(label_counts, dictionary.n_words),
            input=self._rows(self.layout.input, 0, self.layout.input.rows),
            output=self._rows(self.layout.output, 0, dictionary.n_labels),
            loss=LOSSES[args.loss],
            word_ngrams=args.word_ngrams,
            minn=args.minn,
            maxn=args.maxn,
            buckets=args.bucket,
            kept=dictionary.kept,
            metadata=_metadata(dictionary, self.data),
        )

    def _counts(self, counts: Any, first: int) -> Any:
        if len(counts) and counts.min() < 0:
            worst = int(np.argmin(counts))
            place = int(self.layout.dictionary.starts[first + worst + 1]) - 9
            raise self.head.fault("a count is negative", place, got=int(counts[worst]))
        return counts

    def _refuse_duplicates(self, words: Words, first: int) -> None:
        twice = words.index.duplicates
        if twice:
            place = int(self.layout.dictionary.starts[first + twice[0]])
            raise self.head.fault(f"{len(twice):,} words stand twice", place, got=repr(words[twice[0]]))

    def _rows(self, place: DensePlace | QuantPlace, first: int, last: int) -> Rows:
        if isinstance(place, QuantPlace):
            found = quantised_rows(self.data, place, first, last)
            if self.reading.nonfinite == "error" and not _is_finite(found):
                raise self._not_finite(place.centroids_at)
            return found
        width = 4 * place.dim
        raw = self.data.array(place.at + first * width, (last - first) * width).reshape(last - first, width)
        if not self.reading.mmap and self.head.compression is None:
            raw = raw.copy()
        rows = raw.view("<f4") if raw.ctypes.data % 4 == 0 else ByteRows(raw)
        if self.reading.nonfinite == "error":
            self._check_finite(rows, place.at + first * width)
        return rows

    def _check_finite(self, rows: Rows, at: int) -> None:
        step = max(1, BLOCK_VALUES // 4 // rows.shape[1])
        for start in range(0, len(rows), step):
            good = np.isfinite(rows[start : start + step]).ravel()
            if not good.all():
                raise self._not_finite(at + 4 * (start * rows.shape[1] + int(np.argmin(good))))

    def _not_finite(self, at: int) -> Exception:
        return self.head.fault("a value is not a finite number", at, remedy='nonfinite="keep" loads it as it is')


def _is_finite(rows: Quantized) -> bool:
    norms = np.zeros(1, np.float32) if rows.norms is None else rows.norms
    return bool(np.isfinite(rows.quantizer.centroids).all() and np.isfinite(norms).all())


def _any(rows: Rows) -> bool:
    step = max(1, BLOCK_VALUES // 4 // rows.shape[1])
    return any(bool(np.any(rows[start : start + step])) for start in range(0, len(rows), step))


def _metadata(dictionary: Dictionary, data: RandomBytes) -> dict[str, Any]:
    found: dict[str, Any] = {**dictionary.args.as_metadata(), "tokens": dictionary.tokens}
    if not dictionary.args.is_supervised and dictionary.n_labels:
        # Unsupervised training takes words with the prefix of labels for labels: they have no row, but a place.
        labels, counts = dictionary.labels(data)
        names = (urllib.parse.quote(labels.raw(i)) for i in range(len(labels)))
        found["labels"] = [list(entry) for entry in zip(names, counts.tolist(), strict=True)]
    return {"model": "fasttext", "fasttext": found}
