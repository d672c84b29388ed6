"""A text as numbers: memory-mapped ids and sentence ends, with the vocabulary of every type."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.events import Listener
from firth.text import store
from firth.text.tokenize import Tokenizer
from firth.text.vocab import Vocab, WordList

__all__ = ["Corpus", "as_corpus", "as_corpus_like"]


class Corpus:
    """A tokenised text on disk, read through memory maps. Make one with :func:`as_corpus`.

    Parameters
    ----------
    folder : path-like
        A folder that :func:`as_corpus` wrote.

    Attributes
    ----------
    ids : (n_tokens,) int32
        The position in ``vocab`` of every token.
    ends : (n_sentences,) int64
        The exclusive end of each sentence in ``ids``; ascending. No sentence is empty, unless blank lines were kept.
    vocab : Vocab
        Every type of the text; trainers cut it.
    digest : str
        Identifies ids, ends and words; equal for equal content however it was made.
    n_invalid : int
        Tokens that hold bytes which are not UTF-8.
    tokenizer : dict
        Description of the tokenizer.

    Raises
    ------
    FormatError
        When the folder is no corpus or a file in it is missing, cut short or inconsistent.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder)
        try:
            self.config = store.read_config(self.path)
        except OSError as error:
            raise FormatError(f"config.json of a corpus cannot be read: {error.strerror}", path=self.path) from error
        lengths = self._check_config()
        arrays = {name: store.map_array(self.path, name, lengths[key]) for name, (_, _, key) in store.ARRAYS.items()}
        self.ids: NDArray[np.int32] = arrays["ids"]
        self.ends: NDArray[np.int64] = arrays["ends"]
        self._word_ends: NDArray[np.int64] = arrays["word_ends"]
        self._words: NDArray[np.uint8] = arrays["words"]
        self._check_ends(self.ends, "ends", self.n_tokens, empty=bool(self.tokenizer.get("blank_lines")))
        self._check_ends(self._word_ends, "word_ends", len(self._words))
        counts = arrays["counts"]
        if len(counts) and (counts[-1] < 1 or (counts[1:] > counts[:-1]).any() or counts.sum() != self.n_tokens):
            raise FormatError("the counts are inconsistent", path=self.path / store.ARRAYS["counts"][0])
        self.vocab = Vocab(WordList(self._words, self._word_ends), counts)

    @classmethod
    def open(cls, folder: str | Path) -> Corpus:
        """Open a corpus folder."""
        return cls(folder)

    def _check_config(self) -> dict[str, int]:
        path = self.path / store.CONFIG
        if self.config.get("kind") != store.KIND:
            raise FormatError("this is no corpus", path=path, got=self.config.get("kind"), expected=store.KIND)
        schema = self.config.get("schema")
        if not isinstance(schema, int) or not 1 <= schema <= store.SCHEMA:
            raise FormatError("unknown version of a corpus", path=path, got=schema, expected=f"1 to {store.SCHEMA}")
        keys = {key for _, _, key in store.ARRAYS.values()} | {"n_invalid"}
        for key in sorted(keys):
            value = self.config.get(key)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 48:
                raise FormatError(f"{key} is missing or no number", path=path, got=value)
        if not isinstance(self.config.get("digest"), str) or not isinstance(self.config.get("tokenizer"), dict):
            raise FormatError("digest or tokenizer is missing", path=path)
        return {key: self.config[key] for key in keys}

    def _check_ends(self, ends: NDArray[np.int64], name: str, last: int, empty: bool = False) -> None:
        least = 0 if empty else 1
        ascending = len(ends) == 0 or (ends[0] >= least and (np.diff(ends) >= least).all())
        if not ascending or (int(ends[-1]) if len(ends) else 0) != last:
            raise FormatError("the ends are inconsistent", path=self.path / store.ARRAYS[name][0])

    def filled_ends(self) -> NDArray[np.int64]:
        """Return the ends of the sentences that have a token: what :attr:`ends` is, unless blank lines were kept."""
        if not self.tokenizer.get("blank_lines"):
            return self.ends
        return np.asarray(self.ends[np.diff(self.ends, prepend=0) > 0])

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return int(self.config["n_tokens"])

    @property
    def n_sentences(self) -> int:
        """Number of sentences: lines with at least one token, or all lines where blank ones were kept."""
        return int(self.config["n_sentences"])

    @property
    def n_invalid(self) -> int:
        """Number of tokens that hold bytes which are not UTF-8."""
        return int(self.config["n_invalid"])

    @property
    def digest(self) -> str:
        """Identifies ids, ends and words."""
        return str(self.config["digest"])

    @property
    def tokenizer(self) -> dict[str, Any]:
        """Description of the tokenizer."""
        return dict(self.config["tokenizer"])

    def verify(self, threads: int | None = None) -> None:
        """Read everything and compare it with the digest.

        Raises
        ------
        FormatError
            When an id lies outside the vocabulary or the digest differs.
        """
        self._check_ids()
        arrays: dict[str, NDArray[Any]] = {
            "ids": self.ids,
            "ends": self.ends,
            "word_ends": self._word_ends,
            "words": self._words,
        }
        found = store.digest_of(arrays, threads or os.cpu_count() or 1)
        if found != self.digest:
            raise FormatError("the content does not match its digest", path=self.path, got=found, expected=self.digest)

    def _check_ids(self) -> None:
        if len(self.ids) and not 0 <= int(self.ids.min()) <= int(self.ids.max()) < len(self.vocab):
            raise FormatError("an id lies outside the vocabulary", path=self.path / store.ARRAYS["ids"][0])

    def sentences(self) -> Iterator[list[str]]:
        """Yield every sentence as a list of words.

        Raises
        ------
        FormatError
            When an id lies outside the vocabulary, which opening does not look for.
        """
        self._check_ids()
        words, begin = list(self.vocab.words), 0
        for end in self.ends.tolist():
            yield [words[i] for i in self.ids[begin:end].tolist()]
            begin = end

    def __repr__(self) -> str:
        counts = f"{self.n_tokens:,} tokens, {len(self.vocab):,} types, {self.n_sentences:,} sentences"
        return f"Corpus({str(self.path)!r}: {counts})"


def as_corpus(
    data: Any,
    *,
    tokenizer: str | Callable[[str], Iterable[str]] | Tokenizer = "words",
    lower: bool = False,
    fold_digits: bool = False,
    blank_lines: bool = False,
    field: str | None = None,
    cache: bool | str | Path = True,
    out: str | Path | None = None,
    threads: int | None = None,
    listen: Listener | None = None,
) -> Corpus:
    """Make a corpus of a text, or find the one made earlier.

    Parameters
    ----------
    data : Corpus, path, or iterable
        A corpus (returned as it is), a corpus folder, a file, a folder (all its files, sorted), a glob pattern,
        ``"-"`` for standard input, a list of paths, or any iterable, also a one-shot generator, of str or of lists of
        tokens. A single str is a path; in an iterable a str is text. Compressed files (gzip, bzip2, xz, zstd) are known
        by their content. Tokens in lists are taken as they are.
    tokenizer : str, callable or Tokenizer
        ``words``, ``whitespace``, ``chars``, ``zh``, or a function from a line to its tokens.
    lower, fold_digits : bool
        Lower letters; write every digit as 0.
    blank_lines : bool
        Keep lines without a token as empty sentences: language models predict an end there.
    field : str, optional
        The files are JSON lines and the text is in this field.
    cache : bool or path
        Whether a corpus made from files is kept for the next time, or where. By default in the folder of the
        environment variable ``FIRTH_CACHE``, else in the user's cache folder.
    out : path, optional
        Where to write the corpus instead, for good.
    threads : int, optional
        By default as many as there are cores. The result is the same for any number.
    listen : callable, optional
        Receives a :class:`firth.events.Notice` for what is worth knowing.

    Raises
    ------
    DataError
        When there is no such file, it cannot be read, is binary, or holds no words.
    FormatError
        When a compressed file, a JSON line or a corpus folder is broken.
    ConfigError
        When there is no such tokenizer.

    Examples
    --------
    >>> corpus = as_corpus(["The cat sat.", "The dog sat."], lower=True)
    >>> corpus.vocab.words, corpus.ids.tolist(), corpus.ends.tolist()
    (['sat', 'the', 'cat', 'dog'], [1, 2, 0, 1, 3, 0], [3, 6])
    """
    from firth.text.build import build
    from firth.text.request import Request

    how = Tokenizer.of(tokenizer, lower=lower, fold_digits=fold_digits, blank_lines=blank_lines)
    return build(data, Request(how, field, cache, Path(out) if out is not None else None, threads, listen))


def as_corpus_like(
    data: Any, description: Mapping[str, Any] | None, *, threads: int | None = None, listen: Listener | None = None
) -> Corpus:
    """Make a corpus of a text that is to be read as another was, such as a held-out text.

    Parameters
    ----------
    data
        As for :func:`as_corpus`; a corpus is returned as it is.
    description : mapping or None
        The other's tokenizer, as :attr:`Corpus.tokenizer` describes it; None for the default.
    threads, listen
        As for :func:`as_corpus`.

    Examples
    --------
    >>> corpus = as_corpus(["The cat"], lower=True)
    >>> as_corpus_like(["The dog"], corpus.tokenizer).vocab.words
    ['dog', 'the']
    """
    if isinstance(data, Corpus):
        return data
    how = "words" if description is None else Tokenizer.described(description)
    return as_corpus(data, tokenizer=how, threads=threads, listen=listen)
