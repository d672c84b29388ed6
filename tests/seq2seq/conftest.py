"""Small nets with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from firth.seq2seq.model import Seq2Seq
from firth.seq2seq.shape import Shape

SMALL: dict[str, Any] = {"dim": 6, "hidden": 8, "layers": 1, "decoder_layers": 2}


def _net(seed: int = 1, scale: float = 1.0, **options: Any) -> Seq2Seq:
    """Return a net of 9 source and 7 target ids, with weights made ``scale`` times as large."""
    made = {"n_source": 9, "n_target": 7, **SMALL, **options}
    net = Seq2Seq(Shape(**made)).eval()
    net.reset(seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(scale).add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return net.double()


@pytest.fixture(name="net")
def net_fixture() -> Callable[..., Seq2Seq]:
    """Make a small net in double, by options of its shape."""
    return _net
