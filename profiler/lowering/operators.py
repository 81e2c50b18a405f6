"""How each operator becomes records: a table from operator type to a lowering function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from hwprof.errors import UnsupportedOperatorError
from hwprof.graph import (
    Add,
    AveragePool,
    Concat,
    Conv2d,
    FullyConnected,
    Lookup,
    MaxPool,
    Mean,
    Mul,
    Node,
    Op,
    Pad,
    Requantise,
    Reshape,
    ResizeNearest,
    Scalar,
    Slice,
    Softmax,
    Sub,
    Transpose,
    Unary,
)
from hwprof.profiler.lowering import arithmetic, movement
from hwprof.profiler.lowering.assembly import Assembly
from hwprof.profiler.program import Record

# The third argument is the node's operator, of the type that the table lists.
Lowering = Callable[[Assembly, Node, Any], Iterator[Record]]

LOWERINGS: Mapping[type[Op], Lowering] = MappingProxyType(
    {
        Conv2d: arithmetic.conv2d,
        FullyConnected: arithmetic.fully_connected,
        Add: arithmetic.add,
        Sub: arithmetic.sub,
        Mul: arithmetic.mul,
        Mean: arithmetic.mean,
        Lookup: arithmetic.lookup,
        Scalar: arithmetic.lookup,
        Unary: arithmetic.unary,
        Softmax: arithmetic.softmax,
        Requantise: arithmetic.requantise,
        AveragePool: movement.average_pool,
        MaxPool: movement.max_pool,
        Concat: movement.concat,
        Slice: movement.slice_,
        Transpose: movement.transpose,
        ResizeNearest: movement.resize_nearest,
        Pad: movement.pad,
        Reshape: movement.reshape,
    }
)


def records_of(assembly: Assembly, node: Node) -> Iterator[Record]:
    """Records that run one node, in order; none for a view.

    Raises:
        UnsupportedOperatorError: no lowering is known for the operator.
    """
    lowering = LOWERINGS.get(type(node.op))
    if lowering is None:
        known = ", ".join(sorted(op.kind for op in LOWERINGS))
        raise UnsupportedOperatorError(
            f"an operator must be one of {known}; node {node.name!r} is a {node.op.kind!r}; "
            "replace it or cut the model before it."
        )
    return lowering(assembly, node, node.op)
