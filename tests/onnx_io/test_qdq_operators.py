"""Files of onnxruntime's quantiser, operator by operator: within one step of onnxruntime's output.

Each node of a file is fed the int8 inputs that onnxruntime has there, so differences cannot add up.
"""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.errors import UnsupportedOperatorError
from hwprof.onnx_io import read_onnx
from hwprof.testing.qdq import (
    Recipe,
    graph_differences,
    onnxruntime_tensors,
    operator_differences,
    quantise_with_onnxruntime,
    random_feeds,
)

RECIPES = {
    "int8": Recipe(),
    "uint8, per tensor": Recipe(activations="QUInt8", per_channel=False),
    "symmetric": Recipe(symmetric=True, per_channel=False),
    "optimised": Recipe(activations="QUInt8", optimised=True),
}
WINDOW = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
NETS = {}


def _net_of(build):
    """Register a network: it gets 16 channels from a convolution, and its end gets another."""
    NETS[build.__name__.strip("_")] = build
    return build


def _pointwise(name, **attributes):
    def build(net, x):
        return net.add(name, x, **attributes)

    build.__name__ = name
    return build


for _function in ("Abs", "Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "Neg", "Relu", "Sigmoid"):
    _net_of(_pointwise(_function))
_net_of(_pointwise("Tanh"))
_net_of(_pointwise("GlobalAveragePool"))
_net_of(_pointwise("GlobalMaxPool"))
_net_of(_pointwise("MaxPool", **WINDOW))
_net_of(_pointwise("Softmax", axis=1))
_net_of(_pointwise("ReduceMean", axes=[2, 3], keepdims=1))
_net_of(_pointwise("DepthToSpace", blocksize=2))


@_net_of
def _convolution(net, x):
    return net.conv(x, 16, 16, 3, pads=[1, 1, 1, 1], strides=[2, 2])


@_net_of
def _convolution_with_relu6(net, x):
    conv = net.conv(x, 16, 16, 3, pads=[1, 1, 1, 1])
    return net.add("Clip", conv, net.const(np.float32(0)), net.const(np.float32(6)))


@_net_of
def _normalised_convolution(net, x):
    conv = net.add("Conv", x, net.weights(16, 16, 3, 3))
    positive = [net.const(np.linspace(0.5, 2, 16, dtype=np.float32)) for _ in range(2)]
    operands = positive[0], net.weights(16), net.weights(16), positive[1]
    return net.add("Relu", net.add("BatchNormalization", conv, *operands))


@_net_of
def _depthwise(net, x):
    return net.conv(x, 16, 16, 3, group=16)


@_net_of
def _grouped(net, x):
    return net.conv(x, 16, 16, 3, group=4)


@_net_of
def _average_pool(net, x):
    return net.add("AveragePool", x, **WINDOW)


@_net_of
def _average_pool_with_padding(net, x):
    return net.add("AveragePool", x, count_include_pad=1, **WINDOW)


@_net_of
def _matrix_product_and_bias(net, x):
    flat = net.add("Flatten", net.add("GlobalAveragePool", x))
    return net.add("Add", net.add("MatMul", flat, net.weights(16, 10)), net.weights(10))


@_net_of
def _classifier(net, x):
    flat = net.add("Squeeze", net.add("GlobalAveragePool", x), net.ints(2, 3))
    logits = net.add("Gemm", flat, net.weights(10, 16), net.weights(10), transB=1)
    return net.add("Softmax", logits)


@_net_of
def _rows_times_matrix(net, x):
    rows = net.add("Transpose", net.add("Reshape", x, net.ints(1, 16, -1)), perm=[0, 2, 1])
    return net.add("MatMul", rows, net.weights(16, 8))


@_net_of
def _residual_sum(net, x):
    return net.add("Relu", net.add("Add", x, net.conv(x, 16, 16)))


@_net_of
def _product(net, x):
    return net.add("Mul", x, net.conv(x, 16, 16))


@_net_of
def _difference(net, x):
    return net.add("Sub", x, net.conv(x, 16, 16))


@_net_of
def _sum_with_a_number(net, x):
    return net.add("Add", x, net.const(np.float32(0.7)))


@_net_of
def _number_less_the_data(net, x):
    return net.add("Sub", net.const(np.float32(0.5)), x)


@_net_of
def _division_by_a_number(net, x):
    return net.add("Div", x, net.const(np.float32(6)))


@_net_of
def _product_with_channels(net, x):
    return net.add("Mul", x, net.weights(1, 16, 1, 1))


@_net_of
def _one_slope(net, x):
    return net.add("PRelu", x, net.const(np.full((1, 1, 1), 0.25, np.float32)))


@_net_of
def _clip(net, x):
    return net.add("Clip", x, net.const(np.float32(-0.3)), net.const(np.float32(0.4)))


@_net_of
def _hard_swish_of_mobilenet(net, x):
    gate = net.add("Add", x, net.const(np.float32(3)))
    gate = net.add("Clip", gate, net.const(np.float32(0)), net.const(np.float32(6)))
    return net.add("Div", net.add("Mul", x, gate), net.const(np.float32(6)))


@_net_of
def _squeeze_and_excitation(net, x):
    gate = net.add("Relu", net.conv(net.add("GlobalAveragePool", x), 16, 4))
    gate = net.add("HardSigmoid", net.conv(gate, 4, 16), alpha=1 / 6, beta=0.5)
    return net.add("Mul", x, gate)


@_net_of
def _concatenation(net, x):
    return net.add("Concat", x, net.conv(x, 16, 8), net.add("Sigmoid", x), axis=1)


@_net_of
def _concatenation_of_rows(net, x):
    return net.add("Concat", x, net.conv(x, 16, 16), axis=2)


@_net_of
def _nearest_resize(net, x):
    scales = net.const(np.array([1, 1, 2, 2], np.float32))
    spelling = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return net.add("Resize", x, "", scales, mode="nearest", **spelling)


@_net_of
def _padding(net, x):
    return net.add("Sigmoid", net.add("Pad", x, net.ints(0, 0, 1, 0, 0, 0, 2, 1)))


@_net_of
def _padded_convolution(net, x):
    return net.conv(net.add("Pad", x, net.ints(0, 0, 1, 1, 0, 0, 1, 1)), 16, 8, 3)


@_net_of
def _channel_shuffle(net, x):
    groups = net.add("Reshape", x, net.ints(1, 2, 8, 6, 7))
    swapped = net.add("Transpose", groups, perm=[0, 2, 1, 3, 4])
    return net.add("Reshape", swapped, net.ints(1, 16, 6, 7))


@_net_of
def _split(net, x):
    left, right = net.add("Split", x, net.ints(8, 8), outputs=2, axis=1)
    return net.add("Concat", net.conv(left, 8, 8), right, axis=1)


@_net_of
def _part(net, x):
    return net.add("Slice", x, net.ints(4), net.ints(12), net.ints(1))


@_net_of
def _choice_of_channels(net, x):
    return net.add("Gather", x, net.ints(*range(0, 16, 2), *range(1, 16, 2)), axis=1)


def _differences(network, build, recipe, *, goes_on):
    """Of each node of a network around the operator; it goes on behind it, or ends there."""
    net = network(1, 3, 6, 7)
    x = build(net, net.conv("x", 3, 16))
    model = net.model(net.add("Sigmoid", x) if goes_on else x)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    quantised = quantise_with_onnxruntime(model, recipe)
    read = read_onnx(quantised)
    tensors = onnxruntime_tensors(quantised, read, random_feeds(model, seed=7))
    return operator_differences(read, tensors), graph_differences(read, tensors)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", NETS)
def test_operators_are_within_one_step(network, name, recipe):
    """No element of any node's output is further than one step from onnxruntime's."""
    nodes, whole = _differences(network, NETS[name], RECIPES[recipe], goes_on=True)

    assert {node.node: node.largest_lsb for node in nodes if node.largest_lsb > 1} == {}
    assert len(nodes) >= 2
    assert max(output.largest_lsb for output in whole) <= 4


@pytest.mark.parametrize("name", ["difference", "Tanh", "HardSwish", "GlobalAveragePool"])
def test_networks_that_end_in_floating_point(network, name):
    """An operator that the quantiser leaves alone at the end is within one step as well."""
    nodes, _ = _differences(network, NETS[name], Recipe(), goes_on=False)

    assert max(node.largest_lsb for node in nodes) <= 1


def test_all_operators_without_a_kernel_are_listed_at_once(network):
    """A quantised file is refused with every operator that nothing here runs."""
    net = network(1, 3, 6, 6)
    x = net.add("Erf", net.conv("x", 3, 4))
    x = net.add("ConvTranspose", x, net.weights(4, 4, 2, 2))
    quantised = quantise_with_onnxruntime(net.model(net.add("Exp", x)), Recipe())

    with pytest.raises(
        UnsupportedOperatorError, match=r"does not run: ConvTranspose .*, Erf .*, Exp .*; supported"
    ):
        read_onnx(quantised)
