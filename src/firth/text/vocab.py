"""The words of a text with their counts; a word's id is its position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import DataError

__all__ = ["SPECIAL", "Vocab", "WordList"]

SPECIAL = ("<unk>", "<bos>", "<eos>", "<pad>")
T = TypeVar("T")


class WordList(Sequence[str]):
    """Words kept as bytes end to end and decoded when asked for.

    Parameters
    ----------
    data : (n_bytes,) uint8
        UTF-8; bytes that are not come out as lone surrogates (``surrogateescape``), so nothing is lost.
    ends : (n_words,) int64
        End of each word in ``data``.
    """

    def __init__(self, data: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self.data, self.ends = data, ends

    @classmethod
    def of(cls, words: Iterable[str]) -> WordList:
        """Pack any words."""
        packed = [word.encode("utf-8", "surrogateescape") for word in words]
        ends = np.cumsum(np.fromiter(map(len, packed), np.int64, len(packed)), dtype=np.int64)
        return cls(np.frombuffer(b"".join(packed), np.uint8), ends)

    def prefix(self, n: int) -> WordList:
        """Return the first ``n`` words, sharing the bytes."""
        return WordList(self.data[: self.ends[n - 1] if n else 0], self.ends[:n])

    def joined(self, other: WordList) -> WordList:
        """Return these words and then those of ``other``."""
        begin = self.ends[-1] if len(self.ends) else 0
        data = np.concatenate([self.data[:begin], other.data])
        return WordList(data, np.concatenate([self.ends, other.ends + begin]))

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        begin = self.ends[position - 1] if position else 0
        return self.data[begin : self.ends[position]].tobytes().decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        data, begin = self.data.tobytes(), 0
        for end in self.ends.tolist():
            yield data[begin:end].decode("utf-8", "surrogateescape")
            begin = end

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:5]))
        return f"[{shown}{', ...' if len(self) > 5 else ''}]"


class Vocab:
    """An immutable list of words with counts, from the most frequent to the rarest.

    Parameters
    ----------
    words : sequence of str, n_words long
        Distinct words. Bytes that are not UTF-8 are written with ``surrogateescape``.
    counts : (n_words,) integers
        How often each occurs; never ascending.
    special : tuple of str, optional
        Which of the words are no words of the text but marks such as ``<unk>``.

    Raises
    ------
    DataError
        When the lengths differ or a count is negative or greater than the one before it.

    Examples
    --------
    >>> vocab = Vocab(["the", "cat", "sat"], [5, 2, 1])
    >>> vocab["cat"], vocab.get("dog"), "sat" in vocab
    (1, None, True)
    >>> vocab.cut(min_count=2).words
    ['the', 'cat']
    """

    def __init__(self, words: Sequence[str], counts: ArrayLike, *, special: tuple[str, ...] = ()) -> None:
        self._words = words if isinstance(words, WordList) else WordList.of(words)
        self._counts = np.array(counts, np.int64)
        self._counts.flags.writeable = False
        self._ids: dict[str, int] | None = None
        self.special = special
        if self._counts.shape != (len(self._words),):
            raise DataError("words and counts differ in number", got=f"{len(self._words)} and {self._counts.shape}")
        if len(self._counts) and (self._counts[-1] < 0 or (np.diff(self._counts) > 0).any()):
            raise DataError("counts must not be negative and must descend", remedy="use Vocab.of to sort them")

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Vocab:
        """Make a vocabulary from a mapping of words to counts, sorting it by count and then by bytes.

        Examples
        --------
        >>> Vocab.of({"b": 1, "a": 1, "c": 2}).words
        ['c', 'a', 'b']
        """
        order = sorted(counts, key=lambda word: (-counts[word], word.encode("utf-8", "surrogateescape")))
        return cls(order, [counts[word] for word in order])

    @property
    def words(self) -> WordList:
        """Every word in the order of ids; a sequence that decodes on demand."""
        return self._words

    @property
    def counts(self) -> NDArray[np.int64]:
        """Count of every word, shape ``(n_words,)``; read-only."""
        return self._counts

    def __len__(self) -> int:
        return len(self._words)

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __contains__(self, word: object) -> bool:
        return word in self._index()

    def __getitem__(self, word: str) -> int:
        return self._index()[word]

    @overload
    def get(self, word: str) -> int | None: ...
    @overload
    def get(self, word: str, default: T) -> int | T: ...
    def get(self, word: str, default: T | None = None) -> int | T | None:
        """Return the id of ``word``, or ``default``."""
        return self._index().get(word, default)

    def cut(self, min_count: int = 1, max_vocab: int | None = None) -> Vocab:
        """Return the words with at least ``min_count`` occurrences, at most ``max_vocab`` of them: a prefix of this."""
        n = int(np.searchsorted(-self._counts, -min_count, side="right"))
        n = n if max_vocab is None else min(n, max(max_vocab, 0))
        return Vocab(self._words.prefix(n), self._counts[:n])

    def with_special(self, names: Sequence[str] = SPECIAL) -> Vocab:
        """Return this vocabulary with marks after its words, so that no id changes.

        A mark that the text already holds as a word (``<unk>`` in the Penn Treebank) keeps that word's id.

        Parameters
        ----------
        names : sequence of str
            Some of ``<unk> <bos> <eos> <pad>``, or marks of your own; each new one counts 0.

        Examples
        --------
        >>> vocab = Vocab(["a", "b"], [2, 1]).with_special()
        >>> vocab.unk, vocab.bos, vocab.ids(["b", "zebra"])
        (2, 3, array([1, 2], dtype=int32))
        """
        new = [name for name in dict.fromkeys(names) if name not in self]
        counts = np.concatenate([self._counts, np.zeros(len(new), np.int64)])
        found = Vocab(self._words.joined(WordList.of(new)), counts, special=tuple(names))
        found._ids = {**self._index(), **{name: len(self) + i for i, name in enumerate(new)}}
        return found

    @property
    def unk(self) -> int | None:
        """Id of ``<unk>`` where it was made a mark, else None."""
        return self._mark("<unk>")

    @property
    def bos(self) -> int | None:
        """Id of ``<bos>`` where it was made a mark, else None."""
        return self._mark("<bos>")

    @property
    def eos(self) -> int | None:
        """Id of ``<eos>`` where it was made a mark, else None."""
        return self._mark("<eos>")

    @property
    def pad(self) -> int | None:
        """Id of ``<pad>`` where it was made a mark, else None."""
        return self._mark("<pad>")

    def ids(self, tokens: Iterable[str], unk: int | None = None) -> NDArray[np.int32]:
        """Return the id of each token, shape ``(n_tokens,)``.

        Parameters
        ----------
        tokens : iterable of str
        unk : int, optional
            The id of unknown tokens; by default that of the mark ``<unk>``.

        Raises
        ------
        DataError
            When a token is unknown and there is no id for such.
        """
        index, other = self._index(), self.unk if unk is None else unk
        if other is not None:
            return np.array([index.get(token, other) for token in tokens], np.int32)
        try:
            return np.array([index[token] for token in tokens], np.int32)
        except KeyError as error:
            raise DataError("a word is not in the vocabulary", got=error.args[0], remedy="give unk=ID") from None

    def _mark(self, name: str) -> int | None:
        return self[name] if name in self.special else None

    def _index(self) -> dict[str, int]:
        if self._ids is None:
            ids = {word: position for position, word in enumerate(self._words)}
            if len(ids) != len(self._words):
                raise DataError("the vocabulary holds a word twice", got=_first_double(self._words))
            self._ids = ids
        return self._ids

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocab):
            return NotImplemented
        return np.array_equal(self._counts, other._counts) and self._words == other._words

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Vocab({len(self):,} words: {self._words!r})"


def _first_double(words: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(word for word in words if word in seen or seen.add(word))  # type: ignore[func-returns-value]
