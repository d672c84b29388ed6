"""A maximum entropy language model as a value: log-linear models over words, or over classes and words within them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from firth.lm.base import BaseLanguageModel
from firth.lm.lexicon import Lexicon
from firth.lm.loglinear import LogLinear
from firth.protocols import Float64, Int32

__all__ = ["MaxEntModel", "class_contexts", "histories", "word_contexts"]

_BLOCK = 1 << 16  # predictions scored together


class MaxEntModel(BaseLanguageModel):
    """``P(w | h)`` from n-gram features, or ``P(class of w | h) P(w | class of w, h)``.

    A state is the last words, the newest last, ``<bos>`` the oldest where a sentence began.

    Parameters
    ----------
    lexicon : Lexicon
    order : int
        Words of the longest n-grams.
    words : LogLinear
        Of words; its roots are the classes.
    of_classes : LogLinear, optional
        Of classes; without it there is but one.
    classes : ndarray of int32, shape (len(lexicon),), optional
        The class of each word; with ``of_classes``.
    metadata : mapping, optional
    """

    def __init__(
        self,
        lexicon: Lexicon,
        order: int,
        words: LogLinear,
        *,
        of_classes: LogLinear | None = None,
        classes: Int32 | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(lexicon, metadata)
        self.order, self.words, self.of_classes = order, words, of_classes
        self.classes = np.zeros(len(lexicon), np.int32) if classes is None else classes

    @property
    def n_classes(self) -> int:
        """Number of word classes, that of ``<bos>`` not counted; 1 where the model has none."""
        return 1 if self.of_classes is None else int(self.classes.max())

    @property
    def n_features(self) -> int:
        """Number of features that are kept."""
        return self.words.tree.n_features + (0 if self.of_classes is None else self.of_classes.tree.n_features)

    def start(self) -> Any:
        """Return the state before the first word."""
        return (self.lexicon.bos,)

    def score(self, ids: Int32, state: Any) -> tuple[Float64, Any]:
        """Return the log probabilities of the ids, and the state behind them."""
        found = np.zeros(len(ids))
        for begin in range(0, len(ids), _BLOCK):
            at = slice(begin, begin + _BLOCK)
            history, state = histories(ids[at], state, self.order, self.lexicon)
            self._add(history, np.asarray(ids[at], np.int32), found[at])
        return found, state

    def _add(self, history: Int32, ids: Int32, out: Float64) -> None:
        self.words.add_log_probs(np.stack(word_contexts(history, self.classes[ids]), axis=1), ids, out)
        if self.of_classes is not None:
            contexts = np.stack(class_contexts(history, self.classes), axis=1)
            self.of_classes.add_log_probs(contexts, self.classes[ids], out)

    def score_apart(self, sentences: Any) -> list[Float64]:
        """Score runs of ids, each from the start, many together."""
        return [scores for block in _blocks(sentences) for scores in self._score_block(block)]

    def _score_block(self, block: list[Int32]) -> list[Float64]:
        found = [histories(ids, self.start(), self.order, self.lexicon)[0] for ids in block]
        ids = np.concatenate(block) if block else np.zeros(0, np.int32)
        out = np.zeros(len(ids))
        self._add(np.concatenate(found), np.asarray(ids, np.int32), out)
        return np.split(out, np.cumsum([len(run) for run in block])[:-1])

    def next_log_probs(self, state: Any) -> Float64:
        """Return the log probability of each possible next id, shape (n_outputs,)."""
        history = histories(np.zeros(1, np.int32), state, self.order, self.lexicon)[0]
        n = self.lexicon.n_outputs
        ids, out = np.arange(n, dtype=np.int32), np.zeros(n)
        context = np.stack(word_contexts(np.repeat(history, n, axis=0), self.classes[ids]), axis=1)
        self.words.add_log_probs(context, ids, out)
        if self.of_classes is not None:
            law = self.of_classes.law([int(c[0]) for c in class_contexts(history, self.classes)], self.n_classes)
            out += law[self.classes[ids]]
        return out


def histories(ids: Int32, state: Any, order: int, lexicon: Lexicon) -> tuple[Int32, Any]:
    """Return the words before each id in its sentence, and the state behind the last.

    Parameters
    ----------
    ids : ndarray of int32, shape (n,)
    state : sequence of int
        Words before them, the newest last.
    order : int
    lexicon : Lexicon

    Returns
    -------
    ndarray of int32, shape (n, order - 1)
        The newest first; ``<bos>`` once, then -1.
    tuple of int
    """
    ids = np.asarray(ids, np.int32)
    marked = np.insert(ids, np.flatnonzero(ids == lexicon.eos) + 1, np.int32(lexicon.bos))
    sequence = np.concatenate([np.array(state, np.int32), marked])
    starts = np.zeros(len(ids), np.int64)
    starts[1:] = np.cumsum(ids[:-1] == lexicon.eos)
    places = len(state) + np.arange(len(ids)) + starts
    found = np.full((len(ids), order - 1), -1, np.int32)
    alive = np.ones(len(ids), bool)
    for k in range(1, order):
        alive &= places >= k
        found[alive, k - 1] = sequence[places[alive] - k]
        alive &= found[:, k - 1] != lexicon.bos
    last = sequence[max(0, len(sequence) - order + 1) :].tolist() if order > 1 else []
    if lexicon.bos in last:
        last = last[len(last) - 1 - last[::-1].index(lexicon.bos) :]
    return found, tuple(last)


def word_contexts(history: Int32, roots: Int32) -> list[Int32]:
    """Return the symbols of a word's contexts: its class, then the words before it."""
    return [np.ascontiguousarray(roots, np.int32), *np.ascontiguousarray(history.T)]


def class_contexts(history: Int32, classes: Int32) -> list[Int32]:
    """Return the symbols of a class's contexts: the word before by its class, then itself, then the one before that."""
    found = [np.zeros(len(history), np.int32)]
    for words in np.ascontiguousarray(history.T):
        found += [np.where(words >= 0, classes[words], -1).astype(np.int32), words]
    return found


def _blocks(sentences: Any) -> Iterator[list[Int32]]:
    block: list[Int32] = []
    size = 0
    for ids in sentences:
        block.append(ids)
        size += len(ids)
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block
