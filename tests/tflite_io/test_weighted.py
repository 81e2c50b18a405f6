"""Convolutions and dense layers compute what TFLite's reference computes, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import Activation, Lookup
from hwprof.testing.tflite import TfliteBuilder
from hwprof.tflite_io import read_tflite

SEEDS = st.integers(0, 2**32 - 1)
ACTIVATIONS = st.integers(0, 3)  # NONE, RELU, RELU_N1_TO_1, RELU6
ZERO_POINTS = st.sampled_from([-128, -7, 0, 1, 127])


@dataclass(frozen=True)
class Layer:
    """What a random layer is made with."""

    seed: int
    zero_point: int
    activation: int
    per_channel: bool

    def build(self, code: str, source, kernel_shape, axis: int, output, **options) -> bytes:
        """A model of one weighted operator."""
        rng, model = np.random.default_rng(self.seed), TfliteBuilder()
        channels, taps = kernel_shape[axis], np.prod(kernel_shape) // kernel_shape[axis]
        scales = rng.uniform(1e-3, 0.1, channels if self.per_channel else 1).astype(np.float32)
        kernel = rng.integers(-128, 128, kernel_shape).astype(np.int8)
        spread = float(0.03 * scales.mean() * 74 * 74 * taps**0.5)  # about what a sum deviates by
        x = model.input(source, scale=0.03, zero_point=self.zero_point)
        w = model.constant(kernel, scales=scales.tolist(), axis=axis)
        words = rng.integers(-3000, 3000, channels).astype(np.int32)
        bias = model.constant(words, scales=(0.03 * scales).tolist())
        y = model.tensor(output, scale=spread / 40, zero_point=-self.zero_point // 2)
        name = {"CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D"}.get(code)
        model.operator(
            code,
            [x, w, bias],
            [y],
            f"{name or 'FullyConnected'}Options",
            FusedActivationFunction=self.activation,
            **options,
        )
        return model.finish(y)


LAYERS = st.builds(Layer, SEEDS, ZERO_POINTS, ACTIVATIONS, st.booleans())


@dataclass(frozen=True)
class Axis:
    """One axis of a window; TFLite's SAME (0) or VALID (1) padding."""

    kernel: int
    stride: int
    size: int

    def outputs(self, padding: int) -> int:
        """Output positions."""
        reach = self.size - (self.kernel - 1 if padding else 0)
        return -(-reach // self.stride)


def axes(padding: int):
    """Axes on which at least one window fits."""
    axis = st.builds(Axis, st.integers(1, 4), st.integers(1, 3), st.integers(1, 7))
    return axis.filter(lambda axis: axis.outputs(padding) > 0)


WINDOWS = st.integers(0, 1).flatmap(
    lambda padding: st.tuples(st.just(padding), axes(padding), axes(padding))
)


def strides(window) -> dict[str, int]:
    """Options of a window."""
    padding, rows, columns = window
    return {"Padding": padding, "StrideH": rows.stride, "StrideW": columns.stride}


@given(LAYERS, WINDOWS, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_conv(assert_exact, layer, window, groups, depth, width):
    """Any window, in groups, per tensor or per channel, with any fused activation."""
    padding, rows, columns = window
    source = (1, rows.size, columns.size, groups * depth)
    kernel = (groups * width, rows.kernel, columns.kernel, depth)
    output = (1, rows.outputs(padding), columns.outputs(padding), groups * width)

    assert_exact(layer.build("CONV_2D", source, kernel, 0, output, **strides(window)))


@given(LAYERS, WINDOWS, st.integers(1, 5), st.integers(1, 3))
def test_depthwise(assert_exact, layer, window, channels, multiplier):
    """Any window and channel multiplier."""
    padding, rows, columns = window
    width = channels * multiplier
    source = (1, rows.size, columns.size, channels)
    kernel = (1, rows.kernel, columns.kernel, width)
    output = (1, rows.outputs(padding), columns.outputs(padding), width)
    options = {**strides(window), "DepthMultiplier": multiplier}

    assert_exact(layer.build("DEPTHWISE_CONV_2D", source, kernel, 3, output, **options))


@given(LAYERS, st.integers(1, 60), st.integers(1, 9), st.integers(1, 3))
def test_fully_connected(assert_exact, layer, inputs, outputs, rows):
    """One row of inputs or several."""
    data = layer.build("FULLY_CONNECTED", (rows, inputs), (outputs, inputs), 0, (rows, outputs))
    if rows > 1:
        data = layer.build(
            "FULLY_CONNECTED", (1, rows, inputs), (outputs, inputs), 0, (1, rows, outputs),
            KeepNumDims=1,
        )  # fmt: skip

    assert_exact(data)


def test_dense_layer_of_pictures(assert_exact):
    """A picture is read in memory order, and a bias may be left out."""
    model = TfliteBuilder()
    x = model.input((1, 2, 3, 2), scale=0.1, zero_point=-3)
    kernel = np.random.default_rng(0).integers(-127, 128, (4, 12)).astype(np.int8)
    w = model.constant(kernel, scales=[0.02])
    y = model.tensor((1, 4), scale=0.5)
    model.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")

    assert_exact(model.finish(y))


@pytest.mark.parametrize(("number", "fused"), [(1, Activation.RELU), (3, Activation.RELU6)])
def test_activations_of_the_clamp(number, fused):
    """ReLU and ReLU6 are the kernel's own bounds."""
    layer = Layer(0, 0, number, per_channel=True)
    data = layer.build("FULLY_CONNECTED", (1, 6), (3, 6), 0, (1, 3))

    (node,) = read_tflite(data).graph.nodes

    assert node.op.activation is fused


def test_activation_beside_the_clamp():
    """RELU_N1_TO_1 is a table behind the operator."""
    layer = Layer(0, 0, 2, per_channel=True)
    data = layer.build("FULLY_CONNECTED", (1, 6), (3, 6), 0, (1, 3))

    nodes = read_tflite(data).graph.nodes

    assert [type(node.op) for node in nodes][1:] == [Lookup]


def conv(**changes) -> bytes:
    """A 3x3 convolution with parts of it replaced."""
    model = TfliteBuilder()
    x = model.input(changes.get("source", (1, 5, 5, 4)))
    kernel = changes.get("kernel", np.ones((4, 3, 3, 4), np.int8))
    w = model.constant(
        kernel,
        scales=changes.get("scales", [0.1] * 4),
        zero_points=changes.get("zero_points"),
        axis=changes.get("axis", 0),
        kind=changes.get("kind", ""),
    )
    bias = model.constant(changes.get("bias", [1, 2, 3, 4]))
    y = model.tensor(changes.get("output", (1, 5, 5, 4)))
    options = {"StrideH": 1, "StrideW": 1, **changes.get("options", {})}
    model.operator("CONV_2D", [x, w, bias], [y], "Conv2DOptions", **options)
    return model.finish(y)


FAULTS = {
    "convolutions run without dilation; got 1x2": {"options": {"DilationWFactor": 2}},
    "a fused activation is NONE, RELU": {"options": {"FusedActivationFunction": 4}},
    "weights are symmetric; 't1' has zero point 5": {"zero_points": [0, 5, 0, 0]},
    "has 2 along axis 0": {"scales": [0.1, 0.2]},
    "has 4 along axis 3": {"axis": 3},
    "scales are positive and finite": {"scales": [0.1, 0.1, 0.0, 0.1]},
    r"a bias is a constant of 4 int32 words; 't2' is INT32 \[3\]": {"bias": [1, 2, 3]},
    "a filter has 4 axes; 't1' has 2": {"kernel": np.ones((4, 36), np.int8)},
    "a filter's channels divide those of the input; got 3 and 4": {
        "kernel": np.ones((4, 3, 3, 3), np.int8)
    },
    r"has shape \[5, 4, 4\] in the file, and \[5, 5, 4\]": {"output": (1, 5, 4, 4)},
    "extents and strides of a window are at least 1": {"options": {"StrideH": 0}},
    r"padding is SAME \(0\) or VALID \(1\); got 2": {"options": {"Padding": 2}},
    r"one picture \(1, h, w, c\); got \[1, 5, 20\]": {"source": (1, 5, 20)},
    "a window of 3 does not fit": {"source": (1, 2, 5, 4), "options": {"Padding": 1}},
    "weights are dense int8 constants; 't1' is FLOAT32": {
        "kernel": np.ones((4, 3, 3, 4), np.float32)
    },
}


@pytest.mark.parametrize(("sentence", "changes"), FAULTS.items(), ids=[s[:40] for s in FAULTS])
def test_faulty_convolution(sentence, changes):
    """What a convolution cannot be is refused in a sentence that names it."""
    with pytest.raises(ModelError, match=f"TFLite operator CONV_2D_0: .*{sentence}"):
        read_tflite(conv(**changes))


def test_dense_layer_of_many_rows():
    """Each row is a call; too many are refused."""
    layer = Layer(0, 0, 0, per_channel=False)
    data = layer.build("FULLY_CONNECTED", (1, 257, 4), (2, 4), 0, (1, 257, 2))

    with pytest.raises(UnsupportedOperatorError, match="at most 256 rows; got 257; make it a 1x1"):
        read_tflite(data)


def dense(inputs: int, **options) -> bytes:
    """A dense layer on six inputs that takes rows of so many."""
    model = TfliteBuilder()
    x, y = model.input((1, 6)), model.tensor((1, 2))
    w = model.constant(np.ones((2, inputs), np.int8), scales=[0.1])
    model.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions", **options)
    return model.finish(y)


def depthwise(kernel) -> bytes:
    """A depthwise convolution of three channels."""
    model = TfliteBuilder()
    x, y = model.input((1, 4, 4, 3)), model.tensor((1, 4, 4, 4))
    w = model.constant(np.ones(kernel, np.int8), scales=[0.1])
    options = {"StrideH": 1, "StrideW": 1}
    model.operator("DEPTHWISE_CONV_2D", [x, w, -1], [y], "DepthwiseConv2DOptions", **options)
    return model.finish(y)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (dense(4), "6 inputs are no rows of the 4 that the filter takes"),
        (dense(6, WeightsFormat=1), "shuffled weights are not read"),
        (depthwise((1, 3, 3, 4)), r"\(1, h, w, n\) with n a multiple of the 3 input channels; got"),
        (depthwise((2, 3, 3, 3)), r"got \[2, 3, 3, 3\]"),
    ],
    ids=["rows", "shuffled", "channels", "batch"],
)
def test_faulty_weights(data, sentence):
    """Filters that do not fit their input."""
    with pytest.raises(ModelError, match=sentence):
        read_tflite(data)
