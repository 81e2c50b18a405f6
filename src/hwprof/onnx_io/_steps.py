"""The ONNX operators that one node becomes, in order: a table over operator classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import UnsupportedOperatorError
from hwprof.functions import parameters_of
from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FullyConnected,
    MaxPool,
    Mean,
    Mul,
    Node,
    Op,
    Pad,
    Pads,
    Requantise,
    Reshape,
    ResizeNearest,
    Shape,
    Slice,
    Softmax,
    Sub,
    Transpose,
    Unary,
    UnaryFunction,
)

OnnxArray = npt.NDArray[Any]
TO_CHANNELS_LAST = (0, 2, 3, 1)
TO_CHANNELS_FIRST = (0, 3, 1, 2)
_ONNX_AXIS = {0: 2, 1: 3, 2: 1}  # of (h, w, c) in (n, c, h, w)


@dataclass(frozen=True, slots=True)
class Step:
    """One ONNX operator; it reads the tensor before it, then ``operands``."""

    op_type: str
    operands: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTensors:
    """A node and the ONNX names of what it reads.

    Attributes:
        sources: names of the input tensors, (1, c, h, w) each; the first enters the first step.
        shapes: (h, w, c) of the inputs.
        shape: (h, w, c) of the output.
        weights: names of kernel and bias; empty without weights.
        constant: stores an array under a role and returns its name.
    """

    node: Node
    sources: tuple[str, ...]
    shapes: tuple[Shape, ...]
    shape: Shape
    weights: tuple[str, ...]
    constant: Callable[[str, OnnxArray], str]

    def int64(self, role: str, *values: int) -> str:
        """Name of a constant vector, as shapes and bounds are given."""
        return self.constant(role, np.array(values, np.int64))

    def reshape(self, role: str, *shape: int) -> Step:
        """A Reshape to a constant shape."""
        return Step("Reshape", (self.int64(role, *shape),))

    def number(self, role: str, value: float) -> str:
        """Name of a constant real number."""
        return self.constant(role, np.array(value, np.float32))

    def activation(self, activation: Activation) -> list[Step]:
        """The operator of a fused activation; none for ``NONE``."""
        if activation is Activation.NONE:
            return []
        return self.function(Unary(function=UnaryFunction(activation.value)))

    def function(self, op: Unary) -> list[Step]:
        """The operators of a scalar function."""
        function, given = op.function, parameters_of(op)
        if function in (UnaryFunction.RELU6, UnaryFunction.CLIP):
            low, high = given or (0.0, 6.0)  # ReLU6 has no parameters
            return [Step("Clip", (self.number("minimum", low), self.number("maximum", high)))]
        if function is UnaryFunction.AFFINE:
            factor, term = (self.number(f"operand{i}", value) for i, value in enumerate(given))
            return [Step("Mul", (factor,)), Step("Add", (term,))]
        named = dict(zip(("alpha", "beta"), op.parameters, strict=False))  # the rest are ONNX's too
        return [Step(FUNCTION_NAMES[function], (), named)]


# ONNX operators that compute one function each; alpha and beta are its parameters.
FUNCTION_NAMES = {
    UnaryFunction.ABS: "Abs",
    UnaryFunction.ELU: "Elu",
    UnaryFunction.HARD_SIGMOID: "HardSigmoid",
    UnaryFunction.HARD_SWISH: "HardSwish",
    UnaryFunction.LEAKY_RELU: "LeakyRelu",
    UnaryFunction.RELU: "Relu",
    UnaryFunction.SIGMOID: "Sigmoid",
    UnaryFunction.TANH: "Tanh",
}


def steps_of(tensors: NodeTensors) -> list[Step]:
    """The chain of ONNX operators that computes a node; at least one.

    Raises:
        UnsupportedOperatorError: there is none.
    """
    node = tensors.node
    steps = _STEPS.get(type(node.op))
    if steps is None:
        raise UnsupportedOperatorError(
            f"ONNX has no operator for node {node.name!r}, a {node.op.kind!r} in another format's "
            "int8 arithmetic; keep the model in the format that it came in."
        )
    return steps(node.op, tensors)


def _pads(pads: Pads) -> list[int]:
    return [pads.top, pads.left, pads.bottom, pads.right]


def _window(op: Conv2d | AveragePool | MaxPool) -> dict[str, list[int]]:
    return {
        "kernel_shape": [op.kernel_h, op.kernel_w],
        "strides": [op.stride_h, op.stride_w],
        "pads": _pads(op.pads),
    }


def _conv2d(op: Conv2d, tensors: NodeTensors) -> list[Step]:
    conv = Step("Conv", tensors.weights, {**_window(op), "group": op.groups})
    return [conv, *tensors.activation(op.activation)]


def _fully_connected(op: FullyConnected, tensors: NodeTensors) -> list[Step]:
    return [
        Step("Flatten"),
        Step("Gemm", tensors.weights, {"transB": 1}),
        *tensors.activation(op.activation),
        tensors.reshape("shape", 1, op.out_features, 1, 1),
    ]


def _average_pool(op: AveragePool, tensors: NodeTensors) -> list[Step]:
    whole_map = AveragePool(kernel_h=tensors.shapes[0][0], kernel_w=tensors.shapes[0][1])
    if op == whole_map:
        return [Step("GlobalAveragePool")]
    attributes = {**_window(op), "count_include_pad": int(op.count_include_pad)}
    return [Step("AveragePool", (), attributes)]


def _max_pool(op: MaxPool, tensors: NodeTensors) -> list[Step]:
    del tensors
    return [Step("MaxPool", (), _window(op))]


def _mean(op: Mean, tensors: NodeTensors) -> list[Step]:
    del op, tensors
    return [Step("GlobalAveragePool")]


def _elementwise(op: Add | Sub | Mul, tensors: NodeTensors) -> list[Step]:
    name = type(op).__name__  # ONNX calls them alike
    return [Step(name, tensors.sources[1:]), *tensors.activation(op.activation)]


def _concat(op: Concat, tensors: NodeTensors) -> list[Step]:
    return [Step("Concat", tensors.sources[1:], {"axis": _ONNX_AXIS[op.axis]})]


def _slice(op: Slice, tensors: NodeTensors) -> list[Step]:
    ends = [b + (n - 1) * s + 1 for b, n, s in zip(op.start, op.size, op.step, strict=True)]
    operands = (
        tensors.int64("starts", *op.start),
        tensors.int64("ends", *ends),
        tensors.int64("axes", *_ONNX_AXIS.values()),
        tensors.int64("steps", *op.step),
    )
    return [Step("Slice", operands)]


def _reshape(op: Reshape, tensors: NodeTensors) -> list[Step]:
    h, w, c = op.shape
    if c == tensors.shapes[0][2]:  # then (h, w) is one run of pixels in either order of axes
        return [tensors.reshape("shape", 1, c, h, w)]
    return [
        Step("Transpose", (), {"perm": TO_CHANNELS_LAST}),
        tensors.reshape("shape", 1, h, w, c),
        Step("Transpose", (), {"perm": TO_CHANNELS_FIRST}),
    ]


def _transpose(op: Transpose, tensors: NodeTensors) -> list[Step]:
    if _is_channel_shuffle(op, tensors.shapes[0]):
        h, w, c = op.shape
        return [
            tensors.reshape("groups", 1, op.view[2], op.view[3], h, w),
            Step("Transpose", (), {"perm": (0, 2, 1, 3, 4)}),
            tensors.reshape("shape", 1, c, h, w),
        ]
    return [
        Step("Transpose", (), {"perm": TO_CHANNELS_LAST}),
        tensors.reshape("view", *op.view),
        Step("Transpose", (), {"perm": op.permutation}),
        tensors.reshape("shape", 1, *op.shape),
        Step("Transpose", (), {"perm": TO_CHANNELS_FIRST}),
    ]


def _is_channel_shuffle(op: Transpose, shape: Shape) -> bool:
    pixels = shape[0] * shape[1]
    return (
        op.view[:2] == (1, pixels)
        and op.view[2] * op.view[3] == shape[2]
        and op.permutation == (0, 1, 3, 2)
        and op.shape == shape
    )


def _resize_nearest(op: ResizeNearest, tensors: NodeTensors) -> list[Step]:
    sizes = tensors.int64("sizes", 1, tensors.shape[2], op.out_h, op.out_w)
    attributes = {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    return [Step("Resize", ("", "", sizes), attributes)]


def _pad(op: Pad, tensors: NodeTensors) -> list[Step]:
    top, left, bottom, right = _pads(op.pads)
    return [Step("Pad", (tensors.int64("pads", 0, 0, top, left, 0, 0, bottom, right),))]


def _unary(op: Unary, tensors: NodeTensors) -> list[Step]:
    return tensors.function(op)


def _softmax(op: Softmax, tensors: NodeTensors) -> list[Step]:
    del op, tensors
    return [Step("Softmax", (), {"axis": 1})]


def _requantise(op: Requantise, tensors: NodeTensors) -> list[Step]:
    del op, tensors
    return [Step("Identity")]


_STEPS: dict[type[Op], Callable[[Any, NodeTensors], list[Step]]] = {
    Conv2d: _conv2d,
    FullyConnected: _fully_connected,
    AveragePool: _average_pool,
    MaxPool: _max_pool,
    Mean: _mean,
    Add: _elementwise,
    Sub: _elementwise,
    Mul: _elementwise,
    Concat: _concat,
    Slice: _slice,
    Transpose: _transpose,
    ResizeNearest: _resize_nearest,
    Pad: _pad,
    Unary: _unary,
    Softmax: _softmax,
    Requantise: _requantise,
    Reshape: _reshape,
}
