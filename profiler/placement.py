"""Whether a program fits a board under its placement: asked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hwprof.errors import ConfigurationError, ModelDoesNotFitError
from hwprof.measurement import Placement
from hwprof.profiler.memory_report import memory_report
from hwprof.profiler.program import ALIGNMENT_BYTES, Program
from hwprof.profiler.protocol import BoardInfo, MemoryUse

WEIGHTS_USES = MemoryUse.WEIGHTS | MemoryUse.STAGED_WEIGHTS
_USES = {
    "activations": MemoryUse.ACTIVATIONS,
    "weights": WEIGHTS_USES,
    "scratch": MemoryUse.SCRATCH,
}
_MOST_NAMED = 4


def placement_indices(info: BoardInfo, placement: Placement) -> tuple[int, int, int]:
    """Memory numbers of activations, weights and scratch, in the order of PLACE.

    Raises:
        ConfigurationError: the board's image does not offer the placement.
    """
    if placement.code != info.code_memory:
        raise ConfigurationError(
            f"the kernels of this image run from {info.code_memory}, not {placement.code!r}; "
            "only a virtual board moves them."
        )
    return (
        info.memory_index(placement.activations, MemoryUse.ACTIVATIONS),
        info.memory_index(placement.weights, WEIGHTS_USES),
        info.memory_index(placement.scratch, MemoryUse.SCRATCH),
    )


@dataclass(frozen=True, slots=True)
class Need:
    """What a program asks of one room of a board.

    Attributes:
        parts: ``activations``, ``weights``, ``scratch``, ``constants`` or ``program``.
        memory: the room's name; empty where the board sets the room aside itself.
    """

    parts: tuple[str, ...]
    memory: str
    size_bytes: int
    room_bytes: int

    def __str__(self) -> str:
        where = f" in {self.memory}" if self.memory else ""
        return (
            f"{' and '.join(self.parts)} need {self.size_bytes:,} bytes{where}, which has "
            f"{self.room_bytes:,}"
        )


def memory_needs(info: BoardInfo, program: Program) -> tuple[Need, ...]:
    """What a program asks of a board, room by room.

    Raises:
        ConfigurationError: the board's image does not offer the placement.
    """
    return (
        Need(("program",), "", len(program.data), info.max_program_bytes),
        Need(("constants",), "", program.constants_bytes, info.max_constants_bytes),
        *_memory_needs(info, program),
    )


def check_fit(info: BoardInfo, program: Program) -> None:
    """Compare each region with its room.

    Raises:
        ModelDoesNotFitError: some are larger; the message holds all sizes that collide, the layer
            where activations peak, and the memories that would hold what does not fit.
        ConfigurationError: the board's image does not offer the placement.
    """
    collisions = [need for need in memory_needs(info, program) if need.size_bytes > need.room_bytes]
    if collisions:
        peak = [_peak(program)] if any("activations" in need.parts for need in collisions) else []
        sentences = "; ".join([*map(str, collisions), *peak])
        raise ModelDoesNotFitError(
            f"program {program.name!r} does not fit {info.board}: {sentences}; "
            f"{_way_out(info, program, collisions)}."
        )


def _peak(program: Program) -> str:
    report = memory_report(program)
    tensors = ", ".join(
        f"{tensor.name!r} {tensor.size_bytes:,}" for tensor in report.peak_tensors[:_MOST_NAMED]
    )
    return f"the most is alive at layer {report.peak_layer!r}, {report.live_bytes:,} ({tensors})"


def _way_out(info: BoardInfo, program: Program, collisions: list[Need]) -> str:
    """Placements of one part each that have the room; else only a smaller model helps."""
    offers = [
        f"{part}={memory.name}"
        for need in collisions
        for part in need.parts
        for memory in info.memories
        if part in _USES and memory.uses & _USES[part] and memory.name != need.memory
        if _fits(
            info, replace(program, placement=replace(program.placement, **{part: memory.name}))
        )
    ]
    if offers:
        return f"try --placement {' or '.join(offers)}, or a smaller model"
    return "use a smaller model or another placement"


def _fits(info: BoardInfo, program: Program) -> bool:
    return all(need.size_bytes <= need.room_bytes for need in memory_needs(info, program))


def _memory_needs(info: BoardInfo, program: Program) -> list[Need]:
    """What is asked of each memory on offer in all."""
    activations, weights, scratch = placement_indices(info, program.placement)
    parts = [
        (weights, "weights", len(program.weights_image) + program.pool_weights_bytes),
        (activations, "activations", program.activations_bytes),
        (scratch, "scratch", program.scratch_bytes),
    ]
    needs = []
    for number, memory in enumerate(info.memories):
        here = [(what, size_bytes) for place, what, size_bytes in parts if place == number]
        names = tuple(what for what, _ in here)
        if here:
            needs.append(Need(names, memory.name, _laid_out(here), memory.size_bytes))
    return needs


def _laid_out(parts: list[tuple[str, int]]) -> int:
    """Bytes of regions one after the other, each on a cache line; the last is not padded."""
    end = 0
    for _, size_bytes in parts:
        end += -end % ALIGNMENT_BYTES + size_bytes
    return end
