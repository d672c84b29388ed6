"""How many rows at a time a net must be given so that a row's result has the same bits in any company.

Libraries multiply matrices by blocks of rows, and what is left over, or a lone row, by other code that sums in another
order: a sentence beside another would differ from itself alone in the last bits. Rows padded to whole blocks do not.
How large blocks are depends on machine, library and number of threads, so it is found out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from firth.contextual.bilm import BiLM
from firth.contextual.token_layer import CharacterLayer
from firth.nn.lstmp import ProjectedLSTM

__all__ = ["grain_of", "padded"]

_GRAINS = (1, 4, 8, 16)
_ROWS = 48  # in which blocks are compared with themselves alone


@torch.no_grad()
def grain_of(net: BiLM) -> int | None:
    """Return the smallest number whose multiples of rows have the same bits however many they are, or None.

    Parameters
    ----------
    net : BiLM
        Its token layer and its lowest LSTM are tried, with random numbers, at their true sizes.
    """
    return next((grain for grain in _GRAINS if _layer_agrees(net, grain) and _tokens_agree(net, grain)), None)


def padded(n: int, grain: int) -> int:
    """Return ``n`` rounded up to whole blocks.

    Examples
    --------
    >>> padded(5, 4), padded(8, 4)
    (8, 8)
    """
    return -(-n // grain) * grain


def _sizes(grain: int) -> list[int]:
    return [size for size in (grain, 2 * grain, 3 * grain, 5 * grain) if size < _ROWS]


def _layer_agrees(net: BiLM, grain: int) -> bool:
    layer = net.forward_layers[0]
    assert isinstance(layer, ProjectedLSTM)  # for the type checker
    x = _numbers(net, _ROWS, layer.n_in)
    h, c = (_numbers(net, *part.shape) for part in layer.start(_ROWS))
    whole, (_, cells) = layer(x[None], (h, c))
    for size in _sizes(grain):
        for begin in (0, _ROWS - size):
            rows = slice(begin, begin + size)
            some, (_, some_cells) = layer(x[None, rows].contiguous(), (h[rows].contiguous(), c[rows].contiguous()))
            if not torch.equal(some, whole[:, rows]) or not torch.equal(some_cells, cells[rows]):
                return False
    return True


def _tokens_agree(net: BiLM, grain: int) -> bool:
    tokens = net.tokens
    generator = torch.Generator().manual_seed(2)
    if isinstance(tokens, CharacterLayer):
        rows = torch.randint(1, tokens.shape.n_ids, (_ROWS, tokens.shape.longest), generator=generator)
    else:
        rows = torch.randint(0, len(tokens.embedding), (_ROWS, 1), generator=generator)
    rows = rows.to(tokens.embedding.device)
    whole = tokens(rows)
    return all(
        torch.equal(tokens(rows[begin : begin + size]), whole[begin : begin + size])
        for size in _sizes(grain)
        for begin in (0, _ROWS - size)
    )


def _numbers(net: BiLM, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(shape, generator=generator).to(net.tokens.embedding.device)
