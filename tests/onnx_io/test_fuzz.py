"""The importer on files that somebody broke on purpose: one of our errors, or a graph that lowers.

Files are damaged as messages, not as bytes: what is mutated still parses, and reaches the code
behind the parser. What a file asks for is bounded: memory is counted while each one is read.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import cache

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, ModelProto, TensorProto, helper, numpy_helper

from hwprof.errors import HwprofError
from hwprof.networks import micronet_kws_s
from hwprof.onnx_io import read_onnx, to_model_proto
from hwprof.profiler.lowering import lower
from hwprof.testing.qdq import Recipe, quantise_with_onnxruntime

# Bytes that reading a mutated file of some kilobytes may hold at once: the reader's own bounds
# (FORMATS.md, "QDQ ONNX") and room for what numpy makes on the way.
MOST_BYTES = 2 << 30
SIZES = (-1, 0, 1, 2, 3, 7, 127, 128, 255, 1 << 15, (1 << 31) - 1, 1 << 31, 1 << 40, -(1 << 63))
OP_TYPES = (
    "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant",
    "ConstantOfShape", "Conv", "DepthToSpace", "DequantizeLinear", "Div", "Dropout", "Expand",
    "Flatten", "Gather", "GatherND", "Gemm", "GlobalAveragePool", "HardSigmoid", "If", "LeakyRelu",
    "Loop", "MatMul", "MaxPool", "Mul", "PRelu", "Pad", "QuantizeLinear", "Range", "ReduceMean",
    "Relu", "Reshape", "Resize", "Shape", "Slice", "Softmax", "SpaceToDepth", "Split", "Squeeze",
    "Sub", "Sum", "Tanh", "Transpose", "Unsqueeze", "Upsample", "Where",
)  # fmt: skip


def _many_operators():
    """A float network in which most operators of the reader occur."""
    nodes, constants = [], []

    def const(array):
        constants.append(numpy_helper.from_array(np.asarray(array), f"c{len(constants)}"))
        return constants[-1].name

    def add(kind, *inputs: str, outputs=1, **attributes):
        names = [f"t{len(nodes)}_{i}" for i in range(outputs)]
        nodes.append(helper.make_node(kind, inputs, names, name=f"n{len(nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    weights = np.ones((8, 4, 3, 3), np.float32)
    x = add("Conv", "x", const(weights), const(np.zeros(8, np.float32)), pads=[1, 1, 1, 1])
    ones = [const(np.ones(8, np.float32)) for _ in range(4)]
    x = add("Relu", add("BatchNormalization", x, *ones))
    left, right = add("Split", x, const(np.array([4, 4])), outputs=2, axis=1)
    x = add("Concat", add("Sigmoid", left), add("LeakyRelu", right, alpha=0.1), axis=1)
    shape = add("Concat", const(np.array([1, 2, 4])), const(np.array([8, 8])), axis=0)
    x = add("Transpose", add("Reshape", x, shape), perm=[0, 2, 1, 3, 4])
    x = add("Reshape", x, const(np.array([1, 8, 8, 8])))
    x = add("Pad", x, const(np.array([0, 0, 1, 1, 0, 0, 1, 1])), const(np.float32(0)))
    x = add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    scales = const(np.array([1, 1, 2, 2], np.float32))
    x = add("Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric",
            nearest_mode="floor")  # fmt: skip
    x = add("Slice", x, const(np.array([0])), const(np.array([8])), const(np.array([2])))
    x = add("Mul", add("Sub", x, const(np.float32(0.5))), add("Clip", x, const(np.float32(-1))))
    x = add("ReduceMean", x, axes=[2, 3], keepdims=0)
    x = add("Gemm", x, const(np.ones((8, 5), np.float32)))
    x = add(
        "Softmax", add("Squeeze", add("Unsqueeze", x, const(np.array([1]))), const(np.array([1])))
    )
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "many", [info("x", 1, (1, 4, 8, 8))], [info(x, 1, None)], constants
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@cache
def valid_files():
    """Files to start from: ours, onnxruntime's, and one of most operators."""
    ours = to_model_proto(micronet_kws_s().graph(seed=0))
    many = _many_operators()
    quantised = [
        quantise_with_onnxruntime(many, Recipe(activations="QUInt8")),
        quantise_with_onnxruntime(ours, Recipe(symmetric=True, per_channel=False), pictures=1),
    ]
    return [model.SerializeToString() for model in (many, ours, *quantised)]


Choose = Callable[[int], int]


def _pick(items, choose):
    return items[choose(len(items))] if len(items) else None


def _change_operator(model, choose):
    _pick(model.graph.node, choose).op_type = OP_TYPES[choose(len(OP_TYPES))]


def _rewire_input(model, choose):
    """Also to what comes later, which makes a cycle."""
    node, other = _pick(model.graph.node, choose), _pick(model.graph.node, choose)
    names = [*other.output, *other.input, "", "nowhere", node.output[0]]
    if node.input:
        node.input[choose(len(node.input))] = names[choose(len(names))]


def _change_operand_count(model, choose):
    node = _pick(model.graph.node, choose)
    if choose(2) and node.input:
        node.input.pop()
    else:
        node.input.append(_pick(model.graph.node, choose).output[0])


def _rename_output(model, choose):
    node, other = _pick(model.graph.node, choose), _pick(model.graph.node, choose)
    node.output[0] = other.output[0] if choose(2) else ""


def _duplicate_node(model, choose):
    model.graph.node.append(_pick(model.graph.node, choose))


def _drop_node(model, choose):
    del model.graph.node[choose(len(model.graph.node))]


def _move_node(model, choose):
    node = ModelProto().graph.node.add()
    position = choose(len(model.graph.node))
    node.CopyFrom(model.graph.node[position])
    del model.graph.node[position]
    model.graph.node.insert(choose(len(model.graph.node) + 1), node)


def _change_attribute(model, choose):
    attribute = _pick(_pick(model.graph.node, choose).attribute, choose)
    if attribute is None:
        return
    if attribute.ints:
        attribute.ints[choose(len(attribute.ints))] = SIZES[choose(len(SIZES))]
    elif attribute.type == AttributeProto.INT:
        attribute.i = SIZES[choose(len(SIZES))]
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = (float("nan"), float("inf"), 0.0, -1.0, 1e30)[choose(5)]
    elif attribute.type == AttributeProto.STRING:
        attribute.s = (b"", b"linear", b"\xff\xfe", b"x" * 5000)[choose(4)]


def _lengthen_attribute(model, choose):
    attribute = _pick(_pick(model.graph.node, choose).attribute, choose)
    if attribute is not None and attribute.ints:
        attribute.ints.extend([SIZES[choose(len(SIZES))]] * (1 + choose(40)))


def _add_attribute(model, choose):
    names = (
        "axis",
        "axes",
        "alpha",
        "block_size",
        "ceil_mode",
        "dilations",
        "group",
        "to",
        "value",
    )
    name, size = names[choose(len(names))], SIZES[choose(len(SIZES))]
    values = (size, [size], float(size), "text", helper.make_tensor("t", 1, [1], [1.0]))
    attribute = helper.make_attribute(name, values[choose(len(values))])
    _pick(model.graph.node, choose).attribute.append(attribute)


def _retype_attribute(model, choose):
    attribute = _pick(_pick(model.graph.node, choose).attribute, choose)
    if attribute is not None:
        attribute.type = choose(15)


def _change_dims(model, choose):
    tensor = _pick(model.graph.initializer, choose)
    if tensor.dims and choose(3):
        tensor.dims[choose(len(tensor.dims))] = SIZES[choose(len(SIZES))]
    elif tensor.dims:
        tensor.dims.pop()
    else:
        tensor.dims.append(SIZES[choose(len(SIZES))])


def _change_values(model, choose):
    tensor = _pick(model.graph.initializer, choose)
    array = numpy_helper.to_array(tensor).copy() if _is_whole(tensor) else np.zeros(1)
    with np.errstate(all="ignore"):
        values = (SIZES[choose(len(SIZES))], float("nan"), float("inf"), 0, -1)
        if array.dtype.kind == "f":
            array.reshape(-1)[: 1 + choose(4)] = values[choose(5)]
        elif array.dtype.kind in "iu":
            wrapped = np.int64(SIZES[choose(len(SIZES))]).astype(array.dtype)
            array.reshape(-1)[: 1 + choose(4)] = wrapped
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _is_whole(tensor):
    try:
        numpy_helper.to_array(tensor)
    except Exception:  # noqa: BLE001 - mutated before; any failure means that it is not whole
        return False
    return True


def _change_data_type(model, choose):
    _pick(model.graph.initializer, choose).data_type = choose(26)


def _cut_data(model, choose):
    tensor = _pick(model.graph.initializer, choose)
    tensor.raw_data = tensor.raw_data[: choose(len(tensor.raw_data) + 1)]


def _move_data_outside(model, choose):
    tensor = _pick(model.graph.initializer, choose)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "/etc/hostname"), ("length", str(1 << 40))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def _drop_initialiser(model, choose):
    del model.graph.initializer[choose(len(model.graph.initializer))]


def _change_input(model, choose):
    dims = model.graph.input[0].type.tensor_type.shape.dim
    if choose(4) == 0 or not dims:
        dims.add().dim_value = SIZES[choose(len(SIZES))]
    elif choose(3) == 0:
        _pick(dims, choose).dim_param = "N"
    else:
        _pick(dims, choose).dim_value = SIZES[choose(len(SIZES))]


def _change_outputs(model, choose):
    name = _pick(model.graph.node, choose).output[0]
    model.graph.output.append(helper.make_empty_tensor_value_info(("nowhere", name)[choose(2)]))


def _nest_graphs(model, choose):
    """Graphs in graphs, as deep as a file may be."""
    node = _pick(model.graph.node, choose)
    for _ in range(1 + choose(20)):
        attribute = node.attribute.add()
        attribute.name, attribute.type = "then_branch", AttributeProto.GRAPH
        node = attribute.g.node.add()
        node.op_type = "If"


def _change_opset(model, choose):
    model.opset_import[0].version = (0, 6, 7, 9, 10, 12, 13, 21, 25, 1 << 40)[choose(10)]


def _change_metadata(model, choose):
    entry = model.metadata_props.add()
    keys = ("hwprof.seed", "hwprof.blocks", "hwprof.architecture")
    entry.key, entry.value = keys[choose(3)], ("", "7", "{" * 500, "prefix")[choose(4)]


MUTATIONS = (
    _change_operator, _rewire_input, _change_operand_count, _rename_output, _duplicate_node,
    _drop_node, _move_node, _change_attribute, _lengthen_attribute, _add_attribute,
    _retype_attribute, _change_dims, _change_values, _change_data_type, _cut_data,
    _move_data_outside, _drop_initialiser, _change_input, _change_outputs, _nest_graphs,
    _change_opset, _change_metadata,
)  # fmt: skip


@st.composite
def damaged_files(draw):
    """A valid file after one to four mutations."""
    model = ModelProto.FromString(draw(st.sampled_from(valid_files())))

    def choose(count):
        return draw(st.integers(0, max(count, 1) - 1))

    for _ in range(draw(st.integers(1, 4))):
        if model.graph.node and model.graph.initializer:
            draw(st.sampled_from(MUTATIONS))(model, choose)
    return model


def read_and_lower(model):
    """Read as a user would; the graph, or the error that a user would see."""
    try:
        graph = read_onnx(model.SerializeToString()).graph
        if graph.quantisation:
            lower(graph)
    except HwprofError as error:
        return error
    return graph


@given(damaged_files())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_messages_stay_in_the_error_tree_and_in_bounds(model):
    """Nothing but our errors comes out, in one line, and memory stays bounded."""
    tracemalloc.start()
    try:
        result = read_and_lower(model)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    if isinstance(result, HwprofError):
        assert str(result)
        assert "\n" not in str(result)
    else:
        assert result.nodes or result.inputs
    assert peak_bytes < MOST_BYTES


def test_undamaged_files_are_read():
    """The files that mutations start from are valid: what they refuse is the damage."""
    for data in valid_files():
        assert read_onnx(data).graph.nodes
