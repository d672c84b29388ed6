"""Co-occurrence counts: which words stand near which, and how often; what PPMI, SVD and GloVe are made of.

The counting is that of GloVe (Pennington, Socher and Manning 2014, "GloVe: Global Vectors for Word Representation",
section 3), in whole numbers, so that the same text gives the same bytes however it is cut; see ``docs/counts.md``.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from firth import _core
from firth.config import Config, option, to_dict
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice, Progress
from firth.static.loop import cpu_threads
from firth.static.reference import SUBSAMPLE, stream_key
from firth.static.sampling import keep_thresholds
from firth.static.weighting import Weighting
from firth.text.corpus import Corpus, as_corpus
from firth.vectors.words import Words

__all__ = ["Cooc", "CooccurrenceMatrix", "Counted", "train"]

_MB = 1 << 20
_SLICE_MS = 200
_PAIR_BYTES = 12  # int32 column, float64 value


@dataclasses.dataclass(frozen=True)
class Cooc(Config):
    """Options of co-occurrence counting.

    Examples
    --------
    >>> Cooc(window=15).weights
    'harmonic'
    """

    window: int = option(10, "context words on each side; 0 takes the whole sentence", minimum=0, maximum=10_000)
    sides: str = option("both", "which side of a word its context is on", choices=("both", "left", "right"))
    weights: str = option(
        "harmonic",
        "a word d places away adds 1/d, 1, or (window + 1 - d) / window",
        choices=("harmonic", "flat", "linear"),
    )
    min_count: int = option(5, "drop words that occur less often", minimum=1)
    max_vocab: int | None = option(None, "keep at most so many words, the most frequent", minimum=1)
    sample: float = option(0.0, "threshold of subsampling; 0 keeps every word", minimum=0, maximum=1)
    memory: int = option(4096, "MB of memory to use; what has no room goes to a temporary file", minimum=16)
    seed: int = option(1, "of subsampling", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights == "linear" and self.window == 0:
            raise ConfigError(
                "weights cannot be linear without a window", got="window 0", expected="a window of at least 1"
            )


@dataclasses.dataclass(frozen=True, eq=False)
class CooccurrenceMatrix:
    """How often words stand near words, as a sparse matrix by rows.

    Attributes
    ----------
    words : Words
        The word of each row and of each column.
    counts : ndarray of int64, shape (n_words,)
        Occurrences of each word in the text.
    indptr : ndarray of int64, shape (n_words + 1,)
        Row i lies at ``indptr[i]:indptr[i + 1]``.
    indices : ndarray of int32, shape (n_pairs,)
        Columns (the context), ascending within a row.
    values : ndarray of float32 or float64, shape (n_pairs,)
        Sums of weights, all positive.
    metadata : mapping
        Plain values: options, origin, and ``unit``, the number of parts that a weight of 1 was counted in.

    Raises
    ------
    DataError
        When the lengths don't fit each other.

    Examples
    --------
    >>> text = ["I have a cat", "cat eat fish", "I have a apple"]
    >>> counts = train(text, Cooc(window=0, weights="flat", min_count=1)).model
    >>> counts["I", "have"], counts["I", "cat"], counts["I", "fish"]
    (2.0, 1.0, 0.0)
    """

    words: Words
    counts: NDArray[np.int64]
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: NDArray[np.floating]
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.words)
        if self.counts.shape != (n,) or self.indptr.shape != (n + 1,) or self.indices.shape != self.values.shape:
            got = f"{n} words, counts {self.counts.shape}, indptr {self.indptr.shape}, indices {self.indices.shape}"
            raise DataError("the parts of the co-occurrence matrix don't fit", got=f"{got}, values {self.values.shape}")
        if self.indptr[0] != 0 or self.indptr[-1] != len(self.indices):
            raise DataError("the rows of the co-occurrence matrix don't fit", got=f"{self.indptr[[0, -1]].tolist()}")

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"<CooccurrenceMatrix: {len(self):,} words, {len(self.indices):,} pairs>"

    @cached_property
    def matrix(self) -> csr_array:
        """The matrix of SciPy, shape (n_words, n_words), sharing these arrays where index types allow."""
        return csr_array((self.values, self.indices, self.indptr), shape=(len(self), len(self)))

    @cached_property
    def total(self) -> float:
        """Sum of all values."""
        return float(self.values.sum(dtype=np.float64))

    def row(self, word: str) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
        """Return the contexts of ``word``, ascending, and their values.

        Raises
        ------
        UnknownWordError
            When the word is not in the vocabulary.
        """
        at = self.words.row(word)
        here = slice(int(self.indptr[at]), int(self.indptr[at + 1]))
        return self.indices[here], self.values[here]

    def __getitem__(self, pair: tuple[str, str]) -> float:
        word, context = pair
        column = self.words.row(context)
        columns, values = self.row(word)
        at = int(np.searchsorted(columns, column))
        return float(values[at]) if at < len(columns) and columns[at] == column else 0.0

    def probability(self, context: str, word: str) -> float:
        """Return P(context | word), the share of ``context`` in the row of ``word``; NaN where the row is empty."""
        total = float(self.row(word)[1].sum(dtype=np.float64))
        return self[word, context] / total if total else float("nan")

    def ratio(self, a: str, b: str, probe: str) -> float:
        """Return P(probe | a) / P(probe | b), which tells what sets ``a`` apart from ``b``.

        Pennington, Socher and Manning 2014, section 3, table 1 (ice and steam). Infinite where only ``a`` is seen
        with the probe, NaN where neither is.

        Raises
        ------
        UnknownWordError
            When a word is not in the vocabulary.
        """
        of_a, of_b = self.probability(probe, a), self.probability(probe, b)
        if of_b:
            return of_a / of_b
        return float("inf") if of_a else float("nan")


@dataclasses.dataclass(frozen=True)
class Counted:
    """What counting gives.

    Attributes
    ----------
    model : CooccurrenceMatrix
    config : Cooc
    seconds : float
        Time spent counting, without reading the text.
    tokens : int
        Words of the text that were counted: neither rare nor dropped at random.
    spilled : int
        Bytes that went to a temporary file.
    """

    model: CooccurrenceMatrix
    config: Cooc
    seconds: float
    tokens: int
    spilled: int


def train(
    data: Any,
    config: Cooc | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    words: Sequence[str] | None = None,
) -> Counted:
    """Count the co-occurrences of ``data``.

    A word that is left out (too rare, or dropped by subsampling) leaves no gap: its neighbours close up, as in the
    GloVe program. No pair reaches over the end of a sentence.

    Parameters
    ----------
    data : Corpus, path, list of paths, or iterable of str or token lists
        The text; what is no corpus is read by :func:`firth.text.corpus.as_corpus` with its defaults.
    config : Cooc, optional
    threads : int, optional
        All processors by default. The result depends neither on it nor on ``memory``.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    words : sequence of str, optional
        The vocabulary, in this order, in the place of ``min_count`` and ``max_vocab``: parts of a text that were
        counted so can be put together by :func:`firth.static.shards.merge`.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, or no word is left after the cut.

    Examples
    --------
    >>> counted = train(["a rose is a rose"], Cooc(window=2, min_count=1), threads=1)
    >>> counted.model["a", "rose"], counted.model["rose", "is"]
    (2.5, 1.5)
    """
    config = config or Cooc()
    workers = cpu_threads(threads)
    tell = listen or (lambda event: None)
    corpus = as_corpus(data, threads=threads, listen=listen)
    vocabulary = _Vocabulary.cut(corpus, config, tell) if words is None else _Vocabulary.fixed(corpus, words, tell)
    weighting = Weighting.of(config.weights, config.window, _longest(corpus.ends) if config.window == 0 else 0)
    weighting.check_room(vocabulary.counts, config.sides)
    began = time.monotonic()
    try:
        with tempfile.TemporaryFile(prefix="firth-counts-") as spill:
            counter = _counter(vocabulary, weighting, config, workers, spill)
            _count(counter, corpus, vocabulary, config, tell)
            indptr, indices, values = _taken(counter, vocabulary, weighting, config.memory * _MB)
    except OSError as error:
        where = tempfile.gettempdir()
        remedy = "free some space, raise --memory, or set TMPDIR"
        raise DataError(f"cannot write counts: {error.strerror}", got=where, remedy=remedy) from error
    options = {name: value for name, value in to_dict(config).items() if name != "memory"}  # it changes nothing
    metadata = {
        "model": "cooccurrence",
        "options": options,
        "seed": config.seed,
        "corpus": corpus.digest,
        "tokenizer": corpus.tokenizer,
        "unit": weighting.unit,
    }
    model = CooccurrenceMatrix(vocabulary.words, vocabulary.counts, indptr, indices, values, metadata)
    return Counted(model, config, time.monotonic() - began, counter.tokens, counter.spilled)


# ---------------------------------------------------------------- which words
@dataclasses.dataclass(frozen=True)
class _Vocabulary:
    """``word_of``: from each type of the corpus to its row, -1 where it has none."""

    words: Words
    counts: NDArray[np.int64]
    word_of: NDArray[np.int32]

    @classmethod
    def cut(cls, corpus: Corpus, config: Cooc, tell: Listener) -> _Vocabulary:
        vocab = corpus.vocab.cut(config.min_count, config.max_vocab)
        n, types = len(vocab), len(corpus.vocab)
        if n == 0:
            remedy = "lower --min-count" if corpus.n_tokens else "give another text, or another tokenizer"
            raise DataError("no word is frequent enough to count", got=f"min_count {config.min_count}", remedy=remedy)
        word_of = np.full(types, -1, np.int32)
        word_of[:n] = np.arange(n, dtype=np.int32)
        if n < types:
            rest = corpus.n_tokens - int(vocab.counts.sum())
            tell(
                Notice(f"{types - n:,} rare words left out ({rest:,} of {corpus.n_tokens:,} tokens); {n:,} are counted")
            )
        return cls(Words.of(vocab.words), vocab.counts.copy(), word_of)

    @classmethod
    def fixed(cls, corpus: Corpus, words: Sequence[str], tell: Listener) -> _Vocabulary:
        known = Words.of(words)
        if len(known) == 0:
            raise DataError("the vocabulary is empty", remedy="give some words")
        if known.index.duplicates:
            raise DataError("a word stands twice in the vocabulary", got=known[known.index.duplicates[0]])
        word_of = np.fromiter(map(known.find, corpus.vocab.words), np.int32, len(corpus.vocab))
        counts = np.zeros(len(known), np.int64)
        found = word_of >= 0
        counts[word_of[found]] = corpus.vocab.counts[found]
        if not found.all():
            rest = int(corpus.vocab.counts[~found].sum())
            tell(Notice(f"{rest:,} of {corpus.n_tokens:,} tokens are not in the vocabulary and left out"))
        return cls(known, counts, word_of)


def _longest(ends: NDArray[np.int64]) -> int:
    return int(np.diff(ends, prepend=0).max(initial=1))


# ---------------------------------------------------------------- counting
def _counter(
    vocabulary: _Vocabulary, weighting: Weighting, config: Cooc, threads: int, spill: IO[bytes]
) -> _core.CoocCounter:
    left, right = config.sides != "right", config.sides != "left"
    budget = config.memory * _MB
    return _core.CoocCounter(vocabulary.counts, weighting.parts, left, right, budget, threads, spill.fileno())


def _count(counter: _core.CoocCounter, corpus: Corpus, vocabulary: _Vocabulary, config: Cooc, tell: Listener) -> None:
    """Take the text piece by piece, in slices of time between which Ctrl-C is heard; then merge the pieces."""
    keep = keep_thresholds(vocabulary.counts, config.sample) if config.sample else np.zeros(0, np.uint32)
    key = stream_key(config.seed, SUBSAMPLE, 0)
    began, total = time.monotonic(), corpus.n_tokens
    for begin in range(0, total, counter.piece):
        end = min(begin + counter.piece, total)
        counter.place(corpus.ids, corpus.ends, vocabulary.word_of, keep, key, begin, end)
        most = left = max(counter.work(0), 1)
        while left:
            done = begin + (end - begin) * (most - left) // most
            tell(_progress(done, total, time.monotonic() - began))
            left = counter.work(_SLICE_MS)
    counter.close()
    while counter.work(_SLICE_MS):
        tell(_progress(total, total, time.monotonic() - began))


def _progress(done: int, total: int, seconds: float) -> Progress:
    speed = done / seconds if seconds > 0 else 0.0
    eta = (total - done) / speed if speed else 0.0
    return Progress(done, total, epoch=1, epochs=1, words_per_second=speed, loss=None, rate=0.0, eta=eta)


def _taken(
    counter: _core.CoocCounter, vocabulary: _Vocabulary, weighting: Weighting, budget: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return indptr, indices and values, in memory or, over budget, mapped from a file without a name."""
    indptr = np.zeros(len(vocabulary.words) + 1, np.int64)
    counter.lengths(indptr[1:])
    np.cumsum(indptr, out=indptr)
    pairs, unit = counter.pairs, float(weighting.unit)
    if pairs * _PAIR_BYTES <= budget or pairs == 0:
        indices, values = np.empty(pairs, np.int32), np.empty(pairs, np.float64)
        counter.fill(unit, indices, values)
        return indptr, indices, values
    with tempfile.TemporaryFile(prefix="firth-counts-") as file:
        counter.write(unit, file.fileno())
        columns = np.memmap(file, np.int32, "r", 0, (pairs,))
        mapped = np.memmap(file, np.float64, "r", 4 * pairs, (pairs,))
    return indptr, columns.view(np.ndarray), mapped.view(np.ndarray)
