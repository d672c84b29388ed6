"""What every representation of ours in several layers does: sentences in, layers or their mix out, a mix to learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

import torch

from firth.contextual.elmo_features import ElmoFeatures
from firth.contextual.grain import Grain, token_grain
from firth.contextual.layer_encoding import BATCH_TOKENS, LayerEncoding, tell
from firth.contextual.layer_mix import LayerMix, MixLike, mix_of
from firth.contextual.sentences import Misread
from firth.contextual.spelling import Spelling
from firth.contextual.token_vectors import TokenVectors
from firth.contextual.word_table import WordTable
from firth.events import Listener
from firth.protocols import Float32, Sentence

if TYPE_CHECKING:
    from firth.contextual.bilm import BiLM
    from firth.contextual.context_net import ContextNet
    from firth.lm.lexicon import Lexicon

__all__ = ["BATCH_TOKENS", "LayeredModel", "Reads"]

Net = TypeVar("Net", "BiLM", "ContextNet")
_ROOM = 1 << 26  # bytes of token vectors that are kept while one text is read


class Reads(Protocol):
    """What turns lists of sentences into their layers."""

    def layers(self, sentences: Sequence[Sequence[str]], tokens: TokenVectors) -> list[Float32]:
        """Return all layers of each sentence, (n_layers, n_tokens, dim)."""
        ...


class LayeredModel(LayerEncoding, Generic[Net]):
    """A net and what it needs to read words: a contextual :class:`~firth.protocols.Representation`.

    The same sentence gives the same vectors, alone or in any batch, in any order. On one machine, at one number of
    threads, that holds bit for bit.

    Parameters
    ----------
    net : BiLM or ContextNet
        In evaluation mode from here on.
    reader : Spelling or WordTable
        From words to the rows that the token layer reads.
    lexicon : Lexicon, optional
        The words that are predicted, where the net has an output layer.
    mix : LayerMix, optional
        What :meth:`encode` gives; by default the mean of the layers.
    metadata : mapping, optional
        What the model's folder says of its making.

    Raises
    ------
    ConfigError
        When the mix is one of another number of layers.
    """

    def __init__(
        self,
        net: Net,
        reader: Spelling | WordTable,
        lexicon: Lexicon | None = None,
        mix: LayerMix | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        net.eval()
        self.net: Net = net
        self.reader, self.lexicon = reader, lexicon
        self.mix = mix_of(mix or "mean", self.n_layers)
        self.metadata = dict(metadata or {})
        self._grains: dict[tuple[object, ...], tuple[Grain, Grain]] = {}
        self._cached: TokenVectors | None = None

    def _layer_grain(self) -> Grain:
        """Return how rows are given to the layers above the token layer."""
        raise NotImplementedError

    def _encoder(self, batch_tokens: int, grain: Grain) -> Reads:
        """Return what reads sentences, about ``batch_tokens`` tokens side by side."""
        raise NotImplementedError

    @property
    def dim(self) -> int:
        """Length of a token's vector."""
        return self.net.shape.dim

    @property
    def n_layers(self) -> int:
        """Layers of each token, the token layer among them."""
        return self.net.shape.n_layers

    def _read(
        self, held: Iterable[Sequence[Sentence]], batch_tokens: int, listen: Listener | None
    ) -> Iterator[Float32]:
        misread = Misread(self.reader)
        of_tokens, of_layers = self._grain()
        encoder = self._encoder(batch_tokens, of_layers)
        tokens = TokenVectors(self.net, self.reader, of_tokens, _ROOM, self._known())
        for window in held:
            misread.look_at(window)
            yield from encoder.layers(window, tokens)
        if told := str(misread):
            tell(told, listen)

    def with_mix(self, mix: MixLike) -> Self:
        """Return the same net with another mix of its layers.

        Parameters
        ----------
        mix : LayerMix, "mean", "sum", int or sequence of float
            A learned mix, a layer's number (0 is the token layer, -1 the top), or each layer's share as it is.

        Raises
        ------
        ConfigError
            When there is no such mix or layer, or not one share for each layer.
        """
        made = type(self)(self.net, self.reader, self.lexicon, mix_of(mix, self.n_layers), self.metadata)
        made._grains, made._cached = self._grains, self._cached
        return made

    def cache_tokens(self, words: Iterable[str]) -> int:
        """Compute the token layer of a fixed vocabulary once and keep it; the vectors of sentences stay the same.

        Parameters
        ----------
        words : iterable of str
            Other words may follow; they are computed when they come.

        Returns
        -------
        int
            Bytes that are taken: 4 * projection for each distinct word.
        """
        known = self._known()
        known.of(list(dict.fromkeys(words)))
        return known.nbytes

    def module(self, *, freeze: bool = True, dropout: float = 0.0, mix: MixLike | None = None) -> ElmoFeatures:
        """Return a module for a task: sentences to vectors with gradients.

        Parameters
        ----------
        freeze : bool
            Train the mix alone; otherwise a copy of the net too, and this model stays as it is.
        dropout : float
            Of the mixed vectors.
        mix : LayerMix, "mean", "sum", int or sequence of float, optional
            Where the learned mix begins; by default at this model's.

        Raises
        ------
        ConfigError
            As :meth:`with_mix`, and when ``dropout`` is not at least 0 and below 1.
        """
        return ElmoFeatures(
            self, mix_of(self.mix if mix is None else mix, self.n_layers), freeze=freeze, dropout=dropout
        )

    def to(self, device: torch.device | str) -> Self:
        """Move the model to a device, and return it."""
        self.net.to(device)
        self.mix.to(device)
        self._cached = None
        return self

    def _known(self) -> TokenVectors:
        """Return the words that are cached; of a net that has changed, none but a sentence's begin and end."""
        if self._cached is None or not self._cached.fresh:
            self._cached = TokenVectors(self.net, self.reader, self._grain()[0])
        return self._cached

    def _grain(self) -> tuple[Grain, Grain]:
        """Return how rows are given to the token layer and to those above, on the device and the threads of now."""
        key = (self.net.tokens.embedding.device, torch.get_num_threads())
        if key not in self._grains:
            self._grains[key] = token_grain(self.net), self._layer_grain()
        return self._grains[key]
