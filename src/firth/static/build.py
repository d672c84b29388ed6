"""From corpus, options and start vectors to a task: who gets which row, how often words are kept, what noise is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth import _core
from firth.config import to_dict
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.static.sampling import alias_table, balanced_tree, huffman_tree, keep_thresholds
from firth.static.task import Model, Schedule, Task, Text, aligned_rows
from firth.text.corpus import Corpus
from firth.vectors.static import Vectors

if TYPE_CHECKING:
    from firth.static.word2vec import Word2Vec

__all__ = ["Built", "build_task", "heldout_task"]


@dataclasses.dataclass(frozen=True)
class Built:
    """A task, with what its result will be called.

    Attributes
    ----------
    words : sequence of str, length n_words
        The word of each row.
    counts : ndarray of int64, shape (n_words,)
        Occurrences, those of the start vectors included.
    n_text_words : int
        Words of the text that the cut leaves, before subsampling.
    notices : tuple of str
        What a user should know.
    """

    task: Task
    words: Sequence[str]
    counts: NDArray[np.int64]
    n_text_words: int
    notices: tuple[str, ...]

    def describe(self, config: Word2Vec, corpus: Corpus) -> dict[str, Any]:
        """Return what the model's folder says of its making."""
        return {
            "model": type(config).__name__.lower(),
            "options": to_dict(config),
            "seed": config.seed,
            "corpus": corpus.digest,
            "tokenizer": corpus.tokenizer,
            "cpu_level": _core.cpu_level(),
        }


def build_task(
    corpus: Corpus, config: Word2Vec, *, init: Vectors | None, freeze: bool, noise: ArrayLike | None, more_rows: int = 0
) -> Built:
    """Return the task of training ``config`` on ``corpus``, with ``more_rows`` input rows after those of words.

    Raises
    ------
    DataError
        When no word of the text is left.
    ConfigError
        When ``init`` has another dim, or ``noise`` another length.
    """
    counts = corpus.vocab.counts
    kept = int(np.searchsorted(-counts, -config.min_count, side="right"))
    kept = min(kept, config.max_vocab or kept)
    if kept == 0 and (init is None or corpus.n_tokens == 0):
        _refuse_empty(corpus, config)
    rows = _rows_for(corpus, kept, init) if init is not None else None
    n_words = kept if rows is None else rows.n_words
    text_counts = counts[:kept].copy() if rows is None else rows.text_counts
    if not text_counts.any():
        raise DataError("the text has no word of the start vectors and no new one", remedy="lower --min-count")
    tree = None
    if config.loss == "hierarchical":  # words that the text lacks would make one chain as long as they are many
        tree = huffman_tree(np.maximum(text_counts, 1)) if config.tree == "huffman" else balanced_tree(n_words)
    uses_noise = config.loss == "negative"
    task = Task(
        text=Text(corpus.ids, corpus.filled_ends(), None if rows is None else rows.row_of),
        model=_start(n_words, more_rows, config, init),
        n_words=n_words,
        keep=keep_thresholds(text_counts, config.sample),
        noise=alias_table(_noise_weights(text_counts, config.exponent, noise)) if uses_noise else None,
        tree=tree,
        frozen=(np.arange(n_words) < len(init)).astype(np.uint8) if init is not None and freeze else None,
        architecture=config.architecture,
        loss=config.loss,
        context=config.cbow,
        window=config.window,
        dynamic_window=config.dynamic_window,
        negative=config.negative,
        epochs=config.epochs,
        rate=config.start_rate,
        seed=config.seed,
        deterministic=config.deterministic,
        schedule=_schedule(corpus.n_tokens, n_words, config, composed=more_rows > 0),
    )
    words = corpus.vocab.words.prefix(kept) if rows is None else rows.words
    all_counts = text_counts if rows is None else rows.all_counts
    return Built(task, words, all_counts, int(text_counts.sum()), _notices(corpus, counts, kept))


@dataclasses.dataclass(frozen=True)
class _Rows:
    words: list[str]
    row_of: NDArray[np.int32]
    text_counts: NDArray[np.int64]
    all_counts: NDArray[np.int64]

    @property
    def n_words(self) -> int:
        return len(self.words)


def _rows_for(corpus: Corpus, kept: int, init: Vectors) -> _Rows:
    """Rows of start vectors first, in their order; then the text's new words, in the order of the corpus."""
    words = list(init.words)
    known = {word: row for row, word in enumerate(words)}
    row_of = np.full(len(corpus.vocab), -1, np.int32)
    for type_, word in enumerate(corpus.vocab.words):
        row = known.get(word)
        if row is None and type_ < kept:
            row = len(words)
            words.append(word)
        if row is not None:
            row_of[type_] = row
    text_counts = np.zeros(len(words), np.int64)
    found = row_of >= 0
    text_counts[row_of[found]] = corpus.vocab.counts[found]
    all_counts = text_counts.copy()
    if init.counts is not None:
        all_counts[: len(init)] += init.counts
    return _Rows(words, row_of, text_counts, all_counts)


def _start(n_words: int, more_rows: int, config: Word2Vec, init: Vectors | None) -> Model:
    """Input rows uniform in [-1/2, 1/2) / dim, output rows zero (word2vec.c); rows of ``init`` as they are."""
    if init is not None and init.dim != config.dim:
        raise ConfigError("the start vectors have another dim", got=init.dim, expected=str(config.dim))
    model = Model(aligned_rows(n_words + more_rows, config.dim), aligned_rows(n_words, config.dim), config.dim)
    _core.init_rows(model.input, 0, config.dim, config.seed)
    if init is not None:
        model.input[: len(init), : config.dim] = init.matrix
        if init.output is not None and config.loss != "hierarchical":
            model.output[: len(init), : config.dim] = init.output
    return model


def _schedule(n_tokens: int, n_words: int, config: Word2Vec, *, composed: bool) -> Schedule:
    schedule = Schedule.fit(
        n_tokens,
        n_words,
        config.start_rate,
        window=config.window,
        negative=config.negative,
        cbow=config.architecture == "cbow",
        composed=composed,
    )
    if config.loss == "softmax":  # every row changes at every step: nothing is left for blocks side by side
        return dataclasses.replace(schedule, blocks_per_round=1)
    if not config.deterministic:  # rounds have no meaning there but as places to stop
        schedule = dataclasses.replace(schedule, block_words=1024, blocks_per_round=64)
    return dataclasses.replace(schedule, group=1) if config.loss == "hierarchical" else schedule


def _noise_weights(counts: NDArray[np.int64], exponent: float, noise: ArrayLike | None) -> NDArray[np.float64]:
    if noise is None:
        present = counts > 0
        weights = np.zeros(len(counts))
        weights[present] = counts[present].astype(np.float64) ** exponent
        return weights
    given = np.asarray(noise, np.float64)
    if given.shape != (len(counts),):
        raise ConfigError("noise has the wrong shape", got=given.shape, expected=f"({len(counts)},): one per word")
    return given


def _refuse_empty(corpus: Corpus, config: Word2Vec) -> None:
    if corpus.n_tokens == 0:
        raise DataError("the text holds no words", remedy="give another text, or another tokenizer")
    top = int(corpus.vocab.counts[0])
    raise DataError(
        "no word is frequent enough to train on",
        got=f"min_count {config.min_count}",
        expected=f"at most {top}, the count of the most frequent word",
        remedy="lower --min-count",
    )


def _notices(corpus: Corpus, counts: NDArray[np.int64], kept: int) -> tuple[str, ...]:
    rare = len(counts) - kept
    if not rare:
        return ()
    words = int(counts[kept:].sum())
    return (f"{rare:,} rare words left out ({words:,} of {corpus.n_tokens:,} tokens); {kept:,} words are trained",)


def heldout_task(built: Built, heldout: Corpus, tell: Listener) -> Task:
    """Return a task that only measures the loss of the model in training on another text."""
    at = {word: row for row, word in enumerate(built.words)}
    row_of = np.array([at.get(word, -1) for word in heldout.vocab.words], np.int32)
    unknown = int(heldout.vocab.counts[row_of < 0].sum())
    if unknown == heldout.n_tokens:
        raise DataError("the held-out text shares no word with the vocabulary")
    if unknown:
        tell(Notice(f"{unknown:,} of {heldout.n_tokens:,} held-out tokens are not in the vocabulary and left out"))
    return dataclasses.replace(
        built.task,
        text=Text(heldout.ids, heldout.filled_ends(), row_of),
        epochs=1,
        update=False,
    )
