"""A graph of ONNX, put together one operation at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from firth.errors import MissingExtraError

__all__ = ["Graph", "need_onnx"]

_OPSET, _IR = 17, 8  # old enough for runtimes of 2022


def need_onnx() -> None:
    """Raise MissingExtraError where the package onnx is not installed."""
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("writing ONNX", extra="onnx") from error


class Graph:
    """Operations, each with the name of its output, and the constant tensors that they read.

    Parameters
    ----------
    outer : Graph, optional
        The graph whose names a body of a loop may read; names are distinct in both.
    """

    def __init__(self, outer: Graph | None = None) -> None:
        self._outer = outer
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._n = 0

    def name(self) -> str:
        """Return a name that stands for nothing yet, such as for an input of a loop's body."""
        if self._outer is not None:
            return self._outer.name()
        self._n += 1
        return f"v{self._n}"

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """Add a tensor and return its name."""
        from onnx import numpy_helper

        if self._outer is not None:
            return self._outer.constant(value, dtype)
        name = self.name()
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(np.asarray(value, dtype)), name))
        return name

    def integers(self, *values: int) -> str:
        """Add a list of int64 and return its name."""
        return self.constant(values, np.int64)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation of one output and return the output's name."""
        return self.ops(kind, *inputs, n=1, **attributes)[0]

    def ops(self, kind: str, *inputs: str, n: int, **attributes: Any) -> list[str]:
        """Add an operation of ``n`` outputs and return their names."""
        from onnx import helper

        outputs = [self.name() for _ in range(n)]
        self._nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs

    def side(self, tensor: str, axis: int) -> str:
        """Return the length of an axis, as a list of one int64."""
        return self.op("Slice", self.op("Shape", tensor), self.integers(axis), self.integers(axis + 1))

    def zeros(self, *sides: str) -> str:
        """Return float zeros of a shape that is given as lists of one int64."""
        return self.op("ConstantOfShape", self.op("Concat", *sides, axis=0))

    def body(self, inputs: list[tuple[str, list[Any]]], outputs: list[tuple[str, list[Any]]]) -> Any:
        """Return the graph as the body of a loop; inputs and outputs are float tensors with their shapes."""
        from onnx import TensorProto, helper

        given, found = (
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in some]
            for some in (inputs, outputs)
        )
        return helper.make_graph(self._nodes, self.name(), given, found)

    def model(
        self, inputs: dict[str, list[Any]], outputs: dict[str, tuple[str, list[Any]]], notes: dict[str, str]
    ) -> Any:
        """Return the whole model.

        Parameters
        ----------
        inputs : dict
            Names of int64 tensors, with their shapes; text stands for an axis of any length.
        outputs : dict
            From names to the float tensors' names in the graph, and their shapes.
        notes : dict
            Go into the model's metadata.
        """
        from onnx import TensorProto, helper

        for name, (inner, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [inner], [name]))
        graph = helper.make_graph(
            self._nodes,
            "firth",
            [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, (_, shape) in outputs.items()],
            self._constants,
        )
        model = helper.make_model(
            graph, producer_name="firth", ir_version=_IR, opset_imports=[helper.make_opsetid("", _OPSET)]
        )
        helper.set_model_props(model, notes)
        return model
