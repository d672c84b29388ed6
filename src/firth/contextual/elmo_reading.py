"""One direction of a biLM on ids of types: their vectors, and the log probabilities of what is predicted."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.contextual.bilm import BiLM, DirectionState
from firth.contextual.elmo_batches import Types
from firth.protocols import Float64, Int32

__all__ = ["predictions", "side_score", "vectors_of"]


def vectors_of(net: BiLM, types: Types, read: Int32) -> Tensor:
    """Return vectors of tokens, ``(..., projection)``; the token layer runs once for each type among them.

    Parameters
    ----------
    net : BiLM
    types : Types
    read : ndarray of int32, any shape
        Ids of types.
    """
    device = next(net.parameters()).device
    found, places = np.unique(read, return_inverse=True)
    rows = torch.from_numpy(types.rows[found].astype(np.int64)).to(device)
    return functional.embedding(torch.from_numpy(places.reshape(read.shape)).to(device), net.tokens(rows))


def predictions(hidden: Tensor, wanted: Int32) -> tuple[Tensor, Tensor]:
    """Return what is predicted from, (n, projection), and the targets, (n,), without the places of no prediction.

    Parameters
    ----------
    hidden : Tensor, shape (..., projection)
    wanted : ndarray of int32, shape (...)
        Ids of the lexicon, negative where nothing is predicted.
    """
    flat = wanted.reshape(-1)
    kept = np.flatnonzero(flat >= 0)
    rows = hidden.flatten(0, -2)
    targets = torch.from_numpy(flat[kept].astype(np.int64)).to(hidden.device)
    return (rows if len(kept) == len(flat) else rows[torch.from_numpy(kept).to(hidden.device)]), targets


@torch.no_grad()
def side_score(
    net: BiLM,
    layers: nn.ModuleList,
    types: Types,
    steps: tuple[Int32, Int32],
    state: DirectionState,
    *,
    active: list[int] | None = None,
) -> tuple[Float64, DirectionState]:
    """Return the log probabilities of what is predicted by the full softmax, row after row, and the state then.

    Parameters
    ----------
    net : BiLM
    layers : nn.ModuleList
        Of one direction.
    types : Types
    steps : tuple of ndarray of int32, shape (n_steps, batch) each
        What is read and what is predicted, as :meth:`firth.contextual.elmo_batches.Side.stretch` gives them.
    state : list of State
        Of this direction.
    active : list of int, optional
        How many places go on at each step, as for :meth:`firth.contextual.bilm.BiLM.read`.
    """
    softmax = net.softmax
    assert softmax is not None  # for the type checker
    read, wanted = steps
    hidden, state = net.read(layers, vectors_of(net, types, read), state, active)
    found, targets = predictions(hidden[-1], wanted)
    return np.asarray(softmax.picked(found, targets).cpu().double().numpy()), state
