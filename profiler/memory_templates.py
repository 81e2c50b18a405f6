"""Templates by which blocks' memory is counted: one lowered block for each structure.

Blocks of one structure (the same operators in the same order) become the same records with other
extents. One block of each structure is lowered; the others are counted from their shapes alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.graph import Concat, Conv2d, Graph, Node, Op, Transpose
from hwprof.profiler.lowering import lower
from hwprof.profiler.lowering.assembly import temporary_name
from hwprof.profiler.lowering.memory import align, joined_lives, lives_of
from hwprof.profiler.lowering.movement import requantised_role
from hwprof.profiler.lowering.schemes import Scheme, get_scheme
from hwprof.profiler.lowering.weights import seeded_constants_bytes
from hwprof.profiler.memory_report import memory_report
from hwprof.profiler.program import (
    AveragePoolRecord,
    Conv2dRecord,
    DepthwiseRecord,
    MeanRecord,
    Program,
    Record,
    tensor_bytes,
)
from hwprof.profiler.scratch import scratch_bytes

_KEPT_WINDOWS = 1 << 16
_KEPT_STRUCTURES = 1 << 10


@dataclass(frozen=True, slots=True)
class CountedMemory:
    """What a network, or a run of its blocks, takes of RAM and flash.

    Attributes:
        live_bytes: the most that is alive at once; the arena is no smaller.
        scratch_bytes, constants_bytes, weights_bytes: as ``MemoryReport``.
    """

    live_bytes: int
    scratch_bytes: int
    constants_bytes: int
    weights_bytes: int

    @classmethod
    def of(cls, program: Program) -> CountedMemory:
        """What a lowered program takes."""
        report = memory_report(program)
        return cls(
            report.live_bytes, report.scratch_bytes, report.constants_bytes, report.weights_bytes
        )

    @property
    def ram_bytes(self) -> int:
        """Activations, scratch and constants together; no planned RAM is less."""
        return self.live_bytes + self.scratch_bytes + self.constants_bytes

    @property
    def flash_bytes(self) -> int:
        """Weights, biases, multipliers and tables, as ``Program.flash_bytes``."""
        return self.weights_bytes + self.constants_bytes


Kept: TypeAlias = tuple[bool, ...]
"""Whether each input of a block is read again behind it."""


def graph_memory(graph: Graph, kept: Kept, scheme: str) -> CountedMemory:
    """Memory of a block's graph by the template of its structure.

    Raises:
        ModelError: the first graph of a structure cannot be lowered.
    """
    return _template(_Structure.of(graph), kept, scheme).counted(graph)


@dataclass(frozen=True, slots=True, eq=False)
class _Structure:
    """What blocks of the same records share; told apart by ``key``, one graph stands for all."""

    key: tuple[object, ...]
    graph: Graph

    @classmethod
    def of(cls, graph: Graph) -> _Structure:
        nodes = tuple((node.name, _form(graph, node), node.inputs) for node in graph.nodes)
        return cls((tuple(graph.inputs), nodes, graph.outputs), graph)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Structure) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def _form(graph: Graph, node: Node) -> tuple[type[Op], object]:
    """What of an operator decides which records it becomes."""
    op = node.op
    if isinstance(op, Conv2d):
        return Conv2d, op.is_depthwise(graph.input_shapes(node))
    return type(op), op.permutation if isinstance(op, Transpose) else None


@lru_cache(maxsize=_KEPT_STRUCTURES)
def _template(structure: _Structure, kept: Kept, scheme: str) -> _Template:
    return _Template.of(structure.graph, kept, get_scheme(scheme))


@dataclass(frozen=True, slots=True, eq=False)
class _Template:
    """Records of one block, by which others of its structure are counted.

    Attributes:
        tensors: of the graph, of whose size each place in the arena is.
        alive: (n_records, n_tensors), 1 where the tensor's bytes stay during the record.
        scratch: records that need scratch, with their nodes' positions.
        tables_bytes: constants of operators without weights.
        is_shared: whether every place is of a tensor's size; others are lowered one by one.
    """

    scheme: Scheme
    tensors: tuple[str, ...]
    alive: npt.NDArray[np.int64]
    scratch: tuple[tuple[Record, int], ...]
    tables_bytes: int
    is_shared: bool

    @classmethod
    def of(cls, graph: Graph, kept: Kept, scheme: Scheme) -> _Template:
        program = lower(graph, scheme=scheme.name)
        records = program.records
        lives = lives_of(records, [entry.buffer for entry in program.inputs], program.outputs)
        stay = {name for name, stays in zip(graph.inputs, kept, strict=True) if stays}
        lives = [replace(life, last=len(records)) if life.name in stay else life for life in lives]
        places = joined_lives(records, lives)
        moments = np.arange(len(records))
        alive = [(life.first <= moments) & (moments <= life.last) for life in places]
        sized = _requantised_inputs(graph)
        number = {node.name: position for position, node in enumerate(graph.nodes)}
        weighted = tuple(f"{node.name}/" for node in graph.weighted_nodes)
        return cls(
            scheme=scheme,
            tensors=tuple(sized.get(life.name, life.name) for life in places),
            alive=np.array(alive, np.int64).T,
            scratch=tuple(
                (record, number[record.layer]) for record in records if type(record) in _FIELDS
            ),
            tables_bytes=sum(
                align(constant.buffer.size_bytes)
                for constant in program.constants
                if not constant.buffer.name.startswith(weighted)
            ),
            is_shared=all(life.name in sized or life.name in graph.shapes for life in lives),
        )

    def counted(self, graph: Graph) -> CountedMemory:
        """Memory of another block of this structure."""
        if not self.is_shared:
            return CountedMemory.of(lower(graph, scheme=self.scheme.name))
        shapes = graph.shapes
        sizes = np.array([align(tensor_bytes(shapes[name])) for name in self.tensors])
        weights = [node.op.weight_shape(graph.input_shapes(node)) for node in graph.nodes]
        owned = [shape for shape in weights if shape]
        return CountedMemory(
            live_bytes=int((self.alive @ sizes).max(initial=0)),
            scratch_bytes=align(
                max((_scratch(graph, *where) for where in self.scratch), default=0)
            ),
            constants_bytes=self.tables_bytes
            + sum(seeded_constants_bytes(self.scheme, shape[0]) for shape in owned),
            weights_bytes=sum(map(prod, owned)),
        )


def _requantised_inputs(graph: Graph) -> dict[str, str]:
    """Inputs of concatenations by the names of their copies in another scale.

    The copies of other operators depend on extents too: the smaller of two tensors has one.
    """
    return {
        temporary_name(node, requantised_role(index)): name
        for node in graph.nodes
        if isinstance(node.op, Concat)
        for index, name in enumerate(node.inputs)
    }


def _scratch(graph: Graph, record: Record, position: int) -> int:
    fields = _FIELDS[type(record)](graph, graph.nodes[position])
    return _scratch_bytes(record, tuple(fields.items()))


@lru_cache(maxsize=_KEPT_WINDOWS)
def _scratch_bytes(record: Record, fields: tuple[tuple[str, Any], ...]) -> int:
    """Of a record whose fields are others; blocks of a space share most windows."""
    return scratch_bytes(replace(record, **dict(fields)))


def _window(graph: Graph, node: Node) -> dict[str, int]:
    op: Any = node.op
    (in_h, in_w, in_c), (out_h, out_w, out_c) = (
        graph.shapes[node.inputs[0]],
        graph.shapes[node.name],
    )
    return {
        "in_h": in_h,
        "in_w": in_w,
        "in_c": in_c,
        "out_h": out_h,
        "out_w": out_w,
        "out_c": out_c,
        "kernel_h": op.kernel_h,
        "kernel_w": op.kernel_w,
        "stride_h": op.stride_h,
        "stride_w": op.stride_w,
        "pad_top": op.pads.top,
        "pad_left": op.pads.left,
    }


def _grouped_window(graph: Graph, node: Node) -> dict[str, int]:
    op: Any = node.op
    return {**_window(graph, node), "groups": op.groups}


def _channels(graph: Graph, node: Node) -> dict[str, int]:
    return {"channels": graph.shapes[node.inputs[0]][2]}


_FIELDS: dict[type[Record], Callable[[Graph, Node], dict[str, int]]] = {
    AveragePoolRecord: _window,
    Conv2dRecord: _grouped_window,
    DepthwiseRecord: _window,
    MeanRecord: _channels,
}
"""What the scratch formula of each kind reads (``scratch.py``), from a node and its shapes."""
