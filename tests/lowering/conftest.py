"""Small graphs that the tests of lowering share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from hwprof.blocks import GraphBuilder
from hwprof.graph import FloatWeights, Graph, Op, Shape

GraphOf = Callable[..., Graph]


@pytest.fixture(scope="session")
def single() -> GraphOf:
    """Builds a graph of one operator ``op`` on inputs of the given shapes, in_0, in_1, ..."""

    def build(op: Op, *shapes: Shape) -> Graph:
        builder = GraphBuilder()
        names = [builder.input(f"in_{index}", shape) for index, shape in enumerate(shapes)]
        builder.add("block", "op", op, *names)
        return builder.finish("single", ["block/op"])

    return build


@pytest.fixture(scope="session")
def chain() -> GraphOf:
    """Builds a graph of operators one after the other, op_0, op_1, ..., on one input."""

    def build(ops: Sequence[Op], shape: Shape, seed: int = 0) -> Graph:
        builder = GraphBuilder()
        tensor = builder.input("in_0", shape)
        for index, op in enumerate(ops):
            tensor = builder.add("block", f"op_{index}", op, tensor)
        return builder.finish("chain", [tensor], seed)

    return build


@pytest.fixture(scope="session")
def with_weights() -> Callable[[Graph], Graph]:
    """Gives a graph random float weights that keep variances near one."""

    def build(graph: Graph) -> Graph:
        generator = np.random.default_rng(7)
        weights = {}
        for node in graph.weighted_nodes:
            shape = node.op.weight_shape(graph.input_shapes(node))
            kernel = generator.normal(0, np.prod(shape[1:]) ** -0.5, shape)
            bias = generator.normal(0, 0.2, shape[0])
            weights[node.name] = FloatWeights(kernel.astype(np.float32), bias.astype(np.float32))
        return replace(graph, weights=weights)

    return build
