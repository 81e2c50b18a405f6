"""Data movement on any array: values of a constant, or positions of a view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.onnx_io._call import Call, axis_of
from hwprof.onnx_io._views import Constant, QuantisedArray, Value, View, check_size

Array = npt.NDArray[Any]
Move = Callable[[Call, Array], list[Array]]


def move(call: Call) -> list[Value]:
    """Apply a node of ``MOVES`` to its first operand."""
    value = call.operand(0)
    operate = MOVES[call.node.op_type]
    if isinstance(value, View):
        return [value.moved(positions, call.name) for positions in operate(call, value.positions)]
    constant = call.required(0)
    moved = operate(call, constant.array)
    if constant.quantised is None:
        return [Constant(array) for array in moved]
    sources = _move_quantised(constant.quantised, lambda array: operate(call, array))
    return [Constant(array, source) for array, source in zip(moved, sources, strict=True)]


def _move_quantised(
    source: QuantisedArray, operate: Callable[[Array], list[Array]]
) -> list[QuantisedArray | None]:
    """Where moved weights came from; None where their scales no longer vary along one axis."""
    parts = operate(source.values)
    if source.scales.size == 1:
        return [replace(source, values=part) for part in parts]
    columns = [-1 if axis == source.axis else 1 for axis in range(source.values.ndim)]
    numbers = np.arange(source.scales.size).reshape(columns)
    channels = operate(np.broadcast_to(numbers, source.values.shape))
    return [
        _with_axis(source, part, channel) for part, channel in zip(parts, channels, strict=True)
    ]


def _with_axis(source: QuantisedArray, values: Array, channels: Array) -> QuantisedArray | None:
    for axis in range(values.ndim):
        first = np.moveaxis(channels, axis, 0).reshape(channels.shape[axis], -1)
        if (first == first[:, :1]).all():
            return replace(source, values=values, scales=source.scales[first[:, 0]], axis=axis)
    return None


def _reshape(call: Call, data: Array) -> list[Array]:
    shape = call.integers_at(1, "shape")
    if shape is None:
        raise ModelError("the new shape is missing.")
    if not call.integer("allowzero", 0):
        shape = [data.shape[i] if size == 0 else size for i, size in enumerate(shape)]
    return [data.reshape(shape)]


def _transpose(call: Call, data: Array) -> list[Array]:
    return [data.transpose(call.integers("perm", range(data.ndim)[::-1]))]


def _gather(call: Call, data: Array) -> list[Array]:
    indices = call.required(1).array
    axis = axis_of(call.integer("axis", 0), data.ndim)
    check_size((*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]))
    return [np.take(data, indices.astype(np.int64), axis=axis)]


def _gather_nd(call: Call, data: Array) -> list[Array]:
    if call.integer("batch_dims", 0):
        raise ModelError("batch_dims must be 0.")
    indices = call.required(1).array.astype(np.int64)
    check_size((*indices.shape[:-1], *data.shape[indices.shape[-1] :]))
    return [data[tuple(np.moveaxis(indices, -1, 0))]]


def _slice(call: Call, data: Array) -> list[Array]:
    starts, ends = call.integers_at(1, "starts"), call.integers_at(2, "ends")
    if starts is None or ends is None:
        raise ModelError("starts and ends are missing.")
    axes = call.integers_at(3, "axes") or list(range(len(starts)))
    steps = call.integers_at(4, "steps") or [1] * len(starts)
    index = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        index[axis_of(axis, data.ndim)] = slice(start, end, step)
    return [data[tuple(index)]]


def _split(call: Call, data: Array) -> list[Array]:
    axis = axis_of(call.integer("axis", 0), data.ndim)
    count = len(call.node.outputs)
    extent = data.shape[axis]
    largest = -(-extent // count)
    equal = [max(0, min(largest, extent - i * largest)) for i in range(count)]
    sizes = call.integers_at(1, "split") or equal
    if sum(sizes) != extent or len(sizes) != count or min(sizes) < 1:
        raise ModelError(f"{count} parts must make up {extent} elements; got {sizes}.")
    return np.split(data, np.cumsum(sizes)[:-1], axis=axis)


def _squeeze(call: Call, data: Array) -> list[Array]:
    axes = call.integers_at(1, "axes")
    return [np.squeeze(data, None if axes is None else tuple(axes))]


def _unsqueeze(call: Call, data: Array) -> list[Array]:
    axes = call.integers_at(1, "axes")
    if axes is None:
        raise ModelError("axes are missing.")
    return [np.expand_dims(data, tuple(axes))]


def _flatten(call: Call, data: Array) -> list[Array]:
    axis = call.integer("axis", 1)
    axis += data.ndim if axis < 0 else 0
    return [data.reshape(prod(data.shape[:axis]), -1)]


def _depth_to_space(call: Call, data: Array) -> list[Array]:
    n, c, h, w = data.shape
    b = call.integer("blocksize", 1)
    if call.text("mode", "DCR") == "CRD":
        blocks = data.reshape(n, c // (b * b), b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
    else:
        blocks = data.reshape(n, b, b, c // (b * b), h, w).transpose(0, 3, 4, 1, 5, 2)
    return [blocks.reshape(n, c // (b * b), h * b, w * b)]


def _space_to_depth(call: Call, data: Array) -> list[Array]:
    n, c, h, w = data.shape
    b = call.integer("blocksize", 1)
    order = (0, 1, 3, 5, 2, 4) if call.text("mode", "DCR") == "CRD" else (0, 3, 5, 1, 2, 4)
    blocks = data.reshape(n, c, h // b, b, w // b, b).transpose(order)
    return [blocks.reshape(n, c * b * b, h // b, w // b)]


def _expand(call: Call, data: Array) -> list[Array]:
    shape = np.broadcast_shapes(data.shape, tuple(call.required(1).array.astype(int).tolist()))
    check_size(shape)
    expanded = np.broadcast_to(data, shape)
    if isinstance(call.operand(0), View) and expanded.size != data.size:
        raise ModelError(
            f"Expand may not repeat elements; got {list(data.shape)} to {list(shape)}."
        )
    return [expanded]


def _dropout(call: Call, data: Array) -> list[Array]:
    training = call.array(2)
    if training is not None and training.any():
        raise ModelError("dropout must be exported for inference; got training_mode true.")
    return [data]


MOVES: dict[str, Move] = {
    "DepthToSpace": _depth_to_space,
    "Dropout": _dropout,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Reshape": _reshape,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
