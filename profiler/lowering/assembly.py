"""Collects records, constants and weights, then places every buffer: the back half of lowering."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.graph import Graph, Node, QuantParams, Reshape, Shape
from hwprof.measurement import Placement
from hwprof.pool import slice_offset
from hwprof.profiler.lowering.memory import (
    align,
    buffer_fields,
    collisions,
    lives_of,
    plan_arena,
)
from hwprof.profiler.lowering.quantised import QuantisedGraph
from hwprof.profiler.program import (
    Buffer,
    Constant,
    DataConstant,
    FillConstant,
    PoolConstant,
    Program,
    ProgramInput,
    Record,
    Region,
    tensor_bytes,
)
from hwprof.profiler.scratch import scratch_bytes

WORD_BYTES = 4
POOL_MEMORY = "flash"  # where every image carries the pool (docs/FORMATS.md, "Seeded tensors")

# Buffers get their place at the end; until then an arena buffer is its name and size.
_UNPLACED = 0


class Origin(TypedDict):
    """What a record says about the layer it came from."""

    layer: str
    op: str
    block: str
    macs: int


class Assembly:
    """One program under construction.

    Operators ask it for buffers by tensor name and for constants by content; ``finish`` plans the
    arena and rewrites every record with the offsets.
    """

    def __init__(self, quantised: QuantisedGraph, placement: Placement) -> None:
        self.quantised = quantised
        self.graph: Graph = quantised.graph
        self.placement = placement
        self._storage = _storage_names(quantised)
        self._records: list[Record] = []
        self._constants: list[Constant] = []
        self._constants_bytes = 0
        self._weights = bytearray()

    # What operators read

    def params(self, tensor: str) -> QuantParams:
        """Scale and zero point of a tensor."""
        return self.quantised.params[tensor]

    def origin(self, node: Node, *, macs: int = 0) -> Origin:
        """The host-only fields of a record of this node."""
        return Origin(layer=node.name, op=node.op.kind, block=node.block, macs=macs)

    def tensor(self, name: str) -> Buffer:
        """The arena buffer that holds a tensor; a view has the buffer of what it views."""
        shape = self.graph.shapes[name]
        return _arena_buffer(self._storage[name], shape)

    def temporary(self, node: Node, role: str, shape: Shape) -> Buffer:
        """An arena buffer that lives inside one layer."""
        return _arena_buffer(temporary_name(node, role), shape)

    def is_view(self, node: Node) -> bool:
        """Whether a node's output has the very bytes of its input."""
        return self._storage[node.name] == self._storage[node.inputs[0]]

    # What operators write

    def emit(self, records: Iterable[Record]) -> None:
        """Append records in execution order."""
        self._records.extend(records)

    def words(self, name: str, values: npt.ArrayLike) -> Buffer:
        """A constant of int32 words that the program carries."""
        data = np.asarray(values).astype("<i4").tobytes()
        return self.data(name, data)

    def data(self, name: str, data: bytes) -> Buffer:
        """A constant of bytes that the program carries."""
        buffer = self._constant_buffer(name, len(data))
        self._constants.append(DataConstant(buffer, data))
        return buffer

    def fill(self, name: str, *, count: int, value: int) -> Buffer:
        """A constant of ``count`` equal int32 words that the board makes."""
        buffer = self._constant_buffer(name, WORD_BYTES * count)
        self._constants.append(FillConstant(buffer, value))
        return buffer

    def fill_bytes(self, name: str, *, count: int, value: int) -> Buffer:
        """A constant of ``count`` equal int8 bytes, in whole words that the board makes."""
        word = int.from_bytes(value.to_bytes(1, "little", signed=True) * WORD_BYTES, "little")
        signed = word - (word >> 31 << 32)
        return self.fill(name, count=-(-count // WORD_BYTES), value=signed)

    def pool_words(self, name: str, *, count: int, left_shift: int) -> Buffer:
        """A constant of ``count`` int32 words that the board makes from pool bytes."""
        buffer = self._constant_buffer(name, WORD_BYTES * count)
        offset_bytes = slice_offset(self.graph.seed, name, count)
        self._constants.append(PoolConstant(buffer, offset_bytes, left_shift))
        return buffer

    def weights(self, name: str, data: bytes) -> Buffer:
        """Weights that travel beside the program."""
        self._weights.extend(bytes(align(len(self._weights)) - len(self._weights)))
        offset_bytes = len(self._weights)
        self._weights.extend(data)
        return Buffer(name, Region.WEIGHTS, offset_bytes, len(data))

    def _constant_buffer(self, name: str, size_bytes: int) -> Buffer:
        offset_bytes = align(self._constants_bytes)
        # The firmware stores whole words.
        self._constants_bytes = offset_bytes + -(-size_bytes // WORD_BYTES) * WORD_BYTES
        return Buffer(name, Region.CONSTANTS, offset_bytes, size_bytes)

    # The end

    def finish(self, scheme: str) -> Program:
        """The program with every buffer in its place."""
        inputs = [self.tensor(name) for name in self.graph.inputs]
        outputs = [self.tensor(name) for name in self.graph.outputs]
        lives = lives_of(self._records, inputs, outputs)
        plan = plan_arena(self._records, lives)
        self._check(collisions(lives, plan))
        place = plan.offsets_bytes
        return Program(
            name=self.graph.name,
            scheme=scheme,
            placement=self.placement,
            inputs=tuple(self._program_input(_placed(buffer, place)) for buffer in inputs),
            outputs=tuple(_placed(buffer, place) for buffer in outputs),
            records=tuple(_placed_record(record, place) for record in self._records),
            constants=tuple(self._constants),
            weights_image=bytes(self._weights),
            activations_bytes=plan.size_bytes,
            scratch_bytes=align(max(map(scratch_bytes, self._records), default=0)),
            constants_bytes=align(self._constants_bytes),
        )

    def _check(self, collisions: list[tuple[str, str]]) -> None:
        """Raise where the plan breaks its promise: no number may come of that."""
        if collisions:
            raise ModelError(
                f"live tensors may not share bytes; the plan for {self.graph.name!r} lets "
                f"{' and '.join(collisions[0])} do so; please report this model as a defect."
            )

    def _program_input(self, buffer: Buffer) -> ProgramInput:
        offset_bytes = slice_offset(self.graph.seed, buffer.name, buffer.size_bytes)
        return ProgramInput(buffer, offset_bytes)


def temporary_name(node: Node, role: str) -> str:
    """What a buffer inside one layer is called."""
    return f"{node.name}#{role}"


def _arena_buffer(name: str, shape: Shape) -> Buffer:
    return Buffer(name, Region.ACTIVATIONS, _UNPLACED, tensor_bytes(shape), shape)


def _placed(buffer: Buffer, offsets_bytes: Mapping[str, int]) -> Buffer:
    return replace(buffer, offset_bytes=offsets_bytes[buffer.name])


def _placed_record(record: Record, offsets_bytes: Mapping[str, int]) -> Record:
    changes: dict[str, Any] = {}
    for name in buffer_fields(type(record)):
        buffer: Buffer = getattr(record, name)
        if buffer.region is Region.ACTIVATIONS:
            changes[name] = _placed(buffer, offsets_bytes)
        elif buffer.region is Region.SCRATCH:
            changes[name] = replace(buffer, size_bytes=scratch_bytes(record))
    return replace(record, **changes)


def _storage_names(quantised: QuantisedGraph) -> dict[str, str]:
    """Name of the storage that holds each tensor: views share their source's.

    A storage is called after the one of its tensors that a caller knows: the graph input or
    output. A view between two such tensors is no view, it becomes a copy.
    """
    graph = quantised.graph
    names = {name: name for name in graph.shapes}
    public = {*graph.inputs, *graph.outputs}
    for node in graph.nodes:
        if not isinstance(node.op, Reshape):
            continue
        source = names[node.inputs[0]]
        same = quantised.params[node.name] == quantised.params[node.inputs[0]]
        if not same or {node.name, source} <= public:
            continue
        kept = node.name if node.name in public else source
        names |= {tensor: kept for tensor, held in names.items() if held == source}
        names[node.name] = kept
    return names
