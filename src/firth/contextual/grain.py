"""How many rows at a time a net must be given so that a row's result has the same bits in any company.

Libraries multiply matrices by blocks of rows, and what is left over, or a lone row, by other code that sums in another
order: a sentence beside another would differ from itself alone in the last bits. Rows padded to whole blocks do not.
How large blocks are depends on machine, library, sizes and number of threads, so it is found out, by trial.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from firth.contextual.bilm import BiLM
from firth.contextual.token_layer import CharacterLayer
from firth.nn.lstmp import ProjectedLSTM

if TYPE_CHECKING:
    from firth.contextual.context_net import ContextNet

__all__ = ["Grain", "context_grain", "layer_grain", "padded", "token_grain"]


@dataclasses.dataclass(frozen=True)
class Grain:
    """A way of giving rows to a net.

    Attributes
    ----------
    rows : int
        Rows are padded to a multiple of this.
    most : int or None
        No more rows than this at a time.
    steps : int or None
        Exactly so many steps at a time; None for any number.
    """

    rows: int
    most: int | None = None
    steps: int | None = None


_GRAINS = (1, 4, 8, 16, 32)
_FIXED = Grain(64, 64, 32)  # every call of one shape
_ALONE = Grain(1, 1, 32)  # slow, and always right: what odd sizes may need, whose rows begin anywhere in memory
_ROWS = 2 * 64  # of a trial

Trial = Callable[[Tensor], Tensor]  # from the numbers of rows to what they give


def layer_grain(net: BiLM) -> Grain:
    """Return how rows are given to the LSTMs; the lowest one is tried with random numbers."""
    layer = net.forward_layers[0]
    assert isinstance(layer, ProjectedLSTM)  # for the type checker
    x = _numbers(net, _ROWS, layer.n_in)
    h, c = (_numbers(net, *part.shape) for part in layer.start(_ROWS))

    def trial(rows: Tensor) -> Tensor:
        out, (_, cells) = layer(x[rows][None], (h[rows], c[rows]))
        return torch.cat([out[0], cells], 1)

    return _found(trial, x.device)


def context_grain(net: ContextNet) -> Grain:
    """Return how rows are given to what stands above the token layer of a net that reads whole sentences."""
    x = _numbers(net, _ROWS, net.context.width)
    return _found(lambda rows: torch.as_tensor(net.context.once(x[rows])), x.device)


def token_grain(net: BiLM | ContextNet) -> Grain:
    """Return how words are given to the token layer, which is tried with random words."""
    tokens = net.tokens
    generator = torch.Generator().manual_seed(2)
    if isinstance(tokens, CharacterLayer):
        words = torch.randint(1, tokens.shape.n_ids, (_ROWS, tokens.shape.longest), generator=generator)
        words[torch.arange(tokens.shape.longest) > 1 + torch.arange(_ROWS)[:, None] % 13] = tokens.pad
    else:
        words = torch.randint(0, len(tokens.embedding), (_ROWS, 1), generator=generator)
    words = words.to(tokens.embedding.device)
    return _found(lambda rows: torch.as_tensor(tokens(words[rows])), words.device)


def padded(n: int, rows: int) -> int:
    """Return ``n`` rounded up to whole blocks.

    Examples
    --------
    >>> padded(5, 4), padded(8, 4)
    (8, 8)
    """
    return -(-n // rows) * rows


@torch.no_grad()
def _found(trial: Trial, device: torch.device) -> Grain:
    order = torch.arange(_ROWS, device=device)
    whole = trial(order)
    for grain in _GRAINS:
        sizes = (grain, 2 * grain, 3 * grain)
        if all(_agrees(trial, whole, order[begin:][:size]) for size in sizes for begin in (0, _ROWS - size, 1, 6)):
            return Grain(grain)
    first = order[: _FIXED.rows]
    fixed = torch.cat([trial(first), trial(first + _FIXED.rows)])
    turned = [first, first.flip(0), first.roll(1), first + 7]
    return _FIXED if all(_agrees(trial, fixed, rows) for rows in turned) else _ALONE


def _agrees(trial: Trial, whole: Tensor, rows: Tensor) -> bool:
    return torch.equal(trial(rows), whole[rows])


def _numbers(net: BiLM | ContextNet, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(shape, generator=generator).to(net.tokens.embedding.device)
