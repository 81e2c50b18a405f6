"""Int8 parameters of graphs with weights: as a QDQ model states them, or from calibrated ranges.

From ranges, activations are quantised per tensor and weights as the scheme says (``schemes``),
per tensor or per output channel:

    scale, zero point   the steps cover the range of all tensors that share them, zero included
    bias                round(b / (input scale * weight scale)) as int32; with powers of two as
                        int8, and a shift to that scale

Tensors joined by operators that keep scales (``quantised.ScaleGroups``) share one range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.functions import FUNCTIONS
from hwprof.graph import (
    Activation,
    FloatWeights,
    Graph,
    Node,
    QuantisedWeights,
    QuantParams,
    Softmax,
    Unary,
)
from hwprof.profiler.calibration import Calibration
from hwprof.profiler.fixed_point import INT8_MAX, INT8_MIN, LARGEST_SHIFT
from hwprof.profiler.lowering.quantised import (
    SOFTMAX_PARAMS,
    QuantisedGraph,
    ScaleGroups,
    SchemeWeights,
)
from hwprof.profiler.lowering.schemes import STEPS, Int32, Scheme, Symmetry

Range = tuple[float, float]

_NOTHING: Mapping[str, QuantParams] = MappingProxyType({})

_SMALLEST_RANGE = 1e-9  # of a tensor that is zero everywhere
_LEAST_FACTOR = 2.0**-LARGEST_SHIFT  # from accumulator to output by a shift
_LARGEST_BIAS = 1 << 30  # steps; leaves the other half of int32 to the sum
# ReLU6's bound must lie a step below the rail, or the two could not be told apart when saturated
# outputs are counted.
_RELU6_HIGH = 6.0 * STEPS / (STEPS - 1)


@dataclass(frozen=True, slots=True)
class _Scales:
    """Of a weighted node's input and output."""

    input: float
    output: float

    @classmethod
    def of(cls, node: Node, params: Mapping[str, QuantParams]) -> Self:
        return cls(params[node.inputs[0]].scale, params[node.name].scale)


def stated_parameters(graph: Graph, scheme: Scheme) -> QuantisedGraph:
    """Parameters of a QDQ model, whose arithmetic is the default scheme's.

    Raises:
        ModelError: tensors or weights without parameters, or with impossible ones.
    """
    weights: dict[str, QuantisedWeights] = {}
    faults = [f"tensor {name!r}" for name in graph.shapes if not _is_legal(graph, name)]
    for node in graph.weighted_nodes:
        stored = graph.weights.get(node.name)
        if isinstance(stored, QuantisedWeights):
            weights[node.name] = stored
        else:
            faults.append(f"weights of node {node.name!r}")
    if faults:
        raise ModelError(
            f"a quantised model states a positive scale and an int8 zero point for every tensor "
            f"and int8 weights for every weighted node; {', '.join(faults[:5])} "
            f"({len(faults)} in all) lack them; quantise the whole model, or none of it."
        )
    return QuantisedGraph(graph, graph.quantisation, weights, scheme)


def _is_legal(graph: Graph, tensor: str) -> bool:
    params = graph.quantisation.get(tensor)
    return (
        params is not None
        and math.isfinite(params.scale)
        and params.scale > 0
        and INT8_MIN <= params.zero_point <= INT8_MAX
    )


def ranged_parameters(
    graph: Graph,
    calibration: Calibration,
    scheme: Scheme,
    given: Mapping[str, QuantParams] = _NOTHING,
) -> QuantisedGraph:
    """Parameters of a float model from the ranges of its tensors.

    Args:
        given: parameters of tensors, and of all that share their scale, whatever their ranges.

    Raises:
        ModelError: a tensor without a range, int8 weights without scales for the activations,
            or weights that are not finite.
    """
    missing = [name for name in graph.shapes if name not in calibration.ranges]
    if missing:
        raise ModelError(
            f"calibration must cover every tensor; {missing[0]!r} has no range; calibrate this "
            "very graph."
        )
    params = _activation_params(graph, calibration.ranges, scheme, given)
    weights = {
        node.name: _quantised_weights(_float_weights(graph, node), _Scales.of(node, params), scheme)
        for node in graph.weighted_nodes
    }
    return QuantisedGraph(graph, params, weights, scheme)


def _activation_params(
    graph: Graph,
    ranges: Mapping[str, Range],
    scheme: Scheme,
    given: Mapping[str, QuantParams],
) -> dict[str, QuantParams]:
    nodes = {node.name: node for node in graph.nodes}
    groups = ScaleGroups(graph)
    params: dict[str, QuantParams] = {}
    for members in groups.members().values():
        chosen = [given[name] for name in members if name in given]
        spans = [_span(nodes.get(name), ranges[name]) for name in members]
        low = min(0.0, *(span[0] for span in spans))
        high = max(0.0, *(span[1] for span in spans))
        params |= dict.fromkeys(members, chosen[0] if chosen else _covering(low, high, scheme))
    fixed = [name for name, node in nodes.items() if isinstance(node.op, Softmax)]
    return params | dict.fromkeys(fixed, SOFTMAX_PARAMS)


def _span(node: Node | None, seen: Range) -> Range:
    """The range a tensor may use: a bounded function's whole range, else what was seen."""
    if node is None:
        return seen
    if isinstance(node.op, Unary):
        return FUNCTIONS[node.op.function].bounds or seen
    if getattr(node.op, "activation", Activation.NONE) is Activation.RELU6 and seen[1] >= 6.0:
        return (0.0, _RELU6_HIGH)
    return seen


def _covering(low: float, high: float, scheme: Scheme) -> QuantParams:
    """The parameters whose steps cover [low, high], which contains zero.

    Scales are float32, as every file format stores them, so that a written network is this one.
    """
    scales, zero_points = scheme.cover(
        np.array(low), np.array(max(high, _SMALLEST_RANGE)), scheme.activations
    )
    return QuantParams(float(np.float32(scales)), int(zero_points))


def _float_weights(graph: Graph, node: Node) -> FloatWeights:
    stored = graph.weights.get(node.name)
    if isinstance(stored, QuantisedWeights):
        raise ModelError(
            f"node {node.name!r} has int8 weights, but the model states no scales for its "
            "activations; quantise the whole model, or none of it."
        )
    weights = stored or _seeded_floats(graph, node)
    if not (np.isfinite(weights.kernel).all() and np.isfinite(weights.bias).all()):
        raise ModelError(f"weights must be finite; node {node.name!r} has some that are not.")
    return weights


def _seeded_floats(graph: Graph, node: Node) -> FloatWeights:
    """What the graph's ONNX file, on which it was calibrated, has for a node without weights."""
    from hwprof.onnx_io.seeded import moments, seeded_weights

    return seeded_weights(graph, node, moments(graph)[node.inputs[0]])


def _quantised_weights(weights: FloatWeights, around: _Scales, scheme: Scheme) -> SchemeWeights:
    kernel = weights.kernel.astype(np.float64)
    bias = weights.bias.astype(np.float64)
    rows = kernel.reshape(len(kernel) if scheme.per_channel else 1, -1)
    biases = np.abs(bias).reshape(len(rows), -1).max(axis=1)
    low, high = np.minimum(rows.min(axis=1), 0.0), np.maximum(rows.max(axis=1), 0.0)
    # A row of tiny weights and a large bias would need more bias bits than int32 has.
    least = biases / (around.input * _LARGEST_BIAS) * STEPS
    if scheme.power_of_two:  # a dead row: no shift is long enough for weights of almost nothing
        least = np.maximum(least, around.output / around.input * _LEAST_FACTOR * STEPS)
    high = np.where(high - low > least, high, low + least)
    empty = high == low
    scales, zero_points = scheme.cover(low, np.where(empty, 1.0, high), scheme.weights)
    stored = scales.astype(np.float32)
    scales = stored.astype(np.float64)
    steps = np.rint(rows / scales[:, None]) + zero_points[:, None]
    whole = (scheme.weights is Symmetry.ASYMMETRIC) | (zero_points != 0)
    lowest = np.where(whole, INT8_MIN, -INT8_MAX)
    words, bias_shifts = _bias(bias, around.input * scales, scheme)
    return SchemeWeights(
        kernel=np.clip(steps, lowest[:, None], INT8_MAX).astype(np.int8).reshape(kernel.shape),
        scales=stored,
        bias=words,
        zero_points=zero_points,
        bias_shifts=bias_shifts,
    )


def _bias(
    bias: npt.NDArray[np.float64], scales: npt.NDArray[np.float64], scheme: Scheme
) -> tuple[Int32, Int32]:
    """Biases in steps, and how far each, or all, are shifted left to meet accumulators of scales.

    With shifts a bias has 8 bits and the least power of two as its scale that holds it; else it
    has 32 and the accumulator's scale.
    """
    shifts = np.zeros(scales.size, np.int32)
    limit = _LARGEST_BIAS
    if scheme.power_of_two:
        largest = np.abs(bias).reshape(scales.size, -1).max(axis=1) / (INT8_MAX * scales)
        shifts = np.ceil(np.log2(np.maximum(largest, 1.0))).astype(np.int32)
        limit = INT8_MAX
    words = np.rint(bias / np.broadcast_to(np.ldexp(scales, shifts), bias.shape))
    return np.clip(words, -limit, limit).astype(np.int32), shifts
