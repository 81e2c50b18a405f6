"""Other widths: channels rounded to a multiple of four, or fewer of them.

Tensors that are added, or that a pooling, a scalar function or a depthwise convolution turns
into each other, have one width, so the layers that decide it change together. Where a network's
input or output, or a slice of channels, has that width too, there is no such edit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypeAlias

from hwprof.edits._base import Edit, keeping_outputs, numbers, rebuilt
from hwprof.errors import ModelError
from hwprof.graph import (
    Concat,
    Conv2d,
    FullyConnected,
    Graph,
    Node,
    Reshape,
    Slice,
    Transpose,
)

_Weighted: TypeAlias = Conv2d | FullyConnected

MULTIPLE = 4  # kernels take columns of four, and rows of whole words
_SHARES = (7 / 8, 3 / 4, 1 / 2)
_OWN_WIDTH = (Concat, Reshape, Slice, Transpose)


@dataclass(frozen=True, slots=True)
class Channels(Edit):
    """Layers that decide one width get another; the value is the number of output channels."""

    kind: ClassVar[str] = "channels"

    @classmethod
    def proposals(cls, graph: Graph) -> Iterator[Self]:
        for owners in _owners(graph):
            for width in _widths(graph.shapes[owners[0]][2]):
                yield cls(owners, (width,))

    def apply(self, graph: Graph) -> Graph:
        (width,) = numbers(self.values, 1, self.kind)
        nodes = {node.name: node for node in graph.nodes}
        operators = {}
        for name in self.nodes:
            if name not in nodes:
                raise ModelError(f"network {graph.name!r} has no operator {name!r}.")
            operators[name] = _widened(nodes[name], graph, width)
        return keeping_outputs(graph, rebuilt(graph, operators))

    @property
    def setting(self) -> str:
        return str(self.values[0])


def _widened(node: Node, graph: Graph, width: int) -> _Weighted:
    op = node.op
    if isinstance(op, FullyConnected):
        return replace(op, out_features=width)
    if isinstance(op, Conv2d) and not op.is_depthwise(graph.input_shapes(node)):
        return replace(op, out_channels=width)
    raise ModelError(f"{node.name!r} does not choose how many channels it writes.")


def _widths(width: int) -> list[int]:
    """Widths worth trying: the multiples of four around it, and some smaller ones."""
    around = {width - width % MULTIPLE, width + -width % MULTIPLE}
    smaller = {int(share * width) // MULTIPLE * MULTIPLE for share in _SHARES}
    return sorted((around | smaller) - {0, width}, reverse=True)


def _owners(graph: Graph) -> Iterator[tuple[str, ...]]:
    """Layers that decide one width together, for each width that may change."""
    classes = _Classes()
    owners: dict[str, list[str]] = {}
    for node in graph.nodes:
        if _owns_width(node, graph):
            owners[node.name] = [node.name]
        elif not isinstance(node.op, _OWN_WIDTH):
            for name in node.inputs:
                classes.join(node.name, name)
    fixed = {classes.of(name) for name in (*graph.inputs, *graph.outputs)}
    together: dict[str, list[str]] = {}
    for name in owners:
        together.setdefault(classes.of(name), []).append(name)
    return (tuple(names) for root, names in together.items() if root not in fixed)


def _owns_width(node: Node, graph: Graph) -> bool:
    """Whether an operator's output has a width of its own; a depthwise one multiplies at most."""
    if isinstance(node.op, Conv2d):
        return not node.op.is_depthwise(graph.input_shapes(node))
    return isinstance(node.op, FullyConnected)


class _Classes:
    """Tensors of one width (union-find)."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The tensor that stands for all of the same width."""
        while name in self._parents:
            name = self._parents[name]
        return name

    def join(self, one: str, other: str) -> None:
        """Say that two tensors have one width."""
        first, second = self.of(one), self.of(other)
        if first != second:
            self._parents[first] = second
