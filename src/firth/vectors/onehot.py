"""One-hot vectors: every word is a dimension of its own, so that all words are equally far apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from firth.errors import ConfigError, DataError
from firth.protocols import Float32, Sentence
from firth.text.vocab import Vocab

__all__ = ["OneHot"]

LARGEST = 1 << 31  # floats in one array that encode() agrees to make


class OneHot:
    """The plainest representation; it knows nothing about words but which one each is.

    Parameters
    ----------
    vocab : Vocab or sequence of str
        The words, in the order of the dimensions.
    oov : str
        What an unknown word becomes: ``"zero"`` (a vector of zeros), ``"unk"`` (the dimension of ``<unk>``, which must
        be a word) or ``"error"``.

    Raises
    ------
    ConfigError
        When ``oov`` is none of these, or is ``"unk"`` and there is no ``<unk>``.

    Examples
    --------
    >>> onehot = OneHot(["cat", "dog", "fish"])
    >>> onehot.encode([["dog", "cat", "bird"]])[0]
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """

    def __init__(self, vocab: Vocab | Sequence[str], *, oov: str = "zero") -> None:
        self.vocab = vocab if isinstance(vocab, Vocab) else Vocab(vocab, np.ones(len(vocab), np.int64))
        if oov not in ("zero", "unk", "error"):
            raise ConfigError("no such policy for unknown words", got=oov, expected="zero, unk or error")
        if oov == "unk" and "<unk>" not in self.vocab:
            raise ConfigError("oov='unk' needs the word <unk>", remedy="use vocab.with_special()")
        self.oov = oov

    @property
    def dim(self) -> int:
        """Length of every vector: the number of words."""
        return len(self.vocab)

    def ids(self, tokens: Sentence) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the dimension of each token, shape ``(n_tokens,)``; -1 where the vector is zero.

        Raises
        ------
        DataError
            When a word is unknown and ``oov`` is ``"error"``.
        """
        other = self.vocab["<unk>"] if self.oov == "unk" else -1
        found = np.fromiter((self.vocab.get(token, other) for token in tokens), np.int64, len(tokens))
        if self.oov == "error" and (found < 0).any():
            unknown = tokens[int(np.argmin(found))]
            raise DataError("a word is not in the vocabulary", got=unknown, remedy="use oov='zero' or 'unk'")
        return found

    def encode(self, sentences: Iterable[Sentence]) -> list[Float32]:
        """Return one float32 array of shape ``(n_tokens, dim)`` per sentence.

        Raises
        ------
        DataError
            When an array would take over 8 GiB; work with :meth:`ids` then.
        """
        return [self._rows(tokens) for tokens in sentences]

    def encode_layers(self, sentences: Iterable[Sentence]) -> list[Float32]:
        """Return one float32 array of shape ``(1, n_tokens, dim)`` per sentence."""
        return [rows[None] for rows in self.encode(sentences)]

    def _rows(self, tokens: Sentence) -> Float32:
        if len(tokens) * self.dim > LARGEST:
            shape = f"{len(tokens):,} x {self.dim:,}"
            raise DataError("a one-hot array is too large", got=shape, remedy="use ids(), or a smaller vocabulary")
        ids = self.ids(tokens)
        rows = np.zeros((len(tokens), self.dim), np.float32)
        known = np.flatnonzero(ids >= 0)
        rows[known, ids[known]] = 1
        return rows
