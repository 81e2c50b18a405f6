"""Memories that a user adds to a board."""

from __future__ import annotations

import pytest

from hwprof.errors import BoardError, ConfigurationError, UnknownNameError
from hwprof.firmware_stub.virtual.added_memory import add_memory
from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment
from hwprof.firmware_stub.virtual.modes import load_timing

BOARD = load_board("rt1170")
CODE = bytes.fromhex("00687047")  # ldr r0, [r0]; bx lr


def load_cycles(memory):
    """What a load from a memory at 0x60000000 costs, cold."""
    image = FirmwareImage("x.elf", "", 0, (Segment(0, CODE), Segment(0x6000_0000, b"\5")), ())
    board = VirtualBoard(add_memory(BOARD, memory), image, load_timing("exact", "cortex_m7"))
    result = board.call(0, 0x6000_0000)
    assert result.r0 == 5
    return result.cycles


def test_it_waits_as_the_memory_it_is_like():
    """Without such a name it answers at once, as tightly coupled memory does."""
    at_once, tcm, sdram = (
        load_cycles(f"extra=0x60000000:0x1000{like}") for like in ("", ":tcm", ":sdram")
    )

    assert at_once == tcm < sdram


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("extra", r"added as NAME=BASE:BYTES\[:LIKE\]; got 'extra'"),
        ("extra=0x60000000:many", "with numbers like 0x20000000"),
        ("extra=0x60000010:0x1000", "starts and ends on a page"),
        ("extra=0x60000000:0x1001", "starts and ends on a page"),
        ("extra=0x60000000:0", "has 0 at 0x60000000; make it smaller"),
        ("extra=0xfffff000:0x2000", "below 4 GiB"),
        ("extra=0x60000000:0x80000000000", "make it smaller"),
        ("dtcm=0x60000000:0x1000", "a name of its own"),
        ("a_name_too_long=0x60000000:0x1000", "at most 12 characters"),
        ("extra=0x2003f000:0x2000", "would overlap dtcm at 0x20000000-0x2003ffff"),
        ("extra=0x3ffff000:0x2000", "would overlap the peripherals at 0x40000000-0x5fffffff"),
    ],
)
def test_what_cannot_be_is_refused(text, sentence):
    """In one sentence."""
    with pytest.raises(ConfigurationError, match=sentence):
        add_memory(BOARD, text)


def test_it_is_like_a_memory_that_is_there():
    """The nearest name is suggested."""
    with pytest.raises(UnknownNameError, match="did you mean sdram"):
        add_memory(BOARD, "extra=0x60000000:0x1000:sdam")


def test_more_memories_than_slices_follow_are_refused():
    """Sixteen with the board's own, by whoever they were added."""
    board = BOARD
    for number in range(17 - len(BOARD.memories)):
        board = add_memory(board, f"extra_{number}={0x6000_0000 + number * 0x1000:#x}:0x1000")
    image = FirmwareImage("x.elf", "", 0, (Segment(0, CODE),), ())

    with pytest.raises(BoardError, match="a board has at most 16 memories; use fewer"):
        VirtualBoard(board, image, load_timing("exact", "cortex_m7"))


def test_two_added_memories_do_not_overlap():
    """The second is held against the first as well."""
    board = add_memory(BOARD, "one=0x60000000:0x2000")

    with pytest.raises(ConfigurationError, match="two would overlap one"):
        add_memory(board, "two=0x60001000:0x1000")
