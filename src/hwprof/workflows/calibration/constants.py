"""The constants of a virtual board that a calibration can tell apart.

Of each memory behind the caches: the latency of its reads (overhead of the core's path and the
controller's first access, which programs cannot tell apart), the period of its bus, and what a
write burst takes beside its beats. Of each kernel: its core cycles, waits for
memory left out. A factor of 1 is what the board file or the core file says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hwprof.firmware_stub.virtual.memory_data import LIMITS, LINE_BYTES

_CHUNK_BYTES = 8  # what the core waits for: the AXI master's 64 bits (docs/TIMING.md, section 5)

FITTED_FIELDS = ("fitted", "fitted_rows", "leave_one_out_spread")

BoardData = Mapping[str, Any]
Timing = Mapping[str, Any]
Factors = Mapping["Constant", float]


def read_latency_cycles(timing: Timing, core_hz: int) -> float:
    """Core cycles from a miss to the first beat."""
    first = timing["first_access_bus_cycles"] * core_hz / timing["bus_hz"]
    return float(timing["core_overhead_cycles"] + first)


def _with_latency(timing: Timing, factor: float, core_hz: int) -> dict[str, Any]:
    more = (factor - 1) * read_latency_cycles(timing, core_hz)
    return {"core_overhead_cycles": timing["core_overhead_cycles"] + more}


def _with_period(timing: Timing, factor: float, _core_hz: int) -> dict[str, Any]:
    return {"bus_hz": round(timing["bus_hz"] / factor)}


def _with_write(timing: Timing, factor: float, _core_hz: int) -> dict[str, Any]:
    return {"write_access_bus_cycles": timing["write_access_bus_cycles"] * factor}


@dataclass(frozen=True, slots=True)
class _Quantity:
    """One number of a memory: what people call it, and the fields that a factor changes."""

    words: str
    changed: Callable[[Timing, float, int], dict[str, Any]]
    field: str


_QUANTITIES = MappingProxyType(
    {
        "read_latency": _Quantity("read latency", _with_latency, "core_overhead_cycles"),
        "bus_period": _Quantity("bus period", _with_period, "bus_hz"),
        "write_access": _Quantity("write access", _with_write, "write_access_bus_cycles"),
    }
)
KERNEL = "kernel_core"


@dataclass(frozen=True, slots=True, order=True)
class Constant:
    """One constant.

    Attributes:
        kind: ``read_latency``, ``bus_period`` or ``write_access`` of a memory, ``kernel_core`` of
            a kernel.
        of: the memory, or the kernel.
    """

    kind: str
    of: str

    def __str__(self) -> str:
        if self.kind == KERNEL:
            return f"core cycles of {self.of}"
        return f"{_QUANTITIES[self.kind].words} of {self.of}"

    @property
    def is_kernel(self) -> bool:
        """Whether it belongs to a kernel and not to a memory."""
        return self.kind == KERNEL


def memory_constants(data: BoardData, memories: Sequence[str]) -> list[Constant]:
    """Those of the named memories that are behind the caches and that the file gives a number."""
    return [
        Constant(kind, entry["name"])
        for entry in data["memory"]
        if entry["name"] in memories and "timing" in entry
        for kind, quantity in _QUANTITIES.items()
        if entry["timing"][quantity.field]
    ]


def changed_board(data: BoardData, factors: Factors, name: str) -> dict[str, Any]:
    """Content of a board file whose memories' constants are multiplied, under a name of its own."""
    memories = [_changed_memory(data, entry, factors) for entry in data["memory"]]
    kept = {key: value for key, value in data.items() if key != "fidelity"}
    return {**kept, "name": name, "memory": memories}


def _changed_memory(data: BoardData, entry: Timing, factors: Factors) -> dict[str, Any]:
    own = {
        c.kind: factor for c, factor in factors.items() if not c.is_kernel and c.of == entry["name"]
    }
    if not own:
        return dict(entry)
    timing, core_hz = dict(entry["timing"]), data["clock"]["core_hz"]
    for kind, factor in own.items():
        for field, value in _QUANTITIES[kind].changed(entry["timing"], factor, core_hz).items():
            low, high = LIMITS[field]
            timing[field] = min(max(value, low), high)
    return {**entry, "timing": timing}


def told_board(data: BoardData, factors: Factors, name: str, remark: str) -> dict[str, Any]:
    """A board file to keep: constants multiplied, and a remark where a number's error is said."""
    board = changed_board(data, factors, name)
    touched = {constant.of for constant in factors if not constant.is_kernel}
    memories = [
        _remarked(entry, remark) if entry["name"] in touched else entry for entry in board["memory"]
    ]
    return {**board, "memory": memories}


def _remarked(entry: Timing, remark: str) -> dict[str, Any]:
    kept = {key: value for key, value in entry["timing"].items() if key not in FITTED_FIELDS}
    return {**entry, "timing": {**kept, "known_error": remark}}


def miss_cycles(data: BoardData, memory: str) -> float:
    """Core cycles that a read which misses waits on an idle bus for its own 64 bits."""
    timing = next(entry["timing"] for entry in data["memory"] if entry["name"] == memory)
    waited_bytes = _CHUNK_BYTES if timing.get("critical_word_first", True) else LINE_BYTES
    core_hz = data["clock"]["core_hz"]
    beats = waited_bytes / timing["bus_bytes"] * core_hz / timing["bus_hz"]
    return read_latency_cycles(timing, core_hz) + float(beats)
