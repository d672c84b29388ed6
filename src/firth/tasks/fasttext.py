"""The model of fastText's text classifier: what training gives, what files hold, what answers.

Joulin, Grave, Bojanowski and Mikolov 2017, "Bag of Tricks for Efficient Text Classification" (arXiv 1607.01759).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.vectors.buckets import SpreadRows
from firth.vectors.quantize import Quantized
from firth.vectors.storage import Rows, part_of
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.words import Words

__all__ = ["LOSSES", "FastTextClassifier", "all_buckets"]

LOSSES = ("softmax", "negative", "hierarchical", "one-vs-all")


@dataclasses.dataclass(frozen=True, eq=False)
class FastTextClassifier:
    """A linear classifier over the mean of the vectors of a text's words, word n-grams and character n-grams.

    Attributes
    ----------
    words : Words
        The words, most frequent first; ``</s>``, the end of a line, is one of them.
    counts : ndarray of int64, shape (n_words,)
    labels : Words
        The labels with their prefix, such as ``__label__good``, most frequent first.
    label_counts : ndarray of int64, shape (n_labels,)
    input : float32 rows, shape (n_words + n_buckets, dim)
        A row per word, then a row per bucket of hashed n-grams (with ``kept``: per kept bucket).
    output : float32 rows, shape (n_labels, dim)
        A row per label; under the hierarchical softmax, a row per inner node (the last row is not used).
    loss : str
        One of ``LOSSES``; decides how scores become probabilities.
    word_ngrams, minn, maxn, buckets : int
        Longest word n-gram, shortest and longest character n-gram, and what hashes are taken modulo.
    label_prefix : str
    kept : mapping from int to int, or None
        From buckets to rows after the words, where a pruned model dropped the others.
    metadata : mapping
        Plain values that travel with the model: options of training, corpus digest and so on.
    """

    words: Words
    counts: NDArray[np.int64]
    labels: Words
    label_counts: NDArray[np.int64]
    input: Rows
    output: Rows
    loss: str = "softmax"
    word_ngrams: int = 1
    minn: int = 0
    maxn: int = 0
    buckets: int = 0
    label_prefix: str = "__label__"
    kept: Mapping[int, int] | None = None
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        hashed = self.buckets if self.kept is None else len(self.kept)
        if self.loss not in LOSSES:
            raise DataError("no such loss", got=self.loss, expected="one of " + ", ".join(LOSSES))
        if len(self.input) != len(self.words) + hashed or len(self.counts) != len(self.words):
            raise DataError("the input rows don't fit", got=len(self.input), expected=f"{len(self.words)} + {hashed}")
        if len(self.output) != len(self.labels) or len(self.label_counts) != len(self.labels):
            raise DataError("the output rows don't fit", got=len(self.output), expected=f"{len(self.labels)}")
        if self.input.shape[1] != self.output.shape[1]:
            raise DataError("input and output of another dim", got=self.output.shape, expected=str(self.input.shape))

    @property
    def dim(self) -> int:
        """Length of every vector."""
        return int(self.input.shape[1])

    @property
    def vectors(self) -> SubwordVectors:
        """The vectors of its words, with those of character n-grams for unknown ones, as fastText gives them."""
        n = len(self.words)
        own, hashed = part_of(self.input, 0, n), part_of(self.input, n, len(self.input))
        grams = NgramRows(hashed, self.minn, self.maxn, self.buckets, self.kept)
        store = Composed(own, grams, self.words)
        return SubwordVectors(self.words, store, subwords=grams, counts=self.counts, metadata=self.metadata)


def all_buckets(model: FastTextClassifier) -> FastTextClassifier:
    """Return a model with a row for every bucket, zeros where it had none, as Facebook's files need them.

    Quantised models may leave buckets out there too, and come back as they are. The labels that are found stay the
    same; their probabilities come nearer to each other, since an n-gram that was never seen now counts in the mean.
    """
    if model.kept is None or isinstance(model.input, Quantized):
        return model
    return dataclasses.replace(model, input=SpreadRows(model.input, model.kept, model.buckets), kept=None)
