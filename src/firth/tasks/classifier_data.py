"""Labelled texts for a classifier: read, cut into words, checked."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firth.errors import DataError
from firth.events import Listener, Notice
from firth.tasks.word_features import Steps
from firth.text.labelled import LabelledText, read_labelled
from firth.text.tokenize import Tokenizer

__all__ = ["Examples", "gather", "gather_like", "is_rows", "steps_of"]


@dataclasses.dataclass(frozen=True)
class Examples:
    """Texts with a label each.

    Attributes
    ----------
    texts : list
        Of words, or matrices; some may be empty.
    labels : list of str
    """

    texts: list[Steps]
    labels: list[str]

    @property
    def of_rows(self) -> bool:
        """Whether texts are matrices."""
        return is_rows(self.texts[0])

    def all_labels(self) -> list[str]:
        """Return the labels that a classifier of these texts may give."""
        return sorted(set(self.labels))

    def part(self, numbers: Sequence[int]) -> Examples:
        """Return some of the texts."""
        return Examples([self.texts[n] for n in numbers], [self.labels[n] for n in numbers])


def is_rows(text: Any) -> bool:
    """Return whether a text is a matrix of features, or one row."""
    return isinstance(text, np.ndarray)


def steps_of(text: Any, tokenizer: Tokenizer) -> Steps:
    """Return the words of a text, or its rows, shape (n, dim).

    Raises
    ------
    DataError
        When it is no text.

    Examples
    --------
    >>> steps_of("It's fine.", Tokenizer("words")), steps_of(np.zeros(3), Tokenizer()).shape
    (["It's", 'fine'], (1, 3))
    """
    if isinstance(text, np.ndarray):
        return text[None] if text.ndim == 1 else text
    if isinstance(text, str):
        return [word for line in tokenizer.sentences(text) for word in line]
    if isinstance(text, Iterable):
        words = list(text)
        if all(isinstance(word, str) for word in words):
            return words
    raise DataError("no text", got=text, expected="a str, a list of words, or an array of features")


def gather(data: Any, tokenizer: Tokenizer, listen: Listener, what: str = "training") -> Examples:
    """Return the texts of files or of pairs.

    Raises
    ------
    DataError
        When there are none, or one is no pair of text and label, or texts and matrices are mixed.
    FormatError
        When a file breaks its format, with the line.
    """
    texts: list[Steps] = []
    labels: list[str] = []
    same: dict[str, str] = {}  # one object for each word: a text has far more words than different ones
    for number, (text, label) in enumerate(_pairs(data), 1):
        if not isinstance(label, str):
            if isinstance(label, bool) or not isinstance(label, int | np.integer):
                raise DataError(f"the label of text {number:,} is none", got=label, expected="str")
            label = str(label)
        if not label:
            raise DataError(f"the label of text {number:,} is empty")
        steps = steps_of(text, tokenizer)
        texts.append(steps if is_rows(steps) else [same.setdefault(word, word) for word in steps])
        labels.append(label)
    if not texts:
        raise DataError(f"there are no {what} texts", remedy="give texts with a label each")
    if len({is_rows(text) for text in texts}) > 1:
        raise DataError("some texts are words and some are matrices", expected="one or the other")
    if empty := sum(not len(text) for text in texts):
        listen(Notice(f"{empty:,} of {len(texts):,} {what} texts have no words"))
    return Examples(texts, labels)


def gather_like(data: Any, tokenizer: Tokenizer, like: Examples, listen: Listener) -> Examples:
    """Return held-out texts for a classifier that learns from ``like``, and tell of labels that it will never give."""
    found = gather(data, tokenizer, listen, "held-out")
    if found.of_rows != like.of_rows:
        raise DataError("the held-out texts are of another kind", expected="words, or matrices, as in training")
    known = set(like.labels)
    unseen = collections.Counter(label for label in found.labels if label not in known)
    if unseen:
        names = ", ".join(sorted(unseen)[:8]) + (" ..." if len(unseen) > 8 else "")
        listen(Notice(f"{sum(unseen.values()):,} held-out texts have labels unseen in training: {names}"))
    return found


def _pairs(data: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(data, str | Path):
        data = [data]
    if isinstance(data, tuple) and len(data) == 2 and is_rows(data[0]) and data[0].ndim == 2:
        rows, labels = data[0], list(data[1])
        if len(rows) != len(labels):
            raise DataError("rows and labels differ in number", got=f"{len(rows)} and {len(labels)}")
        yield from zip(rows, labels, strict=True)
        return
    for number, item in enumerate(data, 1):
        if isinstance(item, str | Path):
            yield from ((found.text, found.label) for found in read_labelled(item))
        elif isinstance(item, LabelledText):
            yield item.text, item.label
        else:
            try:
                text, label = item
            except (TypeError, ValueError) as error:
                raise DataError(f"text {number:,} is no pair of text and label", got=item) from error
            yield text, label
