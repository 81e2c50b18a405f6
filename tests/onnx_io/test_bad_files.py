"""Files that cannot be read end in one sentence of the error tree, whatever is wrong with them."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from hwprof.architecture import block_graph
from hwprof.blocks import BlockConfig
from hwprof.errors import (
    ConfigurationError,
    HwprofError,
    ModelError,
    UnsupportedOperatorError,
)
from hwprof.models import load_model
from hwprof.onnx_io import read_onnx, to_model_proto


def _model(nodes, *, shape=(1, 3, 8, 8), constants=(), outputs=("y",), **options):
    """A model of float tensors; ``nodes`` are (op, inputs, outputs, attributes)."""
    made = [helper.make_node(op, i, o, name=op.lower(), **a) for op, i, o, a in nodes]
    graph = helper.make_graph(
        made,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants],
    )
    opset = helper.make_opsetid("", options.get("opset", 17))
    return helper.make_model(graph, opset_imports=[opset], ir_version=8)


def _relu(**options):
    return _model([("Relu", ["x"], ["y"], {})], **options)


_CONFIG = BlockConfig.of("shufflev2", [(4, 4, 8)], c_out=8, stride=1)
_VALID = to_model_proto(block_graph(_CONFIG)).SerializeToString()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x08\x08", bytes(100), _VALID[:-100]])
def test_bytes_that_are_no_model(data):
    """Empty, foreign and truncated bytes are named as what they are not."""
    with pytest.raises(ModelError, match=r"an ONNX file (is one whole ModelProto|holds a graph)"):
        read_onnx(data)


@given(st.integers(0, len(_VALID) - 1))
@settings(max_examples=40)
def test_truncated_files_stay_in_the_error_tree(length):
    """No prefix of a valid file raises anything but our errors."""
    with pytest.raises(HwprofError):
        read_onnx(_VALID[:length])


@given(st.lists(st.tuples(st.integers(0, len(_VALID) - 1), st.integers(1, 255)), max_size=8))
@settings(max_examples=150)
def test_damaged_files_stay_in_the_error_tree(flips):
    """Flipped bits give a graph or one of our errors, never a traceback or a warning."""
    data = bytearray(_VALID)
    for position, mask in flips:
        data[position] ^= mask
    with contextlib.suppress(HwprofError):
        assert read_onnx(bytes(data)).graph.nodes


def test_missing_file(tmp_path):
    """A path that leads nowhere is repeated with the reason."""
    with pytest.raises(ModelError, match=r"'.*nothing\.onnx' cannot be opened \(No such file"):
        read_onnx(tmp_path / "nothing.onnx")


def test_folder_instead_of_a_file(tmp_path):
    """A folder is no file."""
    with pytest.raises(ModelError, match=r"cannot be opened \(Is a directory\)"):
        read_onnx(tmp_path)


def test_huge_file_is_not_read(tmp_path):
    """The size is looked at before the content."""
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(300 << 20)

    with pytest.raises(ModelError, match=r"at most 268,435,456 bytes; .* has 314,572,800"):
        read_onnx(path)


def test_all_unsupported_operators_are_named():
    """Every unknown operator is listed at once, custom domains included, and what there is."""
    model = _model([
        ("LSTM", ["x"], ["a"], {}),
        ("Einsum", ["a"], ["b"], {}),
        ("FusedConv", ["b"], ["y"], {"domain": "com.microsoft"}),
    ])  # fmt: skip

    with pytest.raises(
        UnsupportedOperatorError,
        match=r"run: Einsum \(node 'einsum'\), LSTM \(node 'lstm'\), com\.microsoft\.FusedConv "
        r".*supported are Abs, Add, AveragePool, .*Upsample\.",
    ):
        read_onnx(model)


def test_operator_that_is_supported_on_constants_only():
    """Sqrt of a constant is folded, of the network's data it is refused by name."""
    with pytest.raises(UnsupportedOperatorError, match=r"does not run: Sqrt \(node 'sqrt'\)"):
        read_onnx(_model([("Sqrt", ["x"], ["y"], {})]))


def test_dynamic_shape_names_the_input_and_the_way_out():
    """An open height is refused with the command that closes it."""
    with pytest.raises(
        ModelError, match=r"'x' has \[1, 3, 'H', 8\]; fix it with .*make_dynamic_shape_fixed"
    ):
        read_onnx(_relu(shape=(1, 3, "H", 8)))


def test_batches_are_refused():
    """More than one picture at a time is not what a microcontroller does."""
    with pytest.raises(ModelError, match=r"input 'x' has batch 4; export the model with batch 1"):
        read_onnx(_relu(shape=(4, 3, 8, 8)))


def test_old_opset():
    """Opsets before 7 broadcast by other rules."""
    with pytest.raises(ModelError, match=r"opset 7 or later are read; this one is of opset 6"):
        read_onnx(_relu(opset=6))


def test_external_data_is_refused(tmp_path):
    """Weights in another file are refused before anything opens that file."""
    model = _model(
        [("Add", ["x", "c"], ["y"], {})], constants=[("c", np.ones((3, 1, 1), np.float32))]
    )
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, location="/etc/passwd")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL

    with pytest.raises(ModelError, match=r"tensor 'c' is kept in another; save the model with"):
        read_onnx(model)


def test_broken_standard_is_reported():
    """What onnx's checker finds becomes one sentence of ours."""
    with pytest.raises(ModelError, match=r"breaks the ONNX standard: .*"):
        read_onnx(_model([("Relu", ["nowhere"], ["y"], {})]))


def test_weights_that_do_not_fit():
    """Shapes that contradict each other are said with the node's name."""
    constants = [("w", np.zeros((4, 2, 3, 3), np.float32))]
    with pytest.raises(
        ModelError, match=r"ONNX node 'conv' \(Conv\): weights \[4, 2, 3, 3\] do not fit 3 channels"
    ):
        read_onnx(_model([("Conv", ["x", "w"], ["y"], {})], constants=constants))


def test_weights_that_are_not_finite():
    """An exploded training run is noticed here, not in the quantiser."""
    constants = [("w", np.full((4, 3, 1, 1), np.nan, np.float32))]
    with pytest.raises(ModelError, match=r"weights must be finite"):
        read_onnx(_model([("Conv", ["x", "w"], ["y"], {})], constants=constants))


@pytest.mark.parametrize(
    ("op", "attributes", "message"),
    [
        ("MaxPool", {"kernel_shape": [3, 3], "dilations": [2, 2]}, "no dilated windows"),
        ("MaxPool", {"kernel_shape": [9, 9]}, "a window of 9 does not fit a padded extent of 8"),
        ("MaxPool", {"kernel_shape": [3, 3], "strides": [0, 1]}, "must be positive"),
        ("AveragePool", {"kernel_shape": [2, 2], "pads": [0, 0, 0]}, "has 4 pads"),
        ("Transpose", {"perm": [0, 1, 2, 2]}, "cannot be read: "),
        ("DepthToSpace", {"blocksize": 2}, "cannot be read: cannot reshape"),
        ("Softmax", {"axis": 7}, "axis 7 is outside of a tensor of 4 axes"),
    ],
)
def test_attributes_that_mean_nothing(op, attributes, message):
    """Nonsense in an attribute is the node's fault and said so."""
    with pytest.raises(ModelError, match=rf"ONNX node '{op.lower()}' \({op}\):? ?.*{message}"):
        read_onnx(_model([(op, ["x"], ["y"], attributes)]))


@pytest.mark.parametrize(
    ("op", "constants"),
    [
        ("Resize", [("e", np.zeros(0, np.float32)), ("s", np.array([1, 1, 1e6, 1e6], np.float32))]),
        ("Pad", [("p", np.array([0, 0, 0, 0, 0, 0, 1 << 40, 1 << 40]))]),
        ("Expand", [("n", np.array([1 << 20, 3, 8, 8]))]),
        ("Gather", [("i", np.zeros((1 << 20,), np.int64))]),
    ],
)
def test_small_files_cannot_ask_for_much_memory(op, constants):
    """A few bytes that name a giant tensor are refused before it is allocated."""
    names = [name for name, _ in constants]
    inputs = ["x", "e", "s"] if op == "Resize" else ["x", *names]
    with pytest.raises(ModelError, match=r"a tensor has at most 16,777,216 elements"):
        read_onnx(_model([(op, inputs, ["y"], {})], constants=constants))


def test_movement_that_cannot_be_expressed():
    """A shuffled gather over pixels is refused with what would do instead."""
    order = np.random.default_rng(0).permutation(64).astype(np.int64)
    nodes = [
        ("Reshape", ["x", "flat"], ["a"], {}),
        ("Gather", ["a", "order"], ["y"], {"axis": 2}),
    ]
    constants = [("flat", np.array([1, 3, 64])), ("order", order)]

    with pytest.raises(
        ModelError, match=r"a few slices and transposes; that of ONNX node 'gather'"
    ):
        read_onnx(_model(nodes, constants=constants))


def test_constant_output():
    """A model that computes nothing from its input has no latency."""
    with pytest.raises(ModelError, match=r"every output must depend on an input; 'y' is constant"):
        read_onnx(_model([("Shape", ["x"], ["y"], {})]))


def test_half_quantised_model():
    """Quantisation that stops halfway is refused with the tensors that lack it."""
    operands = [("s", np.float32(0.1)), ("z", np.int8(0))]
    nodes = [
        ("QuantizeLinear", ["x", "s", "z"], ["q"], {}),
        ("DequantizeLinear", ["q", "s", "z"], ["d"], {}),
        ("GlobalAveragePool", ["d"], ["p"], {}),
        ("Conv", ["p", "w"], ["y"], {}),
    ]
    operands.append(("w", np.ones((2, 3, 1, 1), np.float32)))
    with pytest.raises(ModelError, match=r"around every operator with weights; 'conv' lack them"):
        read_onnx(_model(nodes, constants=operands))


def test_foreign_seed():
    """Metadata is text from a stranger."""
    model = _relu()
    helper.set_model_props(model, {"hwprof.seed": "seven"})

    with pytest.raises(ModelError, match=r"hwprof\.seed must be a whole number; got 'seven'"):
        read_onnx(model)


def test_other_suffixes(tmp_path):
    """load_model says which files it reads."""
    with pytest.raises(
        ConfigurationError, match=r"ends in \.onnx or \.tflite; got '.*\.pt'; export it as ONNX, or"
    ):
        load_model(tmp_path / "model.pt")


def test_load_model_reads_onnx(tmp_path):
    """The suffix chooses the reader, in either case."""
    path = tmp_path / "Model.ONNX"
    path.write_bytes(_VALID)

    assert load_model(path).graph.name == _CONFIG.key


def test_reading_warns_of_nothing():
    """Folding divides and takes roots of what it finds without a word from numpy."""
    nodes = [("Div", ["one", "zero"], ["inf"], {}), ("Mul", ["x", "inf"], ["y"], {})]
    constants = [("one", np.float32(1)), ("zero", np.float32(0))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ModelError, match=r"a constant must be finite"):
            read_onnx(_model(nodes, constants=constants))
