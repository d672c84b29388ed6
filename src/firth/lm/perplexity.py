"""One honest number for every language model: perplexity, with what it was measured over."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.lm.lexicon import Stream
from firth.protocols import Float64

__all__ = ["Perplexity", "Tally"]


@dataclasses.dataclass(frozen=True)
class Perplexity:
    """How well a model predicts a text: e to the mean negative log probability of a prediction.

    Attributes
    ----------
    n_words, n_sentences, n_unknown : int
        Words (the unknown among them), sentence ends and unknown words that were predicted.
    log_prob, log_prob_unknown : float
        Sums of natural log probabilities: of every prediction, and of the unknown words'.
    """

    n_words: int
    n_sentences: int
    n_unknown: int
    log_prob: float
    log_prob_unknown: float

    @property
    def n_predictions(self) -> int:
        """Words and sentence ends."""
        return self.n_words + self.n_sentences

    @property
    def with_unknown(self) -> float:
        """Over every prediction, an unknown word counting as ``<unk>``; NaN for a text of none."""
        return _perplexity(self.log_prob, self.n_predictions)

    @property
    def without_unknown(self) -> float:
        """Over the predictions of known words and of sentence ends; unknown words are read but not counted."""
        return _perplexity(self.log_prob - self.log_prob_unknown, self.n_predictions - self.n_unknown)

    @property
    def bits(self) -> float:
        """Cross-entropy in bits a prediction."""
        return -self.log_prob / math.log(2) / self.n_predictions if self.n_predictions else math.nan

    def as_dict(self) -> dict[str, Any]:
        """Return every figure as JSON values."""
        return {
            "perplexity": self.with_unknown,
            "perplexity_without_unknown": self.without_unknown,
            "bits": self.bits,
            "n_predictions": self.n_predictions,
            "n_words": self.n_words,
            "n_sentences": self.n_sentences,
            "n_unknown": self.n_unknown,
            "log_prob": self.log_prob,
        }

    def __str__(self) -> str:
        counts = f"{self.n_words:,} words, {self.n_sentences:,} sentence ends"
        if not self.n_unknown:
            return f"perplexity {self.with_unknown:.2f} over {counts}"
        return (
            f"perplexity {self.with_unknown:.2f}, without the {self.n_unknown:,} unknown words "
            f"{self.without_unknown:.2f}, over {counts}"
        )


def _perplexity(log_prob: float, n: int) -> float:
    if not n:
        return math.nan
    mean = -log_prob / n
    return math.exp(mean) if mean < 700 else math.inf


class Tally:
    """Sums scores piece by piece."""

    def __init__(self) -> None:
        self._ends = self._words = self._unknown = 0
        self._log_prob = self._log_prob_unknown = 0.0

    def add(self, scores: Float64, stream: Stream, eos: int) -> None:
        """Count the scores of a stream."""
        ends = int(np.count_nonzero(stream.ids == eos))
        self._ends += ends
        self._words += len(stream.ids) - ends
        self._unknown += int(np.count_nonzero(stream.unknown))
        self._log_prob += float(scores.sum())
        self._log_prob_unknown += float(scores[stream.unknown].sum())

    def add_sentence(self, scores: Float64, unknown: NDArray[np.bool_]) -> None:
        """Count the scores of one sentence, its end the last."""
        self._ends += 1
        self._words += len(scores) - 1
        self._unknown += int(np.count_nonzero(unknown))
        self._log_prob += float(scores.sum())
        self._log_prob_unknown += float(scores[unknown].sum())

    def result(self) -> Perplexity:
        """Return the figures so far."""
        return Perplexity(self._words, self._ends, self._unknown, self._log_prob, self._log_prob_unknown)
