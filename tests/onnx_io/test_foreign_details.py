"""The rarer spellings: each small model computes in the graph what it computes in onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.errors import ModelError, UnsupportedOperatorError
from hwprof.graph import QuantisedWeights, Requantise
from hwprof.onnx_io import read_onnx


def _view_by_computed_shape(net):
    """Where, Equal, ConstantOfShape and Range, as torch.broadcast_to and arange leave them."""
    shape = net.add("Shape", net.conv("x", 4, 6))
    ones = net.add("ConstantOfShape", net.ints(4), value=net.tensor(np.array([1])))
    is_one = net.add("Equal", shape, ones)
    target = net.add("Where", is_one, ones, shape)
    indices = net.add("Range", *(net.const(np.int64(n)) for n in (0, 6, 2)))
    expanded = net.add("Expand", net.conv("x", 4, 6), target)
    return net.add("Gather", expanded, indices, axis=1)


def _resize_by_computed_size(net):
    """The size is cast, multiplied, floored and cast back."""
    shape = net.add("Cast", net.add("Shape", "x"), to=1)
    scaled = net.add("Mul", shape, net.const(np.array([1, 1, 2, 2], np.float32)))
    sizes = net.add("Cast", net.add("Floor", scaled), to=7)
    modes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return net.add("Resize", "x", "", "", sizes, **modes)


def _integer_division_of_shapes(net):
    """A group count from channels // 2."""
    channels = net.add("Gather", net.add("Shape", "x"), net.ints(1), axis=0)
    half = net.add("Div", channels, net.ints(2))
    shape = net.add("Concat", net.ints(1), net.ints(2), half, net.ints(5, 6), axis=0)
    swapped = net.add("Transpose", net.add("Reshape", "x", shape), perm=[0, 2, 1, 3, 4])
    return net.add("Reshape", swapped, net.ints(1, 4, 5, 6))


def _unequal_split(net):
    three, one = net.add("Split", "x", net.ints(3, 1), axis=1, outputs=2)
    return net.add("Concat", one, three, axis=1)


def _equal_split(net):
    return net.add("Mul", *net.add("Split", "x", axis=1, outputs=2))


def _strided_slice_from_the_end(net):
    return net.add(
        "Slice", "x", net.ints(-3, 0), net.ints(1 << 60, 6), net.ints(2, 3), net.ints(1, 2)
    )


def _rectified_half(net):
    """A function of a part computes that part only."""
    return net.add("Relu", net.add("Slice", "x", net.ints(0), net.ints(2), net.ints(1)))


def _gather_nd(net):
    pixels = net.add("Transpose", "x", perm=[1, 0, 2, 3])
    picked = net.add("GatherND", pixels, net.const(np.array([[1], [3], [0]])))
    return net.add("Transpose", picked, perm=[1, 0, 2, 3])


def _squeeze_and_unsqueeze(net):
    pooled = net.add("Squeeze", net.add("GlobalMaxPool", "x"), net.ints(0, 2, 3))
    return net.add("Unsqueeze", net.add("Tanh", pooled), net.ints(0))


def _space_to_depth(net):
    return net.add("SpaceToDepth", net.conv("x", 4, 2, 2, pads=[0, 0, 0, 1]), blocksize=2)


def _scaled_gemm(net):
    flat = net.add("Flatten", net.add("GlobalAveragePool", "x"))
    return net.add("Gemm", flat, net.weights(4, 3), net.weights(1, 3), alpha=0.5, beta=2.0)


def _gemm_on_a_part(net):
    """A slice before a dense layer has to be made."""
    flat = net.add("Flatten", "x")
    part = net.add("Slice", flat, net.ints(30), net.ints(90), net.ints(1))
    return net.add("Gemm", part, net.weights(60, 3), net.weights(3))


def _sum_of_three(net):
    return net.add("Sum", "x", net.conv("x", 4, 4), net.add("Sigmoid", "x"))


def _difference(net):
    return net.add("Sub", net.conv("x", 4, 4), net.conv("x", 4, 4))


def _scale_after_a_relu(net):
    """What an activation separates from its convolution is not folded into it."""
    relu = net.add("Relu", net.conv("x", 4, 4))
    scaled = net.add("Mul", relu, net.weights(1, 4, 1, 1))
    return net.add("Add", scaled, net.const(np.float32(0.25)))


def _per_channel_scale_in_another_layout(net):
    rows = net.add("Transpose", "x", perm=[0, 2, 1, 3])
    return net.add("Mul", rows, net.weights(1, 1, 4, 1))


def _sum_of_transposed(net):
    """Operands in one layout are added in it."""
    left = net.add("Transpose", net.conv("x", 4, 4), perm=[0, 3, 2, 1])
    right = net.add("Transpose", net.conv("x", 4, 4), perm=[0, 3, 2, 1])
    return net.add("Add", left, right)


def _sum_across_layouts(net):
    """Operands in two layouts are brought into one."""
    square = net.conv("x", 4, 5, 2, pads=[0, 0, 1, 0])
    return net.add("Add", net.add("Transpose", square, perm=[0, 2, 1, 3]), square)


def _softmax_over_rows(net):
    """An axis that is not the channels has to be brought there."""
    return net.add("Softmax", "x", axis=2)


def _mean_over_channels(net):
    return net.add("ReduceMean", "x", axes=[1], keepdims=1)


def _mean_of_everything(net):
    return net.add("ReduceMean", "x", keepdims=1)


def _inference_dropout(net):
    return net.add("Relu", net.add("Dropout", net.add("Identity", "x")))


def _real_cast(net):
    return net.add("Sigmoid", net.add("Cast", "x", to=1))


_SPELLINGS = (
    _view_by_computed_shape,
    _resize_by_computed_size,
    _integer_division_of_shapes,
    _unequal_split,
    _equal_split,
    _strided_slice_from_the_end,
    _rectified_half,
    _gather_nd,
    _squeeze_and_unsqueeze,
    _space_to_depth,
    _scaled_gemm,
    _gemm_on_a_part,
    _sum_of_three,
    _difference,
    _scale_after_a_relu,
    _per_channel_scale_in_another_layout,
    _sum_of_transposed,
    _sum_across_layouts,
    _softmax_over_rows,
    _mean_over_channels,
    _mean_of_everything,
    _inference_dropout,
    _real_cast,
)


@pytest.mark.parametrize("spelling", _SPELLINGS, ids=lambda function: function.__name__.strip("_"))
def test_spelling(network, read_checked, spelling):
    """The graph equals onnxruntime."""
    net = network(1, 4, 5, 6)

    assert read_checked(net.model(spelling(net))).graph.nodes


def test_old_softmax_runs_over_all_axes_behind(network, read_checked):
    """Before opset 13 softmax flattened what follows its axis."""
    net = network(1, 4, 5, 6, opset=11)

    read_checked(net.model(net.add("Softmax", "x", axis=1)))


def test_global_pool_without_pixels_to_spare(network, read_checked):
    """Unit axes have no order, so a (1, c, 1, 1) map flattens into a dense layer for free."""
    net = network(1, 4, 5, 6)
    flat = net.add("Reshape", net.add("GlobalAveragePool", "x"), net.ints(-1, 4))

    read = read_checked(net.model(net.add("Gemm", flat, net.weights(4, 3), net.weights(3))))

    assert [node.op.kind for node in read.graph.nodes] == ["average_pool", "fully_connected"]


def _qdq(net, tensor, scale, zero_point):
    operands = net.const(np.float32(scale)), net.const(zero_point)
    return net.add("DequantizeLinear", net.add("QuantizeLinear", tensor, *operands), *operands)


def _int8_weights(net, array, scales, zero_points, axis=0):
    operands = net.const(scales), net.const(zero_points)
    return net.add("DequantizeLinear", net.const(array), *operands, axis=axis)


def test_change_of_scale_is_a_requantisation(network):
    """Quantised once more with another scale, a tensor is requantised."""
    net = network(1, 4, 5, 6)
    once = _qdq(net, "x", 0.1, np.int8(0))

    graph = read_onnx(net.model(_qdq(net, once, 0.2, np.int8(3)))).graph

    (node,) = graph.nodes
    assert isinstance(node.op, Requantise)
    assert graph.quantisation[node.name].zero_point == 3


def test_movement_keeps_its_scale(network):
    """A slice without a pair of its own has the scale of what it was cut from."""
    net = network(1, 4, 5, 6)
    cut = net.add("Slice", _qdq(net, "x", 0.1, np.int8(5)), net.ints(0), net.ints(2), net.ints(1))

    graph = read_onnx(net.model(cut)).graph

    assert graph.quantisation[graph.outputs[0]] == graph.quantisation["x"]


def test_bounded_functions_have_their_scale(network):
    """Sigmoid, tanh and softmax need no pair: their range is known."""
    net = network(1, 4, 5, 6)
    x = _qdq(net, "x", 0.1, np.int8(5))
    outputs = [net.add(op, x) for op in ("Sigmoid", "Tanh")] + [net.add("Softmax", x, axis=1)]

    graph = read_onnx(net.model(*outputs)).graph

    params = [graph.quantisation[name] for name in graph.outputs]
    assert [(p.scale, p.zero_point) for p in params] == [
        (1 / 256, -128), (1 / 128, 0), (1 / 256, -128),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
def test_weights_that_are_quantised_in_the_file(network, kind):
    """Float weights behind a pair, and unsigned ones around 128, are int8 weights."""
    net = network(1, 4, 5, 6)
    zero = kind(128 if kind is np.uint8 else 0)
    kernel = _qdq(net, net.weights(3, 4, 1, 1), 0.01, zero)
    conv = net.add("Conv", _qdq(net, "x", 0.1, np.int8(5)), kernel)

    graph = read_onnx(net.model(_qdq(net, conv, 0.1, np.int8(5)))).graph

    (weights,) = graph.weights.values()
    assert isinstance(weights, QuantisedWeights)
    np.testing.assert_array_equal(weights.scales, np.full(3, 0.01, np.float32))


def test_batch_normalisation_scales_int8_weights(network):
    """A positive factor goes into the scales; the integers stay."""
    net = network(1, 4, 5, 6)
    stored = np.arange(-6, 6, dtype=np.int8).reshape(3, 4, 1, 1)
    scales = np.array([0.1, 0.2, 0.3], np.float32)
    kernel = _int8_weights(net, stored, scales, np.zeros(3, np.int8))
    conv = net.add("Conv", _qdq(net, "x", 0.1, np.int8(5)), kernel)
    doubled = net.add("Mul", conv, net.const(np.full((3, 1, 1), 2, np.float32)))

    graph = read_onnx(net.model(_qdq(net, doubled, 0.1, np.int8(5)))).graph

    (weights,) = graph.weights.values()
    np.testing.assert_array_equal(weights.kernel.reshape(-1), stored.reshape(-1))
    np.testing.assert_allclose(weights.scales, 2 * scales)


def test_int8_weights_in_a_float_network(network, read_checked):
    """Weights may be stored as int8 while the network computes in floats."""
    net = network(1, 4, 5, 6)
    stored = np.arange(-6, 6, dtype=np.int8).reshape(3, 4, 1, 1)
    kernel = _int8_weights(net, stored, np.full(3, 0.1, np.float32), np.zeros(3, np.int8))

    read_checked(net.model(net.add("Conv", "x", kernel)))


def test_asymmetric_weights(network):
    """Weights too far from their zero point are refused, since most kernels take none."""
    net = network(1, 4, 5, 6)
    stored = np.full((3, 4, 1, 1), -122, np.int8)
    kernel = _int8_weights(net, stored, np.float32(0.1), np.int8(7))

    with pytest.raises(ModelError, match=r"their zero point; these reach 129; .*weight_type=QInt8"):
        read_onnx(net.model(net.add("Conv", "x", kernel)))


@pytest.mark.parametrize(("dtype", "zero_point"), [(np.int8, 7), (np.uint8, 128), (np.uint8, 90)])
def test_weights_near_their_zero_point(network, dtype, zero_point):
    """A zero point is taken off where that is exact, whatever the stored type."""
    net = network(1, 4, 5, 6)
    stored = np.arange(12).reshape(3, 4, 1, 1).astype(dtype) + dtype(zero_point)
    operands = net.const(np.float32(0.5)), net.const(np.int8(0))
    x = net.add("DequantizeLinear", net.add("QuantizeLinear", "x", *operands), *operands)
    conv = net.add("Conv", x, _int8_weights(net, stored, np.float32(0.1), dtype(zero_point)))
    x = net.add("DequantizeLinear", net.add("QuantizeLinear", conv, *operands), *operands)

    (weights,) = read_onnx(net.model(x)).graph.weights.values()

    np.testing.assert_array_equal(weights.kernel.reshape(-1), np.arange(12))
    np.testing.assert_array_equal(weights.scales, np.float32(0.1))


def test_scales_along_another_axis(network):
    """One scale for each input channel cannot be folded into the output's."""
    net = network(1, 4, 5, 6)
    stored, scales = np.ones((3, 4, 1, 1), np.int8), np.full(4, 0.1, np.float32)
    kernel = _int8_weights(net, stored, scales, np.zeros(4, np.int8), axis=1)

    with pytest.raises(ModelError, match=r"one scale for each output channel; got another axis"):
        read_onnx(net.model(net.add("Conv", "x", kernel)))


def test_sixteen_bit_activations(network):
    """The firmware computes in 8 bits."""
    net = network(1, 4, 5, 6, opset=21)

    with pytest.raises(ModelError, match=r"quantised to 8 bits with one scale; got .* int16"):
        read_onnx(net.model(_qdq(net, "x", 0.1, np.int16(0))))


def _reflecting_pad(net):
    return net.add("Pad", "x", net.ints(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")


def _linear_resize(net):
    scales = net.const(np.array([1, 1, 2, 2], np.float32))
    return net.add("Resize", "x", "", scales, mode="linear")


def _two_slopes(net):
    return net.add("PRelu", "x", net.weights(4, 1, 1))


def _half_pixel_shrink(net):
    scales = net.const(np.array([1, 1, 0.5, 0.5], np.float32))
    return net.add("Resize", "x", "", scales, mode="nearest", nearest_mode="ceil")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_reflecting_pad, "Pad is supported with zeros only; got mode 'reflect'"),
        (_linear_resize, "Resize is supported in mode 'nearest'; got 'linear'"),
        (_two_slopes, "PRelu is supported with one slope for all channels"),
        (_half_pixel_shrink, r"floor\(i \* in / out\); got 5 to 2 with 'half_pixel' and 'ceil'"),
    ],
)
def test_variants_outside_the_supported_set(network, build, message):
    """A known operator with attributes that the firmware lacks is refused with what it has."""
    net = network(1, 4, 5, 6)

    with pytest.raises(UnsupportedOperatorError, match=message):
        read_onnx(net.model(build(net)))


def _division(net):
    return net.add("Div", "x", net.add("Sigmoid", "x"))


def _pixel_constant(net):
    return net.add("Add", "x", net.weights(1, 1, 5, 6))


def _repeated_rows(net):
    return net.add("Mul", "x", net.add("ReduceMean", "x", axes=[1], keepdims=1))


def _matrix_of_data(net):
    return net.add("MatMul", "x", net.add("Transpose", "x", perm=[0, 1, 3, 2]))


def _integer_cast(net):
    return net.add("Cast", "x", to=6)


def _positions_of_maxima(net):
    return net.add("MaxPool", "x", kernel_shape=[2, 2], outputs=2)[1]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_division, "one tensor of the network cannot be divided by another"),
        (_pixel_constant, "a constant may vary over channels only; this one varies over pixels"),
        (_repeated_rows, r"\[1, 1, 5, 6\] cannot be repeated to \[1, 4, 5, 6\]"),
        (_matrix_of_data, "operand 1 must be constant; the network computes it"),
        (_integer_cast, "may be cast to floating point only"),
        (_positions_of_maxima, "positions of maxima"),
    ],
)
def test_computations_that_int8_kernels_lack(network, build, message):
    """What no sequence of our operators computes is refused at its node."""
    net = network(1, 4, 5, 6)

    with pytest.raises(ModelError, match=rf"ONNX node '\w+' \(\w+\): .*{message}"):
        read_onnx(net.model(build(net)))
