"""Whole files: what is read of them, what is refused, and that nothing else escapes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tflite.Model import Model

from hwprof.blocks import BLOCK_TYPES
from hwprof.errors import ConfigurationError, ModelError, UnsupportedOperatorError
from hwprof.graph import Activation
from hwprof.models import load_model, resolve_model
from hwprof.partition import partition
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.lowering import lower
from hwprof.testing.tflite import TfliteBuilder, _Operator, small_network
from hwprof.tflite_io import read_tflite
from hwprof.tflite_io._file import FILE


@pytest.fixture(scope="module")
def network() -> bytes:
    """A file with many operators, float at both ends."""
    return small_network()


def test_small_network_is_exact(assert_exact, network):
    """A whole network agrees with the reference, its float ends converted by the caller."""
    assert_exact(network)


def test_small_network_runs_on_the_board(network):
    """Every layer's output on the virtual board is the host reference's."""
    graph = read_tflite(network).graph
    with Bench(Setup()) as bench:
        row = bench.measure(bench.lower(graph), block_type="network", block_key="small")

    assert (row.error, row.macs) == ("", graph.macs)


def test_notes_say_where_the_ends_differ(network):
    """Float inputs and outputs are int8 in the program, and the reader says so."""
    notes = read_tflite(network).notes

    assert [note.partition(";")[0] for note in notes] == [
        "input 'picture' is FLOAT32 in the file",
        "output 'classes' is FLOAT32 in the file",
    ]
    assert "takes it as int8 with scale 0.0199999996 and zero point 3" in notes[0]


def test_every_operator_is_a_block(network):
    """Surrogates and tables cover each operator of the file."""
    architecture = partition(read_tflite(network).graph, {})

    assert architecture.uncovered == ()
    assert {block.config.block_type for block in architecture.blocks} <= set(BLOCK_TYPES)


def test_blocks_describe_their_operators(network):
    """The way from operator to block parameters and back is exact, floats included."""
    graph = read_tflite(network).graph

    built = partition(graph, {}).graph()

    assert [node.op for node in built.nodes] == [node.op for node in graph.nodes]


def test_resolved_by_suffix(network, tmp_path):
    """A path to a .tflite file is a model wherever a model is asked for."""
    path = tmp_path / "small.tflite"
    path.write_bytes(network)

    model = resolve_model(str(path))

    assert (model.name, model.graph.macs) == ("small.tflite", read_tflite(network).graph.macs)
    assert load_model(path).output_names == ("classes",)
    assert len(model.notes) == 2


def unsigned_ends() -> bytes:
    """A model with uint8 ends around one int8 operator."""
    model = TfliteBuilder()
    x = model.input((1, 4), kind="UINT8", scale=0.5, zero_point=131)
    inner = model.operator("QUANTIZE", [x], [model.tensor((1, 4), scale=0.5, zero_point=3)])
    relu = model.operator("RELU", [inner], [model.tensor((1, 4), scale=0.5, zero_point=-128)])
    y = model.tensor((1, 4), kind="UINT8", scale=0.5, zero_point=0)
    return model.finish(model.operator("QUANTIZE", [relu], [y]))


def test_unsigned_ends(assert_exact):
    """A uint8 input or output is the int8 one moved by 128, and its QUANTIZE is no node."""
    graph = read_tflite(unsigned_ends()).graph

    assert [node.name for node in graph.nodes] == ["RELU_1"]
    assert_exact(unsigned_ends())


def relu(**tensor) -> bytes:
    """A model of one operator whose ends are as given."""
    model = TfliteBuilder()
    quantisation = {"shape": (1, 4), **tensor}
    x, y = model.input(**quantisation), model.tensor(**quantisation)
    return model.finish(model.operator("RELU", [x], [y]))


def built(**changes) -> bytes:
    """A model that breaks the rules of the whole file."""
    model = TfliteBuilder(**changes)
    x, y = model.input((1, 4)), model.tensor((1, 4))
    return model.finish(model.operator("RELU", [x], [y]))


def several_unsupported() -> bytes:
    """A model with operators that are not read, a custom one among them."""
    model = TfliteBuilder()
    x = model.input((1, 4))
    for code in ("ARG_MAX", "CUSTOM Sauce", "ARG_MAX", "RELU", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
        x = model.operator(code, [x], [model.tensor((1, 4))])
    return model.finish(x)


def reading(operands: list[int], outputs: int = 2) -> bytes:
    """A model whose operator refers to tensors that may not be there."""
    model = TfliteBuilder()
    model.input((1, 4))
    model.operator("RELU", operands, [model.tensor((1, 4))])
    return model.finish(outputs)


def constant_output() -> bytes:
    """A model whose output no operator computes."""
    model = TfliteBuilder()
    x, y = model.input((1, 4)), model.tensor((1, 4))
    model.operator("RELU", [x], [y])
    return model.finish(model.constant(np.ones((1, 4), np.int8), scales=[1.0]))


def float_inside() -> bytes:
    """A model that leaves int8 between its ends."""
    model = TfliteBuilder()
    x = model.input((1, 4))
    real = model.operator("DEQUANTIZE", [x], [model.tensor((1, 4), kind="FLOAT32", scale=None)])
    return model.finish(model.operator("QUANTIZE", [real], [model.tensor((1, 4))]))


def quantised_twice() -> bytes:
    """A float input that two branches want in different scales."""
    model = TfliteBuilder()
    x = model.input((1, 4), kind="FLOAT32", scale=None)
    first = model.operator("QUANTIZE", [x], [model.tensor((1, 4))])
    second = model.operator("QUANTIZE", [x], [model.tensor((1, 4), scale=0.3)])
    return model.finish(first, second)


def hybrid() -> bytes:
    """Float activations with int8 weights."""
    model = TfliteBuilder()
    x = model.input((1, 4), kind="FLOAT32", scale=None)
    w = model.constant(np.ones((2, 4), np.int8), scales=[0.1])
    y = model.tensor((1, 2), kind="FLOAT32", scale=None)
    model.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    return model.finish(y)


def outputless() -> bytes:
    """A model whose operator writes nothing."""
    model = TfliteBuilder()
    model.operators.append(_Operator("RELU", (model.input((1, 4)),), (), None))
    return model.finish(0)


def no_operators() -> bytes:
    """A model that does nothing."""
    model = TfliteBuilder()
    return model.finish(model.input((1, 4)))


def many_operators(count: int) -> bytes:
    """A model of as many operators."""
    model = TfliteBuilder()
    x = model.input((1, 4))
    model.operators.extend([_Operator("RELU", (x,), (x,), None)] * count)
    return model.finish(x)


def many_inputs(count: int) -> bytes:
    """A model that takes as many tensors."""
    model = TfliteBuilder()
    sources = [model.input((1, 1)) for _ in range(count)]
    y = model.tensor((1, count))
    model.operator("CONCATENATION", sources, [y], "ConcatenationOptions", Axis=1)
    return model.finish(y)


def gather(count: int) -> bytes:
    """A gather of as many positions."""
    model = TfliteBuilder()
    x, positions = model.input((1, 4)), model.constant(np.zeros(count, np.int32))
    y = model.tensor((1, count))
    model.operator("GATHER", [x, positions], [y], "GatherOptions", Axis=1)
    return model.finish(y)


def many_layers() -> bytes:
    """A model of few operators, each of which becomes 256 dense layers and more."""
    model = TfliteBuilder()
    x = model.input((1, 256, 4))
    w = model.constant(np.ones((4, 4), np.int8), scales=[0.1])
    for _ in range(17):
        y = model.tensor((1, 256, 4))
        x = model.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    return model.finish(x)


def patched(field: str, value: int) -> bytes:
    """A model whose last operator or tensor refers to something behind the end of a list."""
    model = TfliteBuilder()
    x = model.operator("RELU", [model.input((1, 4))], [model.tensor((1, 4))])
    w = model.constant(np.ones((4, 4), np.int8), scales=[0.1])
    y = model.tensor((1, 4))
    model.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    data = bytearray(model.finish(y))
    graph = Model.GetRootAs(data, 0).Subgraphs(0)
    # Slots of schema.fbs: opcode_index is the first field of an Operator, buffer a Tensor's third.
    fields = {"operator code": (graph.Operators(1), 4), "buffer": (graph.Tensors(w), 8)}
    table, slot = fields[field]
    data[table._tab.Pos + table._tab.Offset(slot)] = value
    return bytes(data)


def typed(source: str, target: str, code: str = "RELU", **ends) -> bytes:
    """One operator from a type to another, behind an int8 one."""
    model = TfliteBuilder()
    x = model.operator("RELU", [model.input((1, 4))], [model.tensor((1, 4))])
    y = model.input((1, 4), kind=source, **ends)
    z = model.operator(code, [y], [model.tensor((1, 4), kind=target, **ends)])
    return model.finish(x, z)


FAULTS = {
    "files of schema version 3 are read; this one has version 2": built(version=2),
    "has one subgraph; this one has 2": built(subgraphs=2),
    "identifier TFL3 in bytes 4 to 7; these 0 bytes": b"",
    "identifier TFL3 in bytes 4 to 7; these .* have b'ONNX'": built(identifier=b"ONNX"),
    "computes in FLOAT32; quantise it: tf.lite.TFLiteConverter": relu(kind="FLOAT32", scale=None),
    "this one computes in INT16": relu(kind="INT16"),
    "this one computes in UINT8": relu(kind="UINT8", zero_point=128),
    "computes in FLOAT32; quantise": hybrid(),
    r"input 't0' has shape \[2, 4\]; convert the model with batch 1": relu(shape=(2, 4)),
    r"axes of at least 1 .*'t0' has shape \[1, -1\]": relu(shape=(1, -1)),
    r"axes of at least 1 .*'t0' has shape \[1, 0\]": relu(shape=(1, 0)),
    r"16,777,216 elements; 't0' has shape \[1, 65536, 65536\]": relu(shape=(1, 1 << 16, 1 << 16)),
    "at most 8 axes of 't0'; the file has 9": relu(shape=(1,) * 9),
    "one scale and one zero point; 't0' has 0 and 0": relu(scale=None),
    "a scale is positive .* 't0' has scale 0.0": relu(scale=0.0),
    "a scale is positive .* 't0' has scale nan": relu(scale=float("nan")),
    "a zero point fits 8 bits; 't0' .* zero point 300": relu(zero_point=300),
    "numbered 0 to 1; it refers to number 7": reading([7], 1),
    "numbered 0 to 1; it refers to number -2": reading([-2], 1),
    "numbered 0 to 1; it refers to number 2": reading([0], 2),
    "operand 0 is missing": reading([-1], 1),
    "output 't3' is UINT8; quantise": typed("INT8", "UINT8"),
    "input 't2' is UINT8; quantise": typed("UINT8", "INT8"),
    "the program starts in int8; input 't2' is FLOAT32": typed("FLOAT32", "INT8"),
    "the program starts in int8; input 't2' is INT64": typed("INT64", "INT8", scale=None),
    "QUANTIZE leads to 8 bits; got INT8 to INT16": typed("INT8", "INT16", "QUANTIZE"),
    "a model computes in int8; 't3' is FLOAT16 inside": typed("INT8", "FLOAT16", "DEQUANTIZE"),
    "operator codes are numbered 0 to 1; it refers to number 9": patched("operator code", 9),
    "buffers are numbered 0 to 1; it refers to number 9": patched("buffer", 9),
    "a model has inputs, operators and outputs; this file has 1, 0 and 1": no_operators(),
    "RELU_0: an operator has an output; it has none": outputless(),
    "at most 256 inputs; the file has 257": many_inputs(257),
    "at most 4,096 operators; this one says 4,097": many_operators(4097),
    "at most 1,024 operands; the file has 1,025": reading([0] * 1025, 1),
    "names have at most 4,096 bytes; one has 5,000": relu(name="n" * 5000),
    "operand 1 has at most 65,536 integers; 't1' has 65,537": gather(65_537),
    "a program has at most 8,192 layers": many_layers(),
    "must be computed by an earlier operator; it is written by nothing": reading([1], 1),
    "every output is computed from an input; 't2' is not": constant_output(),
    "a model computes in int8; 't1' is FLOAT32 inside": float_inside(),
    "input 't0' is quantised in two ways": quantised_twice(),
}


@pytest.mark.parametrize(("sentence", "data"), FAULTS.items(), ids=[s[:40] for s in FAULTS])
def test_bad_files(sentence, data):
    """Each fault of a file is one sentence."""
    with pytest.raises(ModelError, match=sentence):
        read_tflite(data)


def test_unsupported_operators_are_listed_at_once():
    """All of them, with where they stand and what to do."""
    with pytest.raises(
        UnsupportedOperatorError,
        match=r"ARG_MAX \(operator 0 and 1 more\), CUSTOM 'Sauce' \(operator 1\), "
        r"UNIDIRECTIONAL_SEQUENCE_LSTM \(operator 4\); supported are ADD, .*; replace them",
    ):
        read_tflite(several_unsupported())


def test_options_of_another_operator_are_none():
    """TFLite asks an operator for options of its own class, and takes its defaults for others."""
    model = TfliteBuilder()
    x, y = model.input((1, 4)), model.tensor((1, 4))
    model.operator("ADD", [x, x], [y], "Pool2DOptions", Padding=1)
    model.operator("ADD", [y, x], [y], "AddOptions", FusedActivationFunction=1)

    operators = [node.op for node in read_tflite(model.finish(y)).graph.nodes]

    assert [op.activation for op in operators] == [Activation.NONE, Activation.RELU]


def test_constants_of_another_size(network):
    """A buffer holds what shape and type say."""
    model = TfliteBuilder()
    x = model.input((1, 4))
    short = model.constant(np.ones((2, 4), np.int8), scales=[0.1])
    model.tensors[short] = type(model.tensors[short])(
        **{name: getattr(model.tensors[short], name) for name in model.tensors[short].__slots__}
        | {"shape": (3, 4)}
    )
    y = model.tensor((1, 3))
    model.operator("FULLY_CONNECTED", [x, short, -1], [y], "FullyConnectedOptions")

    with pytest.raises(ModelError, match="type INT8 has 12 bytes; the file holds 8; it is damaged"):
        read_tflite(model.finish(y))


def test_missing_file(tmp_path):
    """A path that is none says so."""
    with pytest.raises(ModelError, match=r"none\.tflite' cannot be opened \(No such file"):
        load_model(tmp_path / "none.tflite")


def test_path_that_is_none():
    """A path that no file system holds is a missing file too."""
    with pytest.raises(ModelError, match=r"cannot be opened \(embedded null byte\)"):
        load_model("a\0b.tflite")


def test_inputs_of_one_name():
    """Names are made unique, as a graph needs them."""
    model = TfliteBuilder()
    a, b = (model.input((1, 4), name="x") for _ in range(2))
    y = model.operator("ADD", [a, b], [model.tensor((1, 4))], "AddOptions")

    assert list(read_tflite(model.finish(y)).graph.inputs) == ["x", "x_2"]


def test_output_that_is_an_input(assert_exact):
    """A tensor that is asked for twice is copied."""
    model = TfliteBuilder()
    x = model.input((1, 4))
    y = model.operator("RELU", [x], [model.tensor((1, 4))])

    assert_exact(model.finish(x, y, y))


def test_large_file(tmp_path):
    """A file beyond the bound is not read."""
    path = tmp_path / "large.tflite"
    with path.open("wb") as file:
        file.truncate(FILE.most_bytes + 1)

    with pytest.raises(ModelError, match=r"at most 67,108,864 bytes; .* has 67,108,865"):
        load_model(path)


def test_a_quantised_model_brings_its_scheme(network):
    """Another scheme cannot be asked of it."""
    with pytest.raises(ConfigurationError, match="a quantised model brings its own scales"):
        lower(read_tflite(network).graph, scheme="symmetric/per-channel")


def test_weights_named_many_times():
    """Bytes that a file names again and again are counted each time."""
    model = TfliteBuilder()
    x = model.input((1, 4096))
    w = model.constant(np.ones((4096, 4096), np.int8), scales=[0.1])
    for _ in range(17):
        y = model.tensor((1, 4096))
        x = model.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")

    with pytest.raises(ModelError, match="weights of at most 268,435,456 bytes in all are read"):
        read_tflite(model.finish(x))


POSITIONS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8)


@given(changes=POSITIONS, length=st.floats(0, 1), keep=st.booleans())
def test_damaged_files_stay_in_the_error_tree(network, changes, length, keep):
    """Whatever bytes change or are missing, a model or one sentence comes out, in bounded space."""
    data = bytearray(network)
    for place, value in changes:
        data[int(place * len(data))] = value
    cut = bytes(data) if keep else bytes(data[: int(length * len(data))])

    tracemalloc.start()
    try:
        lower(read_tflite(cut).graph)
    except ModelError as error:
        assert "\n" not in str(error)  # noqa: PT017
    finally:
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak_bytes < 512 << 20
