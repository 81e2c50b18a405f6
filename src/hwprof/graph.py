"""The one graph that blocks build, ONNX files become, and lowering reads.

Notation: a tensor is ``Shape = (h, w, c)``, batch 1, channels last; a vector of n values is
``(1, 1, n)``. One MAC is one multiply-accumulate. Every node has one output tensor, named like
the node; splits are several slices. Activations are fused into the node that feeds them where
the firmware can fuse them.

    block --build--> Graph --onnx_writer--> ONNX --onnx_reader--> Graph --lowering--> Program
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import prod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError

Shape = tuple[int, int, int]
Float = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]


class Activation(StrEnum):
    """Activation fused into a node's output clamp."""

    NONE = "none"
    RELU = "relu"
    RELU6 = "relu6"


@dataclass(frozen=True, slots=True)
class Pads:
    """Rows and columns added around a feature map, in elements."""

    top: int = 0
    left: int = 0
    bottom: int = 0
    right: int = 0

    @classmethod
    def same(cls, kernel: int) -> Pads:
        """Padding of ``kernel - 1`` that keeps the size at stride 1; the odd one goes last."""
        before = (kernel - 1) // 2
        after = kernel - 1 - before
        return cls(before, before, after, after)

    @classmethod
    def tensorflow(cls, shape: Shape, kernel: tuple[int, int], stride: int) -> Pads:
        """TensorFlow's 'SAME' around an input (h, w, c): extents divide by the stride, rounded up.

        Source: tensorflow.org/api_docs/python/tf/nn, "Notes on padding"; the odd one goes last.
        """
        pairs = zip(shape[:2], kernel, strict=True)
        vertical, horizontal = (
            max((-(-extent // stride) - 1) * stride + size - extent, 0) for extent, size in pairs
        )
        top, left = vertical // 2, horizontal // 2
        return cls(top, left, vertical - top, horizontal - left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """What a node computes. Subclasses hold attributes only; shapes come from the graph."""

    kind: ClassVar[str]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output; the input's unless a subclass says otherwise."""
        return inputs[0]

    def macs(self, inputs: Sequence[Shape]) -> int:
        """Multiply-accumulates of one execution; 0 for all but the weighted operators."""
        del inputs
        return 0

    def weight_shape(self, inputs: Sequence[Shape]) -> tuple[int, ...]:
        """Shape of the weight tensor, output channels first; empty without weights."""
        del inputs
        return ()


def _window(size: int, kernel: int, stride: int, padding: int) -> int:
    out = (size + padding - kernel) // stride + 1
    if out < 1:
        raise ModelError(
            f"a window of {kernel} does not fit a padded extent of {size + padding}; "
            "use a larger input or a smaller kernel."
        )
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class _Windowed(Op):
    """Attributes shared by convolution and pooling."""

    kernel_h: int
    kernel_w: int
    stride_h: int = 1
    stride_w: int = 1
    pads: Pads = Pads()

    def _output_hw(self, shape: Shape) -> tuple[int, int]:
        h, w, _ = shape
        pads = self.pads
        return (
            _window(h, self.kernel_h, self.stride_h, pads.top + pads.bottom),
            _window(w, self.kernel_w, self.stride_w, pads.left + pads.right),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2d(_Windowed):
    """2-D convolution with bias; depthwise when ``groups`` equals the input channels."""

    kind = "conv2d"
    out_channels: int
    groups: int = 1
    activation: Activation = Activation.NONE

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels = inputs[0][2]
        if channels % self.groups or self.out_channels % self.groups:
            raise ModelError(
                f"groups must divide input and output channels; got groups {self.groups}, "
                f"channels {channels} and {self.out_channels}."
            )
        return (*self._output_hw(inputs[0]), self.out_channels)

    def macs(self, inputs: Sequence[Shape]) -> int:
        return prod(self.output_shape(inputs)) * prod(self.weight_shape(inputs)[1:])

    def weight_shape(self, inputs: Sequence[Shape]) -> tuple[int, ...]:
        return (self.out_channels, self.kernel_h, self.kernel_w, inputs[0][2] // self.groups)

    def is_depthwise(self, inputs: Sequence[Shape]) -> bool:
        """Whether each input channel is convolved on its own."""
        return self.groups == inputs[0][2] and self.groups > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyConnected(Op):
    """Matrix times vector with bias; the input is read in (h, w, c) order."""

    kind = "fully_connected"
    out_features: int
    activation: Activation = Activation.NONE

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        del inputs
        return (1, 1, self.out_features)

    def macs(self, inputs: Sequence[Shape]) -> int:
        return self.out_features * prod(inputs[0])

    def weight_shape(self, inputs: Sequence[Shape]) -> tuple[int, ...]:
        return (self.out_features, prod(inputs[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class AveragePool(_Windowed):
    """Mean over a window; padding counts as zeros only if ``count_include_pad``."""

    kind = "average_pool"
    count_include_pad: bool = False

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (*self._output_hw(inputs[0]), inputs[0][2])


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool(_Windowed):
    """Maximum over a window; padding never wins."""

    kind = "max_pool"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (*self._output_hw(inputs[0]), inputs[0][2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean(Op):
    """Mean over all pixels; unlike a pooling it may change the scale, in the same rounding."""

    kind = "mean"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (1, 1, inputs[0][2])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Elementwise(Op):
    activation: Activation = Activation.NONE

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(set(inputs)) != 1:
            raise ModelError(f"{self.kind} needs two tensors of one shape; got {list(inputs)}.")
        return inputs[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(_Elementwise):
    """Element-wise sum of two tensors of one shape."""

    kind = "add"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sub(_Elementwise):
    """Element-wise difference of two tensors of one shape."""

    kind = "sub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mul(_Elementwise):
    """Element-wise product of two tensors of one shape."""

    kind = "mul"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concat(Op):
    """Concatenation along one axis of (h, w, c)."""

    kind = "concat"
    axis: int = 2

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        rest = {tuple(s[i] for i in range(3) if i != self.axis) for s in inputs}
        if len(rest) != 1:
            raise ModelError(
                f"concat inputs may differ on axis {self.axis} only; got {list(inputs)}."
            )
        out = list(inputs[0])
        out[self.axis] = sum(s[self.axis] for s in inputs)
        return (out[0], out[1], out[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Op):
    """Every ``step``-th element from ``start``, ``size`` of them, on each axis of (h, w, c)."""

    kind = "slice"
    start: Shape
    size: Shape
    step: Shape = (1, 1, 1)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        box = zip(self.start, self.size, self.step, inputs[0], strict=True)
        for begin, count, step, extent in box:
            if begin < 0 or count < 1 or step < 1 or begin + (count - 1) * step >= extent:
                raise ModelError(f"slice {self.start}+{self.size}x{self.step} leaves {inputs[0]}.")
        return self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Transpose(Op):
    """View the input as ``view`` (four axes), permute the axes, view the result as ``shape``.

    Channel shuffle over g groups is view (1, h*w, g, c/g), permutation (0, 1, 3, 2).
    """

    kind = "transpose"
    view: tuple[int, int, int, int]
    permutation: tuple[int, int, int, int]
    shape: Shape

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if prod(self.view) != prod(inputs[0]) or prod(self.shape) != prod(inputs[0]):
            raise ModelError(f"transpose view {self.view} does not hold {inputs[0]}.")
        return self.shape


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeNearest(Op):
    """Nearest-neighbour resize: source index is floor(i * in / out)."""

    kind = "resize_nearest"
    out_h: int
    out_w: int

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return (self.out_h, self.out_w, inputs[0][2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pad(Op):
    """Zeros (in real numbers) around the feature map."""

    kind = "pad"
    pads: Pads

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        (h, w, c), pads = inputs[0], self.pads
        return (h + pads.top + pads.bottom, w + pads.left + pads.right, c)


class UnaryFunction(StrEnum):
    """Scalar functions that run as a 256-entry table; ``hwprof.functions`` has their formulas."""

    ABS = "abs"
    AFFINE = "affine"
    CLIP = "clip"
    ELU = "elu"
    HARD_SIGMOID = "hard_sigmoid"
    HARD_SWISH = "hard_swish"
    LEAKY_RELU = "leaky_relu"
    RELU = "relu"
    RELU6 = "relu6"
    SIGMOID = "sigmoid"
    TANH = "tanh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Op):
    """A scalar function of every element that could not be fused.

    Attributes:
        parameters: slope and offset of ``affine`` and ``hard_sigmoid``, bounds of ``clip``, slope
            of ``leaky_relu`` below zero, scale of ``elu``; empty for the others, and for the
            function's own defaults.
    """

    kind = "unary"
    function: UnaryFunction
    parameters: tuple[float, ...] = ()


class LookupFunction(StrEnum):
    """Scalar functions of which TFLite's reference kernels say what each int8 input becomes."""

    RELU = "relu"
    RELU6 = "relu6"
    RELU_N1_TO_1 = "relu_n1_to_1"
    LEAKY_RELU = "leaky_relu"
    LOGISTIC = "logistic"
    TANH = "tanh"
    HARD_SWISH = "hard_swish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Op):
    """A scalar function in TFLite's own int8 arithmetic, where ``Unary`` rounds the real value.

    Attributes:
        alpha: slope of leaky ReLU below zero, not negative; 0 for the others.
    """

    kind = "lookup"
    function: LookupFunction
    alpha: float = 0.0


class ScalarArithmetic(StrEnum):
    """What an operator with one constant operand computes of an element x and the constant c."""

    ADD = "add"  # x + c
    SUBTRACT = "subtract"  # x - c
    SUBTRACT_FROM = "subtract_from"  # c - x
    MULTIPLY = "multiply"  # x * c


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar(Op):
    """Arithmetic with the constant ``scale * (value - zero_point)``; runs as a table."""

    kind = "scalar"
    function: ScalarArithmetic
    value: int
    scale: float
    zero_point: int
    activation: Activation = Activation.NONE

    @property
    def constant(self) -> float:
        """The constant as a real number."""
        return self.scale * (self.value - self.zero_point)


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Op):
    """Softmax over the channels of each pixel."""

    kind = "softmax"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requantise(Op):
    """Same real values in another scale and zero point."""

    kind = "requantise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape(Op):
    """Same bytes under another shape; costs nothing."""

    kind = "reshape"
    shape: Shape

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        if prod(self.shape) != prod(inputs[0]):
            raise ModelError(f"reshape of {inputs[0]} to {self.shape} changes the element count.")
        return self.shape


@dataclass(frozen=True, slots=True)
class Node:
    """One operator in a graph; its output tensor carries its name.

    Attributes:
        inputs: names of graph inputs or earlier nodes.
        block: name of the block instance the node belongs to; every node has exactly one.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    block: str


@dataclass(frozen=True, slots=True, eq=False)
class FloatWeights:
    """Trained weights of one node: kernel (out, h, w, in) or (out, in); bias (out,)."""

    kernel: Float
    bias: Float


@dataclass(frozen=True, slots=True)
class QuantParams:
    """Per-tensor int8 quantisation: real = scale * (q - zero_point)."""

    scale: float
    zero_point: int

    def quantised(self, values: npt.ArrayLike) -> Int8:
        """The nearest int8 to each real number, halves to the even one, clipped to the range."""
        steps = np.rint(np.asarray(values, np.float64) / self.scale) + self.zero_point
        levels: Int8 = np.clip(steps, -128, 127).astype(np.int8)
        return levels

    def real(self, steps: Int8) -> Float:
        """The real numbers, float32, that int8 elements stand for."""
        numbers: Float = (steps.astype(np.float32) - self.zero_point) * np.float32(self.scale)
        return numbers


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedWeights:
    """Weights as a quantised file stores them: int8 kernel, scale per channel, int32 bias."""

    kernel: Int8
    scales: Float
    bias: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A network in execution order.

    Attributes:
        inputs: shape of each graph input by name.
        outputs: names of the tensors a caller wants.
        weights: by node name; nodes with weights that are missing here are seeded.
        quantisation: by tensor name, complete for a QDQ model, else empty.
        seed: where seeded weights and inputs come from (docs/FORMATS.md, "Seeded tensors").
    """

    name: str
    inputs: Mapping[str, Shape]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    weights: Mapping[str, FloatWeights | QuantisedWeights] = field(default_factory=dict)
    quantisation: Mapping[str, QuantParams] = field(default_factory=dict)
    seed: int = 0
    shapes: Mapping[str, Shape] = field(init=False)

    def __post_init__(self) -> None:
        shapes: dict[str, Shape] = dict(self.inputs)
        for node in self.nodes:
            if node.name in shapes:
                raise ModelError(f"two tensors are called {node.name!r}; give each its own name.")
            missing = [name for name in node.inputs if name not in shapes]
            if missing:
                raise ModelError(
                    f"node {node.name!r} reads {missing[0]!r} before anything wrote it."
                )
            try:
                shapes[node.name] = node.op.output_shape([shapes[i] for i in node.inputs])
            except ModelError as error:
                raise ModelError(f"node {node.name!r}: {error}") from error
        missing = [name for name in self.outputs if name not in shapes]
        if missing:
            raise ModelError(f"graph output {missing[0]!r} is written by no node.")
        object.__setattr__(self, "shapes", shapes)

    def input_shapes(self, node: Node) -> list[Shape]:
        """Shapes of a node's inputs, in order."""
        return [self.shapes[name] for name in node.inputs]

    def node_macs(self, node: Node) -> int:
        """Multiply-accumulates of one node."""
        return node.op.macs(self.input_shapes(node))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole graph."""
        return sum(self.node_macs(node) for node in self.nodes)

    @property
    def weighted_nodes(self) -> tuple[Node, ...]:
        """Nodes that own a weight tensor."""
        return tuple(n for n in self.nodes if n.op.weight_shape(self.input_shapes(n)))

    @property
    def parameters(self) -> int:
        """Weights and biases after folding batch normalisation."""
        shapes = [n.op.weight_shape(self.input_shapes(n)) for n in self.weighted_nodes]
        return sum(prod(shape) + shape[0] for shape in shapes)
