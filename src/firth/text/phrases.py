"""Phrases: neighbouring words that occur together more often than by chance become one token, as ``new_york``.

Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality", section 4;
the normalised score is that of Bouma 2009, "Normalized (Pointwise) Mutual Information in Collocation Extraction".
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.config import Config, option, to_dict
from firth.errors import ConfigError
from firth.events import Listener
from firth.text.build import placed
from firth.text.corpus import Corpus
from firth.text.encode import Encoder
from firth.text.request import Request
from firth.text.tokenize import Tokenizer, encode_text
from firth.text.vocab import WordList

__all__ = ["Phrases", "find_phrases", "score_pairs"]

TOKENS_PER_SWEEP = 1 << 26  # bounds the memory of the pair tables, whatever the length of the text
SENTENCE_SLICE = 1 << 22  # tokens rewritten between two looks at signals


@dataclasses.dataclass(frozen=True)
class Phrases(Config):
    """How phrases are found.

    Examples
    --------
    >>> Phrases(passes=2, threshold=200.0).score
    'word2phrase'
    """

    passes: int = option(1, "how often pairs are joined: n passes give phrases of up to 2^n words", minimum=1)
    score: str = option(
        "word2phrase",
        "word2phrase: (count(ab) - discount) / (count(a) count(b)) times the number of tokens; paper: without that"
        " factor; npmi: normalised pointwise mutual information, at most 1",
        choices=("word2phrase", "paper", "npmi"),
    )
    threshold: float = option(100.0, "pairs that score above it are phrases")
    min_count: int = option(5, "words and pairs that are rarer make no phrase", minimum=1)
    discount: float = option(5.0, "taken from the count of a pair, so that rare pairs score low", minimum=0)
    delimiter: str = option("_", "stands between the words of a phrase")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.score == "npmi" and not -1 <= self.threshold < 1:
            raise ConfigError("threshold does not suit npmi", got=self.threshold, expected="-1 to 1, such as 0.5")


def score_pairs(
    pairs: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64], n_tokens: int, config: Phrases
) -> NDArray[np.float64]:
    """Return the score of each pair of words.

    Parameters
    ----------
    pairs, first, second : (n_pairs,) int64
        Counts of the pairs, of their first and of their second words.
    n_tokens : int
        Length of the text.
    config : Phrases

    Examples
    --------
    >>> score_pairs(np.array([8]), np.array([10]), np.array([9]), 900, Phrases(discount=5)).tolist()
    [30.0]
    """
    if config.score == "npmi":
        joint = pairs / n_tokens
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.log(joint / (first / n_tokens * (second / n_tokens))) / -np.log(joint)
        return np.where(joint < 1, score, 1.0)
    score = (pairs - config.discount) / first / second
    return score * n_tokens if config.score == "word2phrase" else score


def find_phrases(
    corpus: Corpus,
    config: Phrases | None = None,
    *,
    out: str | Path | None = None,
    threads: int | None = None,
    listen: Listener | None = None,
) -> Corpus:
    """Return a corpus in which phrases are single tokens.

    Within a sentence and from the left, a pair that is a phrase is joined and its second word begins no other pair in
    the same pass. A phrase spelt like an existing word is that word.

    Parameters
    ----------
    corpus : Corpus
    config : Phrases, optional
    out : path, optional
        Where to keep the new corpus; otherwise it lives as long as the object returned.
    threads : int, optional
        By default as many as there are cores; the result is the same for any number.
    listen : callable, optional
        Told how many phrases each pass found.

    Examples
    --------
    >>> from firth.text.corpus import as_corpus
    >>> corpus = as_corpus(["in new york it rains", "new york is big", "a new day", "york fell"])
    >>> made = find_phrases(corpus, Phrases(threshold=1.0, min_count=2, discount=1))
    >>> list(made.sentences())[0]
    ['in', 'new_york', 'it', 'rains']
    """
    config = config or Phrases()
    if corpus.tokenizer.get("blank_lines"):
        raise ConfigError("no phrases in a text whose blank lines are kept", remedy="leave blank_lines out")
    for number in range(1, config.passes + 1):
        last = number == config.passes
        target = Path(out) if out is not None and last else None
        request = Request(Tokenizer("custom"), out=target, threads=threads, listen=listen)
        corpus = _pass(corpus, config, number, request)
    return corpus


def _pass(corpus: Corpus, config: Phrases, number: int, request: Request) -> Corpus:
    first, second = _phrases_of(corpus, config, request.n_threads)
    request.tell(f"phrases, pass {number} of {config.passes}: {len(first):,} pairs are joined")
    words = corpus.vocab.words
    joined = WordList.of(
        encode_text(words[a] + config.delimiter + words[b]).decode("utf-8", "surrogateescape")
        for a, b in zip(first.tolist(), second.tolist(), strict=True)
    )
    ids = np.arange(len(words), len(words) + len(joined), dtype=np.int32)
    table = _core.PairMap(_packed(first, second), ids)

    def write(encoder: Encoder) -> None:
        encoder.number(words, joined)
        begin = 0
        for slice_ends in _slices(corpus.ends):
            end = int(slice_ends[-1])
            encoder.feed_ids(corpus.ids[begin:end], slice_ends - begin, table)
            begin = end

    done = {**to_dict(config), "passes": number}
    return placed(write, request, {**corpus.tokenizer, "phrases": done})


def _phrases_of(corpus: Corpus, config: Phrases, threads: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and second words of the pairs that score above the threshold."""
    counts = corpus.vocab.counts
    wanted = (counts >= config.min_count).astype(np.uint8)
    shards = threads * -(-corpus.n_tokens // TOKENS_PER_SWEEP)
    pairs, found = _core.count_pairs(corpus.ids, corpus.ends, wanted, config.min_count, shards, threads)
    first, second = (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
    chosen = score_pairs(found, counts[first], counts[second], corpus.n_tokens, config) > config.threshold
    return first[chosen], second[chosen]


def _packed(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.uint64]:
    return first.astype(np.uint64) << np.uint64(32) | second.astype(np.uint64)


def _slices(ends: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Cut sentences into groups of about SENTENCE_SLICE tokens."""
    groups = ends // SENTENCE_SLICE
    return np.split(ends, np.flatnonzero(np.diff(groups)) + 1)
