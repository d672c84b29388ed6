"""fastText: skip-gram and CBOW over words and their character n-grams, so that unknown words have vectors too.

Bojanowski, Grave, Joulin and Mikolov 2017, "Enriching Word Vectors with Subword Information" (TACL 5; arXiv
1607.04606).
``docs/fasttext.md`` teaches the model and its equations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firth import _core
from firth.config import option
from firth.errors import ConfigError
from firth.events import Listener
from firth.protocols import Float32
from firth.static.build import Built, build_task
from firth.static.task import Parts, compact
from firth.static.word2vec import Trained, Word2Vec, ignore, run_job
from firth.text.corpus import as_corpus
from firth.vectors.static import Vectors
from firth.vectors.storage import dense
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.words import Words

__all__ = ["FastText", "train"]


@dataclasses.dataclass(frozen=True)
class FastText(Word2Vec):
    """Options of fastText: those of word2vec, and which character n-grams there are.

    Examples
    --------
    >>> FastText(dim=50).maxn
    6
    """

    rate: float | None = option(None, "learning rate at the start; 0.05", minimum=0, maximum=100)
    sample: float = option(1e-4, "threshold of subsampling; 0 keeps every word", minimum=0, maximum=1)
    minn: int = option(3, "shortest character n-gram", minimum=1, maximum=1000)
    maxn: int = option(6, "longest character n-gram; 0 for none", minimum=0, maximum=1000)
    buckets: int = option(2_000_000, "rows that the n-grams are hashed to", minimum=1, maximum=2_000_000_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.maxn < self.minn:
            raise ConfigError("maxn is below minn, so that there are no n-grams", got=(self.minn, self.maxn),
                              remedy="maxn=0 says that none are wanted")  # fmt: skip

    @property
    def start_rate(self) -> float:
        """The learning rate at the start."""
        return 0.05 if self.rate is None else self.rate


def train(
    data: Any,
    config: FastText | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    heldout: Any = None,
    probes: Sequence[str] = (),
    checkpoint: str | Path | None = None,
    resume: bool = False,
    init: Vectors | None = None,
    keep_output: bool = False,
    backend: str = "native",
) -> Trained:
    """Train fastText on ``data``.

    Parameters
    ----------
    data, threads, listen, heldout, probes, checkpoint, resume, keep_output, backend
        As for :func:`firth.static.word2vec.train`.
    config : FastText, optional
    init : Vectors, optional
        Vectors to go on from. Rows of n-grams go along where they are hashed in the same way; plain vectors become the
        words' own rows.

    Returns
    -------
    Trained
        ``vectors`` is a :class:`firth.vectors.subword.SubwordVectors`.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, a checkpoint is of another job, or no word is left after the cut.

    Examples
    --------
    >>> text = ["the cat sat on the mat", "the dog sat on the rug"] * 50
    >>> model = train(text, FastText(dim=8, min_count=1, epochs=2, buckets=1000), threads=1)
    >>> "cats" in model.vectors, model.vectors["cats"].shape
    (False, (8,))
    """
    config = config or FastText()
    corpus = as_corpus(data, threads=threads, listen=listen)
    n_grams = config.buckets if config.maxn else 0
    own = init if init is None else _own_rows(init)
    built = build_task(corpus, config, init=own, freeze=False, noise=None, more_rows=n_grams)
    words = Words.of(built.words)
    if isinstance(init, SubwordVectors):
        _take_grams(init, config, built)
    built = dataclasses.replace(built, task=dataclasses.replace(built.task, parts=word_parts(words, config)))
    history, seconds = run_job(
        built, config, corpus, threads=threads, tell=listen or ignore, heldout=heldout, probes=probes,
        checkpoint=checkpoint, resume=resume, backend=backend,
    )  # fmt: skip
    model, tree = built.task.model, config.loss == "hierarchical"
    rows = compact(model.input, model.dim)
    kept = compact(model.output, model.dim) if keep_output else None
    return Trained(
        vectors=_vectors(words, rows, config, counts=built.counts, output=None if tree else kept,
                         metadata=built.describe(config, corpus)),
        config=config,
        losses=tuple(epoch.loss for epoch in history),
        heldout=tuple(epoch.heldout for epoch in history),
        seconds=seconds,
        nodes=kept[: max(len(words) - 1, 0)] if tree and kept is not None else None,
    )  # fmt: skip


def word_parts(words: Words, config: FastText) -> Parts:
    """Return the rows of each word: its own, then those of its n-grams."""
    n = len(words)
    ends, grams = _core.ngram_rows(words.blob, words.offsets, words.gap, config.minn, config.maxn, config.buckets)
    first = np.zeros(n + 1, np.int64)
    first[1:] = ends + np.arange(1, n + 1)
    row = np.empty(first[-1], np.int32)
    is_own = np.zeros(len(row), bool)
    is_own[first[:-1]] = True
    row[is_own] = np.arange(n)
    row[~is_own] = grams + n
    return Parts(first, row)


def _own_rows(init: Vectors) -> Vectors:
    """Return the rows of words before n-grams are added, where they are known."""
    store = init.store
    if not isinstance(store, Composed) or store.own is None or len(store.own) != len(store):
        return init
    return Vectors(init.words, dense(store.own), counts=init.counts, output=init.output)


def _take_grams(init: SubwordVectors, config: FastText, built: Built) -> None:
    grams = init.subwords
    if not isinstance(grams, NgramRows) or grams.kept is not None:
        raise ConfigError("training cannot go on from n-grams of this kind", got=type(grams).__name__)
    theirs, ours = (grams.minn, grams.maxn, grams.buckets), (config.minn, config.maxn, config.buckets)
    if theirs != ours:
        raise ConfigError(
            "the start vectors have other n-grams", got=f"minn, maxn, buckets {theirs}", expected=str(ours)
        )
    built.task.model.input[built.task.n_words :, : config.dim] = dense(grams.rows)


def _vectors(words: Words, rows: Float32, config: FastText, **others: Any) -> Vectors:
    n = len(words)
    if not config.maxn:
        return Vectors(words, rows, **others)
    grams = NgramRows(rows[n:], config.minn, config.maxn, config.buckets)
    return SubwordVectors(words, Composed(rows[:n], grams, words), subwords=grams, **others)
