"""A trained tagger, as a value: sentences to labels, spans and probabilities, and how often it is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from firth.errors import DataError
from firth.metrics import span_scores
from firth.protocols import Float32
from firth.tasks.sentence_batches import groups
from firth.tasks.tagger_batches import inputs_of
from firth.tasks.tagger_module import TaggerNet
from firth.tasks.word_features import GivenRows, Source, Steps
from firth.tasks.word_spelling import Alphabet
from firth.text.spans import Span, encode_spans, spans_of

__all__ = ["TaggerModel", "scored"]

_TOGETHER = 128


class TaggerModel:
    """A tagger.

    Parameters
    ----------
    net : TaggerNet
        In evaluation mode from here on.
    sources : sequence of Source
        The word features that it was trained with.
    labels : sequence of str
        What it gives, in the order of its scores.
    schemes : tuple of str
        Of the labels (``iob2``, ``bioes``, or ``none`` where they mark no spans), and of those that :meth:`tag` gives
        (``iob1`` too).
    alphabet : Alphabet, optional
        Where it spells words.
    metadata : mapping, optional
    """

    def __init__(  # noqa: PLR0917
        self,
        net: TaggerNet,
        sources: Sequence[Source],
        labels: Sequence[str],
        schemes: tuple[str, str],
        alphabet: Alphabet | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.net, self.sources, self.labels = net.eval(), list(sources), list(labels)
        self.scheme, self.writes = schemes
        self.alphabet, self.metadata = alphabet, dict(metadata or {})

    @property
    def reads_rows(self) -> bool:
        """Whether its sentences are matrices, not words."""
        return any(isinstance(source, GivenRows) for source in self.sources)

    @property
    def mixes(self) -> list[list[float]]:
        """The learnt weight of each layer, of each source that has several; each sums to 1."""
        return [mix.weights.detach().softmax(0).tolist() for mix in self.net.mixes]  # type: ignore[operator]

    def tag(self, sentences: Iterable[Steps]) -> list[list[str]]:
        """Return the label of each word of each sentence; an empty sentence has none."""
        given = [self._checked(sentence) for sentence in sentences]
        found: list[list[str]] = [[] for _ in given]
        for group in groups([len(sentence) for sentence in given], _TOGETHER):
            scores, lengths = self._scores([given[number] for number in group])
            for number, row in zip(group, self.net.best(scores, lengths), strict=True):
                found[number] = self._written([self.labels[label] for label in row])
        return found

    def spans(self, sentences: Iterable[Steps]) -> list[list[Span]]:
        """Return the spans of each sentence, ``(first word, word behind the last, type)``."""
        return [spans_of(labels) for labels in self.tag(sentences)]

    def probabilities(self, sentence: Steps) -> Float32:
        """Return the probability of each label at each word, all else being open, shape (n_words, n_labels)."""
        given = self._checked(sentence)
        if not len(given):
            return np.zeros((0, len(self.labels)), np.float32)
        scores, lengths = self._scores([given])
        found: Float32 = self.net.probabilities(scores, lengths)[:, 0].detach().cpu().numpy()
        return found

    def evaluate(self, data: Iterable[tuple[Steps, Sequence[str]]]) -> dict[str, Any]:
        """Return how the labels of sentences are found, as :func:`scored` does."""
        pairs = list(data)
        wanted = [list(labels) for _, labels in pairs]
        for (sentence, labels), number in zip(pairs, range(1, len(pairs) + 1), strict=True):
            if len(sentence) != len(labels):
                got = f"{len(sentence)} and {len(labels)} in sentence {number:,}"
                raise DataError("words and labels differ in number", got=got)
        return scored(wanted, self.tag(sentence for sentence, _ in pairs), spans=self.scheme != "none")

    def _written(self, labels: list[str]) -> list[str]:
        """Return labels in the scheme that the training text was written in."""
        return labels if self.writes == self.scheme else encode_spans(spans_of(labels), len(labels), self.writes)

    @torch.no_grad()
    def _scores(self, sentences: Sequence[Steps]) -> tuple[Tensor, list[int]]:
        arrays = [source.arrays(sentences) for source in self.sources]
        device = self.net.output.weight.device
        inputs = inputs_of(sentences, arrays, self.alphabet, self.net.casing is not None, device)
        return self.net(inputs), inputs.lengths

    def _checked(self, sentence: Steps) -> Steps:
        if self.reads_rows:
            return sentence
        if isinstance(sentence, str) or not all(isinstance(word, str) for word in sentence):
            raise DataError("a sentence is no list of words", got=sentence, expected="such as ['Sally', 'farms']")
        return sentence


def scored(gold: Sequence[Sequence[str]], found: Sequence[Sequence[str]], *, spans: bool) -> dict[str, Any]:
    """Return ``n`` words, ``accuracy``, and where labels mark spans what :func:`firth.metrics.span_scores` gives.

    Examples
    --------
    >>> scored([["B-X", "O"]], [["S-X", "O"]], spans=True)["f1"]
    1.0
    """
    n, found_spans = sum(map(len, gold)), dict[str, Any]()
    if spans:
        wanted, said = ([spans_of(labels) for labels in some] for some in (gold, found))
        found_spans = span_scores(wanted, said)
        # Two schemes write the same spans by other labels: words are compared in one.
        gold, found = (
            [encode_spans(row, len(labels), "iob2") for row, labels in zip(some, gold, strict=True)]
            for some in (wanted, said)
        )
    right = sum(a == b for one, other in zip(gold, found, strict=True) for a, b in zip(one, other, strict=True))
    return {"n": n, "accuracy": right / n if n else 0.0, **found_spans}
