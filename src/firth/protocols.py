"""What tasks and evaluation accept: anything that encodes sentences, anything that predicts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Contextual", "Float32", "Float64", "Int32", "LanguageModel", "Representation", "Sentence"]

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]
Sentence = Sequence[str]


@runtime_checkable
class Representation(Protocol):
    """Anything that turns tokens into vectors: static, one-hot or contextual."""

    @property
    def dim(self) -> int:
        """Length of every vector."""
        ...

    def encode(self, sentences: Iterable[Sentence]) -> list[Float32]:
        """Return one float32 array of shape ``(n_tokens, dim)`` per sentence."""
        ...

    def encode_layers(self, sentences: Iterable[Sentence]) -> list[Float32]:
        """Return one float32 array of shape ``(n_layers, n_tokens, dim)`` per sentence."""
        ...


@runtime_checkable
class Contextual(Representation, Protocol):
    """A representation whose vectors depend on the sentence, and on nothing else: neither batch nor order."""

    @property
    def n_layers(self) -> int:
        """How many layers there are; 0 is the one without context."""
        ...

    def stream(self, sentences: Iterable[Sentence], *, mixed: bool = ..., batch_tokens: int = ...) -> Iterator[Float32]:
        """Yield what :meth:`encode_layers` returns, or ``mixed`` what :meth:`encode` does, in bounded memory."""
        ...

    def with_mix(self, mix: Any) -> Contextual:
        """Return the same model with another mix of layers: ``"mean"``, ``"sum"``, a layer, or the share of each."""
        ...


@runtime_checkable
class LanguageModel(Protocol):
    """Anything that gives every next word a probability. :class:`firth.lm.base.BaseLanguageModel`
    makes all else of these three.

    A text is a run of predictions: its words, and ``<eos>`` after each sentence. A state stands for all that was read;
    it is a value: scoring gives a new one and leaves the old as it was.
    """

    @property
    def vocab(self) -> Iterable[str]:
        """The words, and the marks ``<unk> <eos> <bos>`` behind them; all but the last are predicted."""
        ...

    def start(self) -> Any:
        """Return the state before the first word of a text."""
        ...

    def score(self, ids: Int32, state: Any) -> tuple[Float64, Any]:
        """Return the natural log probability of each id after those before it, shape ``(n,)``, and the state then."""
        ...

    def next_log_probs(self, state: Any) -> Float64:
        """Return the natural log probability of each possible next id, shape ``(n_outputs,)``."""
        ...
