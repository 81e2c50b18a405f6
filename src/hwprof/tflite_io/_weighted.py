"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import Concat, Conv2d, FullyConnected, Int8, QuantisedWeights, Slice
from hwprof.tflite_io._activations import finish_activated, fused_activation
from hwprof.tflite_io._content import TfliteTensor
from hwprof.tflite_io._draft import Call
from hwprof.tflite_io._windows import window

_FILTER, _BIAS = 1, 2
_MOST_ROWS = 256  # of a dense layer: each is a call of its kernel


def import_conv(call: Call) -> None:
    """A convolution; filter (out, h, w, in / groups), scales along its first axis."""
    kernel, scales = _kernel(call, 4, axis=0)
    depth, channels = kernel.shape[3], _picture_channels(call)
    if channels % depth:
        raise ModelError(
            f"a filter's channels divide those of the input; got {depth} and {channels}."
        )
    _convolution(call, kernel, scales, groups=channels // depth)


def import_depthwise(call: Call) -> None:
    """A depthwise convolution; filter (1, h, w, out), scales along its last axis.

    With one input channel it is a plain convolution of the same sums.
    """
    kernel, scales = _kernel(call, 4, axis=3)
    channels = _picture_channels(call)
    if kernel.shape[0] != 1 or kernel.shape[3] % channels:
        raise ModelError(
            f"a depthwise filter is (1, h, w, n) with n a multiple of the {channels} input "
            f"channels; got {list(kernel.shape)}."
        )
    _convolution(call, np.moveaxis(kernel, 3, 0).transpose(0, 2, 3, 1), scales, groups=channels)


def _picture_channels(call: Call) -> int:
    return call.draft.shapes[call.picture()][2]


def _convolution(call: Call, kernel: Int8, scales: npt.NDArray[np.float32], *, groups: int) -> None:
    _refuse_dilation(call)
    out_channels, kernel_h, kernel_w, _ = kernel.shape
    op = Conv2d(
        **window(call, kernel_h, kernel_w),
        out_channels=out_channels,
        groups=groups,
        activation=fused_activation(call),
    )
    output = call.add(op, call.source(), params=call.params())
    weights = QuantisedWeights(np.ascontiguousarray(kernel), scales, _bias(call, out_channels))
    call.draft.add_weights(output, weights)
    finish_activated(call, output, clamped=True)


def _refuse_dilation(call: Call) -> None:
    dilation = call.option("DilationHFactor", 1), call.option("DilationWFactor", 1)
    if dilation != (1, 1):
        raise UnsupportedOperatorError(
            f"convolutions run without dilation; got {dilation[0]}x{dilation[1]}; train the model "
            "without, or write the zeros into a larger filter."
        )


def import_fully_connected(call: Call) -> None:
    """A dense layer; of several rows of inputs each runs by itself."""
    if call.option("WeightsFormat"):
        raise UnsupportedOperatorError("shuffled weights are not read; convert the model again.")
    kernel, scales = _kernel(call, 2, axis=0)
    features, inputs = kernel.shape
    elements = prod(call.shape())
    if elements % inputs:
        raise ModelError(f"{elements} inputs are no rows of the {inputs} that the filter takes.")
    bias = _bias(call, features)
    activation = fused_activation(call)
    dense = FullyConnected(out_features=features, activation=activation)
    weights = QuantisedWeights(kernel, scales, bias)
    outputs = [
        _dense(call, dense, row, weights, role) for role, row in _rows(call, elements // inputs)
    ]
    if len(outputs) > 1:
        outputs = [call.add(Concat(axis=1), *outputs, params=call.params())]
    finish_activated(call, call.reshaped(outputs[0], call.declared()), clamped=True)


def _dense(
    call: Call, op: FullyConnected, source: str, weights: QuantisedWeights, *role: str
) -> str:
    output = call.add(op, source, params=call.params(), role="".join(role))
    call.draft.add_weights(output, weights)
    return output


def _rows(call: Call, count: int) -> Iterator[tuple[str, str]]:
    """Each row of inputs by itself, and what to call it."""
    if count == 1:
        yield "", call.source()
        return
    if count > _MOST_ROWS:
        raise UnsupportedOperatorError(
            f"a dense layer runs over at most {_MOST_ROWS} rows; got {count}; make it a 1x1 "
            "convolution."
        )
    length = prod(call.shape()) // count
    rows, params = call.reshaped(call.source(), (1, count, length), "rows"), call.source_params()
    for index in range(count):
        op = Slice(start=(0, index, 0), size=(1, 1, length))
        yield f"row{index}/dense", call.add(op, rows, params=params, role=f"row{index}")


def _kernel(call: Call, rank: int, *, axis: int) -> tuple[Int8, npt.NDArray[np.float32]]:
    """An int8 filter and its scales: one, or one for each output channel."""
    tensor = call.tensor(_FILTER)
    if tensor.data is None or tensor.type != "INT8" or tensor.is_sparse:
        stored = "computed" if tensor.data is None else tensor.type
        raise UnsupportedOperatorError(
            f"weights are dense int8 constants; {tensor.name!r} is "
            f"{'sparse' if tensor.is_sparse else stored}; quantise weights and activations to int8."
        )
    if tensor.data.ndim != rank:
        raise ModelError(f"a filter has {rank} axes; {tensor.name!r} has {tensor.data.ndim}.")
    _check_scales(tensor, axis)
    kernel: Int8 = tensor.data
    return kernel, tensor.scales


def _check_scales(tensor: TfliteTensor, axis: int) -> None:
    channels = tensor.dims[axis]
    per_channel = tensor.scales.size == channels and tensor.axis == axis
    if tensor.scales.size != 1 and not per_channel:
        raise ModelError(
            f"a filter has one scale, or one for each of its {channels} output channels (axis "
            f"{axis}); {tensor.name!r} has {tensor.scales.size} along axis {tensor.axis}."
        )
    if tensor.zero_points.any():
        raise UnsupportedOperatorError(
            f"weights are symmetric; {tensor.name!r} has zero point "
            f"{int(tensor.zero_points[np.flatnonzero(tensor.zero_points)[0]])}; convert the model "
            "with TensorFlow 2, or with int8 weights of zero point 0."
        )
    if not (np.isfinite(tensor.scales).all() and (tensor.scales > 0).all()):
        raise ModelError(f"scales are positive and finite; some of {tensor.name!r} are not.")


def _bias(call: Call, channels: int) -> npt.NDArray[np.int32]:
    if not call.has(_BIAS):
        return np.zeros(channels, np.int32)
    tensor = call.tensor(_BIAS)
    if tensor.data is None or tensor.type != "INT32" or tensor.data.size != channels:
        raise ModelError(
            f"a bias is a constant of {channels} int32 words; {tensor.name!r} is {tensor.type} "
            f"{list(tensor.dims)}; quantise the whole model to int8."
        )
    return tensor.data.reshape(-1).astype(np.int32)
