"""A trained causal Transformer as a language model."""

from __future__ import annotations

from firth.lm.net_model import NetModel
from firth.lm.transformer_module import TransformerNet

__all__ = ["TransformerModel"]


class TransformerModel(NetModel):
    """A language model by a causal Transformer: its state is what the blocks keep of the last ``context`` words.

    Attributes
    ----------
    net : TransformerNet
    """

    net: TransformerNet
