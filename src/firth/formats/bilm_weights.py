"""Weights of bilm-tf's HDF5 files, which AllenNLP reads too, as parameters of :class:`firth.contextual.bilm.BiLM`.

TensorFlow multiplies rows by matrices, (n_in, n_out); its LSTM has the gates in the order i, j, f, o where torch has
i, f, g, o, and adds 1 to f's bias as it runs. The embeddings of characters and words come without the mask's row 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.contextual.shape import CharacterShape, Shape
from firth.formats.hdf5_parts import Hdf5
from firth.protocols import Float32

__all__ = ["from_bilm", "is_projected", "to_bilm"]

Tensors = dict[str, NDArray[Any]]


def from_bilm(file: Hdf5, shape: Shape, word_rows: NDArray[np.int64] | None = None) -> Tensors:
    """Return the parameters of a net.

    Parameters
    ----------
    file : Hdf5
    shape : Shape
        What the options tell: every data set must fit it.
    word_rows : ndarray, optional
        The row in the file of each row of our word vectors, for a model that reads words.

    Raises
    ------
    FormatError
        When a data set lacks or does not fit.
    """
    if shape.characters is not None:
        found = _characters_from(file, shape.characters, shape.projection)
    else:
        assert word_rows is not None
        found = {"tokens.embedding": file.array("embedding", (shape.words, shape.word_dim))[word_rows]}
        found |= _no_projection(shape.projection)
    for side, way in enumerate(("forward", "backward")):
        for k in range(shape.layers):
            found |= {f"{way}_layers.{k}.{leaf}": value for leaf, value in _lstm_from(file, shape, side, k).items()}
    return found


def _characters_from(file: Hdf5, inner: CharacterShape, projection: int) -> Tensors:
    n = inner.n_filters
    embedding = file.array("char_embed", (inner.n_ids - 1, inner.dim))
    found: Tensors = {"tokens.embedding": np.concatenate([np.zeros((1, inner.dim), np.float32), embedding])}
    for k, (width, number) in enumerate(inner.filters):
        kernel = file.array(f"CNN/W_cnn_{k}", (1, width, inner.dim, number))
        found[f"tokens.filters.{k}.weight"] = kernel[0].transpose(2, 1, 0)
        found[f"tokens.filters.{k}.bias"] = file.array(f"CNN/b_cnn_{k}", (number,))
    for k in range(inner.n_highway):
        # What they call the carry gate is t, the share of the new.
        parts = [(file.array(f"CNN_high_{k}/W_{of}", (n, n)).T, file.array(f"CNN_high_{k}/b_{of}", (n,)))
                 for of in ("transform", "carry")]  # fmt: skip
        found[f"tokens.highways.{k}.weight"] = np.concatenate([weight for weight, _ in parts])
        found[f"tokens.highways.{k}.bias"] = np.concatenate([bias for _, bias in parts])
    if n == projection and not file.has("CNN_proj"):
        return found | _no_projection(projection)
    found["tokens.projection.weight"] = file.array("CNN_proj/W_proj", (n, projection)).T
    found["tokens.projection.bias"] = file.array("CNN_proj/b_proj", (projection,))
    return found


def _no_projection(n: int) -> Tensors:
    return {"tokens.projection.weight": np.eye(n, dtype=np.float32), "tokens.projection.bias": np.zeros(n, np.float32)}


def _cell(side: int, layer: int) -> str:
    return f"RNN_{side}/RNN/MultiRNNCell/Cell{layer}/LSTMCell/"


def _lstm_from(file: Hdf5, shape: Shape, side: int, layer: int) -> Tensors:
    cells, n, name = shape.cells, shape.projection, _cell(side, layer)
    kernel = _swapped(file.array(name + "W_0", (2 * n, 4 * cells)).T)
    bias = _swapped(file.array(name + "B", (4 * cells,)))
    bias[cells : 2 * cells] += np.float32(1)
    projected = n < cells or is_projected(file)
    weight_hr = file.array(name + "W_P_0", (cells, n)).T if projected else np.eye(n, dtype=np.float32)
    return {"weight_ih": kernel[:, :n], "weight_hh": kernel[:, n:], "bias": bias, "weight_hr": weight_hr}


def is_projected(file: Hdf5) -> bool:
    """Return whether the LSTMs' outputs are projected; without that, TensorFlow's cell knows no limit of them."""
    return file.has(_cell(0, 0) + "W_P_0")


def _swapped(gates: Float32) -> Float32:
    """Return gates with the second and third exchanged, a copy: from TensorFlow's order to torch's and back."""
    first, second, third, fourth = np.split(gates, 4)
    return np.concatenate([first, third, second, fourth])


def to_bilm(tensors: Mapping[str, NDArray[Any]], shape: Shape) -> Tensors:
    """Return the data sets of a net's parameters, by name; the reverse of :func:`from_bilm`."""
    projected = tensors["tokens.projection.weight"], tensors["tokens.projection.bias"]
    if shape.characters is not None:
        found = _characters_to(tensors, shape.characters, projected)
    elif _is_identity(*projected):
        found = {"embedding": tensors["tokens.embedding"]}
    else:  # their words have no projection: it is applied to their vectors
        found = {"embedding": tensors["tokens.embedding"] @ projected[0].T + projected[1]}
    for side, way in enumerate(("forward", "backward")):
        for k in range(shape.layers):
            found |= _lstm_to(lambda leaf, at=f"{way}_layers.{k}.": tensors[at + leaf], shape, _cell(side, k))  # type: ignore[misc]
    return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}


def _characters_to(
    tensors: Mapping[str, NDArray[Any]], inner: CharacterShape, projected: tuple[NDArray[Any], NDArray[Any]]
) -> Tensors:
    n = inner.n_filters
    found = {"char_embed": tensors["tokens.embedding"][1:]}
    for k in range(len(inner.filters)):
        found[f"CNN/W_cnn_{k}"] = tensors[f"tokens.filters.{k}.weight"].transpose(2, 1, 0)[None]
        found[f"CNN/b_cnn_{k}"] = tensors[f"tokens.filters.{k}.bias"]
    for k in range(inner.n_highway):
        for place, of in enumerate(("transform", "carry")):
            rows = slice(place * n, (place + 1) * n)
            found[f"CNN_high_{k}/W_{of}"] = tensors[f"tokens.highways.{k}.weight"][rows].T
            found[f"CNN_high_{k}/b_{of}"] = tensors[f"tokens.highways.{k}.bias"][rows]
    if not _is_identity(*projected):
        found["CNN_proj/W_proj"], found["CNN_proj/b_proj"] = projected[0].T, projected[1]
    return found


def _lstm_to(leaf: Callable[[str], NDArray[Any]], shape: Shape, name: str) -> Tensors:
    cells = shape.cells
    bias = leaf("bias").astype(np.float32)
    bias[cells : 2 * cells] -= np.float32(1)
    kernel = np.concatenate([leaf("weight_ih"), leaf("weight_hh")], 1)
    found = {name + "W_0": _swapped(kernel).T, name + "B": _swapped(bias)}
    if shape.projection_clip or not _is_identity(leaf("weight_hr"), np.zeros(1)):
        found[name + "W_P_0"] = leaf("weight_hr").T
    return found


def _is_identity(weight: NDArray[Any], bias: NDArray[Any]) -> bool:
    square = weight.shape[0] == weight.shape[1]
    return square and not bias.any() and np.array_equal(weight, np.eye(len(weight), dtype=weight.dtype))
