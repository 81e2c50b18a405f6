"""Which channel counts of a subgraph hang together.

A width begins at a *source*: an input of the subgraph, a convolution that is not depthwise, or a
dense layer. Everything else passes on the widths it reads. Operands of an element-wise operator
have equal shapes, so their sources are tied: they change by one factor or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hwprof.graph import Add, Concat, Conv2d, FullyConnected, Mul, Node, Sub
from hwprof.templates._cut import Subgraph

_EQUAL_OPERANDS = (Add, Sub, Mul)
_CHANNEL_AXIS = 2


@dataclass(frozen=True, slots=True)
class Widths:
    """Sources by tensor, and sources that are tied.

    Attributes:
        sources: the sources whose channels each tensor holds, by tensor name.
        group: a name for each source that all sources tied to it share.
    """

    sources: Mapping[str, frozenset[str]]
    group: Mapping[str, str]

    def tied(self, sources: Iterable[str]) -> frozenset[str]:
        """These sources and all that are tied to them."""
        groups = {self.group[source] for source in sources}
        return frozenset(source for source, name in self.group.items() if name in groups)


def find_widths(subgraph: Subgraph) -> Widths:
    """The widths of a subgraph."""
    sources = {name: frozenset({name}) for name, _ in subgraph.inputs}
    group = {name: name for name in sources}
    for node in subgraph.nodes:
        if is_source(subgraph, node):
            sources[node.name] = frozenset({node.name})
            group[node.name] = node.name
            continue
        read = frozenset[str]().union(*(sources[name] for name in node.inputs))
        sources[node.name] = read
        if _ties(node):
            _tie(group, read)
    return Widths(sources, group)


def is_source(subgraph: Subgraph, node: Node) -> bool:
    """Whether an operator's output channels are its own choice."""
    if isinstance(node.op, Conv2d):
        return not node.op.is_depthwise(subgraph.input_shapes(node))
    return isinstance(node.op, FullyConnected)


def _ties(node: Node) -> bool:
    beside = isinstance(node.op, Concat) and node.op.axis != _CHANNEL_AXIS
    return beside or isinstance(node.op, _EQUAL_OPERANDS)


def _tie(group: dict[str, str], sources: Iterable[str]) -> None:
    names = {group[source] for source in sources}
    shared = min(names)
    group.update({source: shared for source, name in group.items() if name in names})
