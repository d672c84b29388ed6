"""What tasks and evaluation accept: anything that encodes sentences, anything that scores them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Float32", "Representation", "Sentence"]

Float32 = NDArray[np.float32]
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
