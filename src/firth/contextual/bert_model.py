"""A trained or published BERT: sentences of words to the layers of its net (Devlin et al. 2019)."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from firth.contextual.bert_features import BertFeatures
from firth.contextual.bert_net import BertNet
from firth.contextual.bert_reading import POOLINGS, read_layers
from firth.contextual.layer_encoding import BATCH_TOKENS, LayerEncoding, tell
from firth.contextual.layer_mix import LayerMix, MixLike, mix_of
from firth.contextual.pieces import Pieces
from firth.errors import ConfigError, DataError
from firth.events import Listener
from firth.protocols import Float32, Sentence

__all__ = ["BATCH_TOKENS", "BertModel"]

_TOP_SHARE = 0.9  # of the top layer, where a mix begins that is trained with the net
_DROPOUT = 0.1  # in fine-tuning, as published


class BertModel(LayerEncoding):
    """A net of BERT's family and its pieces: a contextual :class:`~firth.protocols.Representation`.

    A word's vector is made of those of its pieces. A sentence of more pieces than the net has places is read in
    stretches that overlap by half (:mod:`firth.contextual.bert_reading`), no word left out. A word that gives no piece,
    such as a blank or a control character, is read as the unknown one. The same sentence gives the same vectors, alone
    or in any batch, up to the last digits of float32: matrix products sum in another order for other sizes.

    Parameters
    ----------
    net : BertNet
        In evaluation mode from here on.
    pieces : Pieces
        From words to the rows that the net reads.
    pooling : {"mean", "first", "last"}
        Which of a word's pieces stands for it: the mean of all, or one.
    mix : LayerMix, optional
        What :meth:`encode` gives; by default the mean of the layers.
    metadata : mapping, optional
        What the model's folder says of its making.
    counts : ndarray of int64, shape (n_rows,), optional
        How often each piece stands in the text of training.

    Attributes
    ----------
    has_chosen_mix : bool
        Whether a mix was given.

    Raises
    ------
    ConfigError
        When there is no such pooling, or the mix is one of another number of layers.
    DataError
        When there are more pieces than rows of the net.
    """

    net: BertNet

    def __init__(
        self,
        net: BertNet,
        pieces: Pieces,
        pooling: str = "mean",
        mix: LayerMix | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        counts: NDArray[np.int64] | None = None,
    ) -> None:
        if pooling not in POOLINGS:
            raise ConfigError("no such pooling of pieces", got=pooling, expected=", ".join(POOLINGS))
        if len(pieces) > net.shape.pieces:
            got = f"{len(pieces):,} pieces, {net.shape.pieces:,} rows"
            raise DataError("the vocabulary has more pieces than the net has rows", got=got)
        if net.shape.longest < 3:
            raise DataError("the net has no place for a word between its marks", got=net.shape.longest)
        self.net, self.pieces, self.pooling = net.eval(), pieces, pooling
        self.mix = mix_of("mean" if mix is None else mix, self.n_layers)
        self.has_chosen_mix = mix is not None
        self.metadata = dict(metadata or {})
        self.counts = counts

    @property
    def dim(self) -> int:
        """Length of a word's vector."""
        return self.net.shape.dim

    @property
    def n_layers(self) -> int:
        """Layers of each word: what the first block reads, and what each block gives."""
        return self.net.shape.layers + 1

    def _read(
        self, held: Iterable[Sequence[Sentence]], batch_tokens: int, listen: Listener | None
    ) -> Iterator[Float32]:
        unknown = total = 0
        for window in held:
            for sentence in window:
                unknown, total = unknown + self.pieces.misread(sentence), total + len(sentence)
            yield from read_layers(self.net, self.pieces, window, self.pooling, batch_tokens)
        if unknown:
            tell(f"{unknown:,} of {total:,} words have characters that no piece has: read as unknown", listen)

    def with_mix(self, mix: MixLike) -> BertModel:
        """Return the same net with another mix of its layers.

        Parameters
        ----------
        mix : LayerMix, "mean", "sum", int or sequence of float
            A learned mix, a layer's number (0 is what the first block reads, -1 the top), or each layer's share.

        Raises
        ------
        ConfigError
            When there is no such mix or layer, or not one share for each layer.
        """
        return BertModel(
            self.net, self.pieces, self.pooling, mix_of(mix, self.n_layers), self.metadata, counts=self.counts
        )

    def with_pooling(self, pooling: str) -> BertModel:
        """Return the same net with words made of ``first``, ``mean`` or ``last`` pieces."""
        mix = self.mix if self.has_chosen_mix else None
        return BertModel(self.net, self.pieces, pooling, mix, self.metadata, counts=self.counts)

    def copied(self) -> BertModel:
        """Return the same model with a net of its own."""
        mix = copy.deepcopy(self.mix) if self.has_chosen_mix else None
        return BertModel(copy.deepcopy(self.net), self.pieces, self.pooling, mix, self.metadata, counts=self.counts)

    def module(
        self,
        *,
        freeze: bool = True,
        dropout: float = 0.0,
        inner_dropout: float = _DROPOUT,
        mix: MixLike | None = None,
    ) -> BertFeatures:
        """Return a module for a task: sentences to words' vectors with gradients.

        Parameters
        ----------
        freeze : bool
            Train the mix alone; otherwise a copy of the net too, and this model stays as it is.
        dropout : float
            Of the mixed vectors.
        inner_dropout : float
            Within the net, while it is trained.
        mix : LayerMix, "mean", "sum", int or sequence of float, optional
            Where the learned mix begins. By default at this model's; where that was never chosen and the net is
            trained, nine tenths are the top layer's.

        Raises
        ------
        ConfigError
            As :meth:`with_mix`, and when a dropout is not at least 0 and below 1.
        """
        if mix is None and not self.has_chosen_mix and not freeze:
            top = math.log(_TOP_SHARE / (1 - _TOP_SHARE) * (self.n_layers - 1))
            mix = LayerMix(self.n_layers, [0.0] * (self.n_layers - 1) + [top])
        found = mix_of(self.mix if mix is None else mix, self.n_layers)
        return BertFeatures(self, found, freeze=freeze, dropout=dropout, inner_dropout=inner_dropout)

    def to(self, device: torch.device | str) -> BertModel:
        """Move the model to a device, and return it."""
        self.net.to(device)
        self.mix.to(device)
        return self
