"""A board's caches and memories as the array of ``memory_model.py``, and what it counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual import memory_model as model
from hwprof.firmware_stub.virtual.counting import ROWS
from hwprof.firmware_stub.virtual.description import BoardDescription, MemoryArea
from hwprof.firmware_stub.virtual.memory_data import REPLACEMENTS, CacheDescription, MemoryTiming

Int64 = npt.NDArray[np.int64]

_POLICIES = {
    "device": model.DEVICE,
    "uncached": model.UNCACHED,
    "write-through": model.WRITE_THROUGH,
    "write-back": model.WRITE_BACK,
    "write-back-allocate": model.WRITE_BACK_ALLOCATE,
}
_TAGS = model.BLOCKS + ROWS * model.BLOCK_WORDS
_TCM_WORDS = ((model.ITCM_BASE, model.ITCM_BYTES), (model.DTCM_BASE, model.DTCM_BYTES))


@dataclass(frozen=True, slots=True)
class RegionCounts:
    """What one memory behind the caches was asked for.

    Attributes:
        read_misses: loads that the data cache could not answer.
        write_misses: stores to lines that the data cache did not have.
        write_backs: dirty lines written to it.
        bus_writes: write bursts from the store buffer.
        fetch_misses: lines fetched for the instruction cache.
        stall_cycles: core cycles waited for it.
    """

    name: str
    read_misses: int = 0
    write_misses: int = 0
    write_backs: int = 0
    bus_writes: int = 0
    fetch_misses: int = 0
    stall_cycles: float = 0.0

    def since(self, before: Self) -> Self:
        """Counts of a stretch that began with ``before``."""
        counts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "name"}
        return type(self)(
            self.name, **{name: value - getattr(before, name) for name, value in counts.items()}
        )


class MemorySystem:
    """Owns the array of one board's memory model.

    Attributes:
        mem: the array that ``access`` and ``fetch`` take.
    """

    def __init__(self, description: BoardDescription, unaligned_load_cycles: float = 0.0) -> None:
        self._clock_hz = description.clock_hz
        self._areas = [
            (area, timing)
            for area in description.memories
            if (timing := area.behaviour.timing) is not None
        ]
        caches = ((model.DCACHE, description.dcache), (model.ICACHE, description.icache))
        present = [(row, cache) for row, cache in caches if cache is not None]
        lines = [cache.size_bytes // model.LINE_BYTES for _, cache in present]
        self.mem: Int64 = np.zeros(_TAGS + 2 * sum(lines), dtype=np.int64)
        coupled = [a for a in description.memories if a.behaviour.timing is None]
        self._set_tightly_coupled([a for a in coupled if not a.is_harness])
        self._set_regions()
        end = _TAGS
        for (row, cache), count in zip(present, lines, strict=True):
            self._set_cache(row, cache, end)
            end += 2 * count
        self.mem[model.UNALIGNED_TICKS] = _ticks(unaligned_load_cycles)
        self.mem[model.HINTS : model.BLOCKS] = self.mem[model.DCACHE + model.TAGS]
        self.drain()

    def drain(self) -> None:
        """Complete everything that is under way, as a DSB does."""
        model.drain(self.mem)

    def cool(self) -> None:
        """Empty both caches."""
        model.forget_all(self.mem, model.DCACHE)
        model.forget_all(self.mem, model.ICACHE)

    def maintain(self, register: int, value: int) -> None:
        """A write to CCR or a maintenance register, by its offset in the system control space."""
        operation = _MAINTENANCE.get(register)
        if operation:
            operation(self, value)

    def switch(self, ccr: int) -> None:
        """Turn the caches on or off, as CCR says."""
        for row, bit in ((model.DCACHE, 16), (model.ICACHE, 17)):
            self.mem[row + model.ENABLED] = ccr >> bit & 1 and self.mem[row + model.WAYS] > 0
        model.plain_hits(self.mem)

    def sweep(self, word: int, *, invalidate: bool) -> None:
        """One set and way, as the word of a set/way operation names them."""
        ways = int(self.mem[model.DCACHE + model.WAYS])
        way = word >> (32 - (ways - 1).bit_length()) if ways > 1 else 0
        set_index = word >> model.LINE_SHIFT & int(self.mem[model.DCACHE + model.SET_MASK])
        model.maintain_way(self.mem, set_index, way, invalidate)

    def counts(self) -> tuple[RegionCounts, ...]:
        """Counts since power-on, by memory."""
        found = []
        for index, (area, _) in enumerate(self._areas):
            row = self.mem[model.REGIONS + index * model.REGION_WORDS :]
            stall_cycles = int(row[model.STALL_TICKS]) / model.TICKS_PER_CYCLE
            found.append(
                RegionCounts(
                    area.name,
                    read_misses=int(row[model.READ_MISSES]),
                    write_misses=int(row[model.WRITE_MISSES]),
                    write_backs=int(row[model.WRITE_BACKS]),
                    bus_writes=int(row[model.BUS_WRITES]),
                    fetch_misses=int(row[model.FETCH_MISSES]),
                    stall_cycles=stall_cycles,
                )
            )
        return tuple(found)

    def block_stall_ticks(self) -> Int64:
        """Waits of each row of the block counter's table, in its order of rows."""
        return self._blocks()[:, model.BLOCK_STALL_TICKS]

    def block_misses(self) -> Int64:
        """Misses of each row of the block counter's table, in its order of rows."""
        return self._blocks()[:, model.BLOCK_MISSES]

    def _blocks(self) -> Int64:
        return self.mem[model.BLOCKS : _TAGS].reshape(ROWS, model.BLOCK_WORDS)

    def _set_tightly_coupled(self, areas: list[MemoryArea]) -> None:
        """At most two windows, code first; other bytes without timing answer at once as well."""
        if len(areas) > len(_TCM_WORDS):
            raise ConfigurationError(
                f"a Cortex-M7 has at most {len(_TCM_WORDS)} tightly coupled memories; "
                f"got {', '.join(a.name for a in areas)}."
            )
        for (base, size_bytes), area in zip(_TCM_WORDS, areas, strict=False):
            self.mem[base], self.mem[size_bytes] = area.base, area.size_bytes

    def _set_regions(self) -> None:
        if len(self._areas) > model.MAX_REGIONS:
            raise ConfigurationError(
                f"a board has at most {model.MAX_REGIONS} memories behind its caches; "
                f"got {len(self._areas)}."
            )
        self.mem[model.REGION_COUNT] = len(self._areas)
        self.mem[model.LAST_REGION] = model.REGIONS
        for index, (area, timing) in enumerate(self._areas):
            row = self.mem[model.REGIONS + index * model.REGION_WORDS :]
            behaviour = area.behaviour
            row[model.BASE], row[model.BYTES] = area.base, area.size_bytes
            row[model.POLICY] = _POLICIES[behaviour.write_policy or behaviour.attribute]
            self._set_timing(row, timing)

    def _set_timing(self, row: Int64, timing: MemoryTiming) -> None:
        core_cycles = self._clock_hz / timing.bus_hz
        row[model.READ_TICKS] = _ticks(timing.first_access_bus_cycles * core_cycles)
        row[model.WRITE_TICKS] = _ticks(timing.write_access_bus_cycles * core_cycles)
        row[model.CHUNK_TICKS] = _ticks(model.CHUNK_BYTES / timing.bus_bytes * core_cycles)
        row[model.OVERHEAD_TICKS] = _ticks(timing.core_overhead_cycles)
        row[model.WRAPS] = timing.critical_word_first
        row[model.PREFETCH_BYTES] = timing.prefetch_bytes

    def _set_cache(self, row: int, cache: CacheDescription, tags: int) -> None:
        lines = cache.size_bytes // model.LINE_BYTES
        self.mem[row + model.ENABLED] = 1
        self.mem[row + model.SET_MASK] = cache.sets - 1
        self.mem[row + model.WAYS] = cache.ways
        self.mem[row + model.TAGS] = tags
        self.mem[row + model.STAMPS] = tags + lines
        self.mem[row + model.REPLACEMENT] = REPLACEMENTS.index(cache.replacement)
        model.forget_all(self.mem, row)


def _ticks(cycles: float) -> int:
    return round(cycles * model.TICKS_PER_CYCLE)


# Offsets of CMSIS core_cm7.h, SCB_Type; by address to the point of coherency or unification alike.
_MAINTENANCE: dict[int, Callable[[MemorySystem, int], None]] = {
    0xD14: MemorySystem.switch,
    0xF50: lambda memory, _: model.forget_all(memory.mem, model.ICACHE),
    0xF58: lambda memory, address: model.forget_line(memory.mem, model.ICACHE, address),
    0xF5C: lambda memory, address: model.forget_line(memory.mem, model.DCACHE, address),
    0xF60: lambda memory, word: memory.sweep(word, invalidate=True),
    0xF64: lambda memory, address: model.clean_line(memory.mem, address),
    0xF68: lambda memory, address: model.clean_line(memory.mem, address),
    0xF6C: lambda memory, word: memory.sweep(word, invalidate=False),
    0xF70: lambda memory, address: model.forget_line(memory.mem, model.DCACHE, address),
    0xF74: lambda memory, word: memory.sweep(word, invalidate=True),
}
