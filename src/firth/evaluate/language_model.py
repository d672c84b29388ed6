"""A language model on a text: perplexity, and what each word cost."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.lm.base import BaseLanguageModel
from firth.lm.perplexity import Perplexity
from firth.protocols import Float64

__all__ = ["PERPLEXITY_COLUMNS", "ScoredSentence", "perplexity_row", "scored_sentences"]

PERPLEXITY_COLUMNS = ("text", "perplexity", "without unknown", "bits", "words", "sentence ends", "unknown")

_AT_ONCE = 4096  # sentences


@dataclasses.dataclass(frozen=True)
class ScoredSentence:
    """A sentence, predicted word by word.

    Attributes
    ----------
    words : tuple of str
        As they stand in the text.
    log_probs : ndarray of float64, shape (n_words + 1,)
        Natural, the sentence's end last.
    unknown : ndarray of bool, shape (n_words + 1,)
        Where a word is out of the lexicon and was predicted as ``<unk>``.
    """

    words: tuple[str, ...]
    log_probs: Float64
    unknown: NDArray[np.bool_]


def scored_sentences(model: BaseLanguageModel, text: Any, *, carry: bool | None = None) -> Iterator[ScoredSentence]:
    """Yield every sentence of a text with its scores, reading on as one text where ``carry`` or the model says so.

    Parameters
    ----------
    model : BaseLanguageModel
    text : Corpus, path, or iterable of str or token lists
    carry : bool, optional
        As for :meth:`firth.lm.base.BaseLanguageModel.logprobs`.
    """
    carry = model.carries if carry is None else carry
    sentences, state = model.corpus_of(text).sentences(), model.start()
    at_once = None if carry and model.backward else _AT_ONCE  # a text that is read from its end must be there whole
    while batch := list(itertools.islice(sentences, at_once)):
        streams = [model.lexicon.stream([sentence]) for sentence in batch]
        if carry:
            scored, state = model.score_on(batch, state)
        else:
            scored = model.logprobs(batch, carry=False)
        for sentence, stream, log_probs in zip(batch, streams, scored, strict=True):
            yield ScoredSentence(tuple(sentence), log_probs, stream.unknown)


def perplexity_row(name: str, found: Perplexity) -> list[str]:
    """Return a row of :data:`PERPLEXITY_COLUMNS`."""
    return [
        name,
        f"{found.with_unknown:.2f}",
        f"{found.without_unknown:.2f}",
        f"{found.bits:.3f}",
        f"{found.n_words:,}",
        f"{found.n_sentences:,}",
        f"{found.n_unknown:,}",
    ]
