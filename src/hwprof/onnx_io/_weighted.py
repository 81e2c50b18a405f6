"""Convolution and matrix products with constant weights."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.graph import Conv2d, FullyConnected
from hwprof.onnx_io._call import Call, finite
from hwprof.onnx_io._draft import DraftWeights
from hwprof.onnx_io._spatial import feature_map, spatial_view, window
from hwprof.onnx_io._views import Constant, View, axes_in_memory, restrict

Array = npt.NDArray[Any]


def import_conv(call: Call) -> list[View]:
    """Conv over one or two spatial axes."""
    source = feature_map(call)
    weights = call.required(1)
    if len(weights.shape) != len(call.view().shape):
        raise ModelError(f"weights must be (out, in, h, w); got {list(weights.shape)}.")
    frame = window(call, call.integers("kernel_shape", weights.shape[2:]))
    op = Conv2d(**frame.fields, out_channels=weights.shape[0], groups=call.integer("group", 1))
    shape = (op.out_channels, weights.shape[1], *frame.kernel)
    channels = call.draft.shape(source)[2]
    if channels != shape[1] * op.groups or prod(shape) != prod(weights.shape):
        raise ModelError(
            f"weights {list(weights.shape)} do not fit {channels} channels in {op.groups} groups "
            f"and kernel {frame.kernel}."
        )
    kernel, scales = _kernel(weights, output_axis=0)
    drafted = DraftWeights(
        kernel.reshape(shape).transpose(0, 2, 3, 1), _bias(call.constant(2), shape[0]), scales
    )
    return [spatial_view(call, call.draft.add(op, [source], call.name, drafted))]


def import_gemm(call: Call) -> list[View]:
    """Gemm of the network's data with constant weights."""
    if call.integer("transA", 0):
        raise ModelError("the network's operand may not be transposed (transA).")
    weights = call.required(1)
    transposed = bool(call.integer("transB", 0))
    kernel, scales = _kernel(weights, output_axis=0 if transposed else 1)
    kernel = kernel if transposed else kernel.T
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    bias = _bias(call.constant(2), len(kernel)) * beta
    if scales is None:
        kernel = kernel * np.float32(alpha)
    elif alpha > 0:
        scales = scales * alpha
    else:
        raise ModelError(f"alpha must be positive where the weights are int8; got {alpha}.")
    return [_linear(call, DraftWeights(kernel, bias, scales))]


def import_matmul(call: Call) -> list[View]:
    """MatMul of the network's data with constant weights."""
    weights = call.required(1)
    if len(weights.shape) < 2 or prod(weights.shape[:-2]) != 1:
        raise ModelError(f"weights must be one matrix; got {list(weights.shape)}.")
    kernel, scales = _kernel(weights, output_axis=len(weights.shape) - 1)
    kernel = kernel.reshape(weights.shape[-2:]).T
    return [_linear(call, DraftWeights(kernel, np.zeros(len(kernel)), scales))]


def _linear(call: Call, weights: DraftWeights) -> View:
    """One row is a fully connected layer, several are a 1x1 convolution over the rows."""
    view = call.view()
    features = weights.kernel.shape[1]
    if not view.shape or view.shape[-1] != features:
        raise ModelError(f"weights of {features} inputs do not fit data {list(view.shape)}.")
    if prod(view.shape) == features:
        return _fully_connected(call, view, weights)
    return _pointwise(call, view, weights)


def _fully_connected(call: Call, view: View, weights: DraftWeights) -> View:
    # The columns of the weights move instead of the data: Flatten costs nothing.
    positions = view.positions.reshape(-1)
    order = np.argsort(positions, kind="stable")
    kernel, tensor = weights.kernel[:, order], view.tensor
    if not view.is_permutation:
        ascending = view.moved(positions[order], view.name)
        tensor = call.draft.place_naturally(ascending)
    op = FullyConnected(out_features=len(kernel))
    drafted = DraftWeights(kernel, weights.bias, weights.scales)
    output = call.draft.add(op, [tensor], call.name, drafted)
    shape = (*view.shape[:-1], len(kernel))
    return call.draft.view(output, shape, restrict(shape, (len(shape) - 1,)), call.name)


def _pointwise(call: Call, view: View, weights: DraftWeights) -> View:
    last = len(view.shape) - 1
    order = tuple(range(last + 1))
    if view.layout and view.layout[-1] == last:
        order = axes_in_memory(view.shape, view.layout)
    rows = prod(view.shape[:-1])
    shape = (1, rows, view.shape[-1])
    if view.layout == restrict(view.shape, order) and view.source_shape[2] == view.shape[-1]:
        shape = view.source_shape
    source = call.draft.place(view, restrict(view.shape, order), shape)
    out, features = weights.kernel.shape
    op = Conv2d(kernel_h=1, kernel_w=1, out_channels=out)
    kernel = weights.kernel.reshape(out, 1, 1, features)
    drafted = DraftWeights(kernel, weights.bias, weights.scales)
    output = call.draft.add(op, [source], call.name, drafted)
    after = (*view.shape[:-1], out)
    inner = tuple(axis for axis in order if axis != last)
    return call.draft.view(output, after, restrict(after, (*inner, last)), call.name)


def _kernel(weights: Constant, output_axis: int) -> tuple[Array, Array | None]:
    """Values, and for int8 weights the scale of each output channel."""
    quantised = weights.quantised
    if quantised is None or quantised.values.dtype not in (np.int8, np.uint8):
        return finite(weights.array, "weights").astype(np.float32), None
    if quantised.reach:
        raise ModelError(
            f"weights must lie within 128 steps of their zero point; these reach "
            f"{quantised.reach}; quantise them as int8 with zero point 0 (weight_type=QInt8 in "
            "onnxruntime's quantiser)."
        )
    scales = np.asarray(quantised.scales, np.float64)
    if scales.ndim and scales.size > 1 and quantised.axis != output_axis:
        raise ModelError(
            "int8 weights may have one scale for each output channel; got another axis."
        )
    count = weights.shape[output_axis]
    return quantised.values, np.broadcast_to(finite(scales.reshape(-1), "scales"), (count,))


def _bias(value: Constant | None, count: int) -> Array:
    if value is None:
        return np.zeros(count)
    bias = finite(value.array, "a bias").reshape(-1)
    if bias.size not in (1, count):
        raise ModelError(f"a bias has one element for each of {count} outputs; got {bias.size}.")
    return np.broadcast_to(bias, (count,))
