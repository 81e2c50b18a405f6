"""What the written files look like to others, and when nothing is written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest

from hwprof.architecture import block_graph
from hwprof.blocks import BlockConfig, GraphBuilder
from hwprof.errors import ConfigurationError, ModelDoesNotFitError, ModelError
from hwprof.graph import (
    Activation,
    AveragePool,
    Conv2d,
    FullyConnected,
    Graph,
    Node,
    QuantParams,
    Unary,
    UnaryFunction,
)
from hwprof.onnx_io import read_onnx, to_model_proto, write_onnx
from hwprof.pool import pool_bytes, slice_offset


@pytest.fixture(scope="module")
def graph():
    """A block with convolutions, a shuffle and a join."""
    return block_graph(BlockConfig.of("shufflev2", [(8, 10, 16)], c_out=16, stride=1), seed=5)


def test_written_file_is_standard_onnx(graph):
    """The strict checker, shape inference included, finds nothing to say."""
    onnx.checker.check_model(to_model_proto(graph), full_check=True)


def test_versions_suit_older_runtimes(graph):
    """Opset 17 and IR version 8, which onnxruntime has read for years."""
    model = to_model_proto(graph)

    assert (model.ir_version, model.opset_import[0].version) == (8, 17)


def test_tensors_carry_the_names_of_nodes(graph):
    """The tensor that ends a node is called like the node."""
    written = {name for node in to_model_proto(graph).graph.node for name in node.output}

    assert {node.name for node in graph.nodes} <= written


def test_inputs_and_outputs_are_channels_first(graph):
    """(h, w, c) is written as (1, c, h, w)."""
    model = to_model_proto(graph).graph

    for info in (model.input[0], model.output[0]):
        shape = [dim.dim_value for dim in info.type.tensor_type.shape.dim]
        assert shape == [1, 16, 8, 10]


def test_seeded_weights_are_slices_of_the_pool():
    """A written kernel is the pool's bytes times one number."""
    builder = GraphBuilder()
    image = builder.input("image", (4, 4, 3))
    graph = builder.finish(
        "g", [builder.add("b", "conv", Conv2d(kernel_h=1, kernel_w=1, out_channels=5), image)], 9
    )
    (weights, _) = to_model_proto(graph).graph.initializer

    kernel = onnx.numpy_helper.to_array(weights).reshape(-1)

    start = slice_offset(9, "b/conv/weights", 15)
    pool = np.frombuffer(pool_bytes(), np.int8, 15, start)
    np.testing.assert_allclose(kernel / pool, np.full(15, kernel[0] / pool[0]), rtol=1e-6)


def test_activations_of_seeded_networks_keep_their_size(reference):
    """Twelve convolutions deep, the variance is still of the order of one."""
    builder = GraphBuilder()
    tensor = builder.input("image", (12, 12, 16))
    for number in range(12):
        op = Conv2d(kernel_h=1, kernel_w=1, out_channels=32, activation=Activation.RELU)
        tensor = builder.add(f"b{number}", "conv", op, tensor)
    graph = builder.finish("deep", [tensor])
    model = to_model_proto(graph)

    ((expected, _),) = reference.outputs(model, read_onnx(model))

    assert 0.1 < np.sqrt(np.mean(expected**2)) < 10


def test_whole_map_is_a_global_pool():
    """A window over the whole map is written as exporters write it."""
    builder = GraphBuilder()
    image = builder.input("image", (3, 4, 2))
    pooled = builder.add("b", "pool", AveragePool(kernel_h=3, kernel_w=4), image)

    (node,) = to_model_proto(builder.finish("g", [pooled])).graph.node

    assert node.op_type == "GlobalAveragePool"


def test_names_that_collide_with_ours_stay_apart(reference):
    """A node may be called like the weights of another."""
    builder = GraphBuilder()
    image = builder.input("conv/weights", (4, 4, 3))
    conv = builder.add("", "conv", Conv2d(kernel_h=1, kernel_w=1, out_channels=2), image)
    last = builder.add("conv", "Relu", Unary(function=UnaryFunction.RELU), conv)
    model = to_model_proto(builder.finish("g", [last]))

    reference.assert_equal(model, read_onnx(model))


def test_blocks_of_foreign_graphs_are_not_invented():
    """A graph whose blocks are its nodes comes back so, slashes in names or not."""
    node = Node("/features/0/Relu", Unary(function=UnaryFunction.RELU), ("x",), "/features/0/Relu")
    graph = Graph("g", {"x": (2, 2, 1)}, (node,), (node.name,))

    assert read_onnx(to_model_proto(graph)).graph.nodes == (node,)


def test_input_that_is_an_output():
    """A graph may hand an input through."""
    graph = Graph("g", {"x": (2, 2, 1)}, (), ("x",))

    assert read_onnx(to_model_proto(graph)).graph.outputs == ("x",)


def test_file_and_model_are_the_same(graph, tmp_path):
    """write_onnx writes to_model_proto's bytes and leaves nothing beside them."""
    path = tmp_path / "block.onnx"

    write_onnx(graph, path, metadata={"origin": "test"})

    expected = to_model_proto(graph, metadata={"origin": "test"})
    assert onnx.load(path) == expected
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_does_not_exist(graph, tmp_path):
    """A path that cannot be written is refused with the reason."""
    with pytest.raises(ConfigurationError, match=r"needs a folder that can be written; .*No such"):
        write_onnx(graph, tmp_path / "missing" / "block.onnx")


def test_incomplete_quantisation(graph):
    """A graph that is quantised in part is neither float nor QDQ."""
    partly = replace(graph, quantisation={"input_0": QuantParams(0.1, 0)})

    with pytest.raises(ModelError, match=r"parameters for every tensor and int8 weights"):
        to_model_proto(partly)


def test_weights_larger_than_the_pool():
    """A seeded tensor that no pool slice can fill is refused."""
    builder = GraphBuilder()
    image = builder.input("image", (1, 1, 2048))
    dense = builder.add("fc", "dense", FullyConnected(out_features=1024), image)

    with pytest.raises(ModelDoesNotFitError, match=r"'fc/dense/weights' needs 2,097,152"):
        to_model_proto(builder.finish("g", [dense]))
