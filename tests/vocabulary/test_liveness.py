"""Live bytes of a graph are what no memory plan can go below."""

from __future__ import annotations

from hwprof.blocks import GraphBuilder
from hwprof.graph import Add, Graph, MaxPool, Reshape, Unary, UnaryFunction
from hwprof.liveness import live_bytes

POOL = MaxPool(kernel_h=2, kernel_w=2, stride_h=2, stride_w=2)
RELU = Unary(function=UnaryFunction.RELU)


def chain() -> Graph:
    """64 bytes, pooled to 16, viewed as a vector, rectified."""
    builder = GraphBuilder()
    tensor = builder.input("x", (8, 8, 1))
    tensor = builder.add("b", "pool", POOL, tensor)
    tensor = builder.add("b", "view", Reshape(shape=(1, 1, 16)), tensor)
    return builder.finish("chain", [builder.add("b", "relu", RELU, tensor)])


def test_a_tensor_dies_after_its_last_reader() -> None:
    """The input is alive while the pool reads it and not while the last node runs."""
    assert live_bytes(chain()) == (64 + 16, 16, 16 + 16)


def test_a_tensor_read_again_later_stays_alive() -> None:
    """A shortcut keeps its source in memory across the layers it skips."""
    builder = GraphBuilder()
    source = builder.input("x", (4, 4, 1))
    first = builder.add("b", "first", RELU, source)
    second = builder.add("b", "second", RELU, first)
    graph = builder.finish("skip", [builder.add("b", "sum", Add(), source, second)])

    assert live_bytes(graph) == (32, 48, 48)


def test_graph_outputs_live_to_the_end() -> None:
    """An early output is still there when the last node runs."""
    builder = GraphBuilder()
    source = builder.input("x", (4, 4, 1))
    early = builder.add("b", "early", RELU, source)
    late = builder.add("b", "late", RELU, source)
    graph = builder.finish("two", [early, late])

    assert live_bytes(graph) == (32, 48)
