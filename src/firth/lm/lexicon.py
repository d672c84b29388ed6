"""What a language model predicts: the words that a cut leaves, ``<unk>`` for all others, and the end of a sentence.

One rule for every model, so that their perplexities compare: each word and each sentence end is predicted; a word out
of the lexicon is predicted as ``<unk>`` and counted; ``<bos>`` is only ever read. An ``<unk>`` that stands in the text
(Penn Treebank, WikiText) is an ordinary word, and the words out of the lexicon are taken for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.events import Listener, Notice
from firth.protocols import Sentence
from firth.text.corpus import Corpus
from firth.text.vocab import Vocab

__all__ = ["MARKS", "Lexicon", "Stream", "cut_lexicon"]

MARKS = ("<unk>", "<eos>", "<bos>")

_TOKENS = 1 << 18  # of a corpus that are turned into a stream together


@dataclasses.dataclass(frozen=True)
class Stream:
    """A text as one run of predictions: every word, and an ``<eos>`` after each sentence.

    Attributes
    ----------
    ids : ndarray of int32, shape (n_predictions,)
    unknown : ndarray of bool, shape (n_predictions,)
        Where a word is out of the lexicon; its id is that of ``<unk>``.
    """

    ids: NDArray[np.int32]
    unknown: NDArray[np.bool_]

    def sentence_ends(self, eos: int) -> NDArray[np.int64]:
        """Return the exclusive end of each sentence, its ``<eos>`` included; shape (n_sentences,)."""
        return np.flatnonzero(self.ids == eos) + 1

    def sentences(self, eos: int) -> list[NDArray[np.int32]]:
        """Return the ids of each sentence, its ``<eos>`` included; the last may lack one."""
        pieces = np.split(self.ids, self.sentence_ends(eos))
        return pieces if len(pieces[-1]) else pieces[:-1]


class Lexicon:
    """The words of a language model, with the marks after them, so that ids of words are those of the corpus.

    Parameters
    ----------
    vocab : Vocab
        Words and marks, as :meth:`of` and a saved model have them.

    Attributes
    ----------
    vocab : Vocab
    unk, eos, bos : int
        Ids of the marks.
    n_outputs : int
        What is predicted: ids from 0 to below this. ``<bos>`` is the last id and not among them.

    Raises
    ------
    DataError
        When a mark is missing, or ``<bos>`` is not the last id because it is a word of the text.

    Examples
    --------
    >>> lexicon = Lexicon.of(Vocab(["a", "b", "c"], [3, 2, 1]), min_count=2)
    >>> lexicon.n_outputs, lexicon.stream([["a", "c"], []]).ids.tolist()
    (4, [0, 2, 3, 3])
    """

    def __init__(self, vocab: Vocab) -> None:
        lacking = [mark for mark in MARKS if mark not in vocab]
        if lacking:
            raise DataError("the vocabulary of a language model lacks a mark", got=", ".join(lacking))
        self.vocab = vocab
        self.unk, self.eos, self.bos = (vocab[mark] for mark in MARKS)
        if self.bos != len(vocab) - 1:
            raise DataError("<bos> is a word of the text", remedy="spell it otherwise: it marks a start")
        self.n_outputs = self.bos

    @classmethod
    def of(cls, vocab: Vocab, min_count: int = 1, max_vocab: int | None = None) -> Lexicon:
        """Cut the words of a corpus and add the marks."""
        return cls(vocab.cut(min_count, max_vocab).with_special(MARKS))

    def __len__(self) -> int:
        return len(self.vocab)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lexicon) and list(self.vocab) == list(other.vocab)

    __hash__ = None  # type: ignore[assignment]

    def same_words(self, other: Lexicon) -> bool:
        """Return whether both predict the same words, in whatever order."""
        return len(self) == len(other) and set(self.vocab) == set(other.vocab)

    def ids_of(self, types: Vocab) -> NDArray[np.int32]:
        """Return the id of each type of a corpus.

        Parameters
        ----------
        types : Vocab
            Of a corpus.

        Returns
        -------
        ndarray of int32, shape (n_types,)
            ``-1`` where the word is out of the lexicon.
        """
        return np.array([self.vocab.get(word, -1) for word in types], np.int32)

    def stream(self, sentences: Iterable[Sentence]) -> Stream:
        """Return sentences of words as one stream."""
        ids: list[int] = []
        for sentence in sentences:
            ids += (self.vocab.get(word, -1) for word in sentence)
            ids.append(self.eos)
        return self._known(np.array(ids, np.int32))

    def streams(self, corpus: Corpus) -> Iterator[Stream]:
        """Yield a corpus in pieces of whole sentences, in order; its sentences are never cut."""
        ids_of = self.ids_of(corpus.vocab)
        ends, begin, first = corpus.ends, 0, 0
        while first < len(ends):
            last = int(np.searchsorted(ends, begin + _TOKENS, side="right"))
            last = max(last, first + 1)
            piece_ends = np.asarray(ends[first:last])
            words = ids_of[corpus.ids[begin : piece_ends[-1]]]
            yield self._known(np.insert(words, piece_ends - begin, np.int32(self.eos)))
            begin, first = int(piece_ends[-1]), last

    def whole(self, corpus: Corpus) -> Stream:
        """Return a corpus as one stream, in memory (5 bytes a prediction)."""
        pieces = list(self.streams(corpus))
        empty = self._known(np.zeros(0, np.int32))
        return Stream(
            np.concatenate([piece.ids for piece in pieces] or [empty.ids]),
            np.concatenate([piece.unknown for piece in pieces] or [empty.unknown]),
        )

    def _known(self, ids: NDArray[np.int32]) -> Stream:
        unknown = ids < 0
        return Stream(np.where(unknown, np.int32(self.unk), ids).astype(np.int32), unknown)


def cut_lexicon(corpus: Corpus, min_count: int, max_vocab: int | None, tell: Listener) -> Lexicon:
    """Return the lexicon that the cut leaves of a corpus, and tell what became ``<unk>``.

    Raises
    ------
    DataError
        When no word is left.
    """
    kept = corpus.vocab.cut(min_count, max_vocab)
    if not len(kept):
        remedy = "lower --min-count" if corpus.n_tokens else "give another text, or another tokenizer"
        raise DataError("no word is frequent enough", got=f"min_count {min_count}", remedy=remedy)
    if len(kept) < len(corpus.vocab):
        rest, rare = corpus.n_tokens - int(kept.counts.sum()), len(corpus.vocab) - len(kept)
        tell(Notice(f"{rare:,} rare words are <unk> ({rest:,} of {corpus.n_tokens:,} tokens); {len(kept):,} are kept"))
    return Lexicon.of(kept)
