"""A graph whose every tensor has int8 parameters: what the operators are lowered from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hwprof.graph import (
    AveragePool,
    Concat,
    Graph,
    MaxPool,
    Op,
    Pad,
    QuantisedWeights,
    QuantParams,
    Reshape,
    ResizeNearest,
    Slice,
    Softmax,
    Transpose,
)
from hwprof.profiler.lowering.schemes import Int32, Scheme

# Operators that move or compare bytes: their kernels know nothing of scales.
SAME_SCALE: frozenset[type[Op]] = frozenset(
    {AveragePool, Concat, MaxPool, Pad, Reshape, ResizeNearest, Slice, Transpose}
)

# Softmax's kernel writes this scale and no other (TFLite's int8 quantisation specification).
SOFTMAX_PARAMS = QuantParams(1 / 256, -128)


@dataclass(frozen=True, slots=True)
class SeededWeights:
    """Weights and bias as slices of the pool.

    Attributes:
        factor: real requantisation factor from accumulator to output, equal for all channels.
        bias_left_shift: bits by which a pool byte is shifted to become a bias word.
        zero_point: of all weights.
    """

    factor: float
    bias_left_shift: int
    zero_point: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class SchemeWeights(QuantisedWeights):
    """Trained weights in a scheme of ours.

    Attributes:
        zero_points: of weights, as many as scales.
        bias_shifts: bits by which each bias is shifted left, as many as scales.
    """

    zero_points: Int32
    bias_shifts: Int32


@dataclass(frozen=True, slots=True)
class QuantisedGraph:
    """A graph with int8 parameters for every tensor and every weighted node.

    Attributes:
        params: by tensor name, complete.
        weights: by node name, complete.
        scheme: what the kernels' arithmetic follows.
    """

    graph: Graph
    params: Mapping[str, QuantParams]
    weights: Mapping[str, QuantisedWeights | SeededWeights]
    scheme: Scheme


class ScaleGroups:
    """Tensors that must share scale and zero point, found by union over same-scale operators."""

    def __init__(self, graph: Graph) -> None:
        self._parent = {name: name for name in graph.shapes}
        fixed = {node.name for node in graph.nodes if isinstance(node.op, Softmax)}
        for node in graph.nodes:
            if type(node.op) in SAME_SCALE:
                self._unite(node.name, (name for name in node.inputs if name not in fixed))

    def __getitem__(self, tensor: str) -> str:
        """Name of the tensor that stands for the group."""
        while self._parent[tensor] != tensor:
            self._parent[tensor] = tensor = self._parent[self._parent[tensor]]
        return tensor

    def members(self) -> dict[str, list[str]]:
        """Tensors of each group, in execution order."""
        groups: dict[str, list[str]] = {}
        for tensor in self._parent:
            groups.setdefault(self[tensor], []).append(tensor)
        return groups

    def _unite(self, tensor: str, others: Iterable[str]) -> None:
        for other in others:
            self._parent[self[other]] = self[tensor]
