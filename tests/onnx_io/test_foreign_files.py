"""Files that others wrote: what exporters make of a network is read as the network it was."""

from __future__ import annotations

import logging
from collections import Counter

import numpy as np
import pytest
from onnx import numpy_helper

from hwprof.graph import (
    Activation,
    AveragePool,
    Conv2d,
    MaxPool,
    Pads,
    QuantisedWeights,
    QuantParams,
    Slice,
    Transpose,
)
from hwprof.onnx_io import read_onnx


def kinds(read):
    """How many nodes of each kind the graph has."""
    return dict(Counter(node.op.kind for node in read.graph.nodes))


def test_batch_normalisation_is_folded(network, read_checked):
    """Conv, BatchNormalization, Relu become one convolution named like the Conv."""
    net = network(1, 3, 8, 9)
    x = net.conv("x", 3, 6, 3, pads=[1, 1, 1, 1])
    statistics = [net.weights(6) for _ in range(3)] + [net.const(np.full(6, 0.5, np.float32))]
    x = net.add("BatchNormalization", x, *statistics)

    read = read_checked(net.model(net.add("Relu", x)))

    (node,) = read.graph.nodes
    assert (node.name, node.op.activation) == ("Conv_0", Activation.RELU)
    assert node.block == "Conv_0"


def test_batch_normalisation_alone_is_a_depthwise_convolution(network, read_checked):
    """What cannot be folded still runs."""
    net = network(1, 4, 5, 5)
    statistics = [net.weights(4) for _ in range(3)] + [net.const(np.ones(4, np.float32))]
    x = net.add("Relu", net.add("BatchNormalization", "x", *statistics))

    (node,) = read_checked(net.model(x)).graph.nodes

    assert node.op == Conv2d(
        kernel_h=1, kernel_w=1, out_channels=4, groups=4, activation=Activation.RELU
    )


def test_shared_tensor_is_not_fused(network, read_checked):
    """A convolution whose output is also wanted raw keeps it."""
    net = network(1, 3, 5, 5)
    raw = net.conv("x", 3, 4)

    assert kinds(read_checked(net.model(raw, net.add("Relu", raw)))) == {"conv2d": 1, "unary": 1}


def test_clip_to_six_is_relu6(network, read_checked):
    """Clip with constant bounds 0 and 6, given as inputs, is fused."""
    net = network(1, 3, 5, 5)
    x = net.conv("x", 3, 4)
    x = net.add("Clip", x, net.const(np.float32(0)), net.const(np.float32(6)))

    (node,) = read_checked(net.model(x)).graph.nodes

    assert node.op.activation is Activation.RELU6


def test_channel_shuffle_and_split_is_one_transpose(network, read_checked):
    """ShuffleNet as torchvision exports it: both halves of the split share one shuffle."""
    net = network(1, 8, 4, 5)
    x = net.add("Reshape", "x", net.ints(1, 2, 4, 4, 5))
    x = net.add("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = net.add("Reshape", x, net.ints(1, -1, 4, 5))
    left, right = net.add("Split", x, net.ints(4, 4), axis=1, outputs=2)

    read = read_checked(net.model(net.conv(left, 4, 3), net.add("Sigmoid", right)))

    assert kinds(read) == {"transpose": 1, "slice": 2, "conv2d": 1, "unary": 1}
    shuffle = read.graph.nodes[0].op
    assert shuffle == Transpose(view=(1, 20, 2, 4), permutation=(0, 1, 3, 2), shape=(4, 5, 8))


def test_shuffle_by_gather_is_two_strided_slices(network, read_checked):
    """FastestDet's shuffle and split moves no data but the two slices of every second channel."""
    net = network(1, 8, 4, 5)
    x = net.add("Reshape", "x", net.ints(4, 2, 20))
    x = net.add("Transpose", x, perm=[1, 0, 2])
    x = net.add("Reshape", x, net.ints(2, -1, 4, 4, 5))
    halves = [net.add("Gather", x, net.const(np.int64(i)), axis=0) for i in (0, 1)]

    read = read_checked(net.model(*(net.conv(half, 4, 2) for half in halves)))

    slices = [node.op for node in read.graph.nodes if node.op.kind == "slice"]
    assert slices == [Slice(start=(0, 0, i), size=(4, 5, 4), step=(1, 1, 2)) for i in (0, 1)]
    assert kinds(read) == {"slice": 2, "conv2d": 2}


def test_channel_gather_is_slices_and_a_concat(network, read_checked):
    """A constant choice of channels in any order, such as BGR to RGB."""
    net = network(1, 3, 4, 5)
    x = net.add("Gather", "x", net.ints(2, 1, 0), axis=1)

    assert kinds(read_checked(net.model(net.conv(x, 3, 2)))) == {
        "slice": 3,
        "concat": 1,
        "conv2d": 1,
    }


def test_flatten_before_a_dense_layer_costs_nothing(network, read_checked):
    """The columns of the weights move instead of the data."""
    net = network(1, 3, 4, 5)
    x = net.add("Flatten", net.add("Relu", net.conv("x", 3, 6)))
    x = net.add("Gemm", x, net.weights(7, 120), net.weights(7), transB=1)

    assert kinds(read_checked(net.model(x))) == {"conv2d": 1, "fully_connected": 1}


def test_matmul_and_add_is_a_dense_layer(network, read_checked):
    """The bias of a Linear layer that was exported as two operators is folded."""
    net = network(1, 12)
    x = net.add("MatMul", "x", net.weights(12, 5))
    x = net.add("Relu", net.add("Add", x, net.weights(5)))

    assert kinds(read_checked(net.model(x))) == {"fully_connected": 1}


def test_matmul_over_tokens_is_a_pointwise_convolution(network, read_checked):
    """Rows of a (1, pixels, channels) tensor are pixels; nothing has to move."""
    net = network(1, 6, 3, 4)
    x = net.add("Transpose", net.add("Reshape", "x", net.ints(1, 6, 12)), perm=[0, 2, 1])
    x = net.add("Softmax", net.add("MatMul", x, net.weights(6, 5)), axis=-1)

    read = read_checked(net.model(x))

    assert kinds(read) == {"conv2d": 1, "softmax": 1, "reshape": 1}


def test_mean_over_the_map_is_a_pool(network, read_checked):
    """ReduceMean over height and width, axes dropped, feeds a dense layer directly."""
    net = network(1, 3, 4, 5)
    x = net.add("ReduceMean", net.conv("x", 3, 6), axes=[2, 3], keepdims=0)
    x = net.add("Gemm", x, net.weights(6, 2), net.weights(2))

    read = read_checked(net.model(x))

    assert kinds(read) == {"conv2d": 1, "average_pool": 1, "fully_connected": 1}
    assert read.graph.nodes[1].op == AveragePool(kernel_h=4, kernel_w=5)


def test_padding_is_folded(network, read_checked):
    """An exporter's Pad before an average that counts zeros, and before a convolution."""
    net = network(1, 3, 8, 8)
    pads = net.ints(0, 0, 1, 1, 0, 0, 1, 1)
    pooled = net.add("AveragePool", net.add("Pad", "x", pads), kernel_shape=[3, 3], strides=[2, 2])
    x = net.conv(net.add("Pad", pooled, pads), 3, 4, 3)

    pool, conv = read_checked(net.model(x)).graph.nodes

    assert pool.op.pads == conv.op.pads == Pads(1, 1, 1, 1)
    assert pool.op.count_include_pad


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_automatic_padding(network, read_checked, mode):
    """auto_pad is what onnxruntime makes of it, for even and odd sizes."""
    net = network(1, 2, 7, 8)
    x = net.conv("x", 2, 3, 4, auto_pad=mode, strides=[2, 2])

    read_checked(net.model(x))


def test_ceil_mode_is_padding(network, read_checked):
    """A pool that rounds its size up is one with padding at the end."""
    net = network(1, 2, 8, 7)
    x = net.add("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)

    (node,) = read_checked(net.model(x)).graph.nodes

    assert node.op == MaxPool(kernel_h=3, kernel_w=3, stride_h=2, stride_w=2, pads=Pads(bottom=1))


def test_shapes_that_are_computed_are_constants(network, read_checked):
    """The Shape, Gather, Concat, Reshape chain of view(n, -1) leaves no trace."""
    net = network(1, 3, 4, 5)
    x = net.conv("x", 3, 6)
    batch = net.add("Gather", net.add("Shape", x), net.const(np.int64(0)), axis=0)
    batch = net.add("Unsqueeze", batch, net.ints(0))
    minus_one = net.add("Constant", value=numpy_helper.from_array(np.array([-1], np.int64)))
    x = net.add("Reshape", x, net.add("Concat", batch, minus_one, axis=0))
    x = net.add("Gemm", x, net.weights(120, 2), net.weights(2))

    assert kinds(read_checked(net.model(x))) == {"conv2d": 1, "fully_connected": 1}


def test_open_batch_is_one(network):
    """A symbolic batch dimension is read as 1."""
    net = network("N", 3, 4, 5)

    assert read_onnx(net.model(net.conv("x", 3, 2))).graph.inputs == {"x": (4, 5, 3)}


def test_channels_last_files_move_nothing(network, read_checked):
    """A file from TensorFlow, transposed at both ends, becomes the channels-last graph it was."""
    net = network(1, 4, 5, 3)
    x = net.add("Transpose", "x", perm=[0, 3, 1, 2])
    x = net.add("Relu", net.conv(x, 3, 6))
    x = net.add("Transpose", x, perm=[0, 2, 3, 1])
    x = net.add("Add", net.add("Mul", x, net.weights(6)), net.weights(6))
    x = net.add("Softmax", net.add("Concat", x, x, axis=3), axis=3)

    read = read_checked(net.model(net.add("Transpose", x, perm=[0, 3, 1, 2])))

    assert read.graph.inputs == {"x": (4, 5, 3)}
    assert "transpose" not in kinds(read)


def test_softmax_between_transposes(network, read_checked):
    """Softmax over the channels of a transposed tensor is softmax over channels."""
    net = network(1, 6, 3, 4)
    x = net.add("Transpose", net.conv("x", 6, 5), perm=[0, 3, 2, 1])
    x = net.add("Transpose", net.add("Softmax", x, axis=3), perm=[0, 3, 2, 1])

    assert kinds(read_checked(net.model(x))) == {"conv2d": 1, "softmax": 1}


def test_squeeze_and_excitation(network, read_checked):
    """One factor for each channel is spread over the map before the product."""
    net = network(1, 4, 5, 6)
    x = net.conv("x", 4, 4)
    gate = net.add("Sigmoid", net.conv(net.add("GlobalAveragePool", x), 4, 4))

    read = read_checked(net.model(net.add("Mul", x, gate)))

    assert kinds(read) == {
        "conv2d": 2, "average_pool": 1, "unary": 1, "resize_nearest": 1, "mul": 1,
    }  # fmt: skip


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_pixel_shuffle(network, read_checked, mode):
    """DepthToSpace is transposes of four axes, as many as its order of channels needs."""
    net = network(1, 12, 3, 4)
    x = net.add("DepthToSpace", net.conv("x", 12, 12), blocksize=2, mode=mode)

    read = read_checked(net.model(net.conv(x, 3, 2)))

    assert kinds(read)["transpose"] == {"DCR": 1, "CRD": 2}[mode]


def test_detection_heads_are_joined(network, read_checked):
    """YOLO's view, permute, sigmoid, reshape, concat; the sigmoid runs before the move."""
    net = network(1, 3, 4, 6)
    parts = []
    for stride in (1, 2):
        head = net.conv("x", 3, 10, strides=[stride, stride])
        h, w = 4 // stride, 6 // stride
        x = net.add("Reshape", head, net.ints(1, 2, 5, h, w))
        x = net.add("Sigmoid", net.add("Transpose", x, perm=[0, 1, 3, 4, 2]))
        parts.append(net.add("Reshape", x, net.ints(1, -1, 5)))

    read = read_checked(net.model(net.add("Concat", *parts, axis=1)))

    assert kinds(read)["transpose"] == 2


def test_arithmetic_with_constants_is_folded(network, read_checked):
    """Scaling, shifting, dividing and subtracting on either side end in the weights before them."""
    net = network(1, 3, 4, 5)
    x = net.conv("x", 3, 4)
    x = net.add("Div", net.add("Mul", x, net.weights(4, 1, 1)), net.const(np.float32(1.5)))
    x = net.add("Sub", net.const(np.float32(1)), net.add("Add", x, net.weights(1, 4, 1, 1)))

    assert kinds(read_checked(net.model(x))) == {"conv2d": 1}


def test_one_dimensional_network(network, read_checked):
    """Conv and pool over (1, c, l) run as a map of height 1."""
    net = network(1, 4, 20)
    x = net.add("Conv", "x", net.weights(6, 4, 5), pads=[2, 2], strides=[2])
    x = net.add("MaxPool", net.add("Relu", x), kernel_shape=[2], strides=[2])
    x = net.add("Flatten", net.add("GlobalAveragePool", x))

    read = read_checked(net.model(net.add("Gemm", x, net.weights(6, 2), net.weights(2))))

    assert read.graph.inputs == {"x": (1, 20, 4)}
    assert kinds(read) == {"conv2d": 1, "max_pool": 1, "average_pool": 1, "fully_connected": 1}


@pytest.mark.parametrize(
    ("op", "opset", "inputs", "attributes"),
    [
        ("Resize", 11, ["empty", "scales"], {"mode": "nearest", "nearest_mode": "floor",
                                        "coordinate_transformation_mode": "asymmetric"}),
        ("Resize", 13, ["", "scales"], {"mode": "nearest"}),
        ("Resize", 10, ["scales"], {"mode": "nearest"}),
        ("Upsample", 9, ["scales"], {"mode": "nearest"}),
    ],
)  # fmt: skip
def test_doubling_a_map(network, read_checked, op, opset, inputs, attributes):
    """Nearest upsampling by 2 is the same in every opset's spelling."""
    net = network(1, 2, 3, 4, opset=opset)
    names = {
        "": "",
        "empty": net.const(np.zeros(0, np.float32)),
        "scales": net.const(np.array([1, 1, 2, 2], np.float32)),
    }
    x = net.add(op, "x", *(names[name] for name in inputs), **attributes)

    assert kinds(read_checked(net.model(x))) == {"resize_nearest": 1}


def test_names_are_safe_and_unique(network):
    """Whatever the file calls its nodes, the graph's names are printable and differ."""
    net = network(1, 3, 4, 5)
    net.add("Sigmoid", net.add("Sigmoid", "x"))
    for node in net.nodes:
        node.name = "über name\n"

    names = [node.name for node in read_onnx(net.model("t1_0")).graph.nodes]

    assert names == ["_ber_name_", "_ber_name__2"]


@pytest.fixture
def quantise(tmp_path, reference):
    """Onnxruntime's own quantiser."""
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
        def __init__(self, model) -> None:
            entry = reference.session(model).get_inputs()[0]
            rng = np.random.default_rng(3)
            self.data = iter(
                {entry.name: rng.standard_normal(entry.shape, dtype=np.float32)} for _ in range(4)
            )

        def get_next(self):
            return next(self.data, None)

    def quantise(model, *, activations, per_channel):
        target = tmp_path / "quantised.onnx"
        logging.disable(logging.WARNING)  # it advises on every call to pre-process
        quantization.quantize_static(
            model,
            target,
            Reader(model),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=getattr(quantization.QuantType, activations),
            weight_type=quantization.QuantType.QInt8,
            per_channel=per_channel,
        )
        logging.disable(logging.NOTSET)
        return target.read_bytes()

    return quantise


def _small_network(network):
    net = network(1, 3, 8, 8)
    x = net.add("Relu", net.conv("x", 3, 8, 3, pads=[1, 1, 1, 1]))
    y = net.conv(x, 8, 8, 3, pads=[1, 1, 1, 1], group=8)
    x = net.add("Concat", net.add("Add", x, y), net.add("MaxPool", x, kernel_shape=[1, 1]), axis=1)
    x = net.add("Flatten", net.add("GlobalAveragePool", x))
    return net.model(net.add("Sigmoid", net.add("Gemm", x, net.weights(16, 4), net.weights(4))))


@pytest.mark.parametrize(("activations", "per_channel"), [("QInt8", True), ("QUInt8", False)])
def test_quantised_by_onnxruntime(network, reference, quantise, activations, per_channel):
    """A QDQ file is read with all its scales and computes the same to one level."""
    model = quantise(_small_network(network), activations=activations, per_channel=per_channel)

    read = read_onnx(model)

    assert set(read.graph.quantisation) == set(read.graph.shapes)
    assert {type(weights) for weights in read.graph.weights.values()} == {QuantisedWeights}
    level = read.graph.quantisation[read.graph.outputs[0]].scale
    ((expected, found),) = reference.outputs(model, read)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1.01 * level)


def test_unsigned_activations_become_signed(network):
    """uint8 levels are int8 levels moved by 128."""
    net = network(1, 2, 3, 4)
    operands = net.const(np.float32(0.5)), net.const(np.uint8(130))
    quantised = net.add("QuantizeLinear", "x", *operands)

    read = read_onnx(net.model(net.add("DequantizeLinear", quantised, *operands)))

    assert read.graph.quantisation == {"x": QuantParams(0.5, 2)}
