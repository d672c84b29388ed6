"""gensim's ``Word2Vec`` as a thin layer over :func:`firth.static.word2vec.train`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firth.compat.gensim_keyed import KeyedVectors
from firth.errors import ConfigError, DataError
from firth.formats.registry import load as load_any
from firth.formats.registry import save as save_any
from firth.protocols import Float32
from firth.static import word2vec as firth_word2vec
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
        self.trained = False
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
        """Read the text and settle the vocabulary; ``update`` adds words to a trained model."""
        _check_rest(without_effect)
        if update and not self.trained:
            raise DataError("there is no vocabulary to update", remedy="call build_vocab without update first")
        self.corpus = self._read(corpus_iterable, corpus_file)
        if not update:
            self.trained = False
            vocab = self.corpus.vocab.cut(self.config.min_count, self.config.max_vocab)
            self.wv = KeyedVectors(
                Vectors(vocab.words, np.zeros((len(vocab), self.config.dim), np.float32), counts=vocab.counts)
            )

    def train(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: str | os.PathLike[str] | None = None,
        *,
        epochs: int | None = None,
        start_alpha: float | None = None,
        **without_effect: Any,
    ) -> tuple[int, int]:
        """Train, going on from the vectors as they are; return the words trained on, twice, as gensim's pair."""
        _check_rest(without_effect)
        if corpus_iterable is not None or corpus_file is not None:
            self.corpus = self._read(corpus_iterable, corpus_file)
        if self.corpus is None:
            raise DataError("there is no text to train on", remedy="give sentences or corpus_file")
        values = {**vars(self.config)}
        values["epochs"] = epochs or self.config.epochs
        values["rate"] = self.config.rate if start_alpha is None else start_alpha
        init = self.wv.held if self.trained else None
        result = firth_word2vec.train(
            self.corpus,
            firth_word2vec.Word2Vec(**values),
            threads=self.workers,
            init=init,
            keep_output=self.config.loss == "negative",
        )
        self.wv, self.trained, self.losses = KeyedVectors(result.vectors), True, result.losses
        words = int(self.corpus.n_tokens) * values["epochs"]
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
        model.wv, model.trained = KeyedVectors(vectors), True
        return model


_IGNORED = {"batch_words", "compute_loss", "sorted_vocab", "max_vocab_size", "null_word", "report_delay"}
_IGNORED |= {"total_examples", "total_words", "word_count", "queue_factor", "progress_per", "keep_raw_vocab"}
_IGNORED |= {"min_alpha", "end_alpha", "hashfxn"}


def _check_rest(options: dict[str, Any]) -> None:
    refused = [name for name, value in options.items() if name not in _IGNORED and value is not None]
    if refused:
        raise ConfigError("this layer has no such option", got=", ".join(refused), remedy="use firth.Word2Vec")
