"""Puts an image into a board's memories, as loaded and as its start-up code leaves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.description import BoardDescription
from hwprof.firmware_stub.virtual.image import FirmwareImage


def load_segments(
    image: FirmwareImage, board: BoardDescription, write: Callable[[int, bytes], object]
) -> None:
    """Write initialised bytes where a programmer puts them and where the program expects them.

    Both, so that a function may be called without the start-up code that would copy them; memory
    is zero at power-on, so what that code zeroes needs no writing.

    Raises:
        ConfigurationError: segments leave the board's memories; all of them are named.
    """
    outside = [span for segment in image.segments for span in segment.spans if span[1]]
    outside = [span for span in outside if not _is_inside(board, *span)]
    if outside:
        spans = ", ".join(f"{size_bytes:,} bytes at {base:#010x}" for base, size_bytes in outside)
        raise ConfigurationError(
            f"an image lies inside the memories of {board.name}: {memory_map(board)}; {image.name} "
            f"has {spans}; link it for the board, or add the memory it was linked for."
        )
    for segment in image.segments:
        if segment.data:
            write(segment.address, segment.data)
            if segment.run_address is not None:
                write(segment.run_address, segment.data)


def memory_map(board: BoardDescription) -> str:
    """Memories with their first and last addresses, for sentences."""
    return ", ".join(
        f"{m.name} {m.base:#010x}-{m.end - 1:#010x}" for m in board.memories if not m.is_harness
    )


def _is_inside(board: BoardDescription, base: int, size_bytes: int) -> bool:
    """Whether memories cover a range, one behind the other where several do."""
    address = base
    for end in _ends(board, base):
        address = end
        if address >= base + size_bytes:
            return True
    return False


def _ends(board: BoardDescription, base: int) -> Iterator[int]:
    """Ends of the memory at an address and of those that follow it without a gap."""
    address = base
    for area in sorted(board.memories, key=lambda area: area.base):
        if area.base <= address < area.end:
            address = area.end
            yield address
