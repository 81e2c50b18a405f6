"""A smaller picture for the whole network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from hwprof.edits._base import Edit, numbers, rebuilt
from hwprof.errors import ModelError
from hwprof.graph import Graph

_SHARES = (7 / 8, 3 / 4, 5 / 8, 1 / 2)
_LARGEST_STEP = 32  # what five halvings leave whole
_FEWEST_STEPS = 8  # in a side, so that an eighth less is another size


@dataclass(frozen=True, slots=True)
class InputSize(Edit):
    """The network's one input gets another size; values are height and width, channels stay.

    A detector's outputs shrink with it; their channels do not.
    """

    kind: ClassVar[str] = "input"

    @classmethod
    def proposals(cls, graph: Graph) -> Iterator[Self]:
        if len(graph.inputs) != 1:
            return
        ((height, width, _),) = graph.inputs.values()
        step = _whole_step(height, width)
        sizes = [(_share(height, part, step), _share(width, part, step)) for part in _SHARES]
        for size in dict.fromkeys(sizes):
            if size != (height, width) and min(size) > 0:
                yield cls((), size)

    def apply(self, graph: Graph) -> Graph:
        height, width = numbers(self.values, 2, self.kind)
        if len(graph.inputs) != 1:
            raise ModelError(f"network {graph.name!r} has {len(graph.inputs)} inputs, not one.")
        ((name, shape),) = graph.inputs.items()
        after = rebuilt(graph, {}, {name: (height, width, shape[2])})
        for output in graph.outputs:
            if after.shapes[output][2] != graph.shapes[output][2]:
                raise ModelError(f"output {output!r} would have other channels.")
        return after

    @property
    def setting(self) -> str:
        return "{}x{}".format(*self.values)


def _whole_step(height: int, width: int) -> int:
    """The largest power of two up to 32 that divides both sides often enough.

    A side of one does not count.
    """
    step = _LARGEST_STEP
    sides = [side for side in (height, width) if side > 1]
    while step > 1 and any(side % step or side // step < _FEWEST_STEPS for side in sides):
        step //= 2
    return step


def _share(extent: int, share: float, step: int) -> int:
    return extent if extent == 1 else round(extent * share / step) * step
