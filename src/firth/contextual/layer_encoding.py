"""Sentences in, layers or their mix out: what every model of words in context does the same way."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch

from firth.contextual.layer_mix import LayerMix
from firth.contextual.sentences import checked, windows
from firth.errors import ConfigError
from firth.events import Listener, Notice
from firth.protocols import Float32, Sentence

__all__ = ["BATCH_TOKENS", "LayerEncoding", "tell"]

BATCH_TOKENS = 2048
_WINDOW = 4  # batches of sentences that are held and sorted by length


class LayerEncoding:
    """The part of a contextual :class:`~firth.protocols.Representation` that does not depend on its net.

    A class of models says what it makes of a text's sentences, some at a time, in ``_read``.

    Attributes
    ----------
    net : nn.Module
    mix : LayerMix
        What :meth:`encode` gives.
    """

    net: Any
    mix: LayerMix

    def _read(
        self, held: Iterable[Sequence[Sentence]], batch_tokens: int, listen: Listener | None
    ) -> Iterator[Float32]:
        """Yield each sentence's layers, (n_layers, n_tokens, dim), of lists of sentences that are read together."""
        raise NotImplementedError

    def encode(
        self, sentences: Iterable[Sentence], *, batch_tokens: int = BATCH_TOKENS, listen: Listener | None = None
    ) -> list[Float32]:
        """Return the mixed layers of each sentence, ``(n_tokens, dim)``; parameters as of :meth:`stream`."""
        return list(self.stream(sentences, mixed=True, batch_tokens=batch_tokens, listen=listen))

    def encode_layers(
        self, sentences: Iterable[Sentence], *, batch_tokens: int = BATCH_TOKENS, listen: Listener | None = None
    ) -> list[Float32]:
        """Return all layers of each sentence, ``(n_layers, n_tokens, dim)``, the one without context first.

        Parameters are those of :meth:`stream`.
        """
        return list(self.stream(sentences, batch_tokens=batch_tokens, listen=listen))

    def stream(
        self,
        sentences: Iterable[Sentence],
        *,
        mixed: bool = False,
        batch_tokens: int = BATCH_TOKENS,
        listen: Listener | None = None,
    ) -> Iterator[Float32]:
        """Yield the layers of each sentence, in order, while the text is read.

        About four batches of sentences are held at a time, sorted by length.

        Parameters
        ----------
        sentences : iterable of sequences of str
            A generator will do. An empty sentence has no vectors.
        mixed : bool
            Yield the mix of the layers, ``(n_tokens, dim)``, instead of all, ``(n_layers, n_tokens, dim)``.
        batch_tokens : int
            Tokens, or pieces of them with their filler, that are read side by side; memory grows with it (an ELMo takes
            about 16 bytes for each of its cells), the vectors do not depend on it.
        listen : Listener, optional
            Hears once, at the end, how many words were cut, unknown or without a vector; without one it is a Python
            warning.

        Raises
        ------
        ConfigError
            When ``batch_tokens`` is not positive.
        DataError
            When a sentence is a str or holds something else than str.
        """
        if batch_tokens < 1:
            raise ConfigError("batch_tokens is too small", got=batch_tokens, expected="at least 1")
        held = windows(checked(sentences), _WINDOW * batch_tokens)
        for layers in self._read(held, batch_tokens, listen):
            yield self.mixed(layers) if mixed else layers

    @torch.no_grad()
    def mixed(self, layers: Float32) -> Float32:
        """Return the mix of a sentence's layers, ``(n_layers, n_tokens, dim)`` to ``(n_tokens, dim)``."""
        found: Float32 = self.mix(torch.from_numpy(layers).to(self.mix.gamma.device)).cpu().numpy()
        return found


def tell(message: str, listen: Listener | None) -> None:
    """Tell a listener, or warn where there is none."""
    if listen is None:
        warnings.warn(message, stacklevel=5)
    else:
        listen(Notice(message))
