"""Buffers and a stack in what an image leaves of a board's memories."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.description import BoardDescription, MemoryArea
from hwprof.firmware_stub.virtual.image import FirmwareImage

ALIGNMENT_BYTES = 32  # a cache line, so that no two buffers share one


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes of a board's memory that nothing else uses."""

    memory: str
    address: int
    size_bytes: int


class FreeMemory:
    """Hands out memory from the top of each area down, where heaps of a program grow last."""

    def __init__(self, board: BoardDescription, image: FirmwareImage) -> None:
        self._board = board
        segments = chain.from_iterable(segment.spans for segment in image.segments)
        self._taken = [(base, base + size_bytes) for base, size_bytes in segments if size_bytes]
        self._taken.append((board.pool_address, board.pool_address + board.pool_size_bytes))

    def take(
        self, memory: str, size_bytes: int, what: str, alignment_bytes: int = ALIGNMENT_BYTES
    ) -> Buffer:
        """The highest free bytes of a memory.

        Raises:
            UnknownNameError: the board has no memory of that name.
            ConfigurationError: no free part of it is as large.
        """
        if size_bytes <= 0:
            raise ConfigurationError(f"{what} has at least one byte; got {size_bytes}; enlarge it.")
        area = self._board.memory(memory)
        gaps = self._gaps(area)
        for start, end in reversed(gaps):
            address = (end - size_bytes) // alignment_bytes * alignment_bytes
            if address >= start:
                self._taken.append((address, address + size_bytes))
                return Buffer(memory, address, size_bytes)
        largest = max((end - start for start, end in gaps), default=0)
        raise ConfigurationError(
            f"{what} must fit a free part of its memory; {memory} of {self._board.name} has "
            f"{area.size_bytes:,} bytes, {largest:,} of them free in one piece, and {size_bytes:,} "
            "are asked for; name another memory."
        )

    def _gaps(self, area: MemoryArea) -> list[tuple[int, int]]:
        gaps, start = [], area.base
        for first, last in sorted(self._taken):
            if first < area.end and last > area.base:
                gaps.append((start, first))
                start = max(start, last)
        gaps.append((start, area.end))
        return [(start, end) for start, end in gaps if start < end]
