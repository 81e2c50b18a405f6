"""Whether a program fits a board under its placement: asked before anything is sent."""

from __future__ import annotations

from hwprof.errors import ConfigurationError, ModelDoesNotFitError
from hwprof.measurement import Placement
from hwprof.profiler.program import ALIGNMENT_BYTES, Program
from hwprof.profiler.protocol import BoardInfo, MemoryUse

WEIGHTS_USES = MemoryUse.WEIGHTS | MemoryUse.STAGED_WEIGHTS


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


def check_fit(info: BoardInfo, program: Program) -> None:
    """Compare each region with its room.

    Raises:
        ModelDoesNotFitError: some are larger; the message holds all sizes that collide.
        ConfigurationError: the board's image does not offer the placement.
    """
    needs = [
        ("program", len(program.data), info.max_program_bytes),
        ("constants", program.constants_bytes, info.max_constants_bytes),
        *_memory_needs(info, program),
    ]
    collisions = [
        f"{what} of {size_bytes:,} bytes in {room_bytes:,}"
        for what, size_bytes, room_bytes in needs
        if size_bytes > room_bytes
    ]
    if collisions:
        raise ModelDoesNotFitError(
            f"program {program.name!r} does not fit {info.board}: {'; '.join(collisions)}; "
            "use a smaller model or another placement."
        )


def _memory_needs(info: BoardInfo, program: Program) -> list[tuple[str, int, int]]:
    """What is asked of each memory in all: (what, size_bytes, room_bytes)."""
    activations, weights, scratch = placement_indices(info, program.placement)
    parts = [
        (weights, "weights", len(program.weights_image)),
        (activations, "activations", program.activations_bytes),
        (scratch, "scratch", program.scratch_bytes),
    ]
    needs = []
    for number, memory in enumerate(info.memories):
        here = [(what, size_bytes) for place, what, size_bytes in parts if place == number]
        names = " and ".join(what for what, _ in here)
        needs.append((f"{names} ({memory.name})", _laid_out(here), memory.size_bytes))
    return needs


def _laid_out(parts: list[tuple[str, int]]) -> int:
    """Bytes of regions one after the other, each on a cache line; the last is not padded."""
    end = 0
    for _, size_bytes in parts:
        end += -end % ALIGNMENT_BYTES + size_bytes
    return end
