"""A small memory system with round figures, and its model compiled and interpreted.

All figures of the tests are core cycles. The core runs at twice the bus's clock and a bus cycle
moves four bytes, so eight bytes, which is what the core waits for, take 4 core cycles. A read has
3 bus cycles before its first bytes (6), a write 2 (4); core and controller are 5 apart:

    a read waits       6 + 4 + 5 = 15 for its own eight bytes, the line is there at 15 + 3 x 4 = 27
    the controller is  6 + 4 x 4 = 22 busy with it, 4 + 4 x 4 = 20 with a line written to it
"""

import importlib.util
from dataclasses import replace
from itertools import starmap

import numba

from hwprof.firmware_stub.virtual import memory, memory_model
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.description import MemoryArea
from hwprof.firmware_stub.virtual.memory_data import (
    CacheDescription,
    MemoryBehaviour,
    MemoryTiming,
)

TICKS = memory_model.TICKS_PER_CYCLE
LINE = memory_model.LINE_BYTES
TIMING = MemoryTiming(
    bus_hz=50e6,
    bus_bytes=4,
    first_access_bus_cycles=3,
    write_access_bus_cycles=2,
    core_overhead_cycles=5,
)
# Forty core cycles for eight bytes and nothing else: a line that takes long behind its first bytes.
SLOW = MemoryTiming(
    bus_hz=5e6,
    bus_bytes=4,
    first_access_bus_cycles=0,
    write_access_bus_cycles=0,
    core_overhead_cycles=0,
)
ITCM, DTCM, NOWHERE = 0x0000_0000, 0x2000_0000, 0x7000_0000
ALLOCATE, BACK, THROUGH, PLAIN, DEVICE = (0x3000_0000 + (n << 20) for n in range(5))
AHEAD, IN_ORDER, SLOW_1, SLOW_2 = (0x4000_0000 + (n << 20) for n in range(4))
BEHAVIOURS = {
    "itcm": (ITCM, MemoryBehaviour("tcm")),
    "dtcm": (DTCM, MemoryBehaviour("tcm")),
    "allocate": (ALLOCATE, MemoryBehaviour("cacheable", "write-back-allocate", TIMING)),
    "back": (BACK, MemoryBehaviour("cacheable", "write-back", TIMING)),
    "through": (THROUGH, MemoryBehaviour("cacheable", "write-through", TIMING)),
    "plain": (PLAIN, MemoryBehaviour("uncached", "", TIMING)),
    "device": (DEVICE, MemoryBehaviour("device", "", TIMING)),
    "ahead": (
        AHEAD,
        MemoryBehaviour(
            "cacheable",
            "write-back",
            replace(TIMING, critical_word_first=False, prefetch_bytes=64),
        ),
    ),
    "in_order": (
        IN_ORDER,
        MemoryBehaviour("cacheable", "write-back", replace(TIMING, critical_word_first=False)),
    ),
    "slow_1": (SLOW_1, MemoryBehaviour("cacheable", "write-back-allocate", SLOW)),
    "slow_2": (SLOW_2, MemoryBehaviour("cacheable", "write-back-allocate", SLOW)),
}
CACHE_BYTES, WAYS = 4096, 4
SETS = CACHE_BYTES // (WAYS * LINE)
SET_STRIDE = SETS * LINE  # addresses so far apart share a set


def load_interpreted():
    """The model once more, as the Python that it is written in."""
    path = memory_model.__file__
    spec = importlib.util.spec_from_file_location("hwprof_memory_model_interpreted", path)
    module = importlib.util.module_from_spec(spec)
    was_off, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, True
    try:
        spec.loader.exec_module(module)
    finally:
        numba.config.DISABLE_JIT = was_off
    return module


INTERPRETED = load_interpreted()
MODELS = {"compiled": memory_model, "interpreted": INTERPRETED}


def describe(replacement, *, icache=True, dcache=True, behaviours=BEHAVIOURS):
    """A board of 100 MHz with the memories above and small caches."""
    board = load_board("rt1170")
    areas = starmap(_area, ((name, *entry) for name, entry in behaviours.items()))
    return replace(
        board,
        clock_hz=100_000_000,
        memories=tuple(areas),
        icache=CacheDescription(CACHE_BYTES, 2, replacement) if icache else None,
        dcache=CacheDescription(CACHE_BYTES, WAYS, replacement) if dcache else None,
    )


def _area(name, base, behaviour):
    return MemoryArea(name, base, 1 << 20, "ram", "a test", behaviour)


class Bench:
    """One memory system and a clock; every call returns core cycles waited."""

    def __init__(
        self,
        model=memory_model,
        replacement="round-robin",
        description=None,
        unaligned_load_cycles=0.0,
    ) -> None:
        self.model = model
        self.system = memory.MemorySystem(
            description or describe(replacement), unaligned_load_cycles
        )
        self.now = 0.0

    def at(self, cycles):
        """Set the clock."""
        self.now = cycles
        return self

    def read(self, address, size_bytes=4):
        """A load; the clock stands behind it."""
        return self._wait(self.model.access, address, size_bytes, False)

    def write(self, address, size_bytes=4):
        """A store; the clock stands behind it."""
        return self._wait(self.model.access, address, size_bytes, True)

    def fetch(self, address, size_bytes):
        """A block's instructions; the clock stands behind them."""
        return self._wait(self.model.fetch, address, size_bytes)

    def counts(self, name):
        """Counters of a memory."""
        return next(region for region in self.system.counts() if region.name == name)

    def _wait(self, function, *arguments: int):
        ticks = function(self.system.mem, *arguments, int(self.now * TICKS))
        self.now += ticks / TICKS
        return ticks / TICKS
