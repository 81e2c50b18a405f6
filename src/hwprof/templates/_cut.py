"""A stretch of a graph cut out of it: one output, inputs by name, operators that blocks know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from hwprof.architecture import single_operator
from hwprof.blocks import BLOCK_TYPES
from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.graph import Graph, Node, Shape

MOST_NODES = 256


@dataclass(frozen=True)
class Subgraph:
    """Operators in execution order, of which only the last one is read outside.

    Attributes:
        inputs: (name, shape (h, w, c)) of each tensor read from outside, in the order of reading.
    """

    inputs: tuple[tuple[str, Shape], ...]
    nodes: tuple[Node, ...]

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shape of every tensor by name."""
        shapes = dict(self.inputs)
        for node in self.nodes:
            shapes[node.name] = node.op.output_shape([shapes[name] for name in node.inputs])
        return shapes

    @property
    def output(self) -> Node:
        """The operator that writes what is read outside."""
        return self.nodes[-1]

    def input_shapes(self, node: Node) -> list[Shape]:
        """Shapes of an operator's inputs, in order."""
        return [self.shapes[name] for name in node.inputs]


def cut(graph: Graph, stretch: str) -> Subgraph:
    """The operators from ``a`` to ``b`` of ``a..b``, in the order of ``hwprof inspect``.

    Raises:
        UnknownNameError: the graph has no operator of that name.
        ConfigurationError: ``b`` comes before ``a``, several tensors are read outside, or an
            operator belongs to no block type.
    """
    first, last = _ends(graph, stretch)
    if first > last:
        raise ConfigurationError(
            f"nodes are named first..last in the order of 'hwprof inspect'; in {stretch!r} the "
            "second comes before the first; swap them."
        )
    nodes = graph.nodes[first : last + 1]
    if len(nodes) > MOST_NODES:
        raise ConfigurationError(
            f"a block has at most {MOST_NODES} operators; {stretch!r} has {len(nodes)}; name a "
            "shorter stretch."
        )
    _check_single_output(graph, nodes, stretch)
    _check_known(graph, nodes)
    written = {node.name for node in nodes}
    read = dict.fromkeys(name for node in nodes for name in node.inputs if name not in written)
    # Which block an operator belonged to is forgotten: equal stretches are equal templates.
    loose = tuple(replace(node, block="") for node in nodes)
    return Subgraph(tuple((name, graph.shapes[name]) for name in read), loose)


def _ends(graph: Graph, stretch: str) -> tuple[int, int]:
    position = {node.name: number for number, node in enumerate(graph.nodes)}
    if stretch in position:
        return position[stretch], position[stretch]
    # A name may hold dots of its own, so every pair of dots is tried.
    splits = [
        (stretch[:at], stretch[at + 2 :])
        for at in range(len(stretch))
        if stretch.startswith("..", at)
    ]
    known = [pair for pair in splits if set(pair) <= set(position)]
    if not known:
        first, last = splits[0] if splits else (stretch, stretch)
        raise UnknownNameError("node", last if first in position else first, position)
    return position[known[0][0]], position[known[0][1]]


def _check_single_output(graph: Graph, nodes: Sequence[Node], stretch: str) -> None:
    inside = {node.name for node in nodes}
    read_inside = {name for node in nodes for name in node.inputs}
    read_outside = {
        name for node in graph.nodes if node.name not in inside for name in node.inputs
    } | set(graph.outputs)
    outputs = [
        node.name for node in nodes if node.name in read_outside or node.name not in read_inside
    ]
    if len(outputs) != 1:
        raise ConfigurationError(
            f"a block has one output; of {stretch!r} {len(outputs)} tensors are read outside: "
            f"{', '.join(outputs[:4])}; choose ends that all branches meet between."
        )


def _check_known(graph: Graph, nodes: Sequence[Node]) -> None:
    for node in nodes:
        block = single_operator(node, graph.input_shapes(node))
        if block.config.block_type not in BLOCK_TYPES:
            raise ConfigurationError(
                f"a block is made of operators that block types know; {node.name!r} is "
                f"{node.op.kind}; choose a stretch without it."
            )
