"""``firth score``: what a language model thinks of every word of a text, and of lists of guesses."""

from __future__ import annotations

import itertools
import json as jsons
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from firth.cli.language_model import Mixing, language_model, reading_options
from firth.cli.options import JsonFlag, ModelPath, plain_texts
from firth.cli.output import note, shown
from firth.cli.texts import TextOptions, read_corpus
from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.evaluate.language_model import ScoredSentence
    from firth.lm.base import BaseLanguageModel

__all__ = ["score"]


def score(
    model: ModelPath,
    texts: Annotated[
        list[str] | None, Parameter(converter=plain_texts, help="Texts, a corpus, or - for stdin.")
    ] = None,
    /,
    *,
    nbest: Annotated[
        str | None, Parameter(help="Rank these guesses instead: lines of id ||| words ||| score; - for stdin.")
    ] = None,
    weight: Annotated[float, Parameter(help="--nbest: of the model's log probability beside the score.")] = 1.0,
    word_bonus: Annotated[float, Parameter(help="--nbest: added for each word.")] = 0.0,
    best: Annotated[bool, Parameter(negative="", help="--nbest: print only the best guess of each id.")] = False,
    sentences: Annotated[bool, Parameter(negative="", help="One line a sentence instead of a word.")] = False,
    carry: Annotated[
        bool | None, Parameter(help="Read the text as one, each sentence after those before; as the model does.")
    ] = None,
    mixing: Mixing | None = None,
    text: Annotated[TextOptions, Parameter(name="*")] = TextOptions(),  # noqa: B008
    json: JsonFlag = False,
) -> None:
    """Print the natural log probability of every word and sentence end, then the perplexity on stderr."""
    if (nbest is None) == (not texts):
        raise ConfigError("nothing to score" if nbest is None else "--nbest takes the place of a text")
    lm = language_model(model, mixing)
    if nbest is not None:
        _rank(lm, nbest, weight, word_bonus, best)
        return
    from firth.evaluate.language_model import scored_sentences
    from firth.lm.perplexity import Tally

    corpus, tally = read_corpus(texts or [], reading_options(lm, text)), Tally()
    scored = scored_sentences(lm, corpus, carry=carry)
    if not json:
        print("log_prob\twords\tunknown\tsentence" if sentences else "sentence\tword\tlog_prob\tunknown")
    for number, sentence in enumerate(scored, 1):
        tally.add_sentence(sentence.log_probs, sentence.unknown)
        if json:
            print(jsons.dumps(_record(sentence)))
        elif sentences:
            total, unknown = float(sentence.log_probs.sum()), int(sentence.unknown.sum())
            print(f"{total:.4f}\t{len(sentence.words)}\t{unknown}\t{shown(' '.join(sentence.words))}")
        else:
            print("\n".join(_word_lines(number, sentence)))
    sys.stdout.flush()
    note(str(tally.result()))


def _record(sentence: ScoredSentence) -> dict[str, object]:
    return {
        "words": sentence.words,
        "log_probs": [round(value, 6) for value in sentence.log_probs.tolist()],
        "unknown": sentence.unknown.tolist(),
    }


def _word_lines(number: int, sentence: ScoredSentence) -> Iterator[str]:
    words = (*sentence.words, "<eos>")
    for word, log_prob, unknown in zip(words, sentence.log_probs.tolist(), sentence.unknown.tolist(), strict=True):
        yield f"{number}\t{shown(word)}\t{log_prob:.4f}\t{'unknown' if unknown else ''}"


def _rank(model: BaseLanguageModel, source: str, weight: float, word_bonus: float, best: bool) -> None:
    from firth.lm.nbest import read_guesses, rescored

    guesses = read_guesses(_lines(source), source)
    for ranked in rescored(model, guesses, weight=weight, word_bonus=word_bonus):
        for guess in itertools.islice(ranked, 1 if best else None):
            print(guess.line())


def _lines(source: str) -> Iterator[str]:
    if source in ("-", "\0-"):
        yield from sys.stdin
        return
    try:
        with Path(source).open(encoding="utf-8", errors="surrogateescape") as file:
            yield from file
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}") from error
