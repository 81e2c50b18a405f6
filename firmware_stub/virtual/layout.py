"""Where a firmware image and its rooms lie in a board's memories.

In each memory the image's own parts come first, from the bottom: code where the code placement
says, then data (stack, tables, buffers). From the top come what programs may use of it where the
board file gives that a size, then constants, then the program. What is left between them is
offered to programs where no size is given. The image's linker script divides the RT1170 in the
same way, so there nothing moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.virtual.description import BoardDescription, MemoryArea, Room

# Arm DDI 0403E B3.2.5: a vector table is aligned to its size rounded up to a power of two; the
# image's has 234 words.
CODE_ALIGNMENT_BYTES = 1024
ALIGNMENT_BYTES = 32  # one cache line, as board.h asks


@dataclass(frozen=True, slots=True)
class Span:
    """A range of bytes at an address."""

    address: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A range that programs may use, under the name of its memory; ``uses`` as in a board file."""

    name: str
    span: Span
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageSize:
    """What an image needs: code with its vectors, and data with its stack."""

    code_bytes: int
    data_bytes: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Addresses of everything that the firmware is told or moved to.

    Attributes:
        code_memory: name of the memory that code executes from.
        code_base, data_base: where the two parts of the image start.
    """

    code_memory: str
    code_base: int
    data_base: int
    program: Span
    constants: Span
    offers: tuple[Offer, ...]


class _Free:
    """What is still free of one memory: taken from its bottom or from its top."""

    def __init__(self, area: MemoryArea, board: str) -> None:
        self._area = area
        self._board = board
        self.start = area.base
        self.end = area.end

    def from_bottom(self, what: str, size_bytes: int, alignment_bytes: int = 1) -> int:
        base = self.start + -self.start % alignment_bytes
        self._check(what, size_bytes, self.end - base)
        self.start = base + size_bytes
        return base

    def from_top(self, what: str, size_bytes: int) -> Span:
        self._check(what, size_bytes, self.end - self.start)
        self.end -= size_bytes
        return Span(self.end, size_bytes)

    def _check(self, what: str, size_bytes: int, left_bytes: int) -> None:
        if size_bytes > left_bytes:
            raise ConfigurationError(
                f"the firmware's {what} must fit memory {self._area.name} of board {self._board}; "
                f"{size_bytes:,} bytes are needed and {max(left_bytes, 0):,} are left; name "
                "another memory, or smaller rooms in [firmware]."
            )


def plan_layout(board: BoardDescription, code_memory: str, image: ImageSize) -> Layout:
    """Lay an image out on a board, its code in ``code_memory``.

    Raises:
        UnknownNameError: the board has no memory of that name that code may lie in.
        ConfigurationError: a part does not fit its memory.
    """
    free = {area.name: _Free(area, board.name) for area in board.memories}
    executable = [area.name for area in board.memories if area.holds_code]
    if code_memory not in executable:
        raise UnknownNameError("memory for code", code_memory, executable)
    _set_aside(board, free)
    code = free[code_memory]
    code.start += board.memory(code_memory).code_offset_bytes
    code_base = code.from_bottom("code", image.code_bytes, CODE_ALIGNMENT_BYTES)
    data = board.firmware.data
    data_base = free[data].from_bottom("data and stack", image.data_bytes, ALIGNMENT_BYTES)
    sized = dict(_sized_offers(board, free))
    constants = _room("constants", board.firmware.constants, free)
    program = _room("program", board.firmware.program, free)
    return Layout(
        code_memory,
        code_base,
        data_base,
        program,
        constants,
        tuple(_offers(board, free, sized)),
    )


def _set_aside(board: BoardDescription, free: dict[str, _Free]) -> None:
    """The pool lies at the end of its memory; nothing else may lie there."""
    for area in board.memories:
        if area.base <= board.pool_address < area.end:
            free[area.name].end = board.pool_address


def _room(what: str, room: Room, free: dict[str, _Free]) -> Span:
    return free[room.memory].from_top(what, room.size_bytes)


def _sized_offers(board: BoardDescription, free: dict[str, _Free]) -> Iterator[tuple[str, Span]]:
    for area in board.memories:
        if area.offers and area.offered_bytes is not None:
            yield area.name, free[area.name].from_top("room for programs", area.offered_bytes)


def _offers(
    board: BoardDescription, free: dict[str, _Free], sized: dict[str, Span]
) -> Iterator[Offer]:
    """Memory that can be written first, as in the port's own table."""
    for area in sorted(board.memories, key=lambda area: area.kind == "rom"):
        if area.offers:
            span = sized.get(area.name) or _left(area, free[area.name])
            yield Offer(area.name, span, area.offers)


def _left(area: MemoryArea, free: _Free) -> Span:
    start = max(free.start, area.base + area.reserved_bytes)
    start += -start % ALIGNMENT_BYTES
    return Span(start, max(free.end - start, 0))
