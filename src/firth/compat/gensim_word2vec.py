"""gensim's ``Word2Vec`` as a thin layer over :func:`firth.static.word2vec.train`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.compat.gensim_keyed import KeyedVectors
from firth.config import to_dict
from firth.errors import ConfigError, DataError
from firth.formats.registry import load as load_any
from firth.formats.registry import save as save_any
from firth.protocols import Float32
from firth.static import word2vec as firth_word2vec
from firth.static.task import aligned_rows, compact
from firth.text.corpus import Corpus, as_corpus
from firth.vectors.static import Vectors

__all__ = ["Word2Vec"]

Sentences = Iterable[Sequence[str]]


class Word2Vec:
    """word2vec under the names of gensim 4, with its defaults: CBOW, the mean form with word2vec.c's gradient.

    ``workers`` does not change the result, and sentences are not cut at 10,000 words. What Firth has no use for
    (``batch_words``, ``compute_loss`` and the like) is accepted and without effect; what it cannot honour
    (``trim_rule``, ``callbacks``) is refused.

    Parameters
    ----------
    sentences : iterable of token lists, optional
        Trained on at once; a one-shot generator will do.
    corpus_file : path-like, optional
        A text of one sentence a line, tokens between white space.
    vector_size, alpha, window, min_count, max_final_vocab, sample, seed, workers, sg, hs, negative, ns_exponent, \
cbow_mean, epochs, shrink_windows
        As in gensim.

    Examples
    --------
    >>> model = Word2Vec([["cat", "sat"], ["dog", "sat"]] * 50, vector_size=8, min_count=1, sg=1, epochs=2)
    >>> len(model.wv), model.wv["cat"].shape
    (3, (8,))
    """

    def __init__(
        self,
        sentences: Sentences | None = None,
        corpus_file: str | os.PathLike[str] | None = None,
        *,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int = 3,
        sg: int = 0,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        epochs: int = 5,
        shrink_windows: bool = True,
        **without_effect: Any,
    ) -> None:
        _check_rest(without_effect)
        if not hs and not negative:
            raise ConfigError("nothing to train with", got="hs=0, negative=0", remedy="choose one of the two")
        self.config = firth_word2vec.Word2Vec(
            architecture="skipgram" if sg else "cbow",
            loss="hierarchical" if hs else "negative",
            cbow="historic" if cbow_mean else "sum",
            dim=vector_size,
            rate=alpha,
            window=window,
            min_count=min_count,
            max_vocab=max_final_vocab,
            sample=sample,
            seed=seed,
            negative=max(negative, 1),
            exponent=ns_exponent,
            epochs=epochs,
            dynamic_window=shrink_windows,
        )
        self.workers = workers
        self.wv = KeyedVectors(vector_size)
        self.corpus: Corpus | None = None
        self.losses: tuple[float, ...] = ()
        if sentences is not None or corpus_file is not None:
            self.build_vocab(sentences, corpus_file)
            self.train(epochs=epochs)

    # ------------------------------------------------------------------ training
    def build_vocab(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: str | os.PathLike[str] | None = None,
        update: bool = False,
        **without_effect: Any,
    ) -> None:
        """Read the text and settle the vocabulary; ``update`` adds words, and counts, to the one that is there."""
        _check_rest(without_effect)
        if update and not len(self.wv):
            raise DataError("there is no vocabulary to update", remedy="call build_vocab without update first")
        corpus = self._read(corpus_iterable, corpus_file)
        held = self.wv.held if update else Vectors([], np.zeros((0, self.config.dim), np.float32))
        vectors = _with_words_of(corpus, held, self.config)
        if not len(vectors):
            raise DataError(
                "no word is frequent enough to train on",
                got=f"min_count {self.config.min_count}",
                remedy="lower min_count, or give more text",
            )
        self.corpus, self.wv = corpus, KeyedVectors(vectors)

    def train(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: str | os.PathLike[str] | None = None,
        *,
        epochs: int | None = None,
        start_alpha: float | None = None,
        **without_effect: Any,
    ) -> tuple[int, int]:
        """Train, going on from the vectors as they are; return the words trained on, twice, as gensim's pair.

        Vocabulary and counts are those of :meth:`build_vocab`: other words of the text are left out. Without a text,
        that of the last :meth:`build_vocab` is taken.
        """
        _check_rest(without_effect)
        given = corpus_iterable is not None or corpus_file is not None
        corpus = self._read(corpus_iterable, corpus_file) if given else self.corpus
        if corpus is None:
            raise DataError("there is no text to train on", remedy="give sentences or corpus_file")
        held = self.wv.held
        if not len(held):
            raise DataError("there is no vocabulary to train", remedy="call build_vocab first")
        config = dataclasses.replace(
            self.config,
            epochs=self.config.epochs if epochs is None else epochs,
            rate=self.config.rate if start_alpha is None else start_alpha,
            min_count=1,
            max_vocab=1,
        )
        result = firth_word2vec.train(
            _led_by_a_known_word(corpus, held, self.workers),
            config,
            threads=self.workers,
            init=held,
            keep_output=config.loss == "negative",
            noise=_noise(held, config),
        )
        self.wv, self.losses = KeyedVectors(_renewed(held, result.vectors, self.config)), result.losses
        words = int(corpus.n_tokens) * config.epochs
        return words, words

    def _read(self, sentences: Sentences | None, corpus_file: str | os.PathLike[str] | None) -> Corpus:
        if (sentences is None) == (corpus_file is None):
            raise ConfigError("give one of sentences and corpus_file")
        if corpus_file is not None:
            return as_corpus(Path(corpus_file), tokenizer="whitespace", threads=self.workers)
        return as_corpus(sentences, threads=self.workers)

    # ------------------------------------------------------------------ what gensim's users look at
    @property
    def vector_size(self) -> int:
        """Length of the vectors."""
        return self.config.dim

    layer1_size = vector_size

    @property
    def epochs(self) -> int:
        """Passes over the text."""
        return self.config.epochs

    @property
    def corpus_count(self) -> int:
        """Sentences of the text."""
        return 0 if self.corpus is None else self.corpus.n_sentences

    @property
    def corpus_total_words(self) -> int:
        """Words of the text."""
        return 0 if self.corpus is None else self.corpus.n_tokens

    @property
    def syn1neg(self) -> Float32:
        """The output vectors of negative sampling, shape (n_words, vector_size)."""
        output = self.wv.held.output
        if output is None:
            raise AttributeError("there are output vectors only after training with negative sampling")
        return output

    def get_latest_training_loss(self) -> float:
        """Return the mean loss of an example in the last epoch (gensim has a running float32 sum)."""
        return self.losses[-1] if self.losses else 0.0

    def predict_output_word(self, context_words_list: Sequence[str], topn: int = 10) -> list[tuple[str, float]] | None:
        """Return the likeliest centre words of a context, by the softmax over the output vectors."""
        known = [word for word in context_words_list if word in self.wv]
        if not known:
            return None
        hidden = self.wv[known].mean(axis=0) if self.config.cbow == "historic" else self.wv[known].sum(axis=0)
        scores = self.syn1neg @ hidden
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        best = np.argsort(-chances, kind="stable")[:topn]
        return [(self.wv.index_to_key[i], float(chances[i])) for i in best]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the vectors, output vectors included, as a Firth folder."""
        save_any(self.wv.held, Path(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Word2Vec:
        """Load what :meth:`save` wrote."""
        vectors = load_any(Path(path))
        options = vectors.metadata.get("options", {})
        model = cls(vector_size=vectors.dim, min_count=options.get("min_count", 5))
        if options:
            model.config = firth_word2vec.Word2Vec(**options)
        model.wv = KeyedVectors(vectors)
        return model


_IGNORED = {"batch_words", "compute_loss", "sorted_vocab", "max_vocab_size", "null_word", "report_delay"}
_IGNORED |= {"total_examples", "total_words", "word_count", "queue_factor", "progress_per", "keep_raw_vocab"}
_IGNORED |= {"min_alpha", "end_alpha", "hashfxn"}


def _check_rest(options: dict[str, Any]) -> None:
    refused = [name for name, value in options.items() if name not in _IGNORED and value is not None]
    if refused:
        raise ConfigError("this layer has no such option", got=", ".join(refused), remedy="use firth.Word2Vec")


def _with_words_of(corpus: Corpus, held: Vectors, config: firth_word2vec.Word2Vec) -> Vectors:
    """Return ``held`` followed by start vectors of the text's new words that pass the cut; known words count on."""
    rows = held.rows(list(corpus.vocab.words))
    kept = len(corpus.vocab.cut(config.min_count, config.max_vocab))
    known, new = rows >= 0, np.flatnonzero(rows[:kept] < 0)
    old = np.zeros(len(held), np.int64) if held.counts is None else held.counts
    counts = np.concatenate([old, corpus.vocab.counts[new]])
    counts[rows[known]] += corpus.vocab.counts[known]
    start = aligned_rows(len(counts), config.dim)
    _core.init_rows(start, len(held), config.dim, config.seed)
    matrix = compact(start, config.dim)
    matrix[: len(held)] = held.matrix
    output = held.output
    if output is not None:
        output = np.concatenate([output, np.zeros((len(counts) - len(held), config.dim), np.float32)])
    names = [*held.words, *(corpus.vocab.words[type_] for type_ in new.tolist())]
    return Vectors(names, matrix, counts=counts, output=output, metadata=held.metadata)


def _led_by_a_known_word(corpus: Corpus, held: Vectors, threads: int) -> Corpus:
    """Return a text whose most frequent word is known, so that a cut to one word adds none to ``held``."""
    if not len(corpus.vocab) or corpus.vocab.words[0] in held:
        return corpus
    known = {word for word in corpus.vocab.words if word in held}
    if not known:
        raise DataError("no word of the text is in the vocabulary", remedy="call build_vocab with update=True first")
    return as_corpus(([word for word in line if word in known] for line in corpus.sentences()), threads=threads)


def _noise(held: Vectors, config: firth_word2vec.Word2Vec) -> NDArray[np.float64] | None:
    if config.loss != "negative" or held.counts is None or held.counts.min() < 1:
        return None
    weights: NDArray[np.float64] = held.counts.astype(np.float64) ** config.exponent
    return weights


def _renewed(held: Vectors, trained: Vectors, config: firth_word2vec.Word2Vec) -> Vectors:
    """Return the trained matrices with the counts of ``held`` and the options the user gave."""
    metadata = {**trained.metadata, "options": to_dict(config)}
    return Vectors(held.words, trained.matrix, counts=held.counts, output=trained.output, metadata=metadata)
