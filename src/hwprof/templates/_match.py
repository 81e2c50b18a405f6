"""A subgraph found again in another graph: same operators in kind, joined the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwprof.graph import Graph, Node, Shape
from hwprof.templates._cut import Subgraph

if TYPE_CHECKING:
    from hwprof.architecture import BlockInstance
    from hwprof.templates._template import TemplateBlock


@dataclass(frozen=True, slots=True)
class GraphIndex:
    """A graph by names.

    Attributes:
        nodes: operators.
        shapes: of every tensor.
        readers: operators that read a tensor; the empty name stands for the graph's caller.
    """

    nodes: Mapping[str, Node]
    shapes: Mapping[str, Shape]
    readers: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, graph: Graph) -> GraphIndex:
        """The index of a graph."""
        readers: dict[str, set[str]] = {name: set() for name in graph.shapes}
        for node in graph.nodes:
            for name in node.inputs:
                readers[name].add(node.name)
        for name in graph.outputs:
            readers[name].add("")
        return cls(
            {node.name: node for node in graph.nodes},
            graph.shapes,
            {name: frozenset(names) for name, names in readers.items()},
        )


def match(subgraph: Subgraph, index: GraphIndex, last: Node) -> dict[str, str] | None:
    """Names in the graph of the subgraph's tensors, or None where it does not end in ``last``.

    Operands are taken in the order in which the subgraph has them.
    """
    found = {subgraph.output.name: last.name}
    for node in reversed(subgraph.nodes):
        theirs = index.nodes.get(found[node.name])
        if theirs is None or type(theirs.op) is not type(node.op):
            return None
        if len(theirs.inputs) != len(node.inputs):
            return None
        for ours, name in zip(node.inputs, theirs.inputs, strict=True):
            if found.setdefault(ours, name) != name:
                return None
    inside = {found[node.name] for node in subgraph.nodes}
    if len(inside) < len(subgraph.nodes):
        return None
    hidden = inside - {last.name}
    if any(not index.readers[name] <= inside for name in hidden):
        return None
    return None if any(found[name] in inside for name, _ in subgraph.inputs) else found


def find_blocks(graph: Graph, templates: Sequence[TemplateBlock]) -> dict[str, BlockInstance]:
    """Blocks of the templates that a graph holds, by their last operator; none overlap.

    The template of more operators goes first; each is looked for from the graph's end.
    """
    found: dict[str, BlockInstance] = {}
    inside: set[str] = set()
    index = GraphIndex.of(graph) if templates else None
    for template in sorted(templates, key=lambda one: -len(one.subgraph.nodes)):
        for node in reversed(graph.nodes):
            block = template.recognise(index, node) if index else None
            if block and inside.isdisjoint(block.nodes):
                found[node.name] = block
                inside.update(block.nodes)
    return found
