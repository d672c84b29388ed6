"""A vocabulary of pieces, learnt from a corpus by the tokenizers library.

Both kinds join the most frequent pair of neighbouring pieces again and again (Sennrich et al. 2016, arXiv 1508.07909,
algorithm 1). WordPiece begins with characters, those inside a word marked with ##, and cuts words into the longest
pieces that it has; byte-level BPE (Radford et al. 2019, section 2.2) begins with bytes and repeats the joining.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from firth.contextual.pieces import MARKS, Pieces, need_tokenizers, wordpiece_json
from firth.errors import ConfigError
from firth.text.corpus import Corpus

__all__ = ["train_pieces"]

_MARKS = [names[0] for names in (MARKS[role] for role in ("pad", "unknown", "first", "last", "mask"))]
_AT_ONCE = 1 << 16  # characters that are given to the library as one string
_COVERED = 0.9999  # of a text's characters have a piece: a wiki has thousands that stand there once or twice
_ALPHABET_SHARE = 0.75  # of the vocabulary may be single characters
_BYTES = 256


def train_pieces(corpus: Corpus, kind: str, size: int, *, uncased: bool = False) -> Pieces:
    """Return the pieces of a corpus, the same for the same words and counts.

    Parameters
    ----------
    corpus : Corpus
    kind : {"wordpiece", "bpe"}
    size : int
        Pieces at most, five marks with them. In WordPiece the rarest characters, one of 10,000 in a text, are read as
        unknown, and further ones where they would fill the vocabulary.
    uncased : bool
        Lower-case words and take accents off first.

    Raises
    ------
    ConfigError
        When the size has no place for marks and characters.

    Examples
    --------
    >>> from firth.text.corpus import as_corpus
    >>> pieces = train_pieces(as_corpus(["play playing played play"] * 3), "wordpiece", 40)
    >>> [pieces.strings[piece] for piece in pieces.rows(["play"])[0]]
    ['play']
    """
    if kind == "bpe":
        return _bpe(corpus, size, uncased=uncased)
    return _wordpiece(corpus, size, uncased=uncased)


def _wordpiece(corpus: Corpus, size: int, *, uncased: bool) -> Pieces:
    library = need_tokenizers()
    from tokenizers import models, normalizers, pre_tokenizers, trainers

    tokenizer = library.Tokenizer(models.WordPiece(unk_token=_MARKS[1]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=uncased)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    alphabet = _alphabet(corpus, tokenizer, size)
    if len(_MARKS) + len(alphabet) > size:
        raise ConfigError("vocab_size has no place for the characters", got=size, expected=f"{len(alphabet) + 5}")
    # The library numbers characters inside words in the order in which it happens to meet them, and among pairs that
    # are equally frequent joins those of the lowest numbers: numbers that are given beforehand make it deterministic.
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=2, show_progress=False, special_tokens=[*_MARKS, *alphabet],
        limit_alphabet=0, continuing_subword_prefix="##",  # no character but these
    )  # fmt: skip
    tokenizer.train_from_iterator(_repeated(corpus), trainer)
    vocab = tokenizer.get_vocab(with_added_tokens=True)
    pieces = sorted(vocab, key=lambda piece: vocab[piece])[:size]
    return Pieces(wordpiece_json(pieces, lower=uncased))


def _alphabet(corpus: Corpus, tokenizer: Any, size: int) -> list[str]:
    """Return the characters that begin words and those inside, with ##, the frequent ones, in order of code points."""
    begin: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    for word, count in _words(corpus):
        normal = tokenizer.normalizer.normalize_str(word)
        for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal):
            begin[piece[0]] += count
            for character in piece[1:]:
                inside[character] += count
    merged = Counter({(0, c): n for c, n in begin.items()}) + Counter({(1, c): n for c, n in inside.items()})
    ranked = sorted(merged, key=lambda entry: (-merged[entry], entry))
    covered = np.cumsum([merged[entry] for entry in ranked])
    n = int(np.searchsorted(covered, _COVERED * covered[-1])) + 1 if len(covered) else 0
    kept = sorted(ranked[: min(n, max(int(_ALPHABET_SHARE * size) - len(_MARKS), 2))])
    single = {c for _, c in kept}
    return [*sorted(single), *("##" + c for place, c in kept if place == 1)]


def _bpe(corpus: Corpus, size: int, *, uncased: bool) -> Pieces:
    library = need_tokenizers()
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    if size < len(_MARKS) + _BYTES:
        raise ConfigError("vocab_size has no place for marks and bytes", got=size, expected=f"{len(_MARKS) + _BYTES}")
    tokenizer = library.Tokenizer(models.BPE())
    if uncased:
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, handle_chinese_chars=False)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, show_progress=False, special_tokens=_MARKS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(_repeated(corpus), trainer)
    return Pieces(tokenizer.to_str())


def _words(corpus: Corpus) -> Iterator[tuple[str, int]]:
    """Yield the words of a corpus that are text, with their counts."""
    for word, count in zip(corpus.vocab.words, corpus.vocab.counts.tolist(), strict=True):
        if not any("\ud800" <= character <= "\udfff" for character in word):
            yield word, count


def _repeated(corpus: Corpus) -> Iterator[str]:
    """Yield the words of a corpus with blanks between, as often as they occur."""
    for word, count in _words(corpus):
        most = max(1, _AT_ONCE // (len(word) + 1))
        for n in itertools.chain(itertools.repeat(most, count // most), [count % most]):
            if n:
                yield " ".join([word] * n)
