"""Int8 parameters of a graph without weights, from shapes alone: no data, no run.

A sampled block carries no trained weights, so its weights are pool bytes and its scales are ours
to choose. They are chosen so that every requantised output spreads over the int8 range the way a
trained network's does: a deviation of TARGET_LSB after the activation, less where the tensor's
zero point leaves no room for three deviations beyond the mean.

For a convolution the free number is the factor from accumulator to output. With A the
accumulator's root variance (``moments``), the activation's effect is evaluated at unit variance,
r = activation(a / A), and

    f = min(TARGET_LSB / dev(r), (127 - zero_point) / (mean(r) + 3 dev(r)),
            (zero_point + 128) / (3 dev(r) - mean(r)) where the tensor can be negative)
    factor = f / A

Without activation r is normal, f = TARGET_LSB and the rails lie at 3.1 to 3.3 deviations. After
ReLU dev(r) = sqrt(1/2 - 1/(2 pi)) = 0.58, f = 68.5 and the upper rail lies at 3.7 deviations of
the sum. For add, mul and a standalone ReLU the free number is the output's scale, by the same
rule. The real scale of a convolution's output is free as well (weights have no scale of their
own) and is 1 / TARGET_LSB: one deviation is one real unit. Where tensors that share a scale include
a sigmoid, tanh or softmax, the scale is what holds that function's whole range.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from hwprof.errors import ModelError
from hwprof.functions import FUNCTIONS, values_of
from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FullyConnected,
    Graph,
    MaxPool,
    Mean,
    Mul,
    Node,
    Op,
    Pad,
    QuantParams,
    Requantise,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Transpose,
    Unary,
)
from hwprof.profiler.fixed_point import INT8_MAX, INT8_MIN
from hwprof.profiler.lowering import moments
from hwprof.profiler.lowering.moments import Float64, Moments
from hwprof.profiler.lowering.quantised import (
    SAME_SCALE,
    SOFTMAX_PARAMS,
    QuantisedGraph,
    ScaleGroups,
    SeededWeights,
)
from hwprof.profiler.lowering.schemes import Scheme, Symmetry

TARGET_LSB = 40.0
_ROOM = 3.0  # deviations that fit between mean and rail
# Any small number but zero will do: kernels that forget an offset must fail on every tensor.
_SIGNED_ZERO_POINT = 4
_WEIGHT_ZERO_POINT = -1  # turns the mean of a pool byte, -1/2, into 1/2
_UNIT_RANGE = (0.0, 1.0)  # of softmax
_REACH = 8.0  # real numbers that a function is asked about for its sign


def analytic_parameters(graph: Graph, scheme: Scheme) -> QuantisedGraph:
    """Parameters for a graph whose weights and inputs are all pool slices."""
    return _Analysis(graph, scheme).run()


class _Analysis:
    """Walks the graph once, in execution order, fixing each scale group at its first tensor."""

    def __init__(self, graph: Graph, scheme: Scheme) -> None:
        self.graph = graph
        self.scheme = scheme
        self.groups = ScaleGroups(graph)
        self.zero_points = _zero_points(graph, self.groups, scheme)
        self.group_params = _bounded_groups(graph, self.groups, self.zero_points, scheme)
        self.params: dict[str, QuantParams] = {}
        self.moments: dict[str, Moments] = {}
        self.weights: dict[str, SeededWeights] = {}

    def run(self) -> QuantisedGraph:
        """The finished parameters."""
        for name in self.graph.inputs:
            self.moments[name] = moments.uniform_bytes(self.settle(name, 1 / TARGET_LSB).zero_point)
        for node in self.graph.nodes:
            self.moments[node.name] = _rule(node)(self, node, node.op)
        return QuantisedGraph(self.graph, self.params, self.weights, self.scheme)

    def settle(self, tensor: str, scale: float) -> QuantParams:
        """Parameters of a tensor: its group's, which take ``scale`` if nothing fixed them yet."""
        group = self.groups[tensor]
        fresh = QuantParams(self.scheme.rounded(scale), self.zero_points[group])
        self.params[tensor] = self.group_params.setdefault(group, fresh)
        return self.params[tensor]

    def inherit(self, node: Node) -> None:
        """Parameters of a same-scale operator's output."""
        self.settle(node.name, self.params[node.inputs[0]].scale)

    def inputs(self, node: Node) -> list[Moments]:
        """Moments of a node's inputs, in their own steps."""
        return [self.moments[name] for name in node.inputs]

    def real_inputs(self, node: Node) -> list[Moments]:
        """Moments of a node's inputs in real numbers."""
        return [self.moments[name].scaled(self.params[name].scale) for name in node.inputs]

    def fit(self, tensor: str, real: Moments) -> Moments:
        """Choose the output scale for real-valued moments; return them in steps."""
        room = _gain(real, self.zero_points[self.groups[tensor]])
        scale = self.settle(tensor, 1 / room).scale
        return real.scaled(1 / scale)


def _gain(unit: Moments, zero_point: int) -> float:
    """Steps per unit that bring a tensor to the target deviation inside its rails."""
    deviation = max(unit.deviation, 1e-9)
    limits = [
        TARGET_LSB / deviation,
        _room_over(INT8_MAX - zero_point, unit.mean + _ROOM * deviation),
    ]
    if zero_point > INT8_MIN:
        limits.append(_room_over(zero_point - INT8_MIN, _ROOM * deviation - unit.mean))
    return min(limits)


def _room_over(steps: int, extent: float) -> float:
    return steps / extent if extent > 0 else math.inf


def _clamp(activation: Activation) -> Callable[[Float64], Float64]:
    # ReLU6's upper bound lies beyond 3.5 deviations at our scale of 1 / TARGET_LSB.
    return _identity if activation is Activation.NONE else _rectify


def _identity(values: Float64) -> Float64:
    return values


def _rectify(values: Float64) -> Float64:
    return np.maximum(values, 0.0)


def _weighted(analysis: _Analysis, node: Node, op: Conv2d | FullyConnected) -> Moments:
    (source,) = analysis.inputs(node)
    count = moments.weights_met(op, analysis.graph.shapes[node.inputs[0]])
    left_shift = moments.bias_shift(source, count)
    zero_point = _WEIGHT_ZERO_POINT if analysis.scheme.weights is Symmetry.ASYMMETRIC else 0
    sums = moments.accumulated(source, count, left_shift, zero_point)
    if isinstance(op, FullyConnected):
        sums = Moments(sums.mean, sums.square, sums.square)  # one pixel: all variance is between
    deviation = max(sums.deviation, 1.0)
    output = analysis.settle(node.name, 1 / TARGET_LSB)
    unit = sums.scaled(1 / deviation).through(_clamp(op.activation))
    # A factor is a ratio of scales, so it is rounded down where scales are rounded up.
    factor = 1 / analysis.scheme.rounded(deviation / _gain(unit, output.zero_point))
    analysis.weights[node.name] = SeededWeights(factor, left_shift, zero_point)
    return unit.scaled(factor * deviation)


def _add(analysis: _Analysis, node: Node, op: Add) -> Moments:
    first, second = analysis.real_inputs(node)
    return analysis.fit(node.name, first.plus(second).through(_clamp(op.activation)))


def _sub(analysis: _Analysis, node: Node, op: Sub) -> Moments:
    first, second = analysis.real_inputs(node)
    difference = first.plus(second.scaled(-1)).through(_clamp(op.activation))
    return analysis.fit(node.name, difference)


def _mul(analysis: _Analysis, node: Node, op: Mul) -> Moments:
    first, second = analysis.real_inputs(node)
    return analysis.fit(node.name, first.times(second).through(_clamp(op.activation)))


def _unary(analysis: _Analysis, node: Node, op: Unary) -> Moments:
    real = analysis.real_inputs(node)[0].through(partial(values_of, op))
    return analysis.fit(node.name, real)


def _softmax(analysis: _Analysis, node: Node, op: Op) -> Moments:
    del op
    analysis.params[node.name] = SOFTMAX_PARAMS
    mean = 1 / SOFTMAX_PARAMS.scale / analysis.graph.shapes[node.name][2]
    return Moments(mean, mean**2, mean**2)


def _requantise(analysis: _Analysis, node: Node, op: Op) -> Moments:
    del op
    (real,) = analysis.real_inputs(node)
    return analysis.fit(node.name, real)


def _average_pool(analysis: _Analysis, node: Node, op: AveragePool) -> Moments:
    analysis.inherit(node)
    return analysis.inputs(node)[0].averaged(op.kernel_h * op.kernel_w)


def _mean(analysis: _Analysis, node: Node, op: Mean) -> Moments:
    del op
    height, width, _ = analysis.graph.shapes[node.inputs[0]]
    (real,) = analysis.real_inputs(node)
    return analysis.fit(node.name, real.averaged(height * width))


def _max_pool(analysis: _Analysis, node: Node, op: MaxPool) -> Moments:
    analysis.inherit(node)
    return analysis.inputs(node)[0].largest(op.kernel_h * op.kernel_w)


def _concat(analysis: _Analysis, node: Node, op: Op) -> Moments:
    del op
    analysis.inherit(node)
    scale = analysis.params[node.name].scale
    sizes = [float(math.prod(shape)) for shape in analysis.graph.input_shapes(node)]
    parts = [real.scaled(1 / scale) for real in analysis.real_inputs(node)]
    return moments.mixture(list(zip(sizes, parts, strict=True)))


def _pad(analysis: _Analysis, node: Node, op: Op) -> Moments:
    del op
    analysis.inherit(node)
    shapes = analysis.graph.shapes
    share = math.prod(shapes[node.inputs[0]]) / math.prod(shapes[node.name])
    return analysis.inputs(node)[0].diluted(share)


def _move(analysis: _Analysis, node: Node, op: Op) -> Moments:
    del op
    analysis.inherit(node)
    scale = analysis.params[node.name].scale
    return analysis.real_inputs(node)[0].scaled(1 / scale)


_RULES: dict[type[Op], Callable[[_Analysis, Node, Any], Moments]] = {
    Conv2d: _weighted,
    FullyConnected: _weighted,
    AveragePool: _average_pool,
    MaxPool: _max_pool,
    Mean: _mean,
    Add: _add,
    Sub: _sub,
    Mul: _mul,
    Concat: _concat,
    Slice: _move,
    Transpose: _move,
    ResizeNearest: _move,
    Reshape: _move,
    Pad: _pad,
    Unary: _unary,
    Softmax: _softmax,
    Requantise: _requantise,
}


def _rule(node: Node) -> Callable[[_Analysis, Node, Any], Moments]:
    rule = _RULES.get(type(node.op))
    if rule is None:
        raise ModelError(
            f"node {node.name!r} is a {node.op.kind!r}, which has int8 arithmetic only; it runs in "
            "the quantised model that it comes from, not by itself with seeded weights."
        )
    return rule


def _bounded_groups(
    graph: Graph, groups: ScaleGroups, zero_points: dict[str, int], scheme: Scheme
) -> dict[str, QuantParams]:
    """Parameters of the groups that must hold all of a bounded function's range."""
    softmax = {node.name for node in graph.nodes if isinstance(node.op, Softmax)}
    scales: dict[str, float] = {}
    for node in graph.nodes:
        for low, high in _bounds(node, softmax):
            group = groups[node.name]
            zero_point = zero_points[group]
            # At the lowest zero point nothing in the group is negative, tanh's output included.
            below = 0.0 if zero_point == INT8_MIN else -low
            gain = min(
                _room_over(INT8_MAX - zero_point, high), _room_over(zero_point - INT8_MIN, below)
            )
            scales[group] = max(scales.get(group, 0.0), scheme.rounded(1 / gain))
    return {group: QuantParams(scale, zero_points[group]) for group, scale in scales.items()}


def _bounds(node: Node, softmax: set[str]) -> list[tuple[float, float]]:
    """Ranges that a node's output must hold: its function's, and those of softmax it moves."""
    if isinstance(node.op, Unary):
        bounds = FUNCTIONS[node.op.function].bounds
        return [bounds] if bounds else []
    if type(node.op) not in SAME_SCALE:
        return []
    return [_UNIT_RANGE for name in node.inputs if name in softmax]


def _zero_points(graph: Graph, groups: ScaleGroups, scheme: Scheme) -> dict[str, int]:
    """Zero point of each group: the lowest value where nothing in it can be negative."""
    if scheme.activations is Symmetry.SYMMETRIC:
        return dict.fromkeys(groups.members(), 0)
    of_signed = _SIGNED_ZERO_POINT if scheme.activations is Symmetry.ASYMMETRIC else 0
    signed = _signed_tensors(graph)
    return {
        group: of_signed if signed.intersection(members) else INT8_MIN
        for group, members in groups.members().items()
    }


def _signed_tensors(graph: Graph) -> set[str]:
    """Tensors that can be negative; graph inputs count as images or rectified features."""
    signed: set[str] = set()
    for node in graph.nodes:
        rule: Callable[..., bool] = _SIGNED.get(type(node.op), _as_input)
        if rule(node.op, signed=bool(signed.intersection(node.inputs))):
            signed.add(node.name)
    return signed


def _as_input(op: Op, *, signed: bool) -> bool:
    del op
    return signed


def _unless_rectified(op: Conv2d | FullyConnected | Sub, *, signed: bool) -> bool:
    del signed
    return op.activation is Activation.NONE


def _if_sum_is(op: Add | Mul, *, signed: bool) -> bool:
    return signed and op.activation is Activation.NONE


def _if_function_is(op: Unary, *, signed: bool) -> bool:
    reach = np.linspace(-_REACH if signed else 0.0, _REACH, 65)
    return bool((values_of(op, reach) < 0).any())


def _never(op: Op, *, signed: bool) -> bool:
    del op, signed
    return False


_SIGNED: dict[type[Op], Callable[..., bool]] = {
    Conv2d: _unless_rectified,
    FullyConnected: _unless_rectified,
    Add: _if_sum_is,
    Sub: _unless_rectified,
    Mul: _if_sum_is,
    Unary: _if_function_is,
    Softmax: _never,
}
