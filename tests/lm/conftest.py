"""A language model whose probabilities are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firth.lm.base import BaseLanguageModel
from firth.lm.lexicon import Lexicon
from firth.protocols import Float64, Int32
from firth.text.vocab import Vocab


class Table(BaseLanguageModel):
    """A bigram model over a, b, <unk>, <eos>: rows are the word before (the last row: a sentence's start)."""

    LAW = np.array([[0.1, 0.6, 0.1, 0.2], [0.3, 0.3, 0.1, 0.3], [0.25, 0.25, 0.25, 0.25], [0.7, 0.1, 0.1, 0.1]])

    def __init__(self, law: Float64 = LAW, words: tuple[str, ...] = ("a", "b")) -> None:
        super().__init__(Lexicon.of(Vocab(words, [1] * len(words))))
        self.law = law

    def start(self) -> Any:
        return 3

    def score(self, ids: Int32, state: Any) -> tuple[Float64, Any]:
        before = np.concatenate([[state], ids[:-1]]) if len(ids) else np.zeros(0, int)
        return np.log(self.law[before, ids]), int(ids[-1]) if len(ids) else state

    def next_log_probs(self, state: Any) -> Float64:
        return np.log(self.law[state])


@pytest.fixture
def known() -> type[Table]:
    """The class of the model."""
    return Table
