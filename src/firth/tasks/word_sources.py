"""The word features that a task was given, which of them learn with it, and what tells its data from others."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from firth.errors import ConfigError
from firth.nn.optimize import trained
from firth.protocols import Representation
from firth.tasks.tagger_module import Inputs
from firth.tasks.word_features import ContextWords, GivenRows, Source, StaticWords, Steps, source_of
from firth.tasks.word_tuning import TunedContext, TunedWords
from firth.vectors.static import Vectors

__all__ = ["Learner", "chosen", "digest_of", "mark_of"]


class Learner(nn.Module):
    """A net, and the word features that learn with it, by their place among the sources."""

    def __init__(self, net: nn.Module, tuned: dict[int, nn.Module]) -> None:
        super().__init__()
        self.net = net
        self.tuned = nn.ModuleDict({str(number): module for number, module in tuned.items()})

    def forward(self, inputs: Inputs, sentences: Sequence[Steps]) -> Tensor:
        """Return what the net says of sentences."""
        sources = list(inputs.sources)
        for number, module in self.tuned.items():
            sources[int(number)] = module(sentences)
        scores: Tensor = self.net(dataclasses.replace(inputs, sources=sources))
        return scores

    def groups(self, scale: float) -> list[dict[str, Any]]:
        """Return the parameters in two groups: contextual models learn at ``scale`` times the rate."""
        slow = [p for module in self.tuned.values() if isinstance(module, TunedContext) for p in trained(module)]
        ids = {id(parameter) for parameter in slow}
        groups: list[dict[str, Any]] = [{"params": [p for p in trained(self) if id(p) not in ids]}]
        return groups + ([{"params": slow, "scale": scale}] if slow else [])

    def put_into(self, sources: list[Source]) -> None:
        """Put what was learnt of word features in their place."""
        for number, module in self.tuned.items():
            sources[int(number)] = module.learnt()  # type: ignore[operator]


def chosen(
    sentences: Sequence[Steps],
    representations: Sequence[Representation],
    *,
    finetune: str,
    case: str,
    mix: bool,
    dim: int,
    seed: int,
) -> tuple[list[Source], dict[int, nn.Module]]:
    """Return the word features for sentences, and those of them that learn, by their number.

    Parameters
    ----------
    sentences : sequence
        Of the training text.
    representations : sequence of Representation
        None: vectors are learnt from the labels alone.
    finetune : {"none", "static", "both", "contextual", "all"}
        Which learn; ``both``: static vectors stand there twice, as they are and learning.
    case : str
        As for :class:`firth.tasks.word_features.StaticWords`.
    mix : bool
        Whether the task learns the weights of a contextual model's layers.
    dim, seed : int
        Of vectors that are learnt.
    """
    if isinstance(sentences[0], np.ndarray):
        if representations:
            raise ConfigError("given features take no representation beside them", remedy="leave it out")
        return [GivenRows(int(sentences[0].shape[-1]))], {}
    words = sorted({word for sentence in sentences for word in sentence})
    if not representations:
        return _learnt_from_nothing(words, dim, seed)
    sources: list[Source] = []
    tuned: dict[int, nn.Module] = {}
    for representation in representations:
        if isinstance(representation, Vectors) and finetune in ("static", "both", "all"):
            source = StaticWords(representation, case)
            sources += [source] * (2 if finetune == "both" else 1)
            tuned[len(sources) - 1] = TunedWords(source, words)
        elif not isinstance(representation, Vectors) and finetune in ("contextual", "all"):
            tuned[len(sources)] = TunedContext(representation)
            sources.append(ContextWords(representation, mix=False))
        else:
            sources.append(source_of(representation, case, mix))
    return sources, tuned


def _learnt_from_nothing(words: list[str], dim: int, seed: int) -> tuple[list[Source], dict[int, nn.Module]]:
    bound = (3 / dim) ** 0.5  # Ma and Hovy 2016, section 4.1
    drawn = np.random.default_rng([seed, 1]).uniform(-bound, bound, (len(words), dim))
    source = StaticWords(Vectors(words, drawn.astype(np.float32), oov="zero"), "exact")
    return [source], {0: TunedWords(source, words)}


def mark_of(source: Source, sentences: Sequence[Steps]) -> str:
    """Return what tells a source from others: its size, and of static vectors some of them."""
    size = f"{type(source).__name__} {source.dim} by {source.layers}"
    if not isinstance(source, StaticWords):
        return size  # what a net computes differs in its last digits from one number of threads to another
    found = hashlib.blake2b(b"".join(array.tobytes() for array in source.arrays(sentences)), digest_size=8)
    return f"{size}, {found.hexdigest()}"


def digest_of(sentences: Sequence[Steps], labels: Sequence[Sequence[str]]) -> str:
    """Return a fingerprint of sentences and their labels."""
    found = hashlib.blake2b(digest_size=16)
    for sentence, row in zip(sentences, labels, strict=True):
        if isinstance(sentence, np.ndarray):
            found.update(np.ascontiguousarray(sentence).tobytes())
        else:
            found.update("\t".join(sentence).encode("utf-8", "surrogatepass"))
        found.update(("\n" + "\t".join(row) + "\n").encode("utf-8", "surrogatepass"))
    return found.hexdigest()
