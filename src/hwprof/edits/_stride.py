"""Earlier strides: what a later layer throws away is not computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypeAlias

from hwprof.edits._base import Edit, keeping_outputs, readers, rebuilt
from hwprof.errors import ModelError
from hwprof.graph import AveragePool, Conv2d, Graph, MaxPool, Node, Pads, Shape

_Windowed: TypeAlias = Conv2d | AveragePool | MaxPool
_WINDOWED = (Conv2d, AveragePool, MaxPool)


@dataclass(frozen=True, slots=True)
class EarlierStride(Edit):
    """The first operator takes the stride of the second, which is left with stride 1.

    Only operators with one reader each lie between, so what the second writes keeps its shape.
    There are no values.
    """

    kind: ClassVar[str] = "stride"

    @classmethod
    def proposals(cls, graph: Graph) -> Iterator[Self]:
        writers = {node.name: node for node in graph.nodes}
        followers = readers(graph)
        for later in graph.nodes:
            if not _strides(later):
                continue
            earlier = writers.get(later.inputs[0])
            while earlier and len(followers[earlier.name]) == 1 and not _strides(earlier):
                if isinstance(earlier.op, Conv2d) and _covers(earlier.op, later):
                    yield cls((earlier.name, later.name), ())
                earlier = writers.get(earlier.inputs[0]) if len(earlier.inputs) == 1 else None

    def apply(self, graph: Graph) -> Graph:
        found = {node.name: node for node in graph.nodes if node.name in self.nodes}
        if len(self.nodes) != 2 or len(found) != 2:
            raise ModelError(f"a stride edit names two operators of {graph.name!r}.")
        earlier, later = (found[name] for name in self.nodes)
        first, second = earlier.op, later.op
        if not isinstance(first, Conv2d) or not isinstance(second, _WINDOWED):
            raise ModelError(f"{earlier.name!r} or {later.name!r} has no stride.")
        stride = (second.stride_h, second.stride_w)
        after = rebuilt(
            graph,
            {
                earlier.name: _strided(first, graph.input_shapes(earlier)[0], stride),
                later.name: _resting(second),
            },
        )
        if after.shapes[later.name] != graph.shapes[later.name]:
            raise ModelError(f"{later.name!r} would write a map of another size.")
        return keeping_outputs(graph, after)

    @property
    def setting(self) -> str:
        return f"at {self.nodes[0]}"


def _strides(node: Node) -> bool:
    return isinstance(node.op, _WINDOWED) and max(node.op.stride_h, node.op.stride_w) > 1


def _covers(op: Conv2d, later: Node) -> bool:
    """Whether a window is wide enough to read every input under the later operator's stride."""
    window = later.op
    return (
        isinstance(window, _WINDOWED)
        and op.kernel_h >= window.stride_h
        and op.kernel_w >= window.stride_w
    )


def _strided(op: Conv2d, shape: Shape, stride: tuple[int, int]) -> Conv2d:
    top, bottom = _same(shape[0], op.kernel_h, stride[0])
    left, right = _same(shape[1], op.kernel_w, stride[1])
    pads = Pads(top, left, bottom, right)
    return replace(op, stride_h=stride[0], stride_w=stride[1], pads=pads)


def _same(extent: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's 'SAME' padding, the odd row behind."""
    total = max((-(-extent // stride) - 1) * stride + kernel - extent, 0)
    return total // 2, total - total // 2


def _resting(op: _Windowed) -> _Windowed:
    rows, columns = Pads.same(op.kernel_h), Pads.same(op.kernel_w)
    pads = Pads(rows.top, columns.left, rows.bottom, columns.right)
    return replace(op, stride_h=1, stride_w=1, pads=pads)
