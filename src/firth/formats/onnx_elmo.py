"""A biLM as a graph of ONNX: rows of characters and lengths to all layers and their mix.

An LSTM with a projection and limits is no operation of ONNX; each layer is a Scan over the steps.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from firth.contextual.spelling import Spelling
from firth.formats.onnx_graph import Graph

if TYPE_CHECKING:
    from torch import Tensor

    from firth.contextual.elmo_model import ElmoModel
    from firth.contextual.layer_mix import LayerMix
    from firth.contextual.token_layer import CharacterLayer, WordLayer
    from firth.nn.lstmp import ProjectedLSTM

__all__ = ["elmo_graph"]


def elmo_graph(model: ElmoModel) -> Any:
    """Return the ONNX model.

    Its inputs are ``rows``, int64 (batch, tokens, longest), the character rows of words without the marks of a
    sentence's begin and end, which the graph adds, and ``lengths``, int64 (batch,), the tokens of each sentence; what
    stands in rows behind a sentence's end does not matter but must be ids. Its outputs are ``layers``, float
    (n_layers, batch, tokens, dim), and ``mixed``, (batch, tokens, dim), zeros behind the ends. How words are spelled
    is in the metadata, as JSON under ``firth.reader``.
    """
    net, graph = model.net, Graph()
    bounds = model.reader.boundaries()
    longest, projection, dim = bounds.shape[1], net.shape.projection, net.shape.dim
    tokens = _tokens(graph, net.tokens, bounds, projection)  # (tokens + 2, batch, projection)
    lengths = graph.op("Add", "lengths", graph.integers(2))

    def turned(x: str) -> str:
        return graph.op("ReverseSequence", x, lengths, time_axis=0, batch_axis=1)

    ahead = _stack(graph, net.forward_layers, tokens, net.shape.skip)
    back = [turned(x) for x in _stack(graph, net.backward_layers, turned(tokens), net.shape.skip)]
    pairs = [(tokens, tokens), *zip(ahead, back, strict=True)]
    whole = [graph.op("Unsqueeze", graph.op("Concat", *pair, axis=2), graph.integers(0)) for pair in pairs]
    real = graph.op(
        "Slice", graph.op("Concat", *whole, axis=0), graph.integers(1), graph.integers(-1), graph.integers(1)
    )
    mask = _mask(graph)
    layers = graph.op("Where", mask, graph.op("Transpose", real, perm=[0, 2, 1, 3]), graph.constant(0.0))
    mixed = _mixed(graph, model.mix, layers, mask, dim)
    return graph.model(
        {"rows": ["batch", "tokens", longest], "lengths": ["batch"]},
        {
            "layers": (layers, [net.shape.layers + 1, "batch", "tokens", dim]),
            "mixed": (mixed, ["batch", "tokens", dim]),
        },
        {"firth.reader": json.dumps(_reader(model))},
    )


def _plain(tensor: Tensor) -> Any:
    return tensor.detach().float().cpu().numpy()


def _reader(model: ElmoModel) -> dict[str, Any]:
    reader = model.reader
    if not isinstance(reader, Spelling):
        return {"kind": "words", "words": reader.words}
    told: dict[str, Any] = {"kind": "characters", "scheme": reader.scheme, "longest": reader.longest}
    told |= {"marks": dataclasses.asdict(reader.marks), "ids_of": dict(reader.ids_of)}
    table = getattr(reader, "table", None)  # of words and characters together, the word's row before its characters
    return told if table is None else {**told, "kind": "words and characters", "words": table.words}


def _tokens(graph: Graph, layer: CharacterLayer | WordLayer, bounds: Any, projection: int) -> str:
    """Put begin and end around each sentence and return the vectors of all tokens, (tokens + 2, batch, projection)."""
    batch, longest = graph.side("rows", 0), bounds.shape[1]
    begin, end = (graph.constant(row[None, None], np.int64) for row in bounds)
    begins = graph.op("Expand", begin, graph.op("Concat", batch, graph.integers(1, longest), axis=0))
    filled = graph.op("Concat", begins, "rows", begins, axis=1)  # (batch, tokens + 2, longest)
    steps = graph.side(filled, 1)
    places = graph.op("Range", _number(graph, 0), graph.op("Squeeze", steps), _number(graph, 1))
    last = graph.op("Unsqueeze", graph.op("Add", "lengths", graph.integers(1)), graph.integers(1))
    ends = graph.op("Unsqueeze", graph.op("Equal", places, last), graph.integers(2))
    rows = graph.op("Reshape", graph.op("Where", ends, end, filled), graph.integers(-1, longest))
    vectors = _vectors(graph, layer, rows)
    shape = graph.op("Concat", batch, steps, graph.integers(projection), axis=0)
    return graph.op("Transpose", graph.op("Reshape", vectors, shape), perm=[1, 0, 2])


def _vectors(graph: Graph, layer: Any, rows: str) -> str:
    """Return the vectors of words in rows, (n, projection): of a table, of characters, or of both together."""
    if not hasattr(layer, "filters"):
        found = _words(graph, layer, rows)
    elif not hasattr(layer, "words"):
        found = _characters(graph, layer, rows)
    else:
        first, rest = graph.ops("Split", rows, graph.integers(1, layer.shape.longest), n=2, axis=1)
        spelled = _linear(graph, _characters(graph, layer, rest), layer.projection.weight, layer.projection.bias)
        return graph.op("Add", _vectors(graph, layer.words, first), spelled)
    return _linear(graph, found, layer.projection.weight, layer.projection.bias)


def _number(graph: Graph, value: int) -> str:
    return graph.constant(value, np.int64)


def _words(graph: Graph, layer: Any, rows: str) -> str:
    return graph.op("Gather", graph.constant(_plain(layer.embedding)), graph.op("Squeeze", rows, graph.integers(1)))


def _characters(graph: Graph, layer: Any, rows: str) -> str:
    """Return what the filters and highways give, (n, n_filters)."""
    vectors = graph.op("Gather", graph.constant(_plain(layer.embedding)), rows)  # (n, longest, dim)
    x = graph.op("Transpose", vectors, perm=[0, 2, 1])
    maxima = []
    for each in layer.filters:
        found = graph.op("Conv", x, graph.constant(_plain(each.weight)), graph.constant(_plain(each.bias)))
        maxima.append(graph.op("ReduceMax", found, axes=[2], keepdims=0))
    x = graph.op("Relu" if layer.shape.activation == "relu" else "Tanh", graph.op("Concat", *maxima, axis=1))
    for highway in layer.highways:
        new, gate = graph.ops("Split", _linear(graph, x, highway.weight, highway.bias), n=2, axis=1)
        change = graph.op("Sub", graph.op("Relu", new), x)
        x = graph.op("Add", x, graph.op("Mul", graph.op("Sigmoid", gate), change))
    return x


def _linear(graph: Graph, x: str, weight: Tensor, bias: Tensor) -> str:
    return graph.op("Add", graph.op("MatMul", x, graph.constant(_plain(weight).T)), graph.constant(_plain(bias)))


def _stack(graph: Graph, layers: Any, x: str, skip: bool) -> list[str]:
    """Return the output of each layer of one direction, (steps, batch, projection)."""
    found = []
    for place, layer in enumerate(layers):
        y = _lstm(graph, layer, x)
        x = graph.op("Add", y, x) if place and skip else y
        found.append(x)
    return found


def _lstm(graph: Graph, layer: ProjectedLSTM, x: str) -> str:
    """Return one layer's outputs, a Scan over the steps."""
    sums = _linear(graph, x, layer.weight_ih, layer.bias)  # (steps, batch, 4 * cells)
    batch = graph.side(x, 1)
    h, c = (graph.zeros(batch, graph.integers(n)) for n in (layer.projection, layer.cells))
    body = _step(Graph(graph), layer)
    *_, outputs = graph.ops("Scan", h, c, sums, n=3, body=body, num_scan_inputs=1)
    return outputs


def _step(body: Graph, layer: ProjectedLSTM) -> Any:
    h, c, sums = (body.name() for _ in range(3))
    both = body.op("Add", sums, body.op("MatMul", h, body.constant(_plain(layer.weight_hh).T)))
    i, f, g, o = body.ops("Split", both, n=4, axis=1)
    kept = body.op("Mul", body.op("Sigmoid", f), c)
    cells = body.op("Add", kept, body.op("Mul", body.op("Sigmoid", i), body.op("Tanh", g)))
    cells = _clipped(body, cells, layer.cell_clip)
    hidden = body.op("Mul", body.op("Sigmoid", o), body.op("Tanh", cells))
    out = _clipped(body, body.op("MatMul", hidden, body.constant(_plain(layer.weight_hr).T)), layer.projection_clip)
    given, states = ["batch", 4 * layer.cells], [["batch", layer.projection], ["batch", layer.cells]]
    return body.body(
        [(h, states[0]), (c, states[1]), (sums, given)],
        [(out, states[0]), (cells, states[1]), (body.op("Identity", out), states[0])],
    )


def _clipped(graph: Graph, x: str, limit: float) -> str:
    return graph.op("Clip", x, graph.constant(-limit), graph.constant(limit)) if limit else x


def _mask(graph: Graph) -> str:
    """Return which places hold tokens, bool (1, batch, tokens, 1)."""
    tokens = graph.op("Squeeze", graph.side("rows", 1))
    places = graph.op("Range", _number(graph, 0), tokens, _number(graph, 1))
    there = graph.op("Less", places, graph.op("Unsqueeze", "lengths", graph.integers(1)))
    return graph.op("Unsqueeze", there, graph.integers(0, 3))


def _mixed(graph: Graph, mix: LayerMix, layers: str, mask: str, dim: int) -> str:
    """Return the mix of the layers, (batch, tokens, dim)."""
    if mix.layer_norm:
        layers = _normed(graph, layers, mask, dim)
    shares = graph.constant(np.reshape(mix.shares, (-1, 1, 1, 1)))
    return graph.op("ReduceSum", graph.op("Mul", layers, shares), graph.integers(0), keepdims=0)


def _normed(graph: Graph, layers: str, mask: str, dim: int) -> str:
    real = graph.op("Cast", mask, to=1)  # (1, batch, tokens, 1)
    over = graph.integers(2, 3)
    n = graph.op("Mul", graph.op("ReduceSum", real, over), graph.constant(float(dim)))
    n = graph.op("Max", n, graph.constant(1.0))
    mean = graph.op("Div", graph.op("ReduceSum", layers, over), n)  # layers are zero behind the ends
    apart = graph.op("Mul", graph.op("Sub", layers, mean), real)
    variance = graph.op("Div", graph.op("ReduceSum", graph.op("Mul", apart, apart), over), n)
    return graph.op("Div", apart, graph.op("Sqrt", graph.op("Add", variance, graph.constant(1e-12))))
