"""What a text is made of: pieces of words by BPE, which nothing is unknown to, or words.

Sennrich, Haddow and Birch 2016 (BPE); the learning and the cutting are the ``tokenizers`` library's. Blanks of a text
are made one each and marked (``▁``), punctuation stands apart, and pieces put together again are text as people write
it. A character that is no piece becomes its bytes, each of which is one.
"""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from firth.errors import DataError, MissingExtraError
from firth.seq2seq.shape import MARKS, UNK
from firth.text.tokenize import Tokenizer

__all__ = ["BYTES", "Pieces", "Subwords", "WordUnits", "checked_text", "learn_subwords", "learn_words"]

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
_N = len(MARKS)
_UNJOINED = ("chars", "zh")  # tokenizers of texts that have no blanks


class Pieces(Protocol):
    """From a text to ids and back. The first ids are :data:`firth.seq2seq.shape.MARKS`."""

    @property
    def n_ids(self) -> int:
        """Number of ids, the marks with them."""
        ...

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, without marks."""
        ...

    def names(self, ids: Iterable[int]) -> list[str]:
        """Return what to call each id."""
        ...

    def surfaces(self, text: str) -> list[str]:
        """Return what each id of a text stands for, as it is written there."""
        ...

    def join(self, names: Sequence[str]) -> str:
        """Return pieces that were called so as a text."""
        ...


class WordUnits:
    """Words.

    Parameters
    ----------
    words : sequence of str
        Distinct; others are ``<unk>``.
    tokenizer : str
        How a text becomes words.
    lower : bool

    Examples
    --------
    >>> units = WordUnits(["a", "dog"], "whitespace", lower=True)
    >>> units.encode(["A big dog"]), units.names([4, 1, 5])
    ([[4, 1, 5]], ['a', '<unk>', 'dog'])
    """

    def __init__(self, words: Sequence[str], tokenizer: str = "whitespace", lower: bool = False) -> None:
        self.words, self.tokenizer, self.lower = list(words), tokenizer, lower
        self._how = Tokenizer.of(tokenizer, lower=lower)
        self._ids = {word: row + _N for row, word in enumerate(self.words)}

    @property
    def n_ids(self) -> int:
        """Number of ids, the marks with them."""
        return _N + len(self.words)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, without marks."""
        return [[self._ids.get(word, UNK) for word in self.surfaces(text)] for text in texts]

    def names(self, ids: Iterable[int]) -> list[str]:
        """Return what to call each id."""
        return [MARKS[number] if number < _N else self.words[number - _N] for number in ids]

    def surfaces(self, text: str) -> list[str]:
        """Return the words of a text."""
        return [word for sentence in self._how.sentences(text) for word in sentence]

    def join(self, names: Sequence[str]) -> str:
        """Return words as a text, with blanks between where the tokenizer parts words by them."""
        return ("" if self.tokenizer in _UNJOINED else " ").join(names)


class Subwords:
    """Pieces of words.

    Parameters
    ----------
    vocab : sequence of str
        The pieces: :data:`BYTES` first.
    merges : sequence of (str, str)
        Which two pieces become one, the first first.
    lower : bool

    Raises
    ------
    DataError
        When they don't fit each other.
    MissingExtraError
        When ``tokenizers`` is not installed.

    Examples
    --------
    >>> pieces = learn_subwords(["low lower lowest"], 300, lower=False)
    >>> names = pieces.names(pieces.encode(["lower?"])[0])
    >>> names[0], names[-1], pieces.join(names)
    ('▁lower', '<0x3F>', 'lower?')
    """

    def __init__(self, vocab: Sequence[str], merges: Sequence[tuple[str, str]], lower: bool = False) -> None:
        self.vocab, self.merges, self.lower = list(vocab), [(a, b) for a, b in merges], lower
        if tuple(self.vocab[:256]) != BYTES or len(set(self.vocab)) < len(self.vocab):
            raise DataError("the pieces of BPE are broken", got=f"{len(self.vocab)}", expected="bytes first, each once")
        tokenizers = _library()
        models, decoders = tokenizers.models, tokenizers.decoders
        self._ids = {piece: row for row, piece in enumerate(self.vocab)}
        try:
            self._made = _empty(models.BPE(vocab=self._ids, merges=self.merges, byte_fallback=True))
        except Exception as error:  # the library raises nothing narrower
            raise DataError("the pieces of BPE and their merges don't fit", got=str(error)) from error
        parts = [decoders.ByteFallback(), decoders.Metaspace(), decoders.Fuse()]
        self._decoder = decoders.Sequence(parts)

    @property
    def n_ids(self) -> int:
        """Number of ids, the marks with them."""
        return _N + len(self.vocab)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, without marks."""
        made = self._made.encode_batch([_normal(text, self.lower) for text in texts])
        return [[number + _N for number in one.ids] for one in made]

    def words(self, text: str) -> list[str]:
        """Return what is cut into pieces, each by itself: words with the mark of their blank, punctuation."""
        return [word for word, _ in self._made.pre_tokenizer.pre_tokenize_str(_normal(text, self.lower))]

    def ids_of(self, pieces: Iterable[str]) -> list[int]:
        """Return the ids of pieces; of a character that is none, those of its bytes."""
        found: list[int] = []
        for piece in pieces:
            number = self._ids.get(piece)
            found += [byte + _N for byte in piece.encode()] if number is None else [number + _N]
        return found

    def names(self, ids: Iterable[int]) -> list[str]:
        """Return what to call each id."""
        return [MARKS[number] if number < _N else self.vocab[number - _N] for number in ids]

    def surfaces(self, text: str) -> list[str]:
        """Return the pieces of a text."""
        return self.names(self.encode([text])[0])

    def join(self, names: Sequence[str]) -> str:
        """Return pieces as a text."""
        found: str = self._decoder.decode(list(names))
        return found


def learn_subwords(texts: Iterable[str], n: int, *, lower: bool) -> Subwords:
    """Learn pieces from texts.

    Parameters
    ----------
    texts : iterable of str
    n : int
        Number of pieces, single characters with them and bytes not: at most a half are characters, the most frequent.
    lower : bool
    """
    tokenizers = _library()
    made = _empty(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=n, show_progress=False, limit_alphabet=max(n // 2, 1))
    made.train_from_iterator((_normal(text, lower) for text in texts), trainer)
    model: dict[str, Any] = json.loads(made.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].__getitem__)
    vocab = dict.fromkeys((*BYTES, *pieces))
    return Subwords(list(vocab), [(a, b) for a, b in map(tuple, model["merges"])], lower)


def learn_words(texts: Iterable[str], *, tokenizer: str, lower: bool, min_count: int, max_vocab: int) -> WordUnits:
    """Learn words from texts: the most frequent, ties by their letters.

    Raises
    ------
    DataError
        When none is left.
    """
    how = WordUnits([], tokenizer, lower)
    counts = collections.Counter(word for text in texts for word in how.surfaces(text))
    for mark in MARKS:
        counts.pop(mark, None)  # a text's own "<unk>" is one, too
    kept = sorted((word for word, n in counts.items() if n >= min_count), key=lambda word: (-counts[word], word))
    if not kept:
        raise DataError("no word is frequent enough", got=f"min_count {min_count}", remedy="lower --min-count")
    return WordUnits(kept[:max_vocab], tokenizer, lower)


def _normal(text: str, lower: bool) -> str:
    text = " ".join(text.split())
    if not text.isascii():
        checked_text(text)
    return text.lower() if lower else text


def checked_text(text: str) -> str:
    """Return a text.

    Raises
    ------
    DataError
        When it holds bytes that are no UTF-8.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError("a text holds bytes that are no UTF-8", got=ascii(text)) from error
    return text


def _empty(model: Any) -> Any:
    tokenizers = _library()
    made, cut = tokenizers.Tokenizer(model), tokenizers.pre_tokenizers
    made.pre_tokenizer = cut.Sequence([cut.Metaspace(), cut.Punctuation("isolated")])
    return made


def _library() -> Any:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError as error:
        raise MissingExtraError("BPE", extra="neural") from error
    return tokenizers
