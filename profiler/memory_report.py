"""What a program takes of RAM and flash, and where its activations peak."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hwprof.profiler.lowering.memory import activation_buffers, align, lives_of
from hwprof.profiler.program import Buffer, Program
from hwprof.profiler.scratch import scratch_bytes


@dataclass(frozen=True, slots=True)
class TensorBytes:
    """A tensor in the arena."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Bytes by what they are for.

    Attributes:
        activations_bytes: the arena.
        live_bytes: the most that is alive at one operator; the rest of the arena is gaps.
        peak_layer: the layer at which that is.
        peak_tensors: what is alive there, largest first; tensors in one place count once.
        scratch_layer: the layer that needs most scratch; empty where none needs any.
        constants_bytes: biases, multipliers and tables, which the board keeps in RAM.
        weights_bytes: in flash, or wherever the placement has them.
        live_bytes_of: by layer, the most that is alive while it runs.
    """

    activations_bytes: int
    live_bytes: int
    peak_layer: str
    peak_tensors: tuple[TensorBytes, ...]
    scratch_bytes: int
    scratch_layer: str
    constants_bytes: int
    weights_bytes: int
    live_bytes_of: Mapping[str, int]

    @property
    def peak_ram_bytes(self) -> int:
        """Activations, scratch and constants together."""
        return self.activations_bytes + self.scratch_bytes + self.constants_bytes


def memory_report(program: Program) -> MemoryReport:
    """Where a program's memory goes."""
    alive = _alive(program)
    totals = [sum(tensor.size_bytes for tensor in tensors) for tensors in alive]
    peak = max(range(len(totals)), key=totals.__getitem__, default=None)
    live_bytes_of: dict[str, int] = {}
    for record, total in zip(program.records, totals, strict=True):
        live_bytes_of[record.layer] = max(total, live_bytes_of.get(record.layer, 0))
    hungriest = max(program.records, key=scratch_bytes, default=None)
    return MemoryReport(
        activations_bytes=program.activations_bytes,
        live_bytes=0 if peak is None else totals[peak],
        peak_layer="" if peak is None else program.records[peak].layer,
        peak_tensors=() if peak is None else tuple(alive[peak]),
        scratch_bytes=program.scratch_bytes,
        scratch_layer=hungriest.layer if hungriest and scratch_bytes(hungriest) else "",
        constants_bytes=program.constants_bytes,
        weights_bytes=program.flash_bytes - program.constants_bytes,
        live_bytes_of=live_bytes_of,
    )


def _alive(program: Program) -> list[list[TensorBytes]]:
    """For each record the tensors alive while it runs, largest first."""
    inputs = [entry.buffer for entry in program.inputs]
    lives = lives_of(program.records, inputs, program.outputs)
    offsets_bytes = _offsets([*inputs, *program.outputs], program)
    return [
        sorted(
            # What an element-wise record writes over lies where its output does.
            {
                offsets_bytes[life.name]: TensorBytes(life.name, align(life.size_bytes))
                for life in lives
                if life.first <= index <= life.last
            }.values(),
            key=lambda tensor: -tensor.size_bytes,
        )
        for index in range(len(program.records))
    ]


def _offsets(public: Iterable[Buffer], program: Program) -> dict[str, int]:
    buffers = [buffer for record in program.records for buffer in activation_buffers(record)]
    return {buffer.name: buffer.offset_bytes for buffer in (*public, *buffers)}
