"""What each layer of a run executed and waited for, where the board counts it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.timing import Stretch
    from hwprof.profiler.program import Program


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """One layer of a run on a virtual board; waits and misses are 0 in pipeline timing.

    Counted between the two readings of the cycle counter that the layer's cycles come from.

    Attributes:
        stall_cycles: what the core waited for memory, part of the layer's cycles.
        fetch_misses: lines fetched for the instruction cache.
    """

    name: str
    instructions: int
    stall_cycles: float
    read_misses: int
    write_misses: int
    write_backs: int
    fetch_misses: int


def layer_counts(program: Program, stretches: Sequence[Stretch]) -> tuple[LayerCounts, ...]:
    """Counts by layer, of the first repeat; empty where the board counted none.

    Args:
        stretches: what the board executed while it measured, one for each record.
    """
    pairs = zip(program.records, stretches, strict=False)
    return tuple(
        _layer(name, [stretch for _, stretch in members])
        for name, members in groupby(pairs, key=lambda pair: pair[0].layer)
    )


def _layer(name: str, stretches: Iterable[Stretch]) -> LayerCounts:
    parts = list(stretches)
    regions = [region for part in parts for region in part.regions]
    return LayerCounts(
        name=name,
        instructions=sum(part.instructions for part in parts),
        stall_cycles=sum(region.stall_cycles for region in regions),
        read_misses=sum(region.read_misses for region in regions),
        write_misses=sum(region.write_misses for region in regions),
        write_backs=sum(region.write_backs for region in regions),
        fetch_misses=sum(region.fetch_misses for region in regions),
    )
