"""A float evaluator of graphs, and onnxruntime beside it.

The evaluator follows the definitions in ``hwprof.graph`` and shares no idea with the code under
test. Tensors are (h, w, c); ``nchw`` is how ONNX has them.
"""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper

from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FloatWeights,
    FullyConnected,
    MaxPool,
    Mean,
    Mul,
    Pad,
    QuantisedWeights,
    Requantise,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Transpose,
    Unary,
)
from hwprof.onnx_io import read_onnx
from hwprof.onnx_io.seeded import moments, seeded_weights

_FUNCTIONS = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "abs": np.abs,
    "affine": lambda x, slope=1.0, offset=0.0: slope * x + offset,
    "clip": lambda x, low=0.0, high=6.0: np.minimum(np.maximum(x, low), high),
    "elu": lambda x, scale=1.0: np.where(x > 0, x, scale * (np.exp(np.minimum(x, 0)) - 1)),
    "hard_sigmoid": lambda x, slope=0.2, offset=0.5: np.clip(slope * x + offset, 0, 1),
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "leaky_relu": lambda x, slope=0.01: np.maximum(x, 0) + slope * np.minimum(x, 0),
}


def evaluate(graph, inputs):
    """All tensors of a graph by name, for inputs (h, w, c) by name."""
    tensors = {name: _quantised(graph, name, value) for name, value in inputs.items()}
    expected = moments(graph)
    for node in graph.nodes:
        weights = None
        if node in graph.weighted_nodes:
            weights = graph.weights.get(node.name)
            weights = weights or seeded_weights(graph, node, expected[node.inputs[0]])
            weights = _real(graph, node, weights)
        output = _OPERATORS[type(node.op)](
            node.op, [tensors[name] for name in node.inputs], weights
        )
        output = _FUNCTIONS[getattr(node.op, "activation", Activation.NONE)](output)
        assert output.shape == graph.shapes[node.name], node
        tensors[node.name] = _quantised(graph, node.name, output)
    return tensors


def nchw(tensor):
    """(h, w, c) as ONNX has it."""
    return np.ascontiguousarray(tensor.transpose(2, 0, 1)[np.newaxis])


def _quantised(graph, name, value):
    params = graph.quantisation.get(name)
    if params is None:
        return value
    levels = np.clip(np.rint(value / np.float32(params.scale)) + params.zero_point, -128, 127)
    return (levels - params.zero_point) * np.float32(params.scale)


def _real(graph, node, weights):
    if not isinstance(weights, QuantisedWeights):
        return weights
    columns = weights.scales.reshape(-1, *(1,) * (weights.kernel.ndim - 1))
    scale = weights.scales * np.float32(graph.quantisation[node.inputs[0]].scale)
    return FloatWeights(weights.kernel * columns, weights.bias * scale)


def _windows(op, x, fill):
    """Windows (out_h, out_w, c, kernel_h, kernel_w) of the padded input."""
    pads = op.pads
    x = np.pad(x, ((pads.top, pads.bottom), (pads.left, pads.right), (0, 0)), constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(x, (op.kernel_h, op.kernel_w), (0, 1))
    return windows[:: op.stride_h, :: op.stride_w]


def _conv2d(op, inputs, weights):
    windows = np.split(_windows(op, inputs[0], 0), op.groups, axis=2)
    kernels = np.split(weights.kernel, op.groups)
    parts = [
        np.einsum("hwcij,oijc->hwo", w, k, optimize=True)
        for w, k in zip(windows, kernels, strict=True)
    ]
    return np.concatenate(parts, axis=2) + weights.bias


def _fully_connected(op, inputs, weights):
    return (weights.kernel @ inputs[0].reshape(-1) + weights.bias).reshape(1, 1, -1)


def _average_pool(op, inputs, weights):
    fill = 0 if op.count_include_pad else np.nan
    return np.nanmean(_windows(op, inputs[0], fill), axis=(3, 4), dtype=np.float32)


def _slice(op, inputs, weights):
    bounds = zip(op.start, op.size, op.step, strict=True)
    return inputs[0][tuple(slice(b, b + (n - 1) * s + 1, s) for b, n, s in bounds)]


def _resize_nearest(op, inputs, weights):
    rows = np.arange(op.out_h) * inputs[0].shape[0] // op.out_h
    columns = np.arange(op.out_w) * inputs[0].shape[1] // op.out_w
    return inputs[0][rows][:, columns]


def _pad(op, inputs, weights):
    pads = op.pads
    return np.pad(inputs[0], ((pads.top, pads.bottom), (pads.left, pads.right), (0, 0)))


def _softmax(op, inputs, weights):
    powers = np.exp(inputs[0] - inputs[0].max(axis=2, keepdims=True))
    return powers / powers.sum(axis=2, keepdims=True)


def _transpose(op, inputs, weights):
    return inputs[0].reshape(op.view).transpose(op.permutation).reshape(op.shape)


def _max_pool(op, inputs, weights):
    return _windows(op, inputs[0], -np.inf).max(axis=(3, 4))


def _add(op, inputs, weights):
    return inputs[0] + inputs[1]


def _mul(op, inputs, weights):
    return inputs[0] * inputs[1]


def _concat(op, inputs, weights):
    return np.concatenate(inputs, axis=op.axis)


def _reshape(op, inputs, weights):
    return inputs[0].reshape(op.shape)


def _requantise(op, inputs, weights):
    return inputs[0]


def _unary(op, inputs, weights):
    return _FUNCTIONS[op.function](inputs[0], *op.parameters)


def _sub(op, inputs, weights):
    return inputs[0] - inputs[1]


def _mean(op, inputs, weights):
    return inputs[0].mean(axis=(0, 1), keepdims=True)


_OPERATORS = {
    Add: _add,
    AveragePool: _average_pool,
    Concat: _concat,
    Conv2d: _conv2d,
    FullyConnected: _fully_connected,
    MaxPool: _max_pool,
    Mean: _mean,
    Mul: _mul,
    Pad: _pad,
    Requantise: _requantise,
    Reshape: _reshape,
    ResizeNearest: _resize_nearest,
    Slice: _slice,
    Softmax: _softmax,
    Sub: _sub,
    Transpose: _transpose,
    Unary: _unary,
}


class Reference:
    """Runs a model in onnxruntime and its graph in numpy on the same seeded inputs."""

    evaluate = staticmethod(evaluate)
    nchw = staticmethod(nchw)

    def session(self, model):
        """An onnxruntime session that computes what the file says, unoptimised."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        data = model if isinstance(model, bytes) else model.SerializeToString()
        return onnxruntime.InferenceSession(data, options)

    def outputs(self, model, read):
        """Pairs (onnxruntime's output, the graph's output in ONNX shape)."""
        session = self.session(model)
        rng = np.random.default_rng(0)
        feeds, inputs = {}, {}
        for entry, (name, shape) in zip(
            session.get_inputs(), read.graph.inputs.items(), strict=True
        ):
            extents = [extent if isinstance(extent, int) else 1 for extent in entry.shape]
            value = feeds[entry.name] = rng.standard_normal(extents, dtype=np.float32)
            inputs[name] = _channels_last(value, shape)
        tensors = evaluate(read.graph, inputs)
        expected = session.run(list(read.output_names), feeds)
        return [
            (value, _as_onnx(tensors[name], value.shape))
            for value, name in zip(expected, read.graph.outputs, strict=True)
        ]

    def assert_equal(self, model, read, tolerance=1e-5):
        """Graph and file compute the same, relative to the largest output."""
        for expected, found in self.outputs(model, read):
            bound = tolerance * abs(expected).max()
            np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def _channels_last(value, shape):
    if value.ndim == 4 and shape == (*value.shape[2:], value.shape[1]):
        return value[0].transpose(1, 2, 0)
    if value.ndim == 3 and shape == (1, value.shape[2], value.shape[1]):
        return value.transpose(0, 2, 1)
    return value.reshape(shape)


def _as_onnx(tensor, shape):
    return nchw(tensor) if len(shape) == 4 and shape[0] == 1 else tensor.reshape(shape)


@pytest.fixture(scope="session")
def reference():
    """What a graph must equal."""
    return Reference()


class Net:
    """A model in the making; every node is (op, inputs, attributes), constants are arrays."""

    def __init__(self, *shape: int | str, opset: int = 17) -> None:
        self.inputs = [helper.make_tensor_value_info("x", 1, shape)]
        self.opset, self.nodes, self.constants = opset, [], []
        self._rng = np.random.default_rng(7)  # its own: tests run in any order

    def const(self, array):
        """An initialiser."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def tensor(self, array):
        """A TensorProto, as attributes hold them."""
        return numpy_helper.from_array(array)

    def weights(self, *shape: int):
        """Random float weights."""
        return self.const(self._rng.standard_normal(shape, dtype=np.float32) / 4)

    def ints(self, *values: int):
        """A vector of int64."""
        return self.const(np.array(values, np.int64))

    def add(self, op, *inputs: str, outputs=1, **attributes):
        """Append a node; returns its output, or all of them if there are several."""
        name = f"{op}_{len(self.nodes)}"
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=name, **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, channels, out, kernel=1, **attributes):
        """A convolution with bias."""
        group = attributes.get("group", 1)
        kernels = self.weights(out, channels // group, kernel, kernel)
        return self.add("Conv", x, kernels, self.weights(out), **attributes)

    def model(self, *outputs: str):
        """The finished ModelProto."""
        infos = [helper.make_empty_tensor_value_info(name) for name in outputs]
        for info in infos:
            info.type.tensor_type.elem_type = 1
        graph = helper.make_graph(self.nodes, "net", self.inputs, infos, self.constants)
        opset = helper.make_opsetid("", self.opset)
        return helper.make_model(graph, opset_imports=[opset], ir_version=8)


@pytest.fixture(scope="session")
def network():
    """Builds models node by node, as exporters do."""
    return Net


@pytest.fixture
def read_checked(reference):
    """Reads a model and holds its graph against onnxruntime."""

    def read(model):
        result = read_onnx(model)
        reference.assert_equal(model, result)
        return result

    return read
