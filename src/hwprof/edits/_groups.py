"""More groups: each output channel reads a part of the input channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from hwprof.edits._base import Edit, numbers, rebuilt
from hwprof.errors import ModelError
from hwprof.graph import Conv2d, Graph

_FACTORS = (2, 4)
_FEWEST_CHANNELS = 4  # of a group; fewer leave the kernels nothing to unroll


@dataclass(frozen=True, slots=True)
class Groups(Edit):
    """Convolutions get more groups; the value is their number."""

    kind: ClassVar[str] = "groups"

    @classmethod
    def proposals(cls, graph: Graph) -> Iterator[Self]:
        for node in graph.nodes:
            op, inputs = node.op, graph.input_shapes(node)
            if not isinstance(op, Conv2d) or op.is_depthwise(inputs):
                continue
            narrowest = min(inputs[0][2], op.out_channels)
            for groups in (factor * op.groups for factor in _FACTORS):
                divides = not (inputs[0][2] % groups or op.out_channels % groups)
                if divides and narrowest // groups >= _FEWEST_CHANNELS:
                    yield cls((node.name,), (groups,))

    def apply(self, graph: Graph) -> Graph:
        (groups,) = numbers(self.values, 1, self.kind)
        mixing = {
            node.name: node.op
            for node in graph.nodes
            if isinstance(node.op, Conv2d) and not node.op.is_depthwise(graph.input_shapes(node))
        }
        unknown = set(self.nodes) - set(mixing)
        if unknown:
            raise ModelError(f"{min(unknown)!r} is no convolution that mixes channels.")
        return rebuilt(graph, {name: replace(mixing[name], groups=groups) for name in self.nodes})

    @property
    def setting(self) -> str:
        return str(self.values[0])
