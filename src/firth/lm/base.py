"""What every language model does, made of three things that each defines: a start, a score, and the next word's law."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from firth.lm.lexicon import Lexicon, Stream
from firth.lm.perplexity import Perplexity, Tally
from firth.lm.sample import Sampling, draw
from firth.protocols import Float64, Int32, Sentence
from firth.text.corpus import Corpus, as_corpus_like
from firth.text.vocab import Vocab

__all__ = ["BaseLanguageModel"]


class BaseLanguageModel(abc.ABC):
    """A language model. Logarithms are natural.

    A text is a run of predictions (:class:`firth.lm.lexicon.Stream`): every word, and ``<eos>`` after each sentence. A
    state stands for all that was read. It is a value: :meth:`score` returns a new one and leaves the old as it was, so
    that two continuations can start from one state.

    Parameters
    ----------
    lexicon : Lexicon
        What is predicted.
    metadata : mapping, optional
        What the model's folder says of its making: model, options, seed, corpus, tokenizer.

    Attributes
    ----------
    carries : bool
        Whether a sentence's end leaves a trace in the state, so that a long text is better read as one.
    backward : bool
        Whether texts are read from their end.
    """

    carries = backward = False

    def __init__(self, lexicon: Lexicon, metadata: Mapping[str, Any] | None = None) -> None:
        self.lexicon = lexicon
        self.metadata = dict(metadata or {})

    @property
    def vocab(self) -> Vocab:
        """The words, and the marks ``<unk> <eos> <bos>`` behind them."""
        return self.lexicon.vocab

    @abc.abstractmethod
    def start(self) -> Any:
        """Return the state before the first word of a text."""

    @abc.abstractmethod
    def score(self, ids: Int32, state: Any) -> tuple[Float64, Any]:
        """Return the natural log probability of each id after those before it, and the state after the last.

        Parameters
        ----------
        ids : ndarray of int32, shape (n,)
            Any number of sentences, each closed by ``<eos>`` save perhaps the last.
        state : object
            As :meth:`start` or a score before returned it.

        Returns
        -------
        ndarray of float64, shape (n,)
        object
        """

    @abc.abstractmethod
    def next_log_probs(self, state: Any) -> Float64:
        """Return the natural log probability of each possible next id, shape ``(n_outputs,)``; it sums to one."""

    def score_apart(self, sentences: Sequence[Int32]) -> list[Float64]:
        """Score each run of ids from the start; a model that can do many at once does."""
        return [self.score(ids, self.start())[0] for ids in sentences]

    def score_on(self, sentences: Sequence[Sentence], state: Any) -> tuple[list[Float64], Any]:
        """Score sentences as one text from a state; return those of each, and the state after them.

        Parameters
        ----------
        sentences : sequence of sequences of str
        state : object

        Returns
        -------
        list of ndarray of float64, shape (n_tokens + 1,)
        object
        """
        streams = [self.lexicon.stream([sentence]).ids for sentence in sentences]
        if not streams:
            return [], state
        scores, state = self.score(np.concatenate(streams), state)
        return np.split(scores, np.cumsum([len(ids) for ids in streams])[:-1]), state

    def logprobs(self, sentences: Iterable[Sentence], *, carry: bool | None = None) -> list[Float64]:
        """Return the log probabilities of each sentence's words and of its end.

        Parameters
        ----------
        sentences : iterable of sequences of str
        carry : bool, optional
            Read them as one text, each from where the one before left the model; by default as :attr:`carries` says.

        Returns
        -------
        list of ndarray of float64, shape (n_tokens + 1,)
        """
        streams = [self.lexicon.stream([sentence]).ids for sentence in sentences]
        if not (self.carries if carry is None else carry):
            return self.score_apart(streams)
        found, state = [], self.start()
        for ids in streams:
            scores, state = self.score(ids, state)
            found.append(scores)
        return found

    def perplexity(self, text: Any, *, carry: bool | None = None) -> Perplexity:
        """Return how well the model predicts a text.

        Parameters
        ----------
        text : Corpus, path, or iterable of str or token lists
            What is no corpus is read with the tokenizer that the model was trained with.
        carry : bool, optional
            As for :meth:`logprobs`.

        Returns
        -------
        Perplexity
            Over all predictions, and over those of known words, with the number of each.
        """
        corpus = self.corpus_of(text)
        tally, state = Tally(), self.start()
        carry = self.carries if carry is None else carry
        for stream in self.lexicon.streams(corpus):
            if carry:
                scores, state = self.score(stream.ids, state)
            else:
                scores = self._apart(stream)
            tally.add(scores, stream, self.lexicon.eos)
        return tally.result()

    def _apart(self, stream: Stream) -> Float64:
        return np.concatenate(self.score_apart(stream.sentences(self.lexicon.eos)))

    def corpus_of(self, text: Any) -> Corpus:
        """Return a text as a corpus, read as the text was that the model was trained on."""
        return as_corpus_like(text, self.metadata.get("tokenizer"))

    def read(self, context: Sentence, state: Any = None) -> Any:
        """Return the state after some words, of a text's start or of a state."""
        ids = self.lexicon.stream([context]).ids[:-1]
        return self.score(ids, self.start() if state is None else state)[1]

    def next_words(self, context: Sentence, k: int = 10, *, state: Any = None) -> list[tuple[str, float]]:
        """Return the ``k`` likeliest words after ``context``, with their probabilities, the likeliest first."""
        log_probs = self.next_log_probs(self.read(context, state))
        best = np.argsort(-log_probs, kind="stable")[: max(k, 0)]
        return [(self.vocab.words[int(i)], float(np.exp(log_probs[i]))) for i in best]

    def sample(self, n: int = 1, sampling: Sampling | None = None, *, context: Sentence = ()) -> list[list[str]]:
        """Draw sentences that go on from ``context``.

        Parameters
        ----------
        n : int
            How many.
        sampling : Sampling, optional
            Temperature, top-k, top-p, longest sentence and seed.
        context : sequence of str
            The first words, which are part of each answer.

        Returns
        -------
        list of list of str
            Without their ``<eos>``.
        """
        return draw(self, n, sampling or Sampling(), context)
