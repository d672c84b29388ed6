"""Co-occurrence counts: which words stand near which, and how often; what PPMI, SVD and GloVe are made of.

The counting is that of GloVe (Pennington, Socher and Manning 2014, "GloVe: Global Vectors for Word Representation",
section 3), in whole numbers, so that the same text gives the same bytes however it is cut; see ``docs/counts.md``.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.config import Config, option, to_dict
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice, Progress
from firth.static.counts import CooccurrenceMatrix
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

_Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]  # indptr, indices, values


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
    backend: str = "native",
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
    backend : {"native", "reference"}
        ``reference`` runs the NumPy twin: slow, dense, written to be read.

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
    job = _Job(corpus, vocabulary, weighting, config, workers, tell)
    if backend not in ("native", "reference"):
        raise ConfigError("there is no such backend", got=backend, expected="native or reference")
    rows, tokens, spilled = job.native() if backend == "native" else job.reference()
    options = {name: value for name, value in to_dict(config).items() if name != "memory"}  # it changes nothing
    metadata = {
        "model": "cooccurrence",
        "options": options,
        "seed": config.seed,
        "corpus": corpus.digest,
        "tokenizer": corpus.tokenizer,
        "unit": weighting.unit,
    }
    model = CooccurrenceMatrix(vocabulary.words, vocabulary.counts, *rows, metadata)
    return Counted(model, config, time.monotonic() - began, tokens, spilled)


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
@dataclasses.dataclass(frozen=True)
class _Job:
    """Everything that counting needs; each way gives the rows, the tokens counted, and the bytes spilled."""

    corpus: Corpus
    vocabulary: _Vocabulary
    weighting: Weighting
    config: Cooc
    threads: int
    tell: Listener

    @property
    def _sides(self) -> tuple[bool, bool]:
        return self.config.sides != "right", self.config.sides != "left"

    @cached_property
    def _keep(self) -> NDArray[np.uint32]:
        counts, sample = self.vocabulary.counts, self.config.sample
        return keep_thresholds(counts, sample) if sample else np.zeros(0, np.uint32)

    @property
    def _key(self) -> int:
        return stream_key(self.config.seed, SUBSAMPLE, 0)

    def native(self) -> tuple[_Rows, int, int]:
        budget = self.config.memory * _MB
        try:
            with tempfile.TemporaryFile(prefix="firth-counts-") as spill:
                counts, parts = self.vocabulary.counts, self.weighting.parts
                counter = _core.CoocCounter(counts, parts, *self._sides, budget, self.threads, spill.fileno())
                self._count(counter)
                return _taken(counter, len(counts), self.weighting.unit, budget), counter.tokens, counter.spilled
        except OSError as error:
            where = tempfile.gettempdir()
            remedy = "free some space, raise --memory, or set TMPDIR"
            raise DataError(f"cannot write counts: {error.strerror}", got=where, remedy=remedy) from error

    def _count(self, counter: _core.CoocCounter) -> None:
        """Take the text piece by piece, in slices of time between which Ctrl-C is heard; then merge the pieces."""
        began, total, text = time.monotonic(), self.corpus.n_tokens, self.corpus
        ends = text.filled_ends()
        for begin in range(0, total, counter.piece):
            end = min(begin + counter.piece, total)
            try:
                counter.place(text.ids, ends, self.vocabulary.word_of, self._keep, self._key, begin, end)
            except ValueError:
                text.verify()
                raise
            most = left = max(counter.work(0), 1)
            while left:
                done = begin + (end - begin) * (most - left) // most
                self.tell(_progress(done, total, time.monotonic() - began))
                left = counter.work(_SLICE_MS)
        counter.close()
        while counter.work(_SLICE_MS):
            self.tell(_progress(total, total, time.monotonic() - began))

    def reference(self) -> tuple[_Rows, int, int]:
        from firth.static.counting_reference import count, kept_sentences

        text, (left, right) = self.corpus, self._sides
        sentences = list(kept_sentences(text.ids, text.filled_ends(), self.vocabulary.word_of, self._keep, self._key))
        sums = count(iter(sentences), len(self.vocabulary.words), self.weighting.parts, left=left, right=right)
        rows, columns = np.nonzero(sums)
        indptr = np.zeros(len(sums) + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=len(sums)), out=indptr[1:])
        values = sums[rows, columns].astype(np.float64) / self.weighting.unit
        return (indptr, columns.astype(np.int32), values), sum(map(len, sentences)), 0


def _progress(done: int, total: int, seconds: float) -> Progress:
    speed = done / seconds if seconds > 0 else 0.0
    eta = (total - done) / speed if speed else 0.0
    return Progress(done, total, epoch=1, epochs=1, words_per_second=speed, loss=None, rate=0.0, eta=eta)


def _taken(counter: _core.CoocCounter, n_words: int, unit: int, budget: int) -> _Rows:
    """Return the rows, in memory or, over budget, mapped from a file without a name."""
    indptr = np.zeros(n_words + 1, np.int64)
    counter.lengths(indptr[1:])
    np.cumsum(indptr, out=indptr)
    pairs = counter.pairs
    if pairs * _PAIR_BYTES <= budget or pairs == 0:
        indices, values = np.empty(pairs, np.int32), np.empty(pairs, np.float64)
        counter.fill(float(unit), indices, values)
        return indptr, indices, values
    with tempfile.TemporaryFile(prefix="firth-counts-") as file:
        counter.write(float(unit), file.fileno())
        columns = np.memmap(file, np.int32, "r", 0, (pairs,))
        mapped = np.memmap(file, np.float64, "r", 4 * pairs, (pairs,))
    return indptr, columns.view(np.ndarray), mapped.view(np.ndarray)
