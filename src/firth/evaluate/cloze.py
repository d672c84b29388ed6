"""Cloze: what a model of sentences finds likely where one word of a sentence is hidden, and what a BERT does.

A language model gives probabilities to sentences. Where a word is hidden it says, by Bayes' rule,

    p(w | the rest) = p(sentence with w) / sum over v of p(sentence with v),

which can be held against a masked language model's guess at the same place. An n-gram model of order k needs no more
than the k - 1 words on either side for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from firth.errors import DataError
from firth.lm.base import BaseLanguageModel
from firth.protocols import Float64, Int32, Sentence

if TYPE_CHECKING:
    from firth.contextual.bert_model import BertModel
    from firth.text.corpus import Corpus

__all__ = ["cloze_places", "cloze_scores", "masked_cloze_scores", "piece_sentences"]

_AT_ONCE = 1 << 20  # words that are scored in one call


def cloze_scores(model: BaseLanguageModel, sentences: Sequence[Sentence], places: Sequence[tuple[int, int]]) -> Float64:
    """Return the log probability of hidden words, each given the rest of its sentence, renormalised over all words.

    Parameters
    ----------
    model : BaseLanguageModel
        An n-gram model is asked about the words that it looks at, another about whole sentences.
    sentences : sequence of sequences of str
    places : sequence of (int, int)
        A sentence, and a word in it; a word out of the lexicon counts as ``<unk>``.

    Returns
    -------
    ndarray of float64, shape (n_places,)

    Raises
    ------
    DataError
        When a place lies in no sentence.

    Examples
    --------
    >>> from firth.lm.ngram import NGram, train
    >>> model = train(["a b c"] * 3 + ["a d c"], NGram(order=2, smoothing="witten-bell")).model
    >>> np.exp(cloze_scores(model, [["a", "b", "c"]], [(0, 1)])).round(2).tolist()
    [0.77]
    """
    streams = [model.lexicon.stream([sentence]).ids for sentence in sentences]
    candidates = np.array([i for i in range(model.lexicon.n_outputs) if i != model.lexicon.eos], np.int32)
    reach = getattr(model, "order", None)
    found = np.empty(len(places))
    for number, (sentence, place) in enumerate(places):
        if not (0 <= sentence < len(streams) and 0 <= place < len(streams[sentence]) - 1):
            raise DataError("there is no such place", got=f"sentence {sentence}, word {place}")
        ids = streams[sentence]
        begin = 0 if reach is None else max(0, place - reach + 1)
        end = len(ids) if reach is None else min(len(ids), place + reach)
        scores = _sums(model, ids[begin:end], place - begin, candidates)
        right = int(np.flatnonzero(candidates == ids[place])[0])
        found[number] = scores[right] - np.logaddexp.reduce(scores)
    return found


def _sums(model: BaseLanguageModel, ids: Int32, place: int, candidates: Int32) -> Float64:
    """Return for each candidate the log probability of a stretch from the place on, with the candidate there."""
    found = []
    step = max(1, _AT_ONCE // len(ids))
    for first in range(0, len(candidates), step):
        some = candidates[first : first + step]
        table = np.repeat(np.asarray(ids, np.int32)[None], len(some), 0)
        table[:, place] = some
        found += [float(scores[place:].sum()) for scores in model.score_apart(list(table))]
    return np.array(found)


def masked_cloze_scores(model: BertModel, sentences: Sequence[Sentence], places: Sequence[tuple[int, int]]) -> Float64:
    """Return the log probability of hidden pieces by a BERT, each alone masked in its sentence.

    Parameters
    ----------
    model : BertModel
    sentences : sequence of sequences of str
        In pieces, by their strings, as :func:`piece_sentences` gives them.
    places : sequence of (int, int)

    Returns
    -------
    ndarray of float64, shape (n_places,)
    """
    from firth.contextual.bert_guessing import single_scores

    number = {string: piece for piece, string in enumerate(model.pieces.strings)}
    ids = [np.array([number[string] for string in sentence], np.int64) for sentence in sentences]
    return single_scores(model, ids, places)


def piece_sentences(model: BertModel, corpus: Corpus) -> Iterator[list[str]]:
    """Yield the sentences of a corpus in pieces, by their strings: a text that an n-gram model can be trained on."""
    strings, rows = model.pieces.strings, model.pieces.rows(list(corpus.vocab.words))
    of = [[strings[piece] for piece in row] for row in rows]
    begin = 0
    for end in corpus.ends.tolist():
        yield [string for i in corpus.ids[begin:end].tolist() for string in of[i]]
        begin = end


def cloze_places(sentences: Sequence[Sentence], n: int, seed: int = 1) -> list[tuple[int, int]]:
    """Return ``n`` places in sentences, drawn without regard to anything, or all where there are no more.

    Examples
    --------
    >>> cloze_places([["a", "b"], ["c"]], 9)
    [(0, 0), (0, 1), (1, 0)]
    """
    ends = np.cumsum([len(sentence) for sentence in sentences])
    total = int(ends[-1]) if len(ends) else 0
    chosen = np.arange(total) if n >= total else np.sort(np.random.default_rng(seed).choice(total, n, replace=False))
    at = np.searchsorted(ends, chosen, side="right")
    starts = ends - np.array([len(sentence) for sentence in sentences])
    return [(int(sentence), int(place - starts[sentence])) for sentence, place in zip(at, chosen, strict=True)]
