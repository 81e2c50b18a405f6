"""Graph to ONNX and back: nothing is lost, and what is written runs in onnxruntime."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES, BlockConfig, GraphBuilder
from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FloatWeights,
    FullyConnected,
    Graph,
    MaxPool,
    Mul,
    Pad,
    Pads,
    QuantisedWeights,
    QuantParams,
    Requantise,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Sub,
    Transpose,
    Unary,
    UnaryFunction,
)
from hwprof.onnx_io import read_onnx, to_model_proto

_ACTIVATIONS = st.sampled_from(Activation)


def _window(draw, height, width):
    kernel_h, kernel_w = draw(st.integers(1, min(3, height))), draw(st.integers(1, min(3, width)))
    # ONNX wants padding smaller than the kernel.
    rows, columns = st.integers(0, kernel_h - 1), st.integers(0, kernel_w - 1)
    return {
        "kernel_h": kernel_h,
        "kernel_w": kernel_w,
        "stride_h": draw(st.integers(1, 2)),
        "stride_w": draw(st.integers(1, 2)),
        "pads": Pads(draw(rows), draw(columns), draw(rows), draw(columns)),
    }


def _conv(draw, shape):
    groups = draw(st.sampled_from([g for g in (1, 2, shape[2]) if shape[2] % g == 0]))
    return Conv2d(
        **_window(draw, *shape[:2]),
        out_channels=groups * draw(st.integers(1, 3)),
        groups=groups,
        activation=draw(_ACTIVATIONS),
    )


def _average_pool(draw, shape):
    window = _window(draw, *shape[:2])
    return AveragePool(**window, count_include_pad=draw(st.booleans()))


def _slice(draw, shape):
    start = tuple(draw(st.integers(0, n - 1)) for n in shape)
    step = tuple(draw(st.integers(1, 2)) if n > 1 else 1 for n in shape)
    bounds = zip(shape, start, step, strict=True)
    size = tuple(draw(st.integers(1, (n - 1 - b) // s + 1)) for n, b, s in bounds)
    if size == shape:  # a slice of everything is read as what it is, a reshape to the same shape
        return Reshape(shape=shape)
    # The step between one element and none is written as 1.
    step = tuple(s if n > 1 else 1 for s, n in zip(step, size, strict=True))
    return Slice(start=start, size=size, step=step)


def _shuffle(draw, shape):
    h, w, c = shape
    groups = [g for g in range(2, c) if c % g == 0]
    if not groups:
        return Softmax()
    group = draw(st.sampled_from(groups))
    # The reader names the fewest axes: h * w pixels, and none of them if there is but one.
    return Transpose(view=(1, h * w, group, c // group), permutation=(0, 1, 3, 2), shape=shape)


def _max_pool(draw, shape):
    return MaxPool(**_window(draw, *shape[:2]))


def _fully_connected(draw, shape):
    return FullyConnected(out_features=draw(st.integers(1, 6)), activation=draw(_ACTIVATIONS))


def _pad(draw, shape):
    return Pad(pads=Pads(*(draw(st.integers(0, 2)) for _ in range(4))))


def _reshape(draw, shape):
    h, w, c = shape
    return Reshape(shape=draw(st.sampled_from([(w, h, c), (c, h, w), (1, 1, h * w * c)])))


def _others(draw, shape):
    resized = ResizeNearest(out_h=2 * shape[0], out_w=3 * shape[1])
    return draw(st.sampled_from([resized, _function(draw), Softmax(), Requantise()]))


def _function(draw):
    """A scalar function; numbers that float32 holds, and no clip or line that has another name."""
    function = draw(st.sampled_from(UnaryFunction))
    numbers = {
        UnaryFunction.AFFINE: (-0.5, 0.25),
        UnaryFunction.CLIP: (-0.5, 2.0),
        UnaryFunction.ELU: (0.75,),
        UnaryFunction.HARD_SIGMOID: (0.25, 0.375),
        UnaryFunction.LEAKY_RELU: (0.125,),
    }.get(function, ())
    named = function in (UnaryFunction.AFFINE, UnaryFunction.CLIP) or draw(st.booleans())
    return Unary(function=function, parameters=numbers if named else ())


_UNARY = (
    _conv, _average_pool, _max_pool, _fully_connected, _slice, _shuffle, _pad, _reshape, _others,
)  # fmt: skip
_BINARY = (
    lambda draw: Add(activation=draw(_ACTIVATIONS)),
    lambda draw: Mul(activation=draw(_ACTIVATIONS)),
    lambda draw: Sub(activation=draw(_ACTIVATIONS)),
    lambda draw: Concat(axis=draw(st.integers(0, 2))),
)


@st.composite
def graphs(draw):
    """Up to eight nodes, each reading what came before; every tensor nobody reads is an output."""
    builder = GraphBuilder()
    shape = tuple(draw(st.integers(1, 6)) for _ in range(3))
    tensors = [builder.input("image", shape), builder.input("second", shape)]
    unread = set()
    for number in range(draw(st.integers(1, 8))):
        first = draw(st.sampled_from(tensors))
        partners = [t for t in tensors if builder.shape(t) == builder.shape(first)]
        if draw(st.booleans()):
            inputs, op = [first], draw(st.sampled_from(_UNARY))(draw, builder.shape(first))
        else:
            inputs = [first, draw(st.sampled_from(partners))]
            op = draw(st.sampled_from(_BINARY))(draw)
        block = draw(st.sampled_from(["stem", "body", "body/inner"]))
        tensors.append(builder.add(block, f"node{number}", op, *inputs))
        unread = (unread - set(inputs)) | {tensors[-1]}
    return builder.finish("random", sorted(unread), seed=draw(st.integers(0, 2**31)))


def _same(graph: Graph, other: Graph) -> bool:
    return (
        other.nodes == graph.nodes
        and dict(other.inputs) == dict(graph.inputs)
        and other.outputs == graph.outputs
        and (other.name, other.seed, other.macs) == (graph.name, graph.seed, graph.macs)
    )


@given(graphs())
@settings(max_examples=60)
def test_random_graphs_survive(graph):
    """Graph -> ONNX -> Graph keeps operators, shapes, MACs, names, blocks, outputs and seed."""
    assert _same(graph, read_onnx(to_model_proto(graph)).graph)


@given(graphs())
@settings(max_examples=30)
def test_written_files_run_in_onnxruntime(reference, graph):
    """Onnxruntime computes what the graph's definition says."""
    model = to_model_proto(graph)

    reference.assert_equal(model, read_onnx(model), tolerance=1e-4)


@given(graphs())
@settings(max_examples=20)
def test_seeded_nodes_stay_seeded(graph):
    """Weights that are the pool's slices are recognised and not kept."""
    assert not read_onnx(to_model_proto(graph)).graph.weights


@pytest.mark.parametrize("block_type", BLOCK_TYPES.values(), ids=list(BLOCK_TYPES))
@given(data=st.data())
@settings(max_examples=4)
def test_blocks_survive(block_type, data):
    """A configuration of any block type, written and read, is the block's own graph."""
    axes = block_type.axes()
    draw = {axis.name: st.sampled_from(axis.values) for axis in axes}
    config = data.draw(st.fixed_dictionaries(draw).map(block_type.config).filter(bool))
    graph = block_graph(config, seed=3)

    assert _same(graph, read_onnx(to_model_proto(graph)).graph)


def _shufflenet_block() -> Graph:
    config = BlockConfig.of("shufflev2", [(8, 10, 16)], c_out=16, stride=1)
    return block_graph(config, seed=5)


def test_trained_weights_survive():
    """Float weights that are no pool slices come back to the last bit."""
    graph = _shufflenet_block()
    rng = np.random.default_rng(0)
    weights = {}
    for node in graph.weighted_nodes:
        shape = node.op.weight_shape(graph.input_shapes(node))
        kernel, bias = rng.standard_normal(shape), rng.standard_normal(shape[0])
        weights[node.name] = FloatWeights(kernel.astype(np.float32), bias.astype(np.float32))

    read = read_onnx(to_model_proto(replace(graph, weights=weights))).graph

    for name, expected in weights.items():
        np.testing.assert_array_equal(read.weights[name].kernel, expected.kernel)
        np.testing.assert_array_equal(read.weights[name].bias, expected.bias)


def _quantised() -> Graph:
    builder = GraphBuilder()
    image = builder.input("image", (6, 5, 4))
    rectified = Conv2d(kernel_h=3, kernel_w=3, out_channels=8, activation=Activation.RELU)
    conv = builder.add("a", "conv", rectified, image)
    moved = builder.add("a", "scaled", Requantise(), conv)
    dense = builder.add("b", "dense", FullyConnected(out_features=3), moved)
    graph = builder.finish("quantised", [dense, image])
    rng = np.random.default_rng(1)
    weights = {}
    for node in graph.weighted_nodes:
        shape = node.op.weight_shape(graph.input_shapes(node))
        weights[node.name] = QuantisedWeights(
            rng.integers(-127, 128, shape).astype(np.int8),
            rng.uniform(0.001, 0.01, shape[0]).astype(np.float32),
            rng.integers(-3000, 3000, shape[0]).astype(np.int32),
        )
    params = {
        name: QuantParams(float(np.float32(0.02 * (1 + i))), 7 * i - 20)
        for i, name in enumerate(graph.shapes)
    }
    return replace(graph, weights=weights, quantisation=params)


def test_quantised_graph_survives():
    """Scales, zero points, int8 kernels and int32 biases pass through a QDQ file unchanged."""
    graph = _quantised()

    read = read_onnx(to_model_proto(graph)).graph

    assert _same(graph, read)
    assert dict(read.quantisation) == dict(graph.quantisation)
    for name, expected in graph.weights.items():
        np.testing.assert_array_equal(read.weights[name].kernel, expected.kernel)
        np.testing.assert_array_equal(read.weights[name].scales, expected.scales)
        np.testing.assert_array_equal(read.weights[name].bias, expected.bias)


def test_quantised_file_runs_in_onnxruntime(reference):
    """A QDQ file of ours computes what its graph says, to one level of the output."""
    graph = _quantised()
    model = to_model_proto(graph)

    (expected, found), _ = reference.outputs(model, read_onnx(model))

    level = graph.quantisation[graph.outputs[0]].scale
    np.testing.assert_allclose(found, expected, rtol=0, atol=1.01 * level)


def test_metadata_survives():
    """Metadata properties come back beside ours."""
    model = to_model_proto(_shufflenet_block(), metadata={"hwprof.architecture": '{"a": 1}'})

    metadata = read_onnx(model).metadata

    assert metadata["hwprof.architecture"] == '{"a": 1}'
    assert metadata["hwprof.seed"] == "5"


def test_writing_is_deterministic():
    """The same graph gives the same bytes, so the same file hash."""
    first, second = (to_model_proto(_shufflenet_block()).SerializeToString() for _ in range(2))

    assert first == second
    assert read_onnx(first).file_sha256 == read_onnx(second).file_sha256
