"""Weights, bias and requantisation factors of a node as constants of a program."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.graph import Node, QuantisedWeights
from hwprof.pool import pool_slice, slice_offset
from hwprof.profiler.fixed_point import INT32_MAX, quantise_multiplier
from hwprof.profiler.lowering.assembly import POOL_MEMORY, Assembly
from hwprof.profiler.lowering.quantised import SeededWeights
from hwprof.profiler.program import Buffer, Region

_LARGEST_STEP = 255  # of an int8 input plus its offset


class WeightOperands(TypedDict):
    """The four constant operands of a weighted record."""

    weights: Buffer
    bias: Buffer
    multiplier: Buffer
    shift: Buffer


def weight_operands(assembly: Assembly, node: Node, *, depthwise: bool) -> WeightOperands:
    """Constants of a weighted node, in the layout of its record.

    Raises:
        ModelError: the accumulator of a channel could leave int32.
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
    name, channels = f"{node.name}/weights", shape[0]
    factor = quantise_multiplier(weights.factor)
    return WeightOperands(
        weights=_seeded_buffer(assembly, name, prod(shape)),
        bias=assembly.pool_words(
            f"{node.name}/bias", count=channels, left_shift=weights.bias_left_shift
        ),
        multiplier=assembly.fill(
            f"{node.name}/multiplier", count=channels, value=factor.multiplier
        ),
        shift=assembly.fill(f"{node.name}/shift", count=channels, value=factor.shift),
    )


def _seeded_buffer(assembly: Assembly, name: str, size_bytes: int) -> Buffer:
    offset_bytes = slice_offset(assembly.graph.seed, name, size_bytes)
    if assembly.placement.weights == POOL_MEMORY:
        return Buffer(name, Region.POOL, offset_bytes, size_bytes)
    # Another memory holds no pool: the slice travels like trained weights.
    return assembly.weights(name, pool_slice(offset_bytes, size_bytes).tobytes())


def _trained(
    assembly: Assembly,
    node: Node,
    weights: QuantisedWeights,
    *,
    depthwise: bool,
) -> WeightOperands:
    factors = [quantise_multiplier(factor) for factor in _factors(assembly, node, weights)]
    shifts = np.array([factor.shift for factor in factors])
    _check_accumulators(node, weights, shifts)
    kernel = weights.kernel[..., 0].transpose(1, 2, 0) if depthwise else weights.kernel
    return WeightOperands(
        weights=assembly.weights(f"{node.name}/weights", kernel.tobytes()),
        bias=assembly.words(f"{node.name}/bias", weights.bias),
        multiplier=assembly.words(
            f"{node.name}/multiplier", [factor.multiplier for factor in factors]
        ),
        shift=assembly.words(f"{node.name}/shift", shifts),
    )


def _factors(assembly: Assembly, node: Node, weights: QuantisedWeights) -> npt.NDArray[np.float64]:
    """Real factors from accumulator to output, one for each channel."""
    input_scale = assembly.params(node.inputs[0]).scale
    output_scale = assembly.params(node.name).scale
    scales = np.broadcast_to(weights.scales.astype(np.float64), weights.bias.shape)
    factors: npt.NDArray[np.float64] = input_scale * scales / output_scale
    return factors


_SUPPLIES: dict[type[Any], Callable[..., WeightOperands]] = {
    SeededWeights: _seeded,
    QuantisedWeights: _trained,
}


def _check_accumulators(
    node: Node, weights: QuantisedWeights, shifts: npt.NDArray[np.int64]
) -> None:
    """Raise where ``|sum + bias| << max(shift, 0)`` could leave int32 for some input."""
    kernel = np.abs(weights.kernel.astype(np.int64)).reshape(weights.bias.size, -1)
    bound = kernel.sum(axis=1) * _LARGEST_STEP + np.abs(weights.bias.astype(np.int64))
    channel = int(np.argmax(bound << np.maximum(shifts, 0)))
    if bound[channel] << max(int(shifts[channel]), 0) > INT32_MAX:
        raise ModelError(
            f"the accumulator of channel {channel} of node {node.name!r} could reach "
            f"{int(bound[channel]):,} before a left shift of {max(int(shifts[channel]), 0)} bits "
            f"and must stay below 2^31; its scales do not fit its weights."
        )
