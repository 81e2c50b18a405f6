"""Weights, bias and requantisation factors of a node as constants of a program."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.graph import Node, QuantisedWeights
from hwprof.pool import pool_slice, slice_offset
from hwprof.profiler.fixed_point import INT32_MAX, LARGEST_SHIFT, quantise_multiplier
from hwprof.profiler.lowering.assembly import POOL_MEMORY, WORD_BYTES, Assembly
from hwprof.profiler.lowering.memory import align
from hwprof.profiler.lowering.quantised import SchemeWeights, SeededWeights
from hwprof.profiler.lowering.schemes import Int32, Scheme
from hwprof.profiler.program import NO_BUFFER, Buffer, Region

_LARGEST_STEP = 255  # of an int8 input plus its offset


class WeightOperands(TypedDict):
    """The constant operands of a weighted record, and what it does with them."""

    weights: Buffer
    weight_zero_point: Buffer
    bias: Buffer
    bias_shift: Buffer
    multiplier: Buffer
    shift: Buffer
    requantisation: int
    per_channel: int
    has_weight_zero_point: int


def weight_operands(assembly: Assembly, node: Node, *, depthwise: bool) -> WeightOperands:
    """Constants of a weighted node, in the layout of its record.

    Raises:
        ModelError: the accumulator of a channel could leave int32, or a factor has no fixed-point
            form.
        ModelDoesNotFitError: seeded weights larger than the pool.
    """
    weights = assembly.quantised.weights[node.name]
    return _SUPPLIES[type(weights)](assembly, node, weights, depthwise=depthwise)


def _seeded(
    assembly: Assembly,
    node: Node,
    weights: SeededWeights,
    *,
    depthwise: bool,
) -> WeightOperands:
    """A few words: the board knows the pool and makes equal words itself."""
    del depthwise  # a slice of random bytes means as much in any layout
    shape = node.op.weight_shape(assembly.graph.input_shapes(node))
    scheme, channels = assembly.quantised.scheme, shape[0]
    scales = channels if scheme.per_channel else 1
    buffers = {"weights": _seeded_buffer(assembly, f"{node.name}/weights", prod(shape))}
    if scheme.weight_zero_points:
        buffers["weight_zero_point"] = assembly.fill_bytes(
            f"{node.name}/weight_zero_point", count=scales, value=weights.zero_point
        )
    stage = _seeded_shifts if scheme.power_of_two else _seeded_multipliers
    return _operands(scheme, **buffers, **stage(assembly, node, weights, (channels, scales)))


def seeded_constants_bytes(scheme: Scheme, channels: int) -> int:
    """What the constants of a seeded node take, each on cache lines of its own."""
    scales = channels if scheme.per_channel else 1
    bias_bytes = channels if scheme.power_of_two else WORD_BYTES * channels
    stages = 2 * align(WORD_BYTES * scales)  # multiplier or shift of the bias, and shift
    zero_points = align(scales) if scheme.weight_zero_points else 0
    return align(bias_bytes) + stages + zero_points


def _seeded_shifts(
    assembly: Assembly, node: Node, weights: SeededWeights, counts: tuple[int, int]
) -> dict[str, Buffer]:
    """An int8 bias and shifts; counts are of channels and scales."""
    name, (channels, scales) = node.name, counts
    start = slice_offset(assembly.graph.seed, f"{name}/bias", channels)
    fill = partial(assembly.fill, count=scales)
    return {
        "bias": assembly.data(f"{name}/bias", pool_slice(start, channels).tobytes()),
        "bias_shift": fill(f"{name}/bias_shift", value=weights.bias_left_shift),
        "shift": fill(f"{name}/shift", value=_places(node, weights.factor)),
    }


def _seeded_multipliers(
    assembly: Assembly, node: Node, weights: SeededWeights, counts: tuple[int, int]
) -> dict[str, Buffer]:
    """An int32 bias and multipliers; counts are of channels and scales."""
    name, (channels, scales) = node.name, counts
    factor = quantise_multiplier(weights.factor)
    fill = partial(assembly.fill, count=scales)
    return {
        "bias": assembly.pool_words(
            f"{name}/bias", count=channels, left_shift=weights.bias_left_shift
        ),
        "multiplier": fill(f"{name}/multiplier", value=factor.multiplier),
        "shift": fill(f"{name}/shift", value=factor.shift),
    }


def _operands(
    scheme: Scheme,
    *,
    weights: Buffer,
    bias: Buffer,
    shift: Buffer,
    multiplier: Buffer = NO_BUFFER,
    bias_shift: Buffer = NO_BUFFER,
    weight_zero_point: Buffer = NO_BUFFER,
) -> WeightOperands:
    return WeightOperands(
        weights=weights,
        weight_zero_point=weight_zero_point,
        bias=bias,
        bias_shift=bias_shift,
        multiplier=multiplier,
        shift=shift,
        requantisation=scheme.requantisation,
        per_channel=int(scheme.per_channel),
        has_weight_zero_point=int(weight_zero_point is not NO_BUFFER),
    )


def _places(node: Node, factor: float) -> int:
    """Places of the right shift that a power of two is."""
    places = -round(math.log2(factor))
    if not 0 <= places <= LARGEST_SHIFT:
        raise ModelError(
            f"outputs are requantised by a right shift of 0 to {LARGEST_SHIFT} places; node "
            f"{node.name!r} needs {places}; its scales do not fit its weights."
        )
    return places


def _seeded_buffer(assembly: Assembly, name: str, size_bytes: int) -> Buffer:
    offset_bytes = slice_offset(assembly.graph.seed, name, size_bytes)
    if assembly.placement.weights == POOL_MEMORY:
        return Buffer(name, Region.POOL, offset_bytes, size_bytes)
    # Another memory holds no pool: the slice travels like trained weights.
    return assembly.weights(name, pool_slice(offset_bytes, size_bytes).tobytes())


def _stated(
    assembly: Assembly,
    node: Node,
    weights: QuantisedWeights,
    *,
    depthwise: bool,
) -> WeightOperands:
    """Weights of a QDQ model: symmetric, an int32 bias, a multiplier for each channel."""
    scales = np.broadcast_to(weights.scales, weights.bias.shape)
    return _trained(assembly, node, replace(weights, scales=scales), depthwise=depthwise)


def _trained(
    assembly: Assembly,
    node: Node,
    weights: QuantisedWeights,
    *,
    depthwise: bool,
) -> WeightOperands:
    scheme, zero_points = assembly.quantised.scheme, _zero_points(weights)
    kernel = weights.kernel[..., 0].transpose(1, 2, 0) if depthwise else weights.kernel
    buffers = {"weights": assembly.weights(f"{node.name}/weights", kernel.tobytes())}
    if scheme.weight_zero_points or zero_points.any():
        data = zero_points.astype(np.int8).tobytes()
        buffers["weight_zero_point"] = assembly.data(f"{node.name}/weight_zero_point", data)
    if isinstance(weights, SchemeWeights) and scheme.power_of_two:
        buffers |= _shifts(assembly, node, weights)
    else:
        buffers |= _multipliers(assembly, node, weights)
    return _operands(scheme, **buffers)


def _shifts(assembly: Assembly, node: Node, weights: SchemeWeights) -> dict[str, Buffer]:
    places = np.array([_places(node, factor) for factor in _factors(assembly, node, weights)])
    # A shift to the right adds half a step of its output first, in int32.
    halves = (np.int64(1) << np.maximum(places, 0)) >> 1
    _check_accumulators(node, weights, -places, halves)
    return {
        "bias": assembly.data(f"{node.name}/bias", weights.bias.astype(np.int8).tobytes()),
        "bias_shift": assembly.words(f"{node.name}/bias_shift", weights.bias_shifts),
        "shift": assembly.words(f"{node.name}/shift", places),
    }


def _multipliers(assembly: Assembly, node: Node, weights: QuantisedWeights) -> dict[str, Buffer]:
    factors = [quantise_multiplier(factor) for factor in _factors(assembly, node, weights)]
    shifts = np.array([factor.shift for factor in factors])
    _check_accumulators(node, weights, shifts)
    multipliers = [factor.multiplier for factor in factors]
    return {
        "bias": assembly.words(f"{node.name}/bias", weights.bias),
        "multiplier": assembly.words(f"{node.name}/multiplier", multipliers),
        "shift": assembly.words(f"{node.name}/shift", shifts),
    }


def _zero_points(weights: QuantisedWeights) -> Int32:
    """Of weights, one for each scale."""
    return weights.zero_points if isinstance(weights, SchemeWeights) else np.zeros(1, np.int32)


def _factors(assembly: Assembly, node: Node, weights: QuantisedWeights) -> npt.NDArray[np.float64]:
    """Real factors from accumulator to output, one for each scale."""
    input_scale = assembly.params(node.inputs[0]).scale
    output_scale = assembly.params(node.name).scale
    factors: npt.NDArray[np.float64] = (
        input_scale * weights.scales.astype(np.float64) / output_scale
    )
    return factors


_SUPPLIES: dict[type[Any], Callable[..., WeightOperands]] = {
    SeededWeights: _seeded,
    QuantisedWeights: _stated,
    SchemeWeights: _trained,
}


def _check_accumulators(
    node: Node,
    weights: QuantisedWeights,
    shifts: npt.NDArray[np.int64],
    added: npt.ArrayLike = 0,
) -> None:
    """Raise where ``(|sum + bias| + added) << max(shift, 0)`` could leave int32."""
    channels = weights.bias.size
    by_channel = weights.kernel.astype(np.int64).reshape(channels, -1)
    zero_points = np.broadcast_to(_zero_points(weights), (channels,))
    kernel = np.abs(by_channel - zero_points[:, None])
    places = np.broadcast_to(shifts, (channels,))
    bound = kernel.sum(axis=1) * _LARGEST_STEP + _bias_bounds(weights) + added
    channel = int(np.argmax(bound << np.maximum(places, 0)))
    if bound[channel] << max(int(places[channel]), 0) > INT32_MAX:
        raise ModelError(
            f"the accumulator of channel {channel} of node {node.name!r} could reach "
            f"{int(bound[channel]):,} before a left shift of {max(int(places[channel]), 0)} bits "
            f"and must stay below 2^31; its scales do not fit its weights."
        )


def _bias_bounds(weights: QuantisedWeights) -> npt.NDArray[np.int64]:
    bounds: npt.NDArray[np.int64] = np.abs(weights.bias.astype(np.int64))
    return bounds << weights.bias_shifts if isinstance(weights, SchemeWeights) else bounds
