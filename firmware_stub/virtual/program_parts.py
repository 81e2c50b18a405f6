"""Parts of a linked program and the memories that take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.description import BoardDescription

GRAMMAR = "code|rodata|data|bss=MEMORY|ADDRESS"
LOWEST_BYTES = 0x400  # left free where a memory starts at address 0, which C takes for no address


class Part(StrEnum):
    """What sections are gathered by, in the order in which they take memory."""

    CODE = "code"
    RODATA = "rodata"
    DATA = "data"
    BSS = "bss"


def parse_placement(texts: Iterable[str]) -> dict[Part, str]:
    """Read ``code=itcm``, ``rodata=0x30000000``.

    Raises:
        ConfigurationError: a text breaks the grammar, or names a part twice.
    """
    placement: dict[Part, str] = {}
    for text in texts:
        name, _, where = text.partition("=")
        if name not in set(Part) or not where or Part(name) in placement:
            raise ConfigurationError(
                f"a part of a program is placed as {GRAMMAR}, each once; got {text!r}; correct it."
            )
        placement[Part(name)] = where
    return placement


class Cursors:
    """The next free address of each memory, from its bottom."""

    def __init__(self, board: BoardDescription, placement: Mapping[Part, str]) -> None:
        self._board = board
        self._placement = {
            part: board.placement.code if part is Part.CODE else board.firmware.data
            for part in Part
        } | dict(placement)
        self._next: dict[str, int] = {}

    def take(self, part: Part, what: str, size_bytes: int, alignment_bytes: int) -> int:
        """An aligned address for something of a part."""
        where = self._placement[part]
        start = self._next.get(where)
        if start is None:
            start = self._start(part, where)
        address = start + -start % max(alignment_bytes, 1)
        self._next[where] = address + size_bytes
        area = next((a for a in self._board.memories if a.base <= start < a.end), None)
        if area is None or address + size_bytes > area.end:
            left_bytes = 0 if area is None else max(area.end - address, 0)
            name = "no memory" if area is None else area.name
            raise ConfigurationError(
                f"the {part} of a program must fit its memory; {what} has {size_bytes:,} bytes and "
                f"{name} of {self._board.name} has {left_bytes:,} left from {address:#010x}; place "
                f"it elsewhere (--place {part}=MEMORY)."
            )
        return address

    def _start(self, part: Part, where: str) -> int:
        try:
            return int(where, 0)
        except ValueError:
            area = self._board.memory(where)
            offset = area.code_offset_bytes if part is Part.CODE else 0
            return area.base + (offset or (0 if area.base else LOWEST_BYTES))
