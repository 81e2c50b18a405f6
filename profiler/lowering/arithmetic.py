"""Records of the operators that compute: their factors, offsets, bounds and tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from math import prod
from typing import Any, TypedDict

from hwprof.errors import ModelError
from hwprof.graph import (
    Activation,
    Add,
    Conv2d,
    FullyConnected,
    Lookup,
    Mean,
    Mul,
    Node,
    QuantParams,
    Requantise,
    Scalar,
    Softmax,
    Sub,
    Unary,
)
from hwprof.profiler.fixed_point import (
    INT8_MAX,
    INT8_MIN,
    INT32_MAX,
    Multiplier,
    quantise_multiplier,
)
from hwprof.profiler.lowering.assembly import Assembly
from hwprof.profiler.lowering.functions import lookup_table
from hwprof.profiler.lowering.quantised import SOFTMAX_PARAMS
from hwprof.profiler.lowering.sums import sum_scales
from hwprof.profiler.lowering.tflite_tables import activation_bounds, mul_factor, tflite_table
from hwprof.profiler.lowering.weights import weight_operands
from hwprof.profiler.lowering.windows import window_fields
from hwprof.profiler.program import (
    AddRecord,
    Buffer,
    Conv2dRecord,
    DepthwiseRecord,
    FullyConnectedRecord,
    LookupRecord,
    MeanRecord,
    MulRecord,
    Record,
    Region,
    RequantiseRecord,
    SoftmaxRecord,
    SubRecord,
)

_SOFTMAX_INTEGER_BITS = 5  # differences run in Q5.26
_SOFTMAX_FRACTION_BITS = 26
_SOFTMAX_LARGEST_ROW = (1 << 12) - 1  # the kernel sums exponentials of at most 1.0 in Q12.19
_LARGEST_STEP = INT8_MAX - INT8_MIN  # of an input plus its offset
_SCRATCH = Buffer("scratch", Region.SCRATCH, 0, 0)


class _Clamps(TypedDict):
    activation_min: int
    activation_max: int


def _clamps(activation: Activation, output: QuantParams) -> _Clamps:
    """Bounds of an output, activation included."""
    low, high = activation_bounds(activation, output)
    return _Clamps(activation_min=low, activation_max=high)


def conv2d(assembly: Assembly, node: Node, op: Conv2d) -> Iterator[Record]:
    """A convolution, depthwise where each input channel is its own group."""
    depthwise = op.is_depthwise(assembly.graph.input_shapes(node))
    source, target = assembly.params(node.inputs[0]), assembly.params(node.name)
    fields: dict[str, Any] = {
        **assembly.origin(node, macs=assembly.graph.node_macs(node)),
        **window_fields(op, assembly.tensor(node.inputs[0]), assembly.tensor(node.name)),
        **_clamps(op.activation, target),
        **weight_operands(assembly, node, depthwise=depthwise),
        "input_offset": -source.zero_point,
        "output_offset": target.zero_point,
        "scratch": _SCRATCH,
    }
    yield DepthwiseRecord(**fields) if depthwise else Conv2dRecord(groups=op.groups, **fields)


def fully_connected(assembly: Assembly, node: Node, op: FullyConnected) -> Iterator[Record]:
    """A matrix times the input as one vector."""
    source, target = assembly.params(node.inputs[0]), assembly.params(node.name)
    yield FullyConnectedRecord(
        **assembly.origin(node, macs=assembly.graph.node_macs(node)),
        **_clamps(op.activation, target),
        **weight_operands(assembly, node, depthwise=False),
        input=assembly.tensor(node.inputs[0]),
        output=assembly.tensor(node.name),
        in_features=prod(assembly.graph.shapes[node.inputs[0]]),
        out_features=op.out_features,
        input_offset=-source.zero_point,
        output_offset=target.zero_point,
        scratch=_SCRATCH,
    )


def add(assembly: Assembly, node: Node, op: Add) -> Iterator[Record]:
    """A sum of two tensors, each brought to a common scale first."""
    yield AddRecord(**_sum_fields(assembly, node, op))


def sub(assembly: Assembly, node: Node, op: Sub) -> Iterator[Record]:
    """A difference of two tensors, each brought to a common scale first."""
    yield SubRecord(**_sum_fields(assembly, node, op))


def _sum_fields(assembly: Assembly, node: Node, op: Add | Sub) -> dict[str, Any]:
    first, second = (assembly.params(name) for name in node.inputs)
    target, output = assembly.params(node.name), assembly.tensor(node.name)
    scales = sum_scales(first, second, target)
    _check_headroom(node, _LARGEST_STEP << scales.left_shift, scales.output)
    return {
        **assembly.origin(node),
        **_clamps(op.activation, target),
        "input_1": assembly.tensor(node.inputs[0]),
        "input_2": assembly.tensor(node.inputs[1]),
        "output": output,
        "size": output.size_bytes,
        "input_1_offset": -first.zero_point,
        "input_1_multiplier": scales.inputs[0].multiplier,
        "input_1_shift": scales.inputs[0].shift,
        "input_2_offset": -second.zero_point,
        "input_2_multiplier": scales.inputs[1].multiplier,
        "input_2_shift": scales.inputs[1].shift,
        "left_shift": scales.left_shift,
        "output_offset": target.zero_point,
        "output_multiplier": scales.output.multiplier,
        "output_shift": scales.output.shift,
    }


def mul(assembly: Assembly, node: Node, op: Mul) -> Iterator[Record]:
    """A product of two tensors."""
    first, second = (assembly.params(name) for name in node.inputs)
    target, output = assembly.params(node.name), assembly.tensor(node.name)
    factor = quantise_multiplier(mul_factor(first, second, target))
    _check_headroom(node, _LARGEST_STEP**2, factor)
    yield MulRecord(
        **assembly.origin(node),
        **_clamps(op.activation, target),
        input_1=assembly.tensor(node.inputs[0]),
        input_2=assembly.tensor(node.inputs[1]),
        output=output,
        size=output.size_bytes,
        input_1_offset=-first.zero_point,
        input_2_offset=-second.zero_point,
        output_offset=target.zero_point,
        output_multiplier=factor.multiplier,
        output_shift=factor.shift,
    )


def unary(assembly: Assembly, node: Node, op: Unary) -> Iterator[Record]:
    """A scalar function as a table from input byte to output byte."""
    source, target = assembly.params(node.inputs[0]), assembly.params(node.name)
    yield _lookup_record(assembly, node, lookup_table(op, source, target))


def lookup(assembly: Assembly, node: Node, op: Lookup | Scalar) -> Iterator[Record]:
    """The same in TFLite's arithmetic."""
    source, target = assembly.params(node.inputs[0]), assembly.params(node.name)
    yield _lookup_record(assembly, node, tflite_table(op, source, target))


def _lookup_record(assembly: Assembly, node: Node, table: bytes) -> LookupRecord:
    output = assembly.tensor(node.name)
    return LookupRecord(
        **assembly.origin(node),
        input=assembly.tensor(node.inputs[0]),
        output=output,
        table=assembly.data(f"{node.name}/table", table),
        size=output.size_bytes,
    )


def mean(assembly: Assembly, node: Node, op: Mean) -> Iterator[Record]:
    """The mean over all pixels; its factor holds the division by their number."""
    del op
    source, target = assembly.params(node.inputs[0]), assembly.params(node.name)
    height, width, channels = assembly.graph.shapes[node.inputs[0]]
    factor = _divided(quantise_multiplier(source.scale / target.scale), height * width)
    _check_headroom(node, _LARGEST_STEP * height * width, factor)
    yield MeanRecord(
        **assembly.origin(node),
        input=assembly.tensor(node.inputs[0]),
        output=assembly.tensor(node.name),
        pixels=height * width,
        channels=channels,
        input_offset=-source.zero_point,
        multiplier=factor.multiplier,
        shift=factor.shift,
        output_offset=target.zero_point,
        scratch=_SCRATCH,
    )


def _divided(factor: Multiplier, pixels: int) -> Multiplier:
    """A factor over a number of pixels, cut off as TFLite does (reference/reduce.h)."""
    bits = min(pixels.bit_length() - 1, 32, 31 + factor.shift)
    return Multiplier((factor.multiplier << bits) // pixels, factor.shift - bits)


def softmax(assembly: Assembly, node: Node, op: Softmax) -> Iterator[Record]:
    """Softmax in TFLite's arithmetic, and a requantisation where another scale is asked for."""
    del op
    target, output = assembly.params(node.name), assembly.tensor(node.name)
    classes = assembly.graph.shapes[node.name][2]
    if classes > _SOFTMAX_LARGEST_ROW:
        raise ModelError(
            f"softmax runs over at most {_SOFTMAX_LARGEST_ROW} channels; node {node.name!r} has "
            f"{classes}; leave it out and take the largest logit."
        )
    if target == SOFTMAX_PARAMS:
        yield _softmax_record(assembly, node, output)
        return
    raw = assembly.temporary(node, "softmax", assembly.graph.shapes[node.name])
    yield _softmax_record(assembly, node, raw)
    yield requantised(assembly, node, (raw, output), (SOFTMAX_PARAMS, target))


def _softmax_record(assembly: Assembly, node: Node, output: Buffer) -> SoftmaxRecord:
    """A difference of d steps is d * scale in real numbers, wanted as Q5.26 in 32 bits.

    Differences whose Q5.26 form leaves int32 are cut off by ``diff_min``: exp(-32) is nothing.
    """
    scale = assembly.params(node.inputs[0]).scale
    # A factor of 2^30 or more would have no shift; at such scales the largest element takes all.
    factor = quantise_multiplier(min(math.ldexp(scale, _SOFTMAX_FRACTION_BITS), (1 << 30) - 1))
    largest = (1 << _SOFTMAX_INTEGER_BITS) - 1
    reach = math.floor(math.ldexp(largest, _SOFTMAX_FRACTION_BITS - factor.shift))
    height, width, channels = assembly.graph.shapes[node.name]
    return SoftmaxRecord(
        **assembly.origin(node),
        input=assembly.tensor(node.inputs[0]),
        output=output,
        rows=height * width,
        row_size=channels,
        multiplier=factor.multiplier,
        shift=factor.shift,
        diff_min=-min(reach, INT32_MAX),
    )


def requantise(assembly: Assembly, node: Node, op: Requantise) -> Iterator[Record]:
    """The same real values in other parameters."""
    del op
    tensors = assembly.tensor(node.inputs[0]), assembly.tensor(node.name)
    params = assembly.params(node.inputs[0]), assembly.params(node.name)
    yield requantised(assembly, node, tensors, params)


def requantised(
    assembly: Assembly,
    node: Node,
    tensors: tuple[Buffer, Buffer],
    params: tuple[QuantParams, QuantParams],
) -> RequantiseRecord:
    """A record that moves a tensor from the first buffer and parameters to the second."""
    factor = quantise_multiplier(params[0].scale / params[1].scale)
    _check_headroom(node, _LARGEST_STEP, factor)
    return RequantiseRecord(
        **assembly.origin(node),
        input=tensors[0],
        output=tensors[1],
        size=tensors[1].size_bytes,
        input_offset=-params[0].zero_point,
        multiplier=factor.multiplier,
        shift=factor.shift,
        output_offset=params[1].zero_point,
    )


def _check_headroom(node: Node, largest: int, factor: Multiplier) -> None:
    """Raise unless ``largest << shift`` fits the kernels' 32-bit accumulator."""
    if largest << max(factor.shift, 0) > INT32_MAX:
        raise ModelError(
            f"node {node.name!r} must be rescaled by less than {INT32_MAX // largest}; got "
            f"{factor.real:g}; its output scale is far too small for its inputs."
        )
