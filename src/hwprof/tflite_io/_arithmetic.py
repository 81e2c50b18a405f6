"""Sums, differences, products, scalar functions, softmax and changes of scale."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import (
    Add,
    Lookup,
    LookupFunction,
    Mul,
    QuantParams,
    ResizeNearest,
    Scalar,
    ScalarArithmetic,
    Shape,
    Softmax,
    Sub,
)
from hwprof.tflite_io._activations import finish_activated, fused_activation
from hwprof.tflite_io._content import TfliteTensor
from hwprof.tflite_io._draft import Call, params_of

_PAIRS: Mapping[str, type[Add | Sub | Mul]] = MappingProxyType({"ADD": Add, "SUB": Sub, "MUL": Mul})
# What the operator is when the operand of that number is a constant.
_WITH_CONSTANT: Mapping[tuple[str, int], ScalarArithmetic] = MappingProxyType(
    {
        ("ADD", 0): ScalarArithmetic.ADD,
        ("ADD", 1): ScalarArithmetic.ADD,
        ("MUL", 0): ScalarArithmetic.MULTIPLY,
        ("MUL", 1): ScalarArithmetic.MULTIPLY,
        ("SUB", 0): ScalarArithmetic.SUBTRACT_FROM,
        ("SUB", 1): ScalarArithmetic.SUBTRACT,
    }
)
_SOFTMAX_PARAMS = QuantParams(1 / 256, -128)


def import_pair(call: Call) -> None:
    """ADD, SUB and MUL of two tensors, or of one and a constant number."""
    constants = [index for index in range(2) if call.tensor(index).data is not None]
    if len(constants) > 1:
        raise ModelError("one operand is computed; both are constants; fold them.")
    if constants:
        _with_constant(call, constants[0])
        return
    shape = call.declared()
    first, second = (_broadcast(call, index, shape) for index in range(2))
    op = _PAIRS[call.operator.code](activation=fused_activation(call))
    output = call.add(op, first, second, params=call.params())
    finish_activated(call, output, clamped=True)


def _with_constant(call: Call, index: int) -> None:
    tensor = call.tensor(index)
    params = params_of(tensor)
    op = Scalar(
        function=_WITH_CONSTANT[call.operator.code, index],
        value=_only_value(tensor),
        scale=params.scale,
        zero_point=params.zero_point,
        activation=fused_activation(call),
    )
    source = _broadcast(call, 1 - index, call.declared())
    finish_activated(call, call.add(op, source, params=call.params()), clamped=True)


def _only_value(tensor: TfliteTensor) -> int:
    if tensor.data is None or tensor.type != "INT8":
        raise ModelError(f"constants are int8; {tensor.name!r} is {tensor.type}.")
    values = np.unique(tensor.data)
    if values.size != 1:
        raise UnsupportedOperatorError(
            f"a constant operand is one number; {tensor.name!r} of shape {list(tensor.dims)} has "
            "several; fold a factor or term for each channel into the convolution before it."
        )
    return int(values[0])


def _broadcast(call: Call, index: int, shape: Shape) -> str:
    """An input with its axes of extent 1 repeated; nearest resizing repeats pixels exactly."""
    tensor, given = call.source(index), call.shape(index)
    if any(extent not in (1, wanted) for extent, wanted in zip(given, shape, strict=True)):
        raise ModelError(f"{list(given)} cannot be repeated to fill {list(shape)}.")
    params = call.draft.quantisation[tensor]
    pixels = given[0] * given[1]
    if given[2] != shape[2]:
        column = call.reshaped(tensor, (pixels, 1, 1), f"column{index}")
        repeat = ResizeNearest(out_h=pixels, out_w=shape[2])
        tensor = call.add(repeat, column, params=params, role=f"channels{index}")
        tensor = call.reshaped(tensor, (given[0], given[1], shape[2]), f"repeated{index}")
    if given[:2] != shape[:2]:
        repeat = ResizeNearest(out_h=shape[0], out_w=shape[1])
        tensor = call.add(repeat, tensor, params=params, role=f"pixels{index}")
    return tensor


def import_function(call: Call) -> None:
    """An operator that is one scalar function."""
    function = LookupFunction(call.operator.code.lower())
    alpha = float(call.operator.options.get("Alpha", 0.0))
    if not (np.isfinite(alpha) and alpha >= 0):
        raise UnsupportedOperatorError(f"the slope below zero is at least 0; got {alpha:g}.")
    op = Lookup(function=function, alpha=alpha)
    call.finish(call.add(op, call.source(), params=call.params()))


def import_softmax(call: Call) -> None:
    """Softmax over the last axis."""
    beta = call.operator.options.get("Beta", 1.0)
    if beta != 1:
        raise UnsupportedOperatorError(
            f"softmax runs with beta 1; got {beta:g}; scale the logits before it."
        )
    params = call.params()
    # As near as the reference asks for (kernels/activations.cc): the kernel writes this scale only.
    error = abs(params.scale / _SOFTMAX_PARAMS.scale - 1)
    if params.zero_point != _SOFTMAX_PARAMS.zero_point or error > 0.001:
        raise ModelError(
            f"softmax has output scale 1/256 and zero point -128; got {params.scale:g} and "
            f"{params.zero_point}; convert the model again."
        )
    call.finish(call.add(Softmax(), call.source(), params=_SOFTMAX_PARAMS))


def import_quantise(call: Call) -> None:
    """Another scale and zero point; nothing where they are the input's own."""
    call.finish(call.requantised(call.source(), call.params()))
