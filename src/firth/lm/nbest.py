"""Lists of the n best guesses of a recogniser or translator, ranked anew with a language model.

A line is ``id ||| words ||| score``, as Moses writes it (further fields are kept); the lines of one id stand together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from itertools import groupby

from firth.errors import DataError
from firth.lm.base import BaseLanguageModel
from firth.text.tokenize import Tokenizer

__all__ = ["Guess", "read_guesses", "rescored"]

_BAR = "|||"


@dataclasses.dataclass(frozen=True)
class Guess:
    """One guess.

    Attributes
    ----------
    id : str
        Of the utterance or sentence guessed at.
    text : str
    fields : tuple of str
        What stood behind the text.
    score : float
        Of the recogniser: the last number behind the text, 0 where there is none.
    log_prob : float
        Natural, of the language model; NaN before rescoring.
    total : float
        ``score + weight * log_prob + word_bonus * n_words``.
    """

    id: str
    text: str
    fields: tuple[str, ...] = ()
    score: float = 0.0
    log_prob: float = float("nan")
    total: float = float("nan")

    def line(self) -> str:
        """Return the line with the language model's log probability and the total behind it."""
        return f" {_BAR} ".join([self.id, self.text, *self.fields, f"{self.log_prob:.6f}", f"{self.total:.6f}"])


def read_guesses(lines: Iterable[str], name: str = "the list") -> Iterator[Guess]:
    """Yield the guess of each line that is not blank.

    Raises
    ------
    DataError
        When a line has no ``|||``, or its last field holds no number.

    Examples
    --------
    >>> next(read_guesses(["7 ||| a cat sat ||| lm: -3 ||| -4.5"])).score
    -4.5
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        id, *rest = (field.strip() for field in line.rstrip("\n").split(_BAR))
        if not rest:
            raise DataError(f"line {number:,} of {name} is no guess", got=line, expected="id ||| words ||| score")
        text, *fields = rest
        try:
            score = float(fields[-1].split()[-1]) if fields else 0.0
        except (ValueError, IndexError):
            raise DataError(f"line {number:,} of {name} ends in no score", got=fields[-1]) from None
        yield Guess(id, text, tuple(fields), score)


def rescored(
    model: BaseLanguageModel, guesses: Iterable[Guess], *, weight: float = 1.0, word_bonus: float = 0.0
) -> Iterator[list[Guess]]:
    """Yield the guesses of each id, the best total first; equals keep their order.

    Parameters
    ----------
    model : BaseLanguageModel
        Reads each guess as a sentence of its own.
    guesses : iterable of Guess
        Those of one id together.
    weight, word_bonus : float
        Of the language model's log probability, and for each word: without it short guesses win.
    """
    how = Tokenizer.described(model.metadata.get("tokenizer") or {"name": "whitespace"})
    for _, group in groupby(guesses, key=lambda guess: guess.id):
        found = list(group)
        sentences = [[token for line in how.sentences(guess.text) for token in line] for guess in found]
        log_probs = [float(scores.sum()) for scores in model.logprobs(sentences, carry=False)]
        ranked = [
            dataclasses.replace(guess, log_prob=lp, total=guess.score + weight * lp + word_bonus * len(words))
            for guess, lp, words in zip(found, log_probs, sentences, strict=True)
        ]
        yield sorted(ranked, key=lambda guess: -guess.total)
