"""A board: clock, memories, peripherals, and how the firmware divides them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hwprof.errors import UnknownNameError
from hwprof.firmware_stub.virtual.memory_data import CacheDescription, MemoryBehaviour
from hwprof.measurement import Placement

MemoryKind = Literal["ram", "rom"]


@dataclass(frozen=True, slots=True)
class MemoryArea:
    """A range of bytes the processor can address; ``rom`` takes no stores from the processor.

    Attributes:
        offers: what programs may use it for: ``activations``, ``weights`` (sent over the line),
            ``scratch``, ``staged_weights`` (written by a debug probe).
        offered_bytes: how much of it, at its end; None for all that the firmware leaves.
        reserved_bytes: bytes at its start that programs are not offered.
        code_offset_bytes: first byte that code may lie at.
        holds_code: whether the firmware's code may be placed there.
        is_harness: part of the test set-up, not of the chip.
    """

    name: str
    base: int
    size_bytes: int
    kind: MemoryKind
    source: str
    behaviour: MemoryBehaviour
    offers: tuple[str, ...] = ()
    offered_bytes: int | None = None
    reserved_bytes: int = 0
    code_offset_bytes: int = 0
    holds_code: bool = False
    is_harness: bool = False

    @property
    def end(self) -> int:
        """First address behind the area."""
        return self.base + self.size_bytes


@dataclass(frozen=True, slots=True)
class PeripheralArea:
    """A peripheral's registers; without a model they read as zero and the read is reported.

    Attributes:
        is_harness: part of the test set-up, not of the chip.
    """

    name: str
    base: int
    size_bytes: int
    model: str
    source: str
    is_harness: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes that the firmware keeps for itself in a memory."""

    memory: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FirmwareRooms:
    """Where the firmware's own parts lie.

    Attributes:
        data: memory of its stack, tables and buffers.
        program: a program's bytes as received.
        constants: multipliers, shifts and biases made when a program is prepared.
    """

    data: str
    program: Room
    constants: Room


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How far published latencies of a chip were missed, by ``benchmarks/fidelity``.

    Attributes:
        rows: published figures compared.
        median_error_percent, worst_error_percent: of their absolute errors.
        date: when, as ISO 8601.
    """

    rows: int
    median_error_percent: float
    worst_error_percent: float
    date: str


@dataclass(frozen=True, slots=True)
class BoardDescription:
    """Everything of a board file.

    Attributes:
        title: chip and board, for people.
        core: name of the core's data file.
        initial_stack: stack pointer for an image without a vector table.
        pool_address, pool_size_bytes: the pseudo-random pool of docs/FORMATS.md.
        placement: memory of each part of a program unless the user names another.
        chip: model of the chip's own blocks, which the firmware then starts up as on silicon;
            empty where none is modelled.
        icache, dcache: None where the chip has none.
        fidelity: None where nobody has compared the board with silicon.
    """

    name: str
    title: str
    core: str
    clock_hz: int
    initial_stack: int
    pool_address: int
    pool_size_bytes: int
    memories: tuple[MemoryArea, ...]
    peripherals: tuple[PeripheralArea, ...]
    firmware: FirmwareRooms
    placement: Placement
    chip: str = ""
    icache: CacheDescription | None = None
    dcache: CacheDescription | None = None
    fidelity: Fidelity | None = None

    @property
    def cache_sizes(self) -> tuple[int, int]:
        """CCSIDR of data and instruction cache, 0 for one that is not there."""
        caches = (self.dcache, self.icache)
        data, instruction = (0 if cache is None else cache.ccsidr for cache in caches)
        return data, instruction

    def memory(self, name: str) -> MemoryArea:
        """A memory by name.

        Raises:
            UnknownNameError: the board has none of that name.
        """
        for area in self.memories:
            if area.name == name:
                return area
        raise UnknownNameError("memory", name, [area.name for area in self.memories])

    def area_of(self, address: int) -> str:
        """Name of the memory or peripheral at an address; ``no memory`` where none is."""
        areas: tuple[MemoryArea | PeripheralArea, ...] = (*self.memories, *self.peripherals)
        for area in areas:
            if area.base <= address < area.base + area.size_bytes:
                return area.name
        return "no memory"
