"""Labelled sentences for a tagger: read, checked, and their labels written in the scheme that is learnt."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firth.errors import DataError
from firth.events import Listener, Notice
from firth.tasks.word_features import Steps
from firth.text.columns import Tagged, read_tagged
from firth.text.spans import encode_spans, fault_in, labels_for, plain, scheme_of, spans_of

__all__ = ["Examples", "gather", "gather_like"]


@dataclasses.dataclass(frozen=True)
class Examples:
    """Sentences with labels of one scheme.

    Attributes
    ----------
    sentences : list
        Of words, or matrices.
    labels : list of list of str
    scheme : {"bioes", "iob2", "none"}
        Of the labels.
    given : {"iob1", "iob2", "bioes", "none"}
        What they were written in.
    """

    sentences: list[Steps]
    labels: list[list[str]]
    scheme: str
    given: str

    @property
    def kinds(self) -> list[str]:
        """The types of spans, sorted."""
        return sorted({kind for labels in self.labels for *_, kind in spans_of(labels)})

    def all_labels(self) -> list[str]:
        """Return the labels that a tagger may give: those of the text, and with spans every letter of each type."""
        if self.scheme != "none":
            return labels_for(self.kinds, self.scheme)
        return sorted({label for labels in self.labels for label in labels})

    @property
    def n_words(self) -> int:
        """Number of all words."""
        return sum(map(len, self.labels))

    @property
    def of_rows(self) -> bool:
        """Whether sentences are matrices."""
        return isinstance(self.sentences[0], np.ndarray)


def gather(data: Any, scheme: str, encoding: str, listen: Listener) -> Examples:
    """Return the sentences of files or of pairs, with spans in the scheme ``encoding``.

    Raises
    ------
    DataError
        When there are none, or words and labels differ in number.
    FormatError
        When a label breaks the scheme, with its line.
    """
    read = _read(data)
    kept = [sentence for sentence in read if len(sentence.words) and not sentence.is_document_mark]
    if empty := sum(not len(sentence.words) for sentence in read):
        listen(Notice(f"{empty:,} sentences without words are left out"))
    if not kept:
        raise DataError("there are no labelled words", remedy="give sentences with a label for each word")
    if scheme == "auto":
        scheme = scheme_of([sentence.labels for sentence in kept])
    for sentence in kept:
        fault = fault_in(sentence.labels, scheme)
        if fault is not None:
            raise sentence.fault(f"{fault[1]}, which {scheme.upper()} does not allow", fault[0])
    labels = [sentence.labels for sentence in kept]
    if scheme != "none":
        if any(plain(label) != label for row in labels for label in row):
            listen(Notice("the labels are BIOES by other letters: the tagger writes B, I, E and S"))
        labels = [encode_spans(spans_of(row), len(row), encoding) for row in labels]
    return Examples([sentence.words for sentence in kept], labels, "none" if scheme == "none" else encoding, scheme)


def gather_like(data: Any, scheme: str, like: Examples, listen: Listener) -> Examples:
    """Return further sentences for a tagger that learns from ``like``, and tell of labels that it will never give."""
    found = gather(data, "none" if like.scheme == "none" else scheme, like.scheme, listen)
    if found.of_rows != like.of_rows:
        raise DataError("the held-out sentences are of another kind", expected="words, or matrices, as in training")
    if like.scheme != "none" and found.scheme == "none":
        found = dataclasses.replace(found, scheme=like.scheme)
    known = set(like.all_labels())
    unseen = collections.Counter(label for labels in found.labels for label in labels if label not in known)
    if unseen:
        names = ", ".join(sorted(unseen)[:8]) + (" ..." if len(unseen) > 8 else "")
        listen(Notice(f"{sum(unseen.values()):,} held-out words have labels unseen in training: {names}"))
    return found


def _read(data: Any) -> list[Tagged]:
    if isinstance(data, str | Path):
        return list(read_tagged(data))
    items = list(data)
    if items and isinstance(items[0], str | Path):
        return [sentence for path in items for sentence in read_tagged(path)]
    return [item if isinstance(item, Tagged) else _pair(item, number) for number, item in enumerate(items, 1)]


def _pair(item: Any, number: int) -> Tagged:
    try:
        sentence, labels = item
        words, labels = sentence if isinstance(sentence, np.ndarray) else list(sentence), list(labels)
    except (TypeError, ValueError) as error:
        raise DataError(f"sentence {number:,} is no pair of words and labels", got=item) from error
    if len(words) != len(labels):
        got = f"{len(words)} and {len(labels)} in sentence {number:,}"
        raise DataError("words and labels differ in number", got=got)
    wrong: Sequence[Any] = (
        [] if isinstance(words, np.ndarray) else [word for word in words if not isinstance(word, str)]
    )
    wrong = [*wrong, *(label for label in labels if not isinstance(label, str))]
    if wrong:
        raise DataError(f"sentence {number:,} has a word or a label that is not text", got=wrong[0], expected="str")
    return Tagged(words, labels)  # type: ignore[arg-type]  # of a matrix too, which no file holds
