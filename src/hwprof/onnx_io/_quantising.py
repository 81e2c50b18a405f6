"""QuantizeLinear and DequantizeLinear: scales of tensors, and weights stored as integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.graph import (
    AveragePool,
    MaxPool,
    Op,
    Pad,
    QuantParams,
    Requantise,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Transpose,
    Unary,
    UnaryFunction,
)
from hwprof.onnx_io._call import Call, axis_of, finite
from hwprof.onnx_io._draft import Draft
from hwprof.onnx_io._ranges import params_of_result
from hwprof.onnx_io._views import Constant, QuantisedArray, Value, View, natural_layout

Array = npt.NDArray[Any]

# Operators whose output may only sensibly have the scale of their one input.
_SAME_SCALE: tuple[type[Op], ...] = (
    AveragePool,
    MaxPool,
    Pad,
    Reshape,
    ResizeNearest,
    Slice,
    Transpose,
)
# Output ranges that the function fixes (TFLite 8-bit quantisation specification).
_FIXED = {
    UnaryFunction.SIGMOID: QuantParams(1 / 256, -128),
    UnaryFunction.TANH: QuantParams(1 / 128, 0),
}
_SOFTMAX = QuantParams(1 / 256, -128)


def import_quantise(call: Call) -> list[Value]:
    """QuantizeLinear: note the tensor's parameters, or change its scale if it has others."""
    scale, zero_point = _operands(call)
    value = call.operand(0)
    if isinstance(value, View):
        return [_quantise_view(call, value, _params(scale, zero_point))]
    array = finite(call.required(0).array, "a constant")
    shape = _along(call, array, scale)
    limits = np.iinfo(zero_point.dtype)
    levels = np.rint(array / scale.reshape(shape)) + zero_point.reshape(shape)
    return [Constant(np.clip(levels, limits.min, limits.max).astype(zero_point.dtype))]


def import_dequantise(call: Call) -> list[Value]:
    """DequantizeLinear: the tensor again, or integer weights as real numbers."""
    scale, zero_point = _operands(call)
    value = call.operand(0)
    if not isinstance(value, View):
        return [_dequantised(call, scale, zero_point)]
    params = _params(scale, zero_point)
    known = call.draft.quantisation.setdefault(value.tensor, params)
    if known.scale != params.scale or (call.operand(2) and known != params):
        raise ModelError(
            "a tensor is dequantised with other parameters than it was quantised with."
        )
    return [value]


def _quantise_view(call: Call, view: View, params: QuantParams) -> View:
    known = call.draft.quantisation.get(view.tensor)
    if known == params:
        return view
    if known is None and view.is_permutation:
        call.draft.quantisation[view.tensor] = params
        return view
    tensor = call.draft.place_naturally(view)
    if call.draft.quantisation.get(tensor, params) != params:
        tensor = call.draft.add(Requantise(), [tensor], call.name)
    call.draft.quantisation[tensor] = params
    return call.draft.view(tensor, view.shape, natural_layout(view.shape), call.name)


def _operands(call: Call) -> tuple[Array, Array]:
    scale = finite(call.required(1).array, "a scale").astype(np.float32)
    given = call.array(2)
    zero_point = np.zeros(scale.shape, _integer_type(call)) if given is None else given
    if scale.ndim > 1 or call.integer("block_size", 0):
        raise ModelError("scales are for a whole tensor or for each channel; got blocks.")
    if not (scale > 0).all():
        raise ModelError("a scale must be positive.")
    return scale, zero_point


def _integer_type(call: Call) -> np.dtype[Any]:
    """Type of the integers where no zero point says it."""
    value = call.operand(0)
    if call.node.op_type == "DequantizeLinear" and isinstance(value, Constant):
        return value.array.dtype
    kinds = {0: np.uint8, 2: np.uint8, 3: np.int8}  # of TensorProto.DataType, 0 where not given
    kind = kinds.get(call.integer("output_dtype", 0))
    if kind is None:
        raise ModelError("activations are quantised to 8 bits; quantise the model to int8.")
    return np.dtype(kind)


def _params(scale: Array, zero_point: Array) -> QuantParams:
    if scale.size != 1 or zero_point.dtype not in (np.int8, np.uint8):
        raise ModelError(
            f"activations are quantised to 8 bits with one scale; got {scale.size} scales and "
            f"{zero_point.dtype}."
        )
    # uint8 levels are int8 levels moved by 128.
    shift = 128 if zero_point.dtype == np.uint8 else 0
    return QuantParams(float(scale.item()), int(zero_point.item()) - shift)


def _along(call: Call, array: Array, scale: Array) -> tuple[int, ...]:
    """The shape under which scales broadcast over the array."""
    if scale.size == 1:
        return (1,) * array.ndim
    axis = axis_of(call.integer("axis", 1), array.ndim)
    return tuple(-1 if position == axis else 1 for position in range(array.ndim))


def _dequantised(call: Call, scale: Array, zero_point: Array) -> Constant:
    values = call.required(0).array
    shape = _along(call, values, scale)
    # float64 holds an int32 bias and its scale exactly enough to find the integer again.
    levels = values.astype(np.float64) - zero_point.astype(np.float64).reshape(shape)
    real = levels * scale.astype(np.float64).reshape(shape)
    axis = axis_of(call.integer("axis", 1), values.ndim) if scale.size > 1 else 0
    reach = int(np.abs(levels).max(initial=0))
    if values.dtype in (np.int8, np.uint8) and np.abs(levels + 0.5).max(initial=0) < 128:
        values, reach = levels.astype(np.int8), 0
    return Constant(real, QuantisedArray(values, scale, axis, reach))


def complete_quantisation(draft: Draft) -> None:
    """Give parameters to the tensors that a QDQ file leaves out because they follow from others.

    Raises:
        ModelError: a tensor has none and none follow.
    """
    if not draft.quantisation:
        return
    _forwards(draft, _following)
    for tensor, node in reversed(draft.nodes.items()):
        if isinstance(node.op, _SAME_SCALE) and tensor in draft.quantisation:
            draft.quantisation.setdefault(node.inputs[0], draft.quantisation[tensor])
    _forwards(draft, _following)
    _forwards(draft, _covering_or_following)
    _refuse_unquantised(draft)


def _forwards(draft: Draft, rule: _Rule) -> None:
    for tensor, node in draft.nodes.items():
        inputs = [draft.quantisation.get(number) for number in node.inputs]
        params = None if tensor in draft.quantisation else rule(node.op, inputs)
        if params is not None:
            draft.quantisation[tensor] = params


def _following(op: Op, inputs: Sequence[QuantParams | None]) -> QuantParams | None:
    match op:
        case Softmax():
            return _SOFTMAX
        case Unary(function=function):
            return _FIXED.get(function)
        case _ if isinstance(op, _SAME_SCALE):
            return inputs[0]
        case _:
            return None


def _covering_or_following(op: Op, inputs: Sequence[QuantParams | None]) -> QuantParams | None:
    known = [params for params in inputs if params is not None]
    if len(known) < len(inputs):
        return None
    return _following(op, inputs) or params_of_result(op, known)


_Rule = Callable[[Op, Sequence[QuantParams | None]], QuantParams | None]


def _refuse_unquantised(draft: Draft) -> None:
    names = {tensor: name for tensor, (name, _) in draft.inputs.items()}
    names |= {tensor: node.name for tensor, node in draft.nodes.items()}
    missing = [name for tensor, name in names.items() if tensor not in draft.quantisation]
    if missing:
        raise ModelError(
            f"a quantised model has QuantizeLinear and DequantizeLinear around every operator with "
            f"weights; {', '.join(map(repr, missing[:8]))} lack them; quantise the whole model, or "
            "give the float one."
        )
