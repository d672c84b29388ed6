"""A trained recurrent language model."""

from __future__ import annotations

from firth.lm.net_model import NetModel
from firth.lm.rnn_module import RecurrentNet

__all__ = ["RNNModel"]


class RNNModel(NetModel):
    """A language model by a recurrent net: its state is what the layers hold, shape (1 or 2, 1, n_out) each.

    Attributes
    ----------
    net : RecurrentNet
    """

    net: RecurrentNet
