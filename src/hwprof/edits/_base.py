"""What an edit of a network is: which operators, what becomes of them, and what it is called.

Edits change structure, not weights: an edited graph is seeded. What an edit does to accuracy is
unknown until the network is trained again.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from hwprof.edits._follow import follow
from hwprof.errors import ModelError
from hwprof.graph import Graph, Node, Op, Shape


@dataclass(frozen=True, slots=True)
class Edit(abc.ABC):
    """A change of some operators that leaves the rest of the network valid.

    Attributes:
        nodes: names of the operators that are changed; empty for the whole network.
        values: what they get, whole numbers whose meaning the kind says.
    """

    kind: ClassVar[str]
    nodes: tuple[str, ...]
    values: tuple[int, ...]

    @classmethod
    @abc.abstractmethod
    def proposals(cls, graph: Graph) -> Iterator[Self]:
        """Edits of this kind that are worth trying; some of them may not build."""

    @abc.abstractmethod
    def apply(self, graph: Graph) -> Graph:
        """The edited graph, seeded.

        Raises:
            ModelError: the edited network cannot be built, or would no longer do the same job.
        """

    @property
    @abc.abstractmethod
    def setting(self) -> str:
        """What the operators get: ``3x3``."""

    @property
    def change(self) -> str:
        """Kind and setting: ``kernel 3x3``."""
        return f"{self.kind} {self.setting}"


def rebuilt(
    graph: Graph, operators: Mapping[str, Op], inputs: Mapping[str, Shape] | None = None
) -> Graph:
    """The graph with some operators and inputs replaced; the others follow their inputs' shapes.

    Raises:
        ModelError: an operator cannot follow, or the shapes no longer fit.
    """
    unknown = set(operators) - {node.name for node in graph.nodes}
    if unknown:
        raise ModelError(f"network {graph.name!r} has no operator {min(unknown)!r}.")
    shapes: dict[str, Shape] = dict(inputs or graph.inputs)
    nodes = []
    for node in graph.nodes:
        now = [shapes[name] for name in node.inputs]
        op = operators.get(node.name, node.op)
        before = graph.input_shapes(node)
        if now != before:
            op = follow(op, before, now)
        nodes.append(Node(node.name, op, node.inputs, node.block))
        shapes[node.name] = op.output_shape(now)
    edited = dict(inputs or graph.inputs)
    return Graph(graph.name, edited, tuple(nodes), graph.outputs, seed=graph.seed)


def keeping_outputs(before: Graph, after: Graph) -> Graph:
    """``after``, where every output has the shape that it had.

    Raises:
        ModelError: one has another.
    """
    changed = [name for name in before.outputs if before.shapes[name] != after.shapes[name]]
    if changed:
        raise ModelError(
            f"output {changed[0]!r} would be {after.shapes[changed[0]]} instead of "
            f"{before.shapes[changed[0]]}."
        )
    return after


def readers(graph: Graph) -> dict[str, list[Node]]:
    """Nodes that read each tensor."""
    found: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            found.setdefault(name, []).append(node)
    return found


def numbers(values: Sequence[int], count: int, kind: str) -> tuple[int, ...]:
    """The values of an edit, checked.

    Raises:
        ModelError: not as many, or one is not positive.
    """
    if len(values) != count or min(values, default=1) < 1:
        raise ModelError(f"a {kind} edit has {count} positive values; got {list(values)}.")
    return tuple(values)
