"""What a BERT guesses: the words that may stand at a mask, and how well it guesses those of a text."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from firth.config import from_dict
from firth.contextual.bert import BERT
from firth.contextual.bert_batches import piece_counts
from firth.contextual.bert_model import BertModel
from firth.contextual.bert_reading import cut
from firth.contextual.bert_training import Guessing, sequences_of
from firth.contextual.sentences import checked
from firth.errors import ConfigError, DataError
from firth.protocols import Float64, Sentence
from firth.text.corpus import as_corpus_like
from firth.text.tokenize import TOKENIZERS, Tokenizer

__all__ = ["Guess", "MaskedScore", "fill_mask", "masked_score", "pseudo_scores", "single_scores"]

_MASK = "[MASK]"
_TOKENS = 8192  # places that are read side by side


@dataclasses.dataclass(frozen=True)
class Guess:
    """What may stand at a mask, and how likely it is among all pieces."""

    word: str
    probability: float


@dataclasses.dataclass(frozen=True)
class MaskedScore:
    """How well the masked pieces of a text are guessed; losses are mean negative natural log probabilities.

    Attributes
    ----------
    loss : float
    unigram : float
        By piece frequencies alone: of the text of training, where the model knows them, else of this text.
    own_counts : bool
        Whether they are the model's own, of the text of training.
    n : int
        Masked pieces.
    """

    loss: float
    unigram: float
    own_counts: bool
    n: int

    @property
    def perplexity(self) -> float:
        """e to the loss."""
        return math.exp(self.loss) if self.loss < 700 else math.inf

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**dataclasses.asdict(self), "perplexity": self.perplexity}


def fill_mask(model: BertModel, text: str | Sequence[str], n: int = 5) -> list[list[Guess]]:
    """Return for each mask in a text the likeliest words, those of one piece alone.

    Parameters
    ----------
    model : BertModel
        With a head.
    text : str or sequence of str
        Running text, which is cut into words as that of training was, or words. ``[MASK]`` marks what is to be guessed.
    n : int
        Words for each mask.

    Raises
    ------
    DataError
        When there is no mask, or the model has no head.
    ConfigError
        When ``n`` is not positive.
    """
    _need_head(model)
    if n < 1:
        raise ConfigError("no guesses are asked for", got=n, expected="n of at least 1")
    ids = _read(model, text)
    places = np.flatnonzero(ids == model.pieces.marks.mask).tolist()
    if not places:
        raise DataError("the text has no mask", got=str(text), expected=f"{_MASK} where a word is to be guessed")
    begins = torch.from_numpy(model.pieces.begin_words)
    found = []
    for scores in _log_probs(model, ((ids, place) for place in places)):
        probabilities = scores[: len(begins)].masked_fill(~begins, -math.inf).exp()
        best = probabilities.topk(min(n, int(begins.sum())))
        words = [model.pieces.written([piece]).strip() for piece in best.indices.tolist()]
        found.append([Guess(word, p) for word, p in zip(words, best.values.tolist(), strict=True)])
    return found


def _need_head(model: BertModel) -> int:
    """Return the mask's number of a model that can guess."""
    mask = model.pieces.marks.mask
    if model.net.head is None or mask is None:
        raise DataError(
            "this model has no head that guesses words, or no mask",
            remedy="use a checkpoint of masked-language-model training, or train one with --init",
        )
    return mask


def _read(model: BertModel, text: str | Sequence[str]) -> NDArray[np.int64]:
    """Return a text in pieces, masks among them."""
    mask = _need_head(model)
    own = model.pieces.strings[mask]
    parts: list[list[int]] = [[]]
    if isinstance(text, str):
        parts = [_pieces_of(model, part) for part in text.replace(own, _MASK).split(_MASK)]
    else:
        for word in next(iter(checked([text]))):
            if word in (own, _MASK):
                parts.append([])
            else:
                parts[-1] += model.pieces.rows([word])[0]
    return np.array([piece for n, part in enumerate(parts) for piece in ([mask] if n else []) + part], np.int64)


def _pieces_of(model: BertModel, text: str) -> list[int]:
    """Return the pieces of running text, cut into words as the text of training was, where that is known."""
    made = model.metadata.get("tokenizer")
    if not isinstance(made, dict) or made.get("name") not in TOKENIZERS:
        return model.pieces.read(text)
    words = [word for line in Tokenizer.described(made).sentences(text) for word in line]
    return [piece for row in model.pieces.rows(words) for piece in row]


def masked_score(model: BertModel, text: Any) -> MaskedScore:
    """Return how well a model guesses 15 % of the pieces of a text, whole words at a time, always the same ones.

    Parameters
    ----------
    model : BertModel
        With a head.
    text : Corpus, path, or iterable of str or token lists
        What is no corpus is read with the tokenizer that the model was trained with.

    Raises
    ------
    DataError
        When the model has no head, or nothing is masked.
    """
    _need_head(model)
    made, options = model.metadata.get("tokenizer"), model.metadata.get("options")
    corpus = as_corpus_like(text, made if isinstance(made, dict) else None)
    longest = model.net.shape.longest
    config = from_dict(BERT, options) if isinstance(options, dict) else BERT(length=max(4, min(longest, 128)))
    sequences = sequences_of(corpus, model.pieces, config)
    counts = piece_counts(sequences, model.net.shape.pieces) if model.counts is None else model.counts
    guessing = Guessing(model.net, model.pieces, sequences, counts)
    if not guessing.n:
        raise DataError("the text has no pieces to guess")
    return MaskedScore(guessing(), guessing.unigram, model.counts is not None, guessing.n)


def pseudo_scores(model: BertModel, sentences: Iterable[Sentence]) -> list[Float64]:
    """Return the log probability of each word given all the others: a sentence's pseudo-log-likelihood, word by word.

    Each piece is guessed with itself and the later pieces of its word masked (Salazar et al. 2020, arXiv 1910.14659;
    Kauf and Ivanova 2023, arXiv 2305.10588), so that a word's pieces do not give each other away.

    Returns
    -------
    list of ndarray of float64, shape (n_words,)
    """
    mask = _need_head(model)
    cuts = cut(list(checked(sentences)), model.pieces)

    def rows() -> Iterator[tuple[NDArray[np.int64], int]]:
        for each in cuts:
            for begin, end in zip(each.starts.tolist(), each.ends.tolist(), strict=True):
                for place in range(begin, end):
                    seen = each.ids.copy()
                    seen[place:end] = mask
                    yield seen, place

    wanted = np.concatenate([each.ids for each in cuts]) if cuts else np.zeros(0, np.int64)
    scores = _picked(model, rows(), wanted)
    ends = np.cumsum([len(each.ids) for each in cuts])
    found = []
    for each, end in zip(cuts, ends.tolist(), strict=True):
        own = scores[end - len(each.ids) : end]
        found.append(np.add.reduceat(own, each.starts) if len(own) else np.zeros(0))
    return found


def single_scores(
    model: BertModel, sentences: Sequence[NDArray[np.int64]], places: Sequence[tuple[int, int]]
) -> Float64:
    """Return the log probability of single pieces, each alone masked in its sentence.

    Parameters
    ----------
    model : BertModel
    sentences : sequence of ndarray of int64
        In pieces, without marks.
    places : sequence of (int, int)
        A sentence, and a place in it.

    Returns
    -------
    ndarray of float64, shape (n_places,)
    """
    mask = _need_head(model)

    def rows() -> Iterator[tuple[NDArray[np.int64], int]]:
        for sentence, place in places:
            seen = np.array(sentences[sentence], np.int64)
            seen[place] = mask
            yield seen, place

    wanted = np.array([sentences[sentence][place] for sentence, place in places], np.int64)
    return _picked(model, rows(), wanted)


def _picked(model: BertModel, rows: Iterable[tuple[NDArray[np.int64], int]], wanted: NDArray[np.int64]) -> Float64:
    scores = (float(found[piece]) for found, piece in zip(_log_probs(model, rows), wanted.tolist(), strict=True))
    return np.fromiter(scores, np.float64, len(wanted))


@torch.no_grad()
def _log_probs(model: BertModel, rows: Iterable[tuple[NDArray[np.int64], int]]) -> Iterator[torch.Tensor]:
    """Yield the log probability of each piece at a place of each row, float64 (n_pieces,), many rows side by side.

    Of a row that is longer than the net has places, what stands around the place is read.
    """
    room = model.net.shape.longest - 2
    rows = iter(rows)
    while group := list(itertools.islice(rows, max(1, _TOKENS // (room + 2)))):
        marks, at = model.pieces.marks, []
        ids = np.full((len(group), 2 + min(room, max(len(row) for row, _ in group))), marks.pad, np.int64)
        lengths = []
        for line, (row, place) in zip(ids, group, strict=True):
            begin = max(0, min(place - room // 2, len(row) - room))
            seen = row[begin : begin + room]
            line[0], line[1 : len(seen) + 1], line[len(seen) + 1] = marks.first, seen, marks.last
            at.append(place - begin + 1)
            lengths.append(len(seen) + 2)
        there = torch.arange(ids.shape[1]) < torch.tensor(lengths)[:, None]
        device = model.net.device
        hidden = model.net(torch.from_numpy(ids).to(device), there[:, None, None].to(device))
        logits = model.net.logits(hidden[torch.arange(len(group)), at])
        yield from logits.double().log_softmax(-1).cpu()
