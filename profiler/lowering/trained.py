"""Int8 parameters of graphs with weights: as a QDQ model states them, or from calibrated ranges.

From ranges, activations are quantised per tensor and weights per output channel:

    scale, zero point   the 256 steps cover the range of all tensors that share them, zero included
    weight scale        max |w| / 127 over the channel; zero point 0
    bias                round(b / (input scale * weight scale)) as int32

Tensors joined by operators that keep scales (``quantised.ScaleGroups``) share one range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

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
from hwprof.profiler.fixed_point import INT8_MAX, INT8_MIN
from hwprof.profiler.lowering.quantised import (
    SOFTMAX_PARAMS,
    QuantisedGraph,
    ScaleGroups,
    Scheme,
)

Range = tuple[float, float]

_STEPS = INT8_MAX - INT8_MIN
_SMALLEST_SCALE = 1e-9  # of a tensor that is zero everywhere
_LARGEST_BIAS = 1 << 30  # steps; leaves the other half of int32 to the sum
# ReLU6's bound must lie a step below the rail, or the two could not be told apart when saturated
# outputs are counted.
_RELU6_HIGH = 6.0 * _STEPS / (_STEPS - 1)


def stated_parameters(graph: Graph) -> QuantisedGraph:
    """Parameters of a QDQ model.

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
    return QuantisedGraph(graph, graph.quantisation, weights)


def _is_legal(graph: Graph, tensor: str) -> bool:
    params = graph.quantisation.get(tensor)
    return (
        params is not None
        and math.isfinite(params.scale)
        and params.scale > 0
        and INT8_MIN <= params.zero_point <= INT8_MAX
    )


def ranged_parameters(graph: Graph, calibration: Calibration, scheme: Scheme) -> QuantisedGraph:
    """Parameters of a float model from the ranges of its tensors.

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
    params = _activation_params(graph, calibration.ranges, scheme)
    weights = {
        node.name: _quantised_weights(_float_weights(graph, node), params[node.inputs[0]].scale)
        for node in graph.weighted_nodes
    }
    return QuantisedGraph(graph, params, weights)


def _activation_params(
    graph: Graph, ranges: Mapping[str, Range], scheme: Scheme
) -> dict[str, QuantParams]:
    nodes = {node.name: node for node in graph.nodes}
    groups = ScaleGroups(graph)
    params: dict[str, QuantParams] = {}
    for members in groups.members().values():
        spans = [_span(nodes.get(name), ranges[name]) for name in members]
        low = min(0.0, *(span[0] for span in spans))
        high = max(0.0, *(span[1] for span in spans))
        params |= dict.fromkeys(members, _covering(low, high, scheme))
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
    """The parameters whose steps cover [low, high], which contains zero."""
    if not scheme.asymmetric:
        return QuantParams(max(-low, high, _SMALLEST_SCALE) / INT8_MAX, 0)
    scale = max(high - low, _SMALLEST_SCALE) / _STEPS
    zero_point = round(INT8_MIN - low / scale)
    return QuantParams(scale, min(max(zero_point, INT8_MIN), INT8_MAX))


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


def _quantised_weights(weights: FloatWeights, input_scale: float) -> QuantisedWeights:
    kernel = weights.kernel.astype(np.float64)
    bias = weights.bias.astype(np.float64)
    largest = np.abs(kernel).reshape(len(kernel), -1).max(axis=1)
    # A channel of tiny weights and a large bias would need more bias bits than int32 has.
    scales = np.maximum(largest / INT8_MAX, np.abs(bias) / (input_scale * _LARGEST_BIAS))
    scales = np.where(scales > 0, scales, 1.0).astype(np.float32)
    per_channel = scales.astype(np.float64).reshape(-1, *[1] * (kernel.ndim - 1))
    steps = np.clip(np.rint(kernel / per_channel), -INT8_MAX, INT8_MAX)
    return QuantisedWeights(
        kernel=steps.astype(np.int8),
        scales=scales,
        bias=_bias_words(bias, input_scale * scales.astype(np.float64)),
    )


def _bias_words(
    bias: npt.NDArray[np.float64], scales: npt.NDArray[np.float64]
) -> npt.NDArray[np.int32]:
    words: npt.NDArray[np.int32] = np.rint(bias / scales).astype(np.int32)
    return words
