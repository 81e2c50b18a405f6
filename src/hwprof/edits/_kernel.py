"""Smaller windows: 5x5 becomes 3x3 or 4x4, the output keeps its size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from hwprof.edits._base import Edit, keeping_outputs, numbers, rebuilt
from hwprof.errors import ModelError
from hwprof.graph import Conv2d, Graph, Node, Op, Pads

_STEPS = (2, 1)


@dataclass(frozen=True, slots=True)
class Kernel(Edit):
    """Convolutions of one block and one window get a smaller one: values are height and width."""

    kind: ClassVar[str] = "kernel"

    @classmethod
    def proposals(cls, graph: Graph) -> Iterator[Self]:
        together: dict[tuple[str, int, int], list[Node]] = {}
        for node in graph.nodes:
            if isinstance(node.op, Conv2d):
                key = (node.block, node.op.kernel_h, node.op.kernel_w)
                together.setdefault(key, []).append(node)
        for (_, height, width), nodes in together.items():
            smaller = {(max(height - step, 1), max(width - step, 1)) for step in _STEPS}
            for window in sorted(smaller - {(height, width)}):
                if all(_covers(window, node.op) for node in nodes):
                    yield cls(tuple(node.name for node in nodes), window)

    def apply(self, graph: Graph) -> Graph:
        height, width = numbers(self.values, 2, self.kind)
        nodes = {node.name: node for node in graph.nodes}
        operators = {}
        for name in self.nodes:
            op = nodes[name].op if name in nodes else None
            if not isinstance(op, Conv2d):
                raise ModelError(f"{name!r} is no convolution of {graph.name!r}.")
            operators[name] = _shrunk(op, height, width)
        after = rebuilt(graph, operators)
        changed = [name for name in self.nodes if graph.shapes[name] != after.shapes[name]]
        if changed:
            raise ModelError(f"{changed[0]!r} would write a map of another size.")
        return keeping_outputs(graph, after)

    @property
    def setting(self) -> str:
        return "{}x{}".format(*self.values)


def _covers(window: tuple[int, int], op: Op) -> bool:
    """Whether a window still reads every row and column under the operator's stride."""
    return isinstance(op, Conv2d) and window[0] >= op.stride_h and window[1] >= op.stride_w


def _shrunk(op: Conv2d, height: int, width: int) -> Conv2d:
    if height > op.kernel_h or width > op.kernel_w:
        raise ModelError(f"a kernel edit makes windows smaller; got {height}x{width}.")
    top, bottom = _padding(op.pads.top, op.pads.bottom, op.kernel_h - height)
    left, right = _padding(op.pads.left, op.pads.right, op.kernel_w - width)
    return replace(op, kernel_h=height, kernel_w=width, pads=Pads(top, left, bottom, right))


def _padding(before: int, behind: int, less: int) -> tuple[int, int]:
    """Padding that is smaller by as much as the window, the odd row behind."""
    if not less:
        return before, behind
    total = max(before + behind - less, 0)
    return total // 2, total - total // 2
