"""Operators on constants, evaluated while the file is read: shapes, indices and folded weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.onnx_io._call import Call, axis_of
from hwprof.onnx_io._views import Constant, check_size

Array = npt.NDArray[Any]
Fold = Callable[[Call, list[Array]], Array]

# TensorProto.DataType of the types that shapes and weights come in (onnx.proto).
_TYPES: dict[int, type[np.generic]] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
}
_CONSTANT_ATTRIBUTES = {
    "value": None,
    "value_float": np.float32,
    "value_floats": np.float32,
    "value_int": np.int64,
    "value_ints": np.int64,
}


def fold(call: Call) -> list[Constant]:
    """Evaluate a node of ``FOLDS`` whose operands are all constant."""
    arrays = [call.required(i).array for i in range(len(call.values))]
    return [Constant(np.asarray(FOLDS[call.node.op_type](call, arrays)))]


def _of(function: Callable[..., Any]) -> Fold:
    """A numpy function of broadcast operands."""

    def evaluate(call: Call, arrays: list[Array]) -> Array:
        del call
        check_size(np.broadcast_shapes(*(array.shape for array in arrays)))
        return np.asarray(function(*arrays))

    return evaluate


def _divide(left: Array, right: Array) -> Array:
    if not np.issubdtype(left.dtype, np.integer):
        return left / right
    return np.asarray(np.trunc(left / right).astype(left.dtype))  # towards zero, as in C


def _cast(call: Call, arrays: list[Array]) -> Array:
    kind = _TYPES.get(call.integer("to", 0))
    if kind is None:
        raise ModelError(f"a constant cannot be cast to ONNX type {call.integer('to', 0)}.")
    return arrays[0].astype(kind)


def _constant(call: Call, arrays: list[Array]) -> Array:
    del arrays
    for name, kind in _CONSTANT_ATTRIBUTES.items():
        if call.node.attributes.get(name) is not None:
            return np.asarray(call.node.attributes[name], kind)
    raise ModelError("a constant must be a dense tensor or numbers.")


def _constant_of_shape(call: Call, arrays: list[Array]) -> Array:
    shape = tuple(int(size) for size in arrays[0])
    check_size(shape)
    value = call.node.attributes.get("value", np.zeros(1, np.float32))
    return np.full(shape, value.reshape(-1)[0])


def _range(call: Call, arrays: list[Array]) -> Array:
    del call
    start, limit, delta = (array.item() for array in arrays)
    check_size((max(0, int((limit - start) / delta)) + 1,))
    return np.arange(start, limit, delta, dtype=arrays[0].dtype)


def _concat(call: Call, arrays: list[Array]) -> Array:
    axis = axis_of(call.integer("axis", 0), arrays[0].ndim)
    check_size((max(1, sum(array.size for array in arrays)),))
    return np.concatenate(arrays, axis=axis)


FOLDS: dict[str, Fold] = {
    "Abs": _of(np.abs),
    "Add": _of(np.add),
    "Cast": _cast,
    "Ceil": _of(np.ceil),
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Div": _of(_divide),
    "Equal": _of(np.equal),
    "Exp": _of(np.exp),
    "Floor": _of(np.floor),
    "Max": _of(lambda *arrays: np.maximum.reduce(np.broadcast_arrays(*arrays))),
    "Min": _of(lambda *arrays: np.minimum.reduce(np.broadcast_arrays(*arrays))),
    "Mul": _of(np.multiply),
    "Neg": _of(np.negative),
    "Pow": _of(np.power),
    "Range": _range,
    "Reciprocal": _of(np.reciprocal),
    "Sqrt": _of(np.sqrt),
    "Sub": _of(np.subtract),
    "Where": _of(np.where),
}
