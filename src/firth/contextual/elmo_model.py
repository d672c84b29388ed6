"""A trained ELMo: sentences to the layers of its biLM (Peters et al. 2018)."""

from __future__ import annotations

from firth.contextual.bilm import BiLM
from firth.contextual.elmo_session import ElmoSession
from firth.contextual.encoder import Encoder
from firth.contextual.grain import Grain, layer_grain
from firth.contextual.layered_model import BATCH_TOKENS, LayeredModel

__all__ = ["BATCH_TOKENS", "ElmoModel"]


class ElmoModel(LayeredModel[BiLM]):
    """A biLM and what it needs to read words: a contextual :class:`~firth.protocols.Representation`.

    As for :class:`firth.contextual.layered_model.LayeredModel`: no state is kept between sentences unless
    :meth:`stateful` is asked for. A sentence longer than a batch is read in pieces, exactly: its memory is that of its
    vectors.
    """

    def stateful(self) -> ElmoSession:
        """Return a session that carries its state from batch to batch, as bilm-tf and AllenNLP did.

        Its vectors depend on all that it read before; it is here to reproduce theirs.
        """
        return ElmoSession(self.net, self.reader)

    def _layer_grain(self) -> Grain:
        return layer_grain(self.net)

    def _encoder(self, batch_tokens: int, grain: Grain) -> Encoder:
        return Encoder(self.net, batch_tokens, grain)
