"""Representations that learn with a task: word vectors as a table, contextual ones by their own module."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.errors import ConfigError
from firth.protocols import Representation
from firth.tasks.word_features import ContextWords, Source, StaticWords, Steps
from firth.vectors.static import Vectors
from firth.vectors.subword import SubwordVectors
from firth.vectors.words import Words

__all__ = ["TunedContext", "TunedWords"]


class TunedWords(nn.Module):
    """A row to learn for each word of the training text; other words keep the vectors that they have.

    Parameters
    ----------
    source : StaticWords
        What the rows start from.
    words : iterable of str
        Of the training text.
    """

    def __init__(self, source: StaticWords, words: Iterable[str]) -> None:
        super().__init__()
        self.source = source
        self.words = sorted(set(words))
        self._ids = {word: row for row, word in enumerate(self.words)}
        self.weight = nn.Parameter(torch.from_numpy(source.arrays([self.words])[0]))

    def forward(self, sentences: Sequence[Steps]) -> Tensor:
        """Return the vectors of sentences, (longest, batch, dim)."""
        ids = np.full((max(map(len, sentences)), len(sentences)), 0, np.int64)
        others: list[tuple[int, int, str]] = []
        for column, sentence in enumerate(sentences):
            for step, word in enumerate(sentence):
                row = self._ids.get(word)
                if row is None:
                    others.append((step, column, word))
                else:
                    ids[step, column] = row
        x = functional.embedding(torch.from_numpy(ids).to(self.weight.device), self.weight)
        if others:
            steps, columns, words = zip(*others, strict=True)
            fixed = torch.from_numpy(self.source.arrays([words])[0]).to(x)
            x = x.index_put((torch.tensor(steps, device=x.device), torch.tensor(columns, device=x.device)), fixed)
        return x

    def learnt(self) -> Source:
        """Return the word vectors as they are now, those of words that were not trained with them."""
        vectors, rows = self.source.vectors, self.weight.detach().cpu().numpy()
        at = vectors.rows(self.words)
        new = [self.words[i] for i in np.flatnonzero(at < 0)]
        matrix = np.concatenate([vectors.matrix, rows[at < 0]])
        matrix[at[at >= 0]] = rows[at >= 0]
        words = Words.of([*vectors.words, *new])
        options: dict[str, Any] = {"oov": vectors.oov, "metadata": vectors.metadata}
        if isinstance(vectors, SubwordVectors):
            return StaticWords(SubwordVectors(words, matrix, subwords=vectors.subwords, **options), self.source.case)
        return StaticWords(Vectors(words, matrix, **options), self.source.case)


class TunedContext(nn.Module):
    """A contextual representation's own module for a task, whose parameters are a copy.

    Parameters
    ----------
    representation : Representation
        Its ``module(freeze=False)`` takes sentences to a tensor (batch, longest, dim), and that module's ``model()``
        gives the representation as it is by then, as :class:`firth.contextual.elmo_model.ElmoModel` has both.
    """

    def __init__(self, representation: Representation) -> None:
        super().__init__()
        make = getattr(representation, "module", None)
        if make is None:
            kind = type(representation).__name__
            raise ConfigError(
                "this representation cannot be fine-tuned", got=kind, expected="--finetune none or static"
            )
        self.inner: nn.Module = make(freeze=False)

    def forward(self, sentences: Sequence[Steps]) -> Tensor:
        """Return the vectors of sentences, (longest, batch, dim)."""
        found: Tensor = self.inner(sentences)
        return found.transpose(0, 1)

    def learnt(self) -> Source:
        """Return the representation as it is now."""
        return ContextWords(self.inner.cpu().model(), mix=False)  # type: ignore[operator]
