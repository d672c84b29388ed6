"""Draws the picture of ``docs/rnn.md``: gradients that vanish and explode on their way back through time.

Run it as ``python benchmarks/gradients.py docs/pictures/gradients.png``. Nothing is trained: the nets have random
weights, U a random rotation times a factor, so that all its singular values are that factor.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from firth.lm import lstm_reference, rnn_reference
from firth.plot import gradient_norms

HIDDEN, WORDS, STEPS, BATCH = 64, 50, 60, 32


def weights(generator: np.random.Generator, gates: int, factor: float) -> dict[str, Any]:
    """Return random weights; U has ``gates`` rotations times ``factor``, one above the other."""
    turns = [factor * np.linalg.qr(generator.normal(size=(HIDDEN, HIDDEN)))[0] for _ in range(gates)]
    return {
        "E": 0.1 * generator.normal(size=(WORDS, HIDDEN)),
        "W": np.concatenate([np.eye(HIDDEN)] * gates),
        "U": np.concatenate(turns),
        "b": np.zeros(gates * HIDDEN),
        "V": 0.1 * generator.normal(size=(WORDS, HIDDEN)),
        "c": np.zeros(WORDS),
    }


def measured() -> dict[str, list[float]]:
    """Return norms by steps back, of each net."""
    generator = np.random.default_rng(1)
    read, predicted = (generator.integers(0, WORDS, (STEPS, BATCH)) for _ in range(2))
    curves = {}
    for factor in (0.8, 1.0, 1.5):
        net = rnn_reference.Elman(**weights(generator, 1, factor))
        curves[f"Elman, tanh, U of size {factor:g}"] = rnn_reference.gradient_flow(net, read, predicted).tolist()
    net = rnn_reference.Elman(**weights(generator, 1, 3.0))
    curves["Elman, sigmoid, U of size 3"] = rnn_reference.gradient_flow(net, read, predicted, "sigmoid").tolist()
    for bias in (0.0, 3.0):
        made = weights(generator, 4, 0.8)
        made["b"][HIDDEN : 2 * HIDDEN] = bias
        by_cell = lstm_reference.gradient_flow(lstm_reference.LSTM(**made), read, predicted)[1]
        curves[f"LSTM's cell, forget gates' bias {bias:g}"] = by_cell.tolist()
    return curves


if __name__ == "__main__":
    found = measured()
    for name, norms in found.items():
        print(f"{name:40} 1 step {norms[1]:.2e}, 10 steps {norms[10]:.2e}, 50 steps {norms[50]:.2e}")
    gradient_norms(found, sys.argv[1], title="The gradient on its way back")
