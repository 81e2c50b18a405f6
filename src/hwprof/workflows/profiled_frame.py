"""Profiles a detector and puts its latency into a frame, as ``hwprof frame`` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwprof.errors import BoardError, ModelError
from hwprof.graph import QuantParams
from hwprof.workflows.camera import Camera
from hwprof.workflows.frame_budget import (
    GRID_STEP,
    MAP_RANGE,
    FrameBudget,
    FrameSetup,
    frame_around,
)

if TYPE_CHECKING:
    from hwprof.graph import Graph
    from hwprof.profiler.bench import Setup

_CHANNELS = 3
_LEAST_MAP_CHANNELS = 5  # objectness and the four of a box


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """What of a frame the network does not say; see ``FrameSetup``.

    Attributes:
        network_us: what somebody measured of the network; None to profile it.
    """

    camera: Camera
    boxes: int | None = None
    is_fused: bool = False
    network_us: float | None = None


def profiled_frame(model: str, setup: Setup, options: FrameOptions) -> FrameBudget:
    """Measure a model on a virtual board, unless somebody has, and everything around it there.

    Raises:
        ModelError: the model takes no picture, or answers with no output map of FastestDet's kind.
        ConfigurationError: the target is no virtual board; as ``frame_budget``.
        BoardError: the network or a part computed something else than the host.
    """
    from hwprof.models import resolve_model

    graph = resolve_model(model).graph
    (height, width), shape = _shapes(graph)
    frame_setup = FrameSetup(
        camera=options.camera,
        boxes=options.boxes,
        target=setup.target,
        placement=setup.placement,
        timing=setup.timing,
        is_fused=options.is_fused,
        pixels=_params(graph, next(iter(graph.inputs)), setup.scheme, (0.0, 1.0)),
        output=_params(graph, graph.outputs[0], setup.scheme, MAP_RANGE),
    )
    around = frame_around((height, width), setup=frame_setup, map_shape=shape)
    if options.network_us is not None:
        return around.with_network(options.network_us, "measured")
    return around.with_network(_profiled_us(model, graph, setup))


def _profiled_us(model: str, graph: Graph, setup: Setup) -> float:
    from hwprof.profiler.bench import Bench

    with Bench(setup) as bench:
        row = bench.measure(bench.lower(graph), block_type="network", block_key=model)
    if row.error:
        raise BoardError(f"a network counts only if it computes what the host does; {row.error}.")
    return row.latency_us


def _shapes(graph: Graph) -> tuple[tuple[int, int], tuple[int, int, int]]:
    """Height and width of the input, and the shape of the output map."""
    inputs, outputs = list(graph.inputs.values()), graph.outputs
    if len(inputs) != 1 or inputs[0][2] != _CHANNELS:
        raise ModelError(
            f"a frame begins with a picture of {_CHANNELS} channels; {graph.name!r} takes "
            f"{', '.join(map(str, inputs))}; name a detector such as person-detector."
        )
    shape = graph.shapes[outputs[0]]
    height, width = inputs[0][:2]
    grid = (-(-height // GRID_STEP), -(-width // GRID_STEP))
    if len(outputs) != 1 or shape[:2] != grid or shape[2] < _LEAST_MAP_CHANNELS:
        found = ", ".join(str(graph.shapes[name]) for name in outputs)
        raise ModelError(
            "a frame ends with FastestDet's output map, a cell for each 16 x 16 pixels and 5 + "
            f"classes channels; {graph.name!r} answers {found} for {inputs[0]}; name a detector "
            "such as person-detector."
        )
    return (height, width), shape


def _params(graph: Graph, tensor: str, scheme: str, limits: tuple[float, float]) -> QuantParams:
    """What a quantised model states, else what the scheme gives a tensor between two limits."""
    from hwprof.profiler.lowering.schemes import get_scheme

    if tensor in graph.quantisation:
        return graph.quantisation[tensor]
    rules = get_scheme(scheme)
    low, high = (np.array([limit]) for limit in limits)
    scales, zero_points = rules.cover(low, high, rules.activations)
    return QuantParams(float(scales[0]), int(zero_points[0]))
