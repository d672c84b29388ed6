"""N-gram models in use: probabilities with back-off, natively and many sentences at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.errors import DataError
from firth.lm.base import BaseLanguageModel
from firth.lm.lexicon import Lexicon, Stream
from firth.lm.ngram_quantized import Coded, Packed, QuantizedLevel, QuantizedTable
from firth.lm.ngram_table import Level, NGramTable
from firth.protocols import Float64, Int32

__all__ = ["NGramModel", "NGramState"]

_LN10 = float(np.log(10.0))


class NGramState(NamedTuple):
    """The longest n-gram, shorter than the order, that the words so far end with.

    Attributes
    ----------
    level : int
        One less than its length; -1 where nothing is known.
    node : int
        Its place among the n-grams of that length.
    """

    level: int
    node: int


class NGramModel(BaseLanguageModel):
    """An n-gram language model with back-off (Katz 1987, equation 4; the form in which ARPA files hold every kind).

    The probability of a word after a context is that of the n-gram of both, where the table has it, else the
    context's back-off weight times the probability after the context without its first word.

    Parameters
    ----------
    lexicon : Lexicon
        What is predicted.
    table : NGramTable or QuantizedTable
        The n-grams, over the lexicon's ids.
    metadata : mapping, optional
        What the model's folder says of its making.

    Attributes
    ----------
    lexicon : Lexicon
    table : NGramTable or QuantizedTable
    metadata : dict
    order : int
        Words of the longest n-grams.

    Raises
    ------
    DataError
        When the table does not fit the lexicon, or is none: a number out of range, words out of order.

    Examples
    --------
    >>> import numpy as np
    >>> from firth.lm.ngram_table import Level
    >>> from firth.text.vocab import Vocab
    >>> lexicon = Lexicon.of(Vocab(["a"], [2]))
    >>> half, none = np.log10([0.5, 0.25, 0.25, 1e-99]).astype(np.float32), np.zeros(0, np.int32)
    >>> word = np.arange(4, dtype=np.int32)
    >>> one = Level(word, none, half, none.astype(np.float32), none.astype(np.int64))
    >>> [np.exp(scores).round(2).tolist() for scores in NGramModel(lexicon, NGramTable((one,))).logprobs([["a", "b"]])]
    [[0.5, 0.25, 0.25]]
    """

    def __init__(
        self, lexicon: Lexicon, table: NGramTable | QuantizedTable, metadata: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(lexicon, metadata)
        self.table = table
        if table.order < 1 or len(table.levels[0]) != len(lexicon):
            got = f"{table.counts()[:1]} single words, {len(lexicon)} of the lexicon"
            raise DataError("the table is of another lexicon", got=got)
        try:
            self._query = _core.NGramQuery(
                [_native(level) for level in table.levels], lexicon.eos, lexicon.bos, _threads()
            )
        except ValueError as error:
            raise DataError(f"no table of n-grams: {error}") from error

    @property
    def order(self) -> int:
        """Words of the longest n-grams."""
        return self.table.order

    def plain(self) -> NGramTable:
        """Return the table as plain arrays."""
        return self.table.plain() if isinstance(self.table, QuantizedTable) else self.table

    def quantized(self, bits: int = 8) -> NGramModel:
        """Return the model with up to ``2 ** bits`` values for each order's log probabilities, and for its weights.

        Raises
        ------
        ConfigError
            When ``bits`` is not in 2 to 8.
        """
        return NGramModel(self.lexicon, QuantizedTable.of(self.plain(), bits), self.metadata)

    def start(self) -> NGramState:
        """Return the state of ``<bos>``."""
        return NGramState(0, self.lexicon.bos) if self.order > 1 else NGramState(-1, 0)

    def score(self, ids: Int32, state: NGramState) -> tuple[Float64, NGramState]:
        """Return the natural log probability of each id, and the state after the last.

        Parameters
        ----------
        ids : ndarray of int32, shape (n,)
            Any number of sentences; what follows an ``<eos>`` starts anew.
        state : NGramState

        Returns
        -------
        ndarray of float64, shape (n,)
        NGramState

        Raises
        ------
        DataError
            When an id is not of the lexicon, or the state of another model.
        """
        return self._scored(ids, np.array([len(ids)], np.int64), state, None)

    def matched(self, ids: Int32, state: NGramState | None = None) -> tuple[Float64, NDArray[np.uint8]]:
        """Return the scores, and how many words the n-gram has that gave each (KenLM's ``full_scores``).

        Parameters
        ----------
        ids : ndarray of int32, shape (n,)
        state : NGramState, optional
            By default the start.

        Returns
        -------
        scores : ndarray of float64, shape (n,)
        lengths : ndarray of uint8, shape (n,)
            From 1, a single word, to the order.
        """
        lengths = np.empty(len(ids), np.uint8)
        start = self.start() if state is None else state
        return self._scored(ids, np.array([len(ids)], np.int64), start, lengths)[0], lengths

    def score_apart(self, sentences: Sequence[Int32]) -> list[Float64]:
        """Score each run of ids from the start, all in one native call."""
        if not len(sentences):
            return []
        ends = np.cumsum([len(ids) for ids in sentences], dtype=np.int64)
        scores, _ = self._scored(np.concatenate(sentences), ends, self.start(), None)
        bounds = ends.tolist()
        return [scores[begin:end] for begin, end in zip([0, *bounds[:-1]], bounds, strict=True)]

    def next_log_probs(self, state: NGramState) -> Float64:
        """Return the natural log probability of each possible next id, shape ``(n_outputs,)``."""
        levels, n = self.table.levels, self.lexicon.n_outputs
        contexts = []
        level, node = state
        while level >= 0:
            contexts.append((level, node))
            node = int(levels[level].suffix[node]) if level else 0
            level -= 1
        found = levels[0].log_prob[:n].astype(np.float64)
        for level, node in reversed(contexts):  # the longer context overrules the shorter
            found += float(levels[level].backoff[node])
            begin, end = int(levels[level].first[node]), int(levels[level].first[node + 1])
            words, log_probs = levels[level + 1].word[begin:end], levels[level + 1].log_prob[begin:end]
            found[words[words < n]] = log_probs[words < n]
        return found * _LN10

    def _apart(self, stream: Stream) -> Float64:
        return self.score(stream.ids, self.start())[0]  # a sentence's end starts anew as it is

    def _scored(
        self, ids: Int32, ends: NDArray[np.int64], state: NGramState, lengths: NDArray[np.uint8] | None
    ) -> tuple[Float64, NGramState]:
        scores = np.empty(len(ids))
        plain = np.ascontiguousarray(ids, np.int32)
        try:
            after = self._query.score(plain, ends, state[0], state[1], scores, lengths, _threads())
        except ValueError as error:
            raise DataError(str(error)) from error
        return scores, NGramState(*after)


def _native(level: Level | QuantizedLevel) -> tuple[Any, ...]:
    """Return a level as the native core takes it."""
    whole = (level.word, level.suffix, level.first)
    logs = (level.log_prob, level.backoff)
    return (
        *((part.data, part.bits, part.n) if isinstance(part, Packed) else part for part in whole),
        *((part.codes, part.values) if isinstance(part, Coded) else part for part in logs),
    )


def _threads() -> int:
    return os.cpu_count() or 1
