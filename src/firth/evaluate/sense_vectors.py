"""What a text with senses teaches: how often each sense occurs, and its mean vector."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from firth.evaluate.in_context import Spans, retokenised, span_vectors
from firth.evaluate.sense_sets import SenseTag, TaggedSentence, read_tagged
from firth.events import Listener, Progress
from firth.protocols import Float32, Representation
from firth.text.tokenize import Tokenizer

__all__ = ["Lemma", "SeenSenses", "SenseVectors", "sense_vectors", "tag_vectors"]

Lemma: TypeAlias = tuple[str, str]  # and its part of speech
SenseVectors: TypeAlias = Mapping[Lemma, tuple[list[str], Float32]]

_SECONDS_BETWEEN = 0.3


@dataclasses.dataclass(frozen=True)
class SeenSenses:
    """The senses of a text.

    Attributes
    ----------
    counts : mapping from (lemma, pos) to Counter of str
        Occurrences of each sense key.
    numbers : mapping from str to int
        The place of each key in WordNet's list, where the text tells it.
    n_tags, n_tokens : int
    """

    counts: Mapping[Lemma, Counter[str]]
    numbers: Mapping[str, int]
    n_tags: int
    n_tokens: int

    @classmethod
    def counted(cls, sentences: Iterable[TaggedSentence]) -> SeenSenses:
        """Count a text."""
        counts: defaultdict[Lemma, Counter[str]] = defaultdict(Counter)
        numbers: dict[str, int] = {}
        n_tokens = 0
        for sentence in sentences:
            n_tokens += len(sentence.tokens)
            for tag in sentence.tags:
                counts[tag.lemma_pos][tag.key] += 1
                if tag.number:
                    numbers.setdefault(tag.key, tag.number)
        return cls(dict(counts), numbers, sum(each.total() for each in counts.values()), n_tokens)

    def most_frequent(self, lemma: Lemma) -> str | None:
        """Return the sense seen most often; of several the first in WordNet's order, then by name."""
        counts = self.counts.get(lemma)
        if not counts:
            return None
        return min(counts, key=lambda key: (-counts[key], self.numbers.get(key, 1 << 30), key))


def tag_vectors(
    model: Representation, sentences: Iterable[TaggedSentence], how: Tokenizer | None
) -> Iterator[tuple[TaggedSentence, list[Float32 | None]]]:
    """Yield each sentence with the vectors of its tags, each (n_layers + 1, dim), the last row the mean of the layers.

    Of one layer there is that alone. A tag whose tokens the tokenizer leaves out has None.
    """
    waiting: list[tuple[TaggedSentence, Spans]] = []

    def items() -> Iterator[tuple[list[str], Spans]]:
        for sentence in sentences:
            tokens, spans = retokenised(sentence.tokens, [(tag.start, tag.end) for tag in sentence.tags], how)
            waiting.append((sentence, spans))
            yield tokens, [span for span in spans if span[0] < span[1]]

    for arrays in span_vectors(model, items(), layer="all"):
        sentence, spans = waiting.pop(0)
        rows = iter(arrays)
        yield sentence, [next(rows) if start < end else None for start, end in spans]


def sense_vectors(
    model: Representation,
    path: str | Path,
    wanted: Collection[Lemma],
    how: Tokenizer | None,
    *,
    n_tokens: int,
    listen: Listener | None = None,
) -> SenseVectors:
    """Return for each wanted lemma its senses and their mean vectors, (n_senses, n_layers + 1, dim).

    Only sentences with such a lemma are encoded, and only sums are kept.

    Parameters
    ----------
    model : Representation
    path : path-like
        The text (:func:`firth.evaluate.sense_sets.read_tagged`).
    wanted : collection of (lemma, pos)
    how : Tokenizer or None
        Cuts the tokens anew.
    n_tokens : int
        Of the text, for the progress told.
    listen : callable, optional
    """
    sums: dict[Lemma, dict[str, tuple[Float32, int]]] = {}
    pace, read = _Pace(n_tokens, listen), 0

    def chosen() -> Iterator[TaggedSentence]:
        nonlocal read
        for sentence in read_tagged(path):
            read += len(sentence.tokens)
            tags = tuple(tag for tag in sentence.tags if tag.lemma_pos in wanted)
            if tags:
                yield dataclasses.replace(sentence, tags=tags)

    for sentence, vectors in tag_vectors(model, chosen(), how):
        for tag, vector in zip(sentence.tags, vectors, strict=True):
            if vector is not None:
                _add(sums, tag, vector)
        pace.tell(read)
    return {
        lemma: (list(keys), np.stack([total / n for total, n in keys.values()]).astype(np.float32))
        for lemma, keys in sums.items()
    }


def _add(sums: dict[Lemma, dict[str, tuple[Float32, int]]], tag: SenseTag, vector: Float32) -> None:
    keys = sums.setdefault(tag.lemma_pos, {})
    if tag.key in keys:
        total, n = keys[tag.key]
        total += vector
        keys[tag.key] = total, n + 1
    else:
        keys[tag.key] = vector.copy(), 1


class _Pace:
    """Tells how far reading has come."""

    def __init__(self, total: int, listen: Listener | None) -> None:
        self._total, self._listen = total, listen
        self._began = self._last = time.monotonic()

    def tell(self, done: int) -> None:
        now = time.monotonic()
        if self._listen is None or now - self._last < _SECONDS_BETWEEN:
            return
        self._last = now
        speed = done / max(now - self._began, 1e-9)
        left = (self._total - done) / max(speed, 1e-9)
        self._listen(Progress(done, self._total, 1, 1, speed, None, 0.0, left))
