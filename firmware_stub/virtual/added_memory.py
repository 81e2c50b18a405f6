"""Memories that a user adds to a board, for binaries that were linked for another map."""

from __future__ import annotations

import re
from dataclasses import replace

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.board_fields import MAX_MEMORY_BYTES
from hwprof.firmware_stub.virtual.board_rules import (
    MEMORY_NAME_CHARACTERS,
    PAGE_BYTES,
    PERIPHERAL_RANGES,
)
from hwprof.firmware_stub.virtual.description import BoardDescription, MemoryArea
from hwprof.firmware_stub.virtual.memory_data import MemoryBehaviour

GRAMMAR = "NAME=BASE:BYTES[:LIKE]"
AT_ONCE = "tcm"
_TEXT = re.compile(r"(?P<name>\w+)=(?P<base>\w+):(?P<size>\w+)(?::(?P<like>\w+))?", re.ASCII)


def add_memory(board: BoardDescription, text: str) -> BoardDescription:
    """The board with one more ram, ``NAME=BASE:BYTES[:LIKE]``.

    It waits as the board's memory LIKE does; ``tcm``, or nothing, is one that answers at once.

    Raises:
        UnknownNameError: LIKE is no memory of the board.
        ConfigurationError: the text breaks the grammar, or the range is not whole pages, overlaps
            something, or leaves the address space.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"a memory is added as {GRAMMAR}; got {text!r}; correct it.")
    like = match["like"] or AT_ONCE
    area = MemoryArea(
        name=match["name"],
        base=_number(match["base"], text),
        size_bytes=_number(match["size"], text),
        kind="ram",
        source="added by the user",
        behaviour=(MemoryBehaviour(AT_ONCE) if like == AT_ONCE else board.memory(like).behaviour),
        is_harness=True,
    )
    _check(board, area)
    return replace(board, memories=(*board.memories, area))


def _number(text: str, whole: str) -> int:
    try:
        return int(text, 0)
    except ValueError as error:
        raise ConfigurationError(
            f"a memory is added as {GRAMMAR} with numbers like 0x20000000; got {whole!r}; "
            "correct it."
        ) from error


def _check(board: BoardDescription, area: MemoryArea) -> None:
    if area.base % PAGE_BYTES or area.size_bytes % PAGE_BYTES:
        raise ConfigurationError(
            f"a memory starts and ends on a page of {PAGE_BYTES:#x} bytes; {area.name} has "
            f"{area.size_bytes:#x} bytes at {area.base:#010x}; round it."
        )
    if not 0 < area.size_bytes <= MAX_MEMORY_BYTES or area.end > 1 << 32:
        raise ConfigurationError(
            f"a memory has 1 to {MAX_MEMORY_BYTES:,} bytes below 4 GiB; {area.name} has "
            f"{area.size_bytes:,} at {area.base:#010x}; make it smaller."
        )
    if len(area.name) > MEMORY_NAME_CHARACTERS or area.name in [m.name for m in board.memories]:
        raise ConfigurationError(
            f"a memory has a name of its own of at most {MEMORY_NAME_CHARACTERS} characters; got "
            f"{area.name!r}; rename it."
        )
    taken = [(m.name, m.base, m.end) for m in board.memories]
    taken += [("the peripherals", *span) for span in PERIPHERAL_RANGES]
    for name, base, end in taken:
        if area.base < end and base < area.end:
            raise ConfigurationError(
                f"memories do not overlap; {area.name} would overlap {name} at {base:#010x}-"
                f"{end - 1:#010x}; move or shorten it."
            )
