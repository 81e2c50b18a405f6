"""Float weights of seeded nodes: slices of the pool, scaled to keep activations near variance 1.

Notation: the moment of a tensor is the mean of its squared elements, a dimensionless number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import prod, sqrt
from typing import Any

import numpy as np

from hwprof.functions import values_of
from hwprof.graph import (
    Activation,
    Add,
    Concat,
    Conv2d,
    FloatWeights,
    FullyConnected,
    Graph,
    Int8,
    Mul,
    Node,
    Op,
    Softmax,
    Sub,
    Unary,
    UnaryFunction,
)
from hwprof.pool import POOL_BYTES, pool_slice, slice_offset

# Standard deviation of the pool's bytes, uniform on -127..127 (FORMATS.md, "Seeded tensors").
POOL_DEVIATION_LSB = sqrt(127 * 128 / 3)


def seeded_weights(graph: Graph, node: Node, input_moment: float) -> FloatWeights:
    """What the int8 weights of a node without an entry in ``graph.weights`` mean as floats.

    The scale makes the variance before the activation 1; the bias is 0.

    Raises:
        ModelDoesNotFitError: the tensor is larger than the pool.
    """
    shape = node.op.weight_shape(graph.input_shapes(node))
    scale = np.float32(1 / (POOL_DEVIATION_LSB * sqrt(prod(shape[1:]) * input_moment)))
    kernel = seeded_kernel(graph, node).astype(np.float32) * scale
    return FloatWeights(kernel, np.zeros(shape[0], np.float32))


def seeded_kernel(graph: Graph, node: Node) -> Int8:
    """The slice as (out, h, w, in) or (out, in); a depthwise kernel is stored (h, w, out)."""
    inputs = graph.input_shapes(node)
    shape = node.op.weight_shape(inputs)
    size_bytes = prod(shape)
    offset_bytes = slice_offset(graph.seed, f"{node.name}/weights", size_bytes)
    values = pool_slice(offset_bytes, size_bytes)
    if isinstance(node.op, Conv2d) and node.op.is_depthwise(inputs):
        return np.moveaxis(values.reshape(*shape[1:3], shape[0]), -1, 0)[..., np.newaxis]
    return values.reshape(shape)


def is_seeded(graph: Graph, node: Node, weights: FloatWeights) -> bool:
    """Whether weights read from a file are the seeded ones under any scale.

    Such a node stays seeded, so that a block read from its file lowers to the program of the
    block itself.
    """
    if weights.kernel.size > POOL_BYTES or weights.bias.any():
        return False
    values = seeded_kernel(graph, node).astype(np.float32)
    scale = np.abs(weights.kernel).max() / np.abs(values).max()
    # Scaling rounded each weight to float32 once: two units in the last place at most.
    return scale > 0 and np.allclose(weights.kernel, values * scale, rtol=2.5e-7, atol=0)


def moments(graph: Graph) -> dict[str, float]:
    """Estimated moment of every tensor for inputs of moment 1 and independent elements."""
    found = dict.fromkeys(graph.inputs, 1.0)
    for node in graph.nodes:
        inputs = [found[name] for name in node.inputs]
        estimate = _ESTIMATES.get(type(node.op), _first)
        found[node.name] = estimate(node.op, inputs, [prod(s) for s in graph.input_shapes(node)])
    return found


_RECTIFIED = {Activation.NONE: 1.0, Activation.RELU: 0.5, Activation.RELU6: 0.5}
_FUNCTIONS = {
    UnaryFunction.RELU: 0.5,
    UnaryFunction.RELU6: 0.5,
    UnaryFunction.SIGMOID: 0.3,  # E[sigmoid(x)^2] for a standard normal x
    UnaryFunction.TANH: 0.4,  # E[tanh(x)^2] likewise
}


def _first(op: Op, inputs: Sequence[float], sizes: Sequence[int]) -> float:
    del op, sizes
    return inputs[0]


def _weighted(op: Conv2d | FullyConnected, inputs: Sequence[float], sizes: Sequence[int]) -> float:
    del inputs, sizes
    return _RECTIFIED[op.activation]


def _add(op: Add | Sub, inputs: Sequence[float], sizes: Sequence[int]) -> float:
    del sizes
    return sum(inputs) * _RECTIFIED[op.activation]


def _mul(op: Mul, inputs: Sequence[float], sizes: Sequence[int]) -> float:
    del sizes
    return prod(inputs) * _RECTIFIED[op.activation]


def _concat(op: Concat, inputs: Sequence[float], sizes: Sequence[int]) -> float:
    del op
    return sum(m * n for m, n in zip(inputs, sizes, strict=True)) / sum(sizes)


def _unary(op: Unary, inputs: Sequence[float], sizes: Sequence[int]) -> float:
    del sizes
    rectifies = op.function in (UnaryFunction.RELU, UnaryFunction.RELU6)
    moment = _FUNCTIONS.get(op.function) or _moment_of(op)
    return moment * (inputs[0] if rectifies else 1.0)


@cache
def _moment_of(op: Unary) -> float:
    """E[f(x)^2] for a standard normal x, never so small that weights behind it explode."""
    nodes, shares = np.polynomial.hermite_e.hermegauss(48)
    return max(float((values_of(op, nodes) ** 2) @ (shares / shares.sum())), 1e-3)


def _softmax(op: Softmax, inputs: Sequence[float], sizes: Sequence[int]) -> float:
    del op, inputs, sizes
    return 0.1  # a weighted node after softmax is rare; the exact share depends on the channels


_ESTIMATES: Mapping[type[Op], Callable[[Any, Sequence[float], Sequence[int]], float]] = {
    Conv2d: _weighted,
    FullyConnected: _weighted,
    Add: _add,
    Sub: _add,
    Mul: _mul,
    Concat: _concat,
    Unary: _unary,
    Softmax: _softmax,
}
