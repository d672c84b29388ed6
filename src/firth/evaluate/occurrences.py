"""The occurrences of a word in a text, and other sentences of the same text to compare them with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, DataError
from firth.evaluate.in_context import Place
from firth.text.corpus import Corpus
from firth.text.tokenize import TOKENIZERS, Tokenizer

__all__ = ["Occurrences", "find_occurrences", "other_sentences", "word_tokens"]

_IDS_AT_ONCE = 1 << 22
_NAMED = 5  # tokens that hold the word, named where it is absent


@dataclasses.dataclass(frozen=True)
class Occurrences:
    """Where a word stands in a text.

    Attributes
    ----------
    places : tuple of Place
        In the order of the text; the sentences are cut to the context asked for.
    lines : tuple of int
        The number of each place's sentence in the corpus, from 0.
    n_found : int
        Occurrences in the whole text; there are fewer places where they were drawn.
    hit : ndarray of int64
        The numbers of all sentences that hold the word.
    """

    places: tuple[Place, ...]
    lines: tuple[int, ...]
    n_found: int
    hit: NDArray[np.int64]


def word_tokens(word: str, corpus: Corpus) -> list[str]:
    """Return the tokens that ``word`` is in a corpus; the word itself where its tokenizer is not known.

    Raises
    ------
    ConfigError
        When nothing is left of the word.
    """
    made = corpus.tokenizer
    if word in corpus.vocab:  # also where a Chinese segmenter would cut the word alone
        return [word]
    if made.get("name") not in TOKENIZERS:
        return word.split() or [word]
    tokens = [token for line in Tokenizer.described({**made, "blank_lines": False}).sentences(word) for token in line]
    if not tokens:
        raise ConfigError("the tokenizer leaves nothing of the word", got=word, expected="letters or numbers")
    return tokens


def find_occurrences(
    corpus: Corpus, tokens: Sequence[str], *, case: str = "ignore", most: int = 500, context: int = 50, seed: int = 1
) -> Occurrences:
    """Find a word, which may be a run of tokens, in a corpus.

    Parameters
    ----------
    corpus : Corpus
    tokens : sequence of str
    case : {"ignore", "exact"}
        Whether letter case counts.
    most : int
        Of more occurrences so many are drawn evenly.
    context : int
        Tokens kept on each side of the word; 0 keeps the whole sentence.
    seed : int
        The same seed draws the same ones.

    Raises
    ------
    DataError
        When the word does not occur.
    """
    variants = _variants(corpus, tokens, case)
    starts = _runs(corpus, variants)
    if not len(starts):
        raise _absent(corpus, tokens, case)
    lines = np.searchsorted(corpus.ends, starts, side="right")
    chosen = np.arange(len(starts))
    if len(starts) > most:
        chosen = np.sort(np.random.default_rng(seed).choice(len(starts), most, replace=False))
    places = tuple(_window(corpus, int(starts[n]), len(tokens), int(lines[n]), context) for n in chosen)
    return Occurrences(places, tuple(lines[chosen].tolist()), len(starts), np.unique(lines))


def other_sentences(
    corpus: Corpus, hit: NDArray[np.int64], *, most: int, context: int = 50, seed: int = 1
) -> list[tuple[str, ...]]:
    """Return sentences drawn evenly from those whose numbers are not in ``hit``.

    Sentences longer than ``2 context + 1`` tokens are cut to so many, from an even draw of the place (0: never).
    """
    random = np.random.default_rng(seed)
    others = np.setdiff1d(np.arange(corpus.n_sentences), hit, assume_unique=True)
    if len(others) > most:
        others = np.sort(random.choice(others, most, replace=False))
    words, found = corpus.vocab.words, []
    for line in others.tolist():
        begin, end = _bounds(corpus, line)
        if context and end - begin > 2 * context + 1:
            begin += int(random.integers(0, end - begin - 2 * context))
            end = begin + 2 * context + 1
        if end > begin:
            found.append(tuple(words[i] for i in corpus.ids[begin:end].tolist()))
    return found


def _variants(corpus: Corpus, tokens: Sequence[str], case: str) -> list[NDArray[np.int32]]:
    """Return for each token the ids that it may have."""
    if case == "exact":
        return [np.array([corpus.vocab[token]] if token in corpus.vocab else [], np.int32) for token in tokens]
    wanted: dict[str, list[int]] = {token.casefold(): [] for token in tokens}
    for number, word in enumerate(corpus.vocab.words):
        if (ids := wanted.get(word.casefold())) is not None:
            ids.append(number)
    return [np.array(wanted[token.casefold()], np.int32) for token in tokens]


def _runs(corpus: Corpus, variants: Sequence[NDArray[np.int32]]) -> NDArray[np.int64]:
    """Return where the tokens stand one after another within a sentence."""
    starts = [
        begin + np.flatnonzero(np.isin(corpus.ids[begin : begin + _IDS_AT_ONCE], variants[0]))
        for begin in range(0, corpus.n_tokens, _IDS_AT_ONCE)
    ]
    found = np.concatenate([np.zeros(0, np.int64), *starts])
    for place, ids in enumerate(variants[1:], 1):
        found = found[found + place < corpus.n_tokens]
        found = found[np.isin(corpus.ids[found + place], ids)]
    last = len(variants) - 1
    same = np.searchsorted(corpus.ends, found, side="right") == np.searchsorted(corpus.ends, found + last, side="right")
    return np.asarray(found[same])


def _bounds(corpus: Corpus, line: int) -> tuple[int, int]:
    return (int(corpus.ends[line - 1]) if line else 0), int(corpus.ends[line])


def _window(corpus: Corpus, start: int, length: int, line: int, context: int) -> Place:
    begin, end = _bounds(corpus, line)
    if context:
        begin, end = max(begin, start - context), min(end, start + length + context)
    words = corpus.vocab.words
    return Place(tuple(words[i] for i in corpus.ids[begin:end].tolist()), start - begin, start - begin + length)


def _absent(corpus: Corpus, tokens: Sequence[str], case: str) -> DataError:
    """Return an error that names frequent words of the text which hold the word."""
    word = " ".join(tokens)
    inside, folded = [], word.casefold()
    for other in corpus.vocab.words:
        if folded in other.casefold() and other not in tokens:
            inside.append(other)
            if len(inside) == _NAMED:
                break
    hint = f"there are {', '.join(inside)}" if inside else "check spelling and tokenizer"
    return DataError(
        f"the text does not hold {word}" + (" in this letter case" if case == "exact" else ""), remedy=hint
    )
