"""The memory side of a board's data file: caches, attributes and what an access costs.

docs/TIMING.md, "Memory", says what each figure means.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from hwprof.errors import ConfigurationError

LINE_BYTES = 32  # CTR of every Cortex-M7 (Arm DDI 0489F)
ATTRIBUTES = ("tcm", "cacheable", "uncached", "device")
WRITE_POLICIES = ("write-back-allocate", "write-back", "write-through")
REPLACEMENTS = ("pseudo-random", "round-robin", "lru")
CACHE_SIZES_BYTES = tuple(1024 << shift for shift in range(2, 7))  # Arm DDI 0489F 1.3: 4 to 64 KB
MAX_WAYS = 16

# Smallest and largest figure that a Cortex-M7 board can have, for the numbers of a timing table.
LIMITS: dict[str, tuple[float, float]] = {
    "bus_hz": (100_000, 4_000_000_000),  # a tenth of the slowest core clock to the fastest
    "bus_bytes": (0.125, 8),
    "first_access_bus_cycles": (0, 10_000),
    "write_access_bus_cycles": (0, 10_000),
    "core_overhead_cycles": (0, 10_000),
    "prefetch_bytes": (0, 1 << 16),
}


@dataclass(frozen=True, slots=True)
class CacheDescription:
    """Size and replacement of one cache; lines have 32 bytes on every Cortex-M7."""

    size_bytes: int
    ways: int
    replacement: str

    @property
    def line_bytes(self) -> int:
        """Bytes in a line."""
        return LINE_BYTES

    @property
    def sets(self) -> int:
        """Number of sets."""
        return self.size_bytes // (self.ways * LINE_BYTES)

    @property
    def ccsidr(self) -> int:
        """What the core's CCSIDR register reads for it (Arm DDI 0403E B4.8.3)."""
        return 0xF000_0001 | (self.sets - 1) << 13 | (self.ways - 1) << 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTiming:
    """What a burst costs at one memory.

    Attributes:
        bus_hz: clock of the narrowest part of the path.
        bus_bytes: bytes that part moves in a cycle, at most the 8 of the AXI master.
        first_access_bus_cycles: from a read request to the cycle that moves its first bytes.
        write_access_bus_cycles: what a write burst takes beside its beats.
        core_overhead_cycles: core cycles between core and controller, request and answer together.
        critical_word_first: whether a burst may begin inside its line.
        prefetch_bytes: how far the controller reads on by itself; 0 for none.
    """

    bus_hz: float
    bus_bytes: float
    first_access_bus_cycles: float
    write_access_bus_cycles: float
    core_overhead_cycles: float
    critical_word_first: bool = True
    prefetch_bytes: int = 0


@dataclass(frozen=True, slots=True)
class MemoryBehaviour:
    """How the processor treats a memory; ``timing`` is None for tightly coupled memory.

    Attributes:
        write_policy: what a store does, for a cacheable memory; empty for the others.
    """

    attribute: str
    write_policy: str = ""
    timing: MemoryTiming | None = None


def parse_cache(name: str, table: dict[str, Any] | None) -> CacheDescription | None:
    """A cache's table of a board file; None where the chip has none.

    Raises:
        ConfigurationError: a field is missing, or a figure that no Cortex-M7 has.
    """
    if table is None:
        return None
    _check_there(name, table, ("size_bytes", "ways", "line_bytes", "replacement"))
    size_bytes, ways = table["size_bytes"], table["ways"]
    line_bytes, replacement = table["line_bytes"], table["replacement"]
    if size_bytes not in CACHE_SIZES_BYTES:
        sizes = ", ".join(str(size) for size in CACHE_SIZES_BYTES)
        raise ConfigurationError(f"{name}: size_bytes is one of {sizes}; got {size_bytes!r}.")
    if not isinstance(ways, int) or not 1 <= ways <= MAX_WAYS or ways & (ways - 1):
        raise ConfigurationError(
            f"{name}: ways is a power of two from 1 to {MAX_WAYS}; got {ways!r}; "
            "a Cortex-M7 has 2 for instructions and 4 for data."
        )
    if line_bytes != LINE_BYTES:
        raise ConfigurationError(
            f"{name}: line_bytes is {LINE_BYTES} on a Cortex-M7; got {line_bytes!r}."
        )
    if replacement not in REPLACEMENTS:
        raise ConfigurationError(
            f"{name}: replacement is one of {', '.join(REPLACEMENTS)}; got {replacement!r}."
        )
    _check_remarks(name, table)
    return CacheDescription(size_bytes, ways, replacement)


def parse_behaviour(name: str, kind: str, table: dict[str, Any]) -> MemoryBehaviour:
    """Attribute, write policy and timing of one memory's table.

    Raises:
        ConfigurationError: a field is missing, they contradict each other, or a figure is out of
            its range.
    """
    _check_there(f"memory {name}", table, ("attribute",))
    attribute = table["attribute"]
    if attribute not in ATTRIBUTES:
        raise ConfigurationError(
            f"memory {name}: attribute is one of {', '.join(ATTRIBUTES)}; got {attribute!r}."
        )
    if attribute == "tcm":
        if "timing" in table:
            raise ConfigurationError(
                f"memory {name}: tightly coupled memory has no timing table; remove it, "
                "or say attribute = 'cacheable'."
            )
        return MemoryBehaviour(attribute)
    _check_there(f"memory {name}", table, ("timing",))
    policy = _write_policy(name, attribute, kind, table)
    return MemoryBehaviour(attribute, policy, _timing(name, table["timing"]))


def _write_policy(name: str, attribute: str, kind: str, table: dict[str, Any]) -> str:
    if attribute != "cacheable" or kind == "rom":
        # Nothing can be stored to a rom, so its policy never shows.
        return "write-back" if attribute == "cacheable" else ""
    _check_there(f"memory {name}", table, ("write_policy",))
    policy = table["write_policy"]
    if policy not in WRITE_POLICIES:
        raise ConfigurationError(
            f"memory {name}: write_policy is one of {', '.join(WRITE_POLICIES)}; got {policy!r}."
        )
    return str(policy)


def _timing(name: str, table: dict[str, Any]) -> MemoryTiming:
    unknown = set(table).difference(LIMITS, _REMARKS, ["critical_word_first"])
    if unknown:
        raise ConfigurationError(
            f"memory {name}: timing has no field {min(unknown)!r}; its numbers are "
            f"{', '.join(LIMITS)}."
        )
    _check_there(f"memory {name}, timing", table, [f for f in LIMITS if f != "prefetch_bytes"])
    numbers = {field: _number(name, field, table.get(field, 0)) for field in LIMITS}
    first = table.get("critical_word_first", True)
    if not isinstance(first, bool):
        raise ConfigurationError(
            f"memory {name}: critical_word_first is true or false; got {first!r}."
        )
    prefetch_bytes = numbers.pop("prefetch_bytes")
    if prefetch_bytes % LINE_BYTES:
        raise ConfigurationError(
            f"memory {name}: prefetch_bytes is a multiple of {LINE_BYTES}; got {prefetch_bytes}."
        )
    _check_remarks(f"memory {name}, timing", table)
    _check_fitted(name, table)
    return MemoryTiming(**numbers, critical_word_first=first, prefetch_bytes=int(prefetch_bytes))


def _number(memory: str, field: str, value: Any) -> float:
    low, high = LIMITS[field]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not isfinite(value) or not low <= value <= high:
        raise ConfigurationError(
            f"memory {memory}: {field} is a number from {low:,} to {high:,}; got {value!r}."
        )
    return float(value)


_REMARKS = ("source", "known_error", "fitted", "fitted_rows", "leave_one_out_spread")


def _check_there(where: str, table: dict[str, Any], fields: Iterable[str]) -> None:
    missing = [field for field in fields if field not in table]
    if missing:
        raise ConfigurationError(
            f"{where}: {', '.join(missing)} must be there; add it (docs/BOARDS.md)."
        )


def _check_remarks(where: str, table: dict[str, Any]) -> None:
    _check_there(where, table, ("source", "known_error"))
    for field in ("source", "known_error"):
        if not isinstance(table[field], str) or not table[field]:
            raise ConfigurationError(f"{where}: {field} is a sentence; got {table[field]!r}.")


def _check_fitted(name: str, table: dict[str, Any]) -> None:
    """A fitted number is named, with the rows it was fitted on and its spread without each."""
    fitted = table.get("fitted")
    if fitted is None:
        return
    if not isinstance(fitted, str) or fitted not in LIMITS:
        raise ConfigurationError(
            f"memory {name}: fitted names the one number of the timing table that was fitted; "
            f"got {fitted!r}."
        )
    _check_there(f"memory {name}, timing", table, ("fitted_rows", "leave_one_out_spread"))
    if not table["fitted_rows"] or not isinstance(table["leave_one_out_spread"], int | float):
        raise ConfigurationError(
            f"memory {name}: a fitted number has fitted_rows and leave_one_out_spread; "
            f"got {table['fitted_rows']!r} and {table['leave_one_out_spread']!r}."
        )
