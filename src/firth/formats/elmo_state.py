"""States of AllenNLP's modules, which ELMoForManyLangs took over, as parameters of :class:`firth.contextual.bilm.BiLM`.

Their LSTM has our order of gates and 1 in the forget gate's bias already. Their highway's gate is the share of the old,
s(-z) where ours is s(z): its rows are negated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.contextual.shape import CharacterShape, Shape
from firth.errors import FormatError

__all__ = ["State", "characters_from", "counted", "filters_among", "lstms_from"]

Tensors = dict[str, NDArray[Any]]


class State:
    """The tensors under a prefix of a state dictionary, taken by name and checked.

    Parameters
    ----------
    tensors : mapping from str to ndarray
    prefix : str
        Before every name.
    path : Path
        For errors.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]], prefix: str, path: Path) -> None:
        self._tensors, self._prefix, self._path = tensors, prefix, path

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._tensors

    def __iter__(self) -> Iterator[str]:
        return (name[len(self._prefix) :] for name in self._tensors if name.startswith(self._prefix))

    def under(self, prefix: str) -> State:
        """Return the tensors under a further prefix."""
        return State(self._tensors, self._prefix + prefix, self._path)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor that must be there."""
        return tuple(self._found(name).shape)

    def array(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return a tensor that must be there, of this shape, all of it finite.

        Raises
        ------
        FormatError
            When it is not.
        """
        found = self._found(name)
        if found.shape != shape or found.dtype.kind != "f":
            raise self.fault(f"the weights {name} don't fit the options", got=found.shape, expected=f"shape {shape}")
        found = found.astype(np.float32, copy=False)
        if not bool(np.isfinite(found).all()):
            raise self.fault(f"the weights {name} hold what is no number")
        return found

    def _found(self, name: str) -> NDArray[Any]:
        if name not in self:
            raise self.fault(f"the file lacks {self._prefix + name}")
        return self._tensors[self._prefix + name]

    def fault(self, what: str, **facts: Any) -> FormatError:
        """Return an error of the file."""
        return FormatError(what, path=self._path, **facts)


def counted(state: State, name: str) -> int:
    """Return how many tensors there are of a name with a number in it, counted from 0 on."""
    n = 0
    while name.format(n) in state:
        n += 1
    return n


def filters_among(state: State, convolution: str) -> list[list[int]]:
    """Return width and number of each group of filters, as their weights have them."""
    n = counted(state, convolution + "{}.weight")
    shapes = [(*state.shape(f"{convolution}{k}.weight"), 0, 0, 0) for k in range(n)]
    return [[width, number] for number, _, width, *_ in shapes]


def characters_from(
    state: State, inner: CharacterShape, convolution: str, highway: str = "_highways", highway_width: int | None = None
) -> Tensors:
    """Return filters and highway layers of a character layer.

    Parameters
    ----------
    state : State
    inner : CharacterShape
    convolution, highway : str
        Names of the convolutions up to their number, and of the highway module.
    highway_width : int, optional
        By default as many as there are filters.
    """
    n, found = inner.n_filters if highway_width is None else highway_width, {}
    for k, (width, number) in enumerate(inner.filters):
        found[f"filters.{k}.weight"] = state.array(f"{convolution}{k}.weight", (number, inner.dim, width))
        found[f"filters.{k}.bias"] = state.array(f"{convolution}{k}.bias", (number,))
    sign = np.repeat(np.array([1, -1], np.float32), n)
    for k in range(inner.n_highway):
        name = f"{highway}._layers.{k}"
        found[f"highways.{k}.weight"] = state.array(f"{name}.weight", (2 * n, n)) * sign[:, None]
        found[f"highways.{k}.bias"] = state.array(f"{name}.bias", (2 * n,)) * sign
    return found


def lstms_from(state: State, shape: Shape) -> Tensors:
    """Return the parameters of the LSTMs, named ``forward_layer_0`` and so on in the state."""
    cells, n, found = shape.cells, shape.projection, {}
    for way in ("forward", "backward"):
        for k in range(shape.layers):
            theirs, ours = f"{way}_layer_{k}", f"{way}_layers.{k}"
            found[f"{ours}.weight_ih"] = state.array(f"{theirs}.input_linearity.weight", (4 * cells, n))
            found[f"{ours}.weight_hh"] = state.array(f"{theirs}.state_linearity.weight", (4 * cells, n))
            found[f"{ours}.bias"] = state.array(f"{theirs}.state_linearity.bias", (4 * cells,))
            found[f"{ours}.weight_hr"] = state.array(f"{theirs}.state_projection.weight", (n, cells))
    return found
