"""Small files that ask for much: refused in one sentence, before it is made."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from onnx import helper, numpy_helper

from hwprof.errors import ModelError
from hwprof.onnx_io import read_onnx

MOST_BYTES = 1 << 30  # the reader's own bounds, and what numpy makes on the way


def _hostile(nodes, *, inputs=1, constants=()):
    """A model that is small and asks for much."""
    info = helper.make_tensor_value_info
    return helper.make_model(
        helper.make_graph(
            nodes,
            "hostile",
            [info(f"x{number}", 1, (1, 2, 4, 4)) for number in range(inputs)],
            [info("y", 1, None)],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in constants],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )


def _chain(length):
    names = ["x0", *(f"t{number}" for number in range(length - 1)), "y"]
    pairs = pairwise(names)
    return [helper.make_node("Relu", [source], [target]) for source, target in pairs]


def _doubling():
    nodes = [helper.make_node("ConstantOfShape", ["size"], ["c0"])]
    nodes += [
        helper.make_node("Concat", [f"c{n}", f"c{n}"], [f"c{n + 1}"], axis=0) for n in range(30)
    ]
    return [*nodes, helper.make_node("Add", ["x0", "c30"], ["y"])]


def _hoarding():
    count = 40
    nodes = [helper.make_node("ConstantOfShape", ["size"], [f"c{n}"]) for n in range(count)]
    nodes.append(helper.make_node("Concat", [f"c{n}" for n in range(count)], ["all"], axis=0))
    return [*nodes, helper.make_node("Add", ["x0", "all"], ["y"])]


def _nested(depth):
    graph = helper.make_graph([], "inner", [], [])
    for _ in range(depth):
        node = helper.make_node("If", ["x0"], ["y"], then_branch=graph, else_branch=graph)
        graph = helper.make_graph([node], "outer", [], [])
    return [node]


def _sum(count):
    return _hostile([helper.make_node("Sum", ["x0"] * count, ["y"])])


def _with_constant(array):
    node = helper.make_node("Add", ["x0", "c"], ["y"])
    return _hostile([node], constants=[("c", array)])


MODELS = {
    "at most 8,192 ONNX nodes; this one has 16,384": _hostile(_chain(1 << 14)),
    "at most 64 inputs; this one has 65": _hostile(_chain(1), inputs=65),
    "at most 65,536 operands; this one has 70,001": _sum(70_000),
    "at most 8,192 operators": _sum(9_000),
    r"at most 16,777,216 elements; got shape \[33554432": _hostile(
        _doubling(), constants=[("size", np.array([1 << 20]))]
    ),
    "compute.* take at most 536,870,912 bytes at once": _hostile(
        _hoarding(), constants=[("size", np.array([1 << 24]))]
    ),
    "breaks the ONNX standard: Nodes in a graph must be topolog": _hostile(_chain(2)[::-1]),
    "breaks the ONNX standard: .*not output of any previous": _hostile(
        [helper.make_node("Relu", ["y"], ["y"])]
    ),
    "operators that hwprof does not run: If": _hostile(_nested(10)),
    "hold real numbers; 'c' is of type complex64": _with_constant(np.ones(1, np.complex64)),
    "hold real numbers; 'c' is of type object": _with_constant(np.array(["a"])),
}


@pytest.mark.parametrize("message", MODELS)
def test_small_files_that_ask_for_much(message):
    """What no board could hold is refused before it is made."""
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=message):
            read_onnx(MODELS[message])
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < MOST_BYTES


def test_nesting_deeper_than_a_message_may_be():
    """Protobuf's own limit on nesting ends in our sentence."""
    message = b""
    for _ in range(200):  # GraphProto.node (1), NodeProto.attribute (5), AttributeProto.g (6)
        for field in (6, 5, 1):
            message = bytes([field << 3 | 2]) + _varint(len(message)) + message

    with pytest.raises(ModelError, match="one whole ModelProto"):
        read_onnx(b"\x3a" + _varint(len(message)) + message)


def _varint(value):
    encoded = b""
    while value > 127:
        encoded, value = encoded + bytes([value & 127 | 128]), value >> 7
    return encoded + bytes([value])
