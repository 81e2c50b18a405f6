"""A graph as a PyTorch module: every convolution with batch normalisation, then its activation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import singledispatch
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hwprof.errors import UnsupportedOperatorError
from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FloatWeights,
    Graph,
    MaxPool,
    Node,
    Op,
    Pads,
    ResizeNearest,
    Slice,
    Softmax,
    Unary,
    UnaryFunction,
)

_ACTIVATIONS: Mapping[Activation, Callable[[Tensor], Tensor]] = {
    # In place: what feeds them, a normalisation or a sum, needs its output for no gradient.
    Activation.NONE: lambda x: x,
    Activation.RELU: lambda x: functional.relu(x, inplace=True),
    Activation.RELU6: lambda x: functional.relu6(x, inplace=True),
}
_LAYOUT = torch.channels_last  # in which depthwise convolutions train much faster
_FUNCTIONS: Mapping[UnaryFunction, Callable[[Tensor], Tensor]] = {
    UnaryFunction.SIGMOID: torch.sigmoid,
    UnaryFunction.TANH: torch.tanh,
}


class ConvolutionUnit(nn.Module):
    """A convolution without bias and its batch normalisation, as one node of a graph."""

    def __init__(self, op: Conv2d, channels: int) -> None:
        super().__init__()
        self.op = op
        pads = op.pads
        even = (pads.top, pads.left) == (pads.bottom, pads.right)
        self._outer = Pads() if even else pads
        self.conv = nn.Conv2d(
            channels,
            op.out_channels,
            (op.kernel_h, op.kernel_w),
            (op.stride_h, op.stride_w),
            (pads.top, pads.left) if even else 0,
            groups=op.groups,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(op.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) to (n, out_channels, out_h, out_w), float32."""
        normed = self.norm(self.conv(_padded(x, self._outer)))
        return _ACTIVATIONS[self.op.activation](normed)

    def folded(self) -> FloatWeights:
        """Kernel (out, h, w, in) and bias (out,) with the running statistics folded in."""
        norm = self.norm
        if norm.running_mean is None or norm.running_var is None:
            raise AssertionError("batch normalisation keeps running statistics here")
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        kernel = self.conv.weight * factor.reshape(-1, 1, 1, 1)
        bias = norm.bias - norm.running_mean * factor
        return FloatWeights(_array(kernel.permute(0, 2, 3, 1)), _array(bias))


class GraphModule(nn.Module):
    """Runs a graph's nodes in order; its parameters are those of the graph's convolutions.

    Raises:
        UnsupportedOperatorError: a node that is trained nowhere in hwprof, or several inputs or
            outputs.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        _check(graph)
        self.graph = graph
        self.units = nn.ModuleDict()
        for node in graph.nodes:
            if isinstance(node.op, Conv2d):
                channels = graph.input_shapes(node)[0][2]
                self.units[_key(node.name)] = ConvolutionUnit(node.op, channels)
        self.to(memory_format=_LAYOUT)  # type: ignore[call-overload]  # not in its annotations

    def unit(self, node: str) -> ConvolutionUnit:
        """The convolution of a node.

        Raises:
            KeyError: the node is no convolution.
        """
        return cast("ConvolutionUnit", self.units[_key(node)])

    def named_units(self) -> Iterator[tuple[str, ConvolutionUnit]]:
        """Convolutions by node name, in execution order."""
        for node in self.graph.nodes:
            if isinstance(node.op, Conv2d):
                yield node.name, self.unit(node.name)

    def forward(self, x: Tensor) -> Tensor:
        """The graph's output (n, c, h, w) of a batch of its input (n, c, h, w)."""
        return self.tensors(x)[self.graph.outputs[0]]

    def tensors(self, x: Tensor) -> dict[str, Tensor]:
        """The graph's input and every node's output, (n, c, h, w) each, by name."""
        (name,) = self.graph.inputs
        tensors = {name: x.contiguous(memory_format=_LAYOUT)}
        for node in self.graph.nodes:
            tensors[node.name] = self._run(node, [tensors[i] for i in node.inputs])
        return tensors

    def _run(self, node: Node, inputs: list[Tensor]) -> Tensor:
        if isinstance(node.op, Conv2d):
            result: Tensor = self.unit(node.name)(inputs[0])
            return result
        return _compute(node.op, inputs)

    @torch.no_grad()
    def folded(self) -> Graph:
        """The graph with trained float weights, batch normalisation folded."""
        return replace(self.graph, weights={n: unit.folded() for n, unit in self.named_units()})


def _check(graph: Graph) -> None:
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UnsupportedOperatorError(
            f"training knows networks of one input and one output; {graph.name!r} has "
            f"{len(graph.inputs)} and {len(graph.outputs)}; train the model elsewhere."
        )
    unknown = [f"{node.name!r}, a {node.op.kind}" for node in graph.nodes if not _is_known(node.op)]
    if unknown:
        raise UnsupportedOperatorError(
            f"training knows convolutions, pools and joins; not {'; '.join(unknown[:10])}; train "
            "the model elsewhere and predict its ONNX file."
        )


def _is_known(op: Op) -> bool:
    if isinstance(op, Unary):
        return op.function in _FUNCTIONS
    return isinstance(op, Conv2d) or _compute.dispatch(type(op)) is not _compute.dispatch(Op)


def _key(node: str) -> str:
    """A node's name as PyTorch takes it: a dot would divide a module's name."""
    return node.replace("%", "%25").replace(".", "%2E")


def _array(tensor: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), np.float32)


def _padded(x: Tensor, pads: Pads, value: float = 0.0) -> Tensor:
    """Pads that differ on two sides, which PyTorch's layers cannot say."""
    if pads == Pads():
        return x
    return functional.pad(x, (pads.left, pads.right, pads.top, pads.bottom), value=value)


@singledispatch
def _compute(op: Op, inputs: list[Tensor]) -> Tensor:
    """What a node without weights computes from tensors (n, c, h, w)."""
    raise NotImplementedError(op.kind)


@_compute.register
def _max_pool(op: MaxPool, inputs: list[Tensor]) -> Tensor:
    padded = _padded(inputs[0], op.pads, -torch.inf)
    return functional.max_pool2d(padded, (op.kernel_h, op.kernel_w), (op.stride_h, op.stride_w))


@_compute.register
def _average_pool(op: AveragePool, inputs: list[Tensor]) -> Tensor:
    extent, stride = (op.kernel_h, op.kernel_w), (op.stride_h, op.stride_w)
    means = functional.avg_pool2d(_padded(inputs[0], op.pads), extent, stride)
    if op.count_include_pad or op.pads == Pads():
        return means
    inside = functional.avg_pool2d(
        _padded(torch.ones_like(inputs[0][:1, :1]), op.pads), extent, stride
    )
    return means / inside


@_compute.register
def _resize_nearest(op: ResizeNearest, inputs: list[Tensor]) -> Tensor:
    return functional.interpolate(inputs[0], (op.out_h, op.out_w), mode="nearest")


@_compute.register
def _concat(op: Concat, inputs: list[Tensor]) -> Tensor:
    return torch.cat(inputs, dim=_AXES[op.axis])


@_compute.register
def _slice(op: Slice, inputs: list[Tensor]) -> Tensor:
    box = zip(op.start, op.size, op.step, strict=True)
    rows, columns, channels = (slice(at, at + (n - 1) * by + 1, by) for at, n, by in box)
    return inputs[0][:, channels, rows, columns]


@_compute.register
def _add(op: Add, inputs: list[Tensor]) -> Tensor:
    return _ACTIVATIONS[op.activation](inputs[0] + inputs[1])


@_compute.register
def _unary(op: Unary, inputs: list[Tensor]) -> Tensor:
    return _FUNCTIONS[op.function](inputs[0])


@_compute.register
def _softmax(op: Softmax, inputs: list[Tensor]) -> Tensor:
    del op
    return torch.softmax(inputs[0], dim=1)


_AXES = (2, 3, 1)  # of (n, c, h, w) for the axes of (h, w, c)
