"""QDQ files in the shapes that PyTorch's exporters give them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from onnx import TensorProto

from hwprof.graph import QuantisedWeights, QuantParams
from hwprof.onnx_io import read_onnx
from hwprof.profiler.lowering import lower
from hwprof.testing.qdq import (
    graph_differences,
    onnxruntime_tensors,
    operator_differences,
    random_feeds,
)

RNG = np.random.default_rng(11)
KERNEL = RNG.standard_normal((8, 4, 3, 3)).astype(np.float32)
MATRIX = RNG.standard_normal((10, 8)).astype(np.float32)


def _kinds(graph):
    return Counter(node.op.kind for node in graph.nodes)


def _per_channel(weights):
    """Weights in int8 steps, and one scale for each output channel."""
    columns = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    scales = (columns / 127).astype(np.float32)
    steps = np.rint(weights / scales.reshape(-1, *[1] * (weights.ndim - 1)))
    return steps.astype(np.int8), scales


def _qdq(net, x, scale, zero_point, largest=None):
    """A fake quantisation of activations, of fewer levels where ``largest`` is the last."""
    operands = net.const(np.float32(scale)), net.const(zero_point)
    x = net.add("QuantizeLinear", x, *operands)
    if largest is not None:
        x = net.add("Clip", x, "", net.const(zero_point.dtype.type(largest)))
    return net.add("DequantizeLinear", x, *operands)


def _stored(net, weights):
    steps, scales = _per_channel(weights)
    operands = net.const(scales), net.const(np.zeros(len(scales), np.int8))
    return net.add("DequantizeLinear", net.const(steps), *operands, axis=0)


def _faked(net, weights):
    _, scales = _per_channel(weights)
    operands = net.const(scales), net.const(np.zeros(len(scales), np.int8))
    steps = net.add("QuantizeLinear", net.const(weights), *operands, axis=0)
    return net.add("DequantizeLinear", steps, *operands, axis=0)


def _classifier(net, weights, quantise):
    """Convolution with a float bias, ReLU, mean, dense layer as transposed product and sum."""
    x = quantise("x", 0.03, 0)
    conv = net.add("Conv", x, weights(net, KERNEL), net.weights(8), pads=[1, 1, 1, 1])
    x = quantise(net.add("Relu", conv), 0.04, -128)
    x = quantise(net.add("ReduceMean", x, axes=[2, 3], keepdims=0), 0.02, -128)
    columns = net.add("Transpose", weights(net, MATRIX), perm=[1, 0])
    x = net.add("Add", net.add("MatMul", x, columns), net.weights(10))
    return net.model(quantise(x, 0.05, 3))


def _exported(network, *, weights, dtype, largest=None, opset=17):
    net = network(1, 4, 8, 8, opset=opset)
    shift = 128 if dtype is np.uint8 else 0

    def quantise(x, scale, zero_point):
        return _qdq(net, x, scale, dtype(zero_point + shift), largest)

    return _classifier(net, weights, quantise)


@pytest.mark.parametrize("weights", [_stored, _faked], ids=["stored", "faked"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("opset", [13, 17])
def test_export_of_a_quantised_model(network, weights, dtype, opset):
    """Transposed weights keep their scales; float biases join the sums behind both products."""
    model = _exported(network, weights=weights, dtype=dtype, opset=opset)

    read = read_onnx(model)

    assert _kinds(read.graph) == {"conv2d": 1, "mean": 1, "fully_connected": 1}
    assert {type(kept) for kept in read.graph.weights.values()} == {QuantisedWeights}
    tensors = onnxruntime_tensors(model, read, random_feeds(model, seed=1))
    assert max(node.largest_lsb for node in operator_differences(read, tensors)) <= 1
    assert max(output.largest_lsb for output in graph_differences(read, tensors)) <= 2


def test_clip_of_levels(network):
    """Ranges of 7 bits are exported as Clip between QuantizeLinear and DequantizeLinear."""
    model = _exported(network, weights=_faked, dtype=np.uint8, largest=140)

    read = read_onnx(model)

    assert _kinds(read.graph) == {"conv2d": 1, "mean": 1, "fully_connected": 1, "unary": 4}
    tensors = onnxruntime_tensors(model, read, random_feeds(model, seed=1))
    assert max(node.largest_lsb for node in operator_differences(read, tensors)) <= 1
    clipped = [tensors[node.name] for node in read.graph.nodes if node.op.kind == "unary"]
    assert max(tensor.max() for tensor in clipped) == 140 - 128


def test_bias_quantised_in_the_file(network):
    """The scale of an int32 bias is a product, its zero point a filled shape: all constants."""
    net = network(1, 4, 8, 8)
    operands = net.const(np.float64(0.03)), net.const(np.int64(120))
    scale = net.add("Cast", operands[0], to=TensorProto.FLOAT)
    zero_point = net.add("Cast", operands[1], to=TensorProto.UINT8)
    x = net.add(
        "DequantizeLinear", net.add("QuantizeLinear", "x", scale, zero_point), scale, zero_point
    )
    steps, scales = _per_channel(KERNEL)
    weight_scale = net.const(scales)
    weights = net.add(
        "DequantizeLinear", net.const(steps), weight_scale, net.const(np.zeros(8, np.int8)), axis=0
    )
    bias_scale = net.add("Mul", weight_scale, scale)
    zeros = net.add(
        "ConstantOfShape", net.add("Shape", bias_scale), value=net.tensor(np.zeros(1, np.int32))
    )
    bias = net.const(np.linspace(-1, 1, 8, dtype=np.float32))
    bias = net.add("QuantizeLinear", bias, bias_scale, zeros, axis=0)
    bias = net.add("DequantizeLinear", bias, bias_scale, zeros, axis=0)

    read = read_onnx(net.model(_qdq(net, net.add("Conv", x, weights, bias), 0.1, np.uint8(128))))

    assert read.graph.quantisation["x"] == QuantParams(float(np.float32(0.03)), -8)
    (kept,) = read.graph.weights.values()
    expected = np.linspace(-1, 1, 8) / (scales.astype(np.float64) * np.float32(0.03))
    np.testing.assert_allclose(kept.bias, expected, rtol=0, atol=0.51)
    np.testing.assert_array_equal(kept.kernel, steps.transpose(0, 2, 3, 1))
    assert lower(read.graph).macs == 6 * 6 * 8 * 36


@pytest.mark.parametrize(
    ("attributes", "scales", "kind"),
    [
        ({}, (0.04, 0.01), "conv2d"),
        ({"pads": [1, 1, 1, 1], "count_include_pad": 1}, (0.04, 0.01), "conv2d"),
        ({"pads": [1, 1, 1, 1]}, (0.02, 0.03), "average_pool"),
        ({}, (0.02, 0.03), "average_pool"),
        ({}, (0.02, 0.02), "average_pool"),
    ],
)
def test_average_that_changes_the_scale(network, attributes, scales, kind):
    """Where the output's steps are finer than the input's, the sum is rounded once."""
    net = network(1, 4, 8, 8)
    x = _qdq(net, "x", scales[0], np.int8(5))
    x = net.add("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], **attributes)
    model = net.model(_qdq(net, x, scales[1], np.int8(5)))

    read = read_onnx(model)

    assert _kinds(read.graph) == {kind: 1}
    tensors = onnxruntime_tensors(model, read, random_feeds(model, seed=1))
    assert max(output.largest_lsb for output in graph_differences(read, tensors)) <= 1


@pytest.mark.parametrize("scale", [0.02, 0.05])
def test_padding_that_changes_the_scale_stays(network, scale):
    """A convolution pads by itself only if the file pads without a change of levels."""
    net = network(1, 4, 8, 8)
    x = net.add("Pad", _qdq(net, "x", 0.02, np.int8(0)), net.ints(0, 0, 1, 1, 0, 0, 1, 1))
    conv = net.add("Conv", _qdq(net, x, scale, np.int8(0)), _stored(net, KERNEL))
    model = net.model(_qdq(net, conv, 0.1, np.int8(0)))

    read = read_onnx(model)

    assert _kinds(read.graph)["pad"] == (scale != 0.02)
    tensors = onnxruntime_tensors(model, read, random_feeds(model, seed=1))
    assert max(node.largest_lsb for node in operator_differences(read, tensors)) <= 1
