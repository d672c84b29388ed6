"""Both directions of a biLM as language models: Peters et al. 2018, section 3.1, read as two laws of a text.

The forward one predicts each word and the sentence's end from what stands before; the backward one each word, from the
last to the first, and the sentence's other end from what stands behind. Each predicts every word and one end of each
sentence, by one lexicon, as any language model here does, so that their perplexities compare with an n-gram's.

A word out of the lexicon is predicted as ``<unk>`` and read by its spelling wherever words are given as words; by ids
alone, it is read as the word "<unk>".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from firth.contextual.bilm import DirectionState, active_of
from firth.contextual.elmo_batches import NOTHING, Types
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.elmo_reading import side_score
from firth.errors import DataError
from firth.lm.base import BaseLanguageModel
from firth.lm.lexicon import Stream
from firth.lm.perplexity import Perplexity, Tally
from firth.lm.sample import Sampling, draw
from firth.protocols import Float64, Int32, Sentence

__all__ = ["BackwardLM", "BiLMState", "DirectionLM", "ForwardLM", "backward_lm", "both_perplexities", "forward_lm"]

_STEPS = 1024  # that are read together
_TOGETHER = 1 << 14  # places of padded sentences that are read together
_PIECE = 1 << 18  # tokens of a corpus that are laid out together


@dataclasses.dataclass(frozen=True)
class BiLMState:
    """What one direction has read.

    Attributes
    ----------
    layers : list of State
        Of the LSTMs, before ``pending`` is read.
    pending : ndarray, shape (1 or 2, length of a row)
        What is read before the next prediction: the last word; behind a boundary both marks.
    """

    layers: DirectionState
    pending: NDArray[Any]


class DirectionLM(BaseLanguageModel):
    """One direction of a biLM.

    Parameters
    ----------
    model : ElmoModel
        With an output layer and its lexicon.

    Attributes
    ----------
    net, reader, softmax
        The model's.

    Raises
    ------
    DataError
        When it has none, as published models.
    """

    carries = True

    def __init__(self, model: ElmoModel) -> None:
        if model.lexicon is None or model.net.softmax is None:
            raise DataError("this ELMo has no output layer, and predicts no words",
                            remedy="train it on with 'firth train elmo TEXT --init MODEL'")  # fmt: skip
        super().__init__(model.lexicon, model.metadata)
        self.model = model
        self.net, self.reader, self.softmax = model.net, model.reader, model.net.softmax

    @property
    def layers(self) -> nn.ModuleList:
        """The LSTMs of this direction."""
        return self.net.backward_layers if self.backward else self.net.forward_layers

    @cached_property
    def types(self) -> Types:
        """The lexicon's words, by id."""
        return Types(self.vocab.words, self.reader, self.lexicon)

    def start(self) -> BiLMState:
        """Return the state before the first word of a text, or behind the last."""
        opening = self.reader.boundaries()[1 if self.backward else 0]
        return BiLMState(self._zeros(1), opening[None])

    def score(self, ids: Int32, state: BiLMState) -> tuple[Float64, BiLMState]:
        """Return the log probability of each id, in the order of reading, and the state after the last."""
        closing, _ = self._marks(self.types)
        return self._scored(self.types, np.where(ids == self.lexicon.eos, closing, ids), state)

    @torch.no_grad()
    def next_log_probs(self, state: BiLMState) -> Float64:
        """Return the log probability of each possible next id."""
        hidden, _ = self._pending(state)
        found = self.softmax.log_probs(hidden)[0].cpu().double()
        return np.asarray((found - found.logsumexp(0)).numpy())

    def score_apart(self, sentences: Sequence[Int32]) -> list[Float64]:
        """Score each run of ids from the start, many together."""
        closing, _ = self._marks(self.types)
        return self._apart_of(self.types, [np.where(ids == self.lexicon.eos, closing, ids) for ids in sentences])

    # ------------------------------------------------------------------ words, by their spelling
    def score_on(self, sentences: Sequence[Sentence], state: BiLMState) -> tuple[list[Float64], BiLMState]:
        """Score sentences as one text from a state; the backward direction begins with the last."""
        types, items = self._items(sentences)
        order = list(reversed(items)) if self.backward else items
        found, state = self._scored(types, np.concatenate(order or [np.zeros(0, np.int32)]), state)
        pieces = np.split(found, np.cumsum([len(each) for each in order])[:-1]) if order else []
        return [self._in_order(each) for each in (reversed(pieces) if self.backward else pieces)], state

    def logprobs(self, sentences: Iterable[Sentence], *, carry: bool | None = None) -> list[Float64]:
        """Return the log probabilities of each sentence's words, in the order of the text, and of its boundary.

        Parameters
        ----------
        sentences : iterable of sequences of str
        carry : bool, optional
            Read them as one text, by default; else each from the start.

        Returns
        -------
        list of ndarray of float64, shape (n_tokens + 1,)
        """
        given = list(sentences)
        if self.carries if carry is None else carry:
            return self.score_on(given, self.start())[0]
        return [self._in_order(each) for each in self._apart_of(*self._items(given))]

    def perplexity(self, text: Any, *, carry: bool | None = None) -> Perplexity:
        """Return how well this direction predicts a text; as for every language model."""
        corpus, tally, state = self.corpus_of(text), Tally(), self.start()
        types = Types(corpus.vocab.words, self.reader, self.lexicon)
        carry = self.carries if carry is None else carry
        closing, _ = self._marks(types)
        for items in self._pieces(corpus.ids, np.asarray(corpus.ends), closing):
            if carry:
                scores, state = self._scored(types, items, state)
            else:
                sentences = np.split(items, np.flatnonzero(items == closing)[:-1] + 1)
                scores = np.concatenate(self._apart_of(types, sentences))
            tally.add(scores, Stream(types.targets[items], types.unknown[items]), self.lexicon.eos)
        return tally.result()

    def read(self, context: Sentence, state: BiLMState | None = None) -> BiLMState:
        """Return the state after some words, in the order of the text, of a text's start or of a state."""
        types, (items,) = self._items([context])
        return self._scored(types, items[:-1], self.start() if state is None else state)[1]

    def sample(self, n: int = 1, sampling: Sampling | None = None, *, context: Sentence = ()) -> list[list[str]]:
        """Draw sentences that go on from ``context``, or, backward, that end with it."""
        found = draw(self, n, sampling or Sampling(), context)
        if not self.backward:
            return found
        return [[*reversed(sentence[len(context) :]), *context] for sentence in found]

    # ------------------------------------------------------------------ inside
    def _marks(self, types: Types) -> tuple[int, int]:
        """Return the mark that closes a sentence in this sense, and the one that opens the next."""
        return (types.bos, types.eos) if self.backward else (types.eos, types.bos)

    def _zeros(self, batch: int) -> DirectionState:
        return self.net.start(batch)[1 if self.backward else 0]

    def _in_order(self, scores: Float64) -> Float64:
        """Return the scores of a sentence in the order of the text, its boundary last."""
        return np.append(scores[-2::-1], scores[-1]) if self.backward else scores

    def _items(self, sentences: Sequence[Sentence]) -> tuple[Types, list[Int32]]:
        """Return the types of sentences, and each as the ids that this direction predicts."""
        ids: dict[str, int] = {}
        runs = [[ids.setdefault(word, len(ids)) for word in sentence] for sentence in sentences]
        types = Types(ids, self.reader, self.lexicon)
        closing, _ = self._marks(types)
        return types, [np.array([*(run[::-1] if self.backward else run), closing], np.int32) for run in runs]

    def _pieces(self, ids: Int32, ends: NDArray[np.int64], closing: int) -> Iterator[Int32]:
        """Yield a corpus as items in the order of reading, in pieces of whole sentences."""
        if self.backward:
            begins = np.concatenate([[0], ends])[:-1]
            ids, ends = ids[::-1], len(ids) - begins[::-1]
        begin = first = 0
        while first < len(ends):
            stop = max(int(np.searchsorted(ends, begin + _PIECE, side="right")), first + 1)
            last = int(ends[stop - 1])
            yield np.insert(ids[begin:last], ends[first:stop] - begin, np.int32(closing))
            begin, first = last, stop

    @torch.no_grad()
    def _pending(self, state: BiLMState) -> tuple[Tensor, DirectionState]:
        """Read what is pending; return what the next item is predicted from, (1, projection), and the state."""
        rows = torch.from_numpy(np.asarray(state.pending, np.int64)).to(next(self.net.parameters()).device)
        hidden, layers = self.net.read(self.layers, self.net.tokens(rows)[:, None], list(state.layers))
        return hidden[-1][-1], layers

    @torch.no_grad()
    def _scored(self, types: Types, items: Int32, state: BiLMState) -> tuple[Float64, BiLMState]:
        """Score items one after another: words, and closing marks, which are read with the opening mark behind them."""
        if not len(items):
            return np.zeros(0), state
        closing, opening = self._marks(types)
        read = np.insert(items, np.flatnonzero(items == closing) + 1, np.int32(opening))
        last = 2 if items[-1] == closing else 1  # tokens of the last item, which are left pending
        wanted = np.where(read[:-1] == closing, np.int32(NOTHING), types.targets[read[1:]])
        hidden, layers = self._pending(state)
        target = torch.tensor([int(types.targets[read[0]])], device=hidden.device)
        found = [self.softmax.picked(hidden, target).cpu().double().numpy()]
        for first in range(0, len(read) - last, _STEPS):
            part = slice(first, min(first + _STEPS, len(read) - last))
            scores, layers = side_score(self.net, self.layers, types, (read[part, None], wanted[part, None]), layers)
            found.append(scores)
        return np.concatenate(found), BiLMState(layers, types.rows[read[-last:]])

    def _apart_of(self, types: Types, sentences: Sequence[Int32]) -> list[Float64]:
        """Score each run of items from the start; single sentences many together, longer ones first."""
        closing, _ = self._marks(types)
        order = sorted(range(len(sentences)), key=lambda place: -len(sentences[place]))
        found, some = [np.zeros(0)] * len(sentences), list[int]()
        for place in order:
            items = sentences[place]
            if len(items) > _TOGETHER or (items[:-1] == closing).any():
                found[place] = self._scored(types, items, self.start())[0]
            elif len(items):
                some.append(place)
        while some:
            n = max(_TOGETHER // len(sentences[some[0]]), 1)
            batch, some = some[:n], some[n:]
            for place, scores in zip(batch, self._padded(types, [sentences[place] for place in batch]), strict=True):
                found[place] = scores
        return found

    def _padded(self, types: Types, sentences: Sequence[Int32]) -> list[Float64]:
        lengths = [len(items) for items in sentences]
        _, opening = self._marks(types)
        read = np.full((lengths[0], len(sentences)), opening, np.int32)
        wanted = np.full(read.shape, NOTHING, np.int32)
        for column, items in enumerate(sentences):
            read[1 : len(items), column] = items[:-1]
            wanted[: len(items), column] = types.targets[items]
        scores, _ = side_score(
            self.net, self.layers, types, (read, wanted), self._zeros(len(sentences)), active=active_of(lengths)
        )
        table = np.zeros(read.shape)
        table[wanted >= 0] = scores
        return [table[:length, column] for column, length in enumerate(lengths)]


class ForwardLM(DirectionLM):
    """The forward direction: each word after those before it, then the sentence's end."""


class BackwardLM(DirectionLM):
    """The backward direction: each word from those behind it, then the sentence's begin, as the output ``<eos>``.

    Ids and states run in the order of reading, from a text's end; words are given and told in the order of the text.
    """

    backward = True


def forward_lm(model: ElmoModel) -> ForwardLM:
    """Return the forward direction of a biLM as a language model."""
    return ForwardLM(model)


def backward_lm(model: ElmoModel) -> BackwardLM:
    """Return the backward direction of a biLM as a language model."""
    return BackwardLM(model)


def both_perplexities(model: ElmoModel, text: Any, *, carry: bool | None = None) -> dict[str, Perplexity]:
    """Return the perplexity of a text by each direction, and by their mean log probability.

    Returns
    -------
    dict from str to Perplexity
        ``forward``, ``backward``, ``mean``.
    """
    forward, backward = (lm(model).perplexity(text, carry=carry) for lm in (forward_lm, backward_lm))
    mean = dataclasses.replace(
        forward,
        log_prob=(forward.log_prob + backward.log_prob) / 2,
        log_prob_unknown=(forward.log_prob_unknown + backward.log_prob_unknown) / 2,
    )
    return {"forward": forward, "backward": backward, "mean": mean}
